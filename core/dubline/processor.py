"""The sound half of a dub as one class: extract, separate, mix.

    processor = CinematicAudioProcessor("episode.dubline")
    sound = processor.extract_raw_audio("episode.mp4")
    stems = processor.separate_vocals(sound)              # four stems that sum to the sound
    mix = processor.remix_final_audio(stems, takes)       # final.wav, final.m4a, M&E.wav

Each call is a step of a run: what is finished is kept, and called again with the same input it returns at
once. For a whole film in one call see `dubline.pipeline.localize`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dubline.mix.job import mix_job
from dubline.report import Report, silent
from dubline.run import Run
from dubline.values.dubbed import Mix, Takes
from dubline.values.media import Sound
from dubline.values.stems import Stems
from dubline.values.timeline import FileMedia
from dubline.values.wishes import SeparateWish, wish_from

NO_TAKES = Takes(language="", takes=())


class CinematicAudioProcessor:
    """Works in one run folder, which is made when it is first needed.

    Args:
        out: the run folder, by custom NAME.dubline beside the media.
        report: called with (done, total) in seconds of sound; stops the work by raising `Cancelled`.
        tell: gets notes as they are made.
        hints: how to work without changing the result: `threads`, `device`.
    """

    def __init__(
        self,
        out: str | Path,
        *,
        report: Report = silent,
        tell: Callable[[str], None] = lambda text: None,
        **hints: Any,
    ) -> None:
        self.out = Path(out)
        self._report, self._tell, self._hints = report, tell, hints

    def path(self, of: str) -> Path:
        """Where a path from a value lies on the disk."""
        return self.out / of

    def extract_raw_audio(self, media: str | Path, track: int | str | None = None) -> Sound:
        """The sound of a film on the clock of its picture, losing nothing; a sound file as it lies there.

        `track`: number from 0, language or title; None takes the default one.

        Raises:
            ValidationError, FFmpegError, InvalidJob, StorageFull, Cancelled: see `dubline.media.probing`.
        """
        from dubline.media.original import look_at, original_of

        name = "" if track is None else str(track)
        seen = look_at(FileMedia(path=Path(media).absolute().as_posix(), track=name), self.out)
        with self._run() as run:
            return original_of(run, seen).sound

    def separate_vocals(self, sound: Sound, **wishes: Any) -> Stems:
        """Vocals, music, sfx and ambient of a sound; together they are the sound.

        `wishes` are the fields of `SeparateWish`: `separator`, `separator_model`, `content`, and more.

        Raises:
            InvalidJob, BackendMissing, WeightsError, StorageFull, Cancelled: see `dubline.separation`.
        """
        from dubline.run import read_wish
        from dubline.separation.way import separate_run, settle_separation

        before = read_wish(self.out, "separate", SeparateWish)
        separating = settle_separation(wish_from(SeparateWish, wishes), before)
        for reason in separating.reasons:
            self._tell(reason)
        with self._run() as run:
            return separate_run(run, sound, separating, hints=self._hints, tell=self._tell)

    def remix_final_audio(self, stems: Stems, takes: Takes = NO_TAKES, **levels: Any) -> Mix:
        """The finished sound, also put on top of the run folder as final.wav, final.m4a and M&E.wav.

        `levels` are the fields of `dubline.mix.MixJob`: `voice_volume` 1.0, `bg_volume` 0.7, `target`
        "ebu-r128", and more.

        Raises:
            InvalidJob: no such level, or out of its range.
            ValidationError, StorageFull, FFmpegError, Cancelled: see `dubline.mix.remix`.
        """
        from dubline.mix.stage import remix
        from dubline.voice.way import publish_mix

        job = mix_job(levels)
        with self._run() as run:
            mix = run.step(remix, stems, takes, job, hints=self._hints)
            publish_mix(run, mix)
        return mix

    def _run(self) -> Run:
        return Run(self.out, report=lambda name: self._report, tell=self._tell)
