"""The sound half of a dub as one class: extract, separate, mix.

    processor = CinematicAudioProcessor("episode.mp4")
    processor.process()                                   # all of it; or step by step:

    raw = processor.extract_raw_audio()                   # raw_audio.wav
    vocals, no_vocals = processor.separate_vocals()       # vocals.wav, no_vocals.wav
    final = processor.remix_final_audio(voice_volume=1.0, bg_volume=0.7)    # final.m4a

Each call is a step of a run: what is finished is kept, and called again with the same input it returns at
once; what a call needs and nobody called before is done first. The values behind the paths are `original`,
`stems` and `mix`. For subtitles and dub in one call see `dubline.pipeline.localize`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dubline.errors import AudioProcessingError
from dubline.report import Report, silent
from dubline.run import Run
from dubline.values.dubbed import NO_TAKES, Mix, Takes
from dubline.values.layout import Layout
from dubline.values.media import Original
from dubline.values.stems import Stems
from dubline.values.timeline import FileMedia
from dubline.values.wishes import SeparateWish, wish_from


class Parted(NamedTuple):
    """The voices, and everything else; together they are the film's sound."""

    vocals: Path
    no_vocals: Path


class Processed(NamedTuple):
    """All files of `process`. `vocals` and `no_vocals` are None where nothing was to be separated."""

    raw_audio: Path
    vocals: Path | None
    no_vocals: Path | None
    final: Path


class CinematicAudioProcessor:
    """Works in one run folder, which is made when it is first needed.

    Args:
        video: the film, or a sound file. It is only read.
        out: the run folder; None: NAME.dubline beside the film.
        track: which audio track of a video: number from 0, language or title; None takes the default one.
        report: called with (done, total) in seconds of sound; stops the work by raising `Cancelled`.
        tell: gets notes as they are made.
        hints: how to work without changing the result: `threads`, `device`.

    Every method raises, besides what it says itself:
        ValidationError: the film is not there, or holds no usable sound.
        FFmpegError: it cannot be decoded, or the result not encoded.
        AudioProcessingError: sound cannot be read or written; the two above are of this kind.
        StorageFull, Cancelled.
    """

    def __init__(
        self,
        video: str | Path,
        out: str | Path | None = None,
        *,
        track: int | str | None = None,
        report: Report = silent,
        tell: Callable[[str], None] = lambda text: None,
        **hints: Any,
    ) -> None:
        self.video = Path(video)
        self.out = Path(out) if out is not None else self.video.with_name(f"{self.video.stem}.dubline")
        self.original: Original | None = None
        self.stems: Stems | None = None
        self.mix: Mix | None = None
        self._track = "" if track is None else str(track)
        self._report, self._tell, self._hints = report, tell, hints

    def path(self, of: str) -> Path:
        """Where a path from a value lies on the disk."""
        return Layout(self.out).file(of)

    def process(self, voice_volume: float = 1.0, bg_volume: float = 0.7, **wishes: Any) -> Processed:
        """Everything in its order. `wishes` are those of `separate_vocals`, and `budget`: with "low" a film
        shorter than 5 minutes is not separated, and its sound is mixed as it is.

        Raises:
            As `separate_vocals` and `remix_final_audio`.
        """
        raw = self.extract_raw_audio()
        wish = wish_from(SeparateWish, wishes)
        with self._run() as run:
            self.stems = self._separated(run, wish, self._original(run).sound.duration)
        vocals, rest = self._parted() if self.stems.separated else (None, None)
        return Processed(raw, vocals, rest, self.remix_final_audio(voice_volume, bg_volume))

    def extract_raw_audio(self) -> Path:
        """`raw_audio.wav`: the film's sound as mono, 44.1 kHz, 16 bit, for other programs.

        A by-product. What is separated is the film's own full sound, on the clock of its picture.
        """
        from dubline.media.raw_audio import raw_audio

        with self._run() as run:
            return raw_audio(run, self._original(run).sound)

    def separate_vocals(self, **wishes: Any) -> Parted:
        """`vocals.wav` and `no_vocals.wav`; music, sfx and ambient by themselves lie beside them.

        `wishes` are the fields of `SeparateWish`: `separator`, `separator_model`, `content`, and more; what
        is left out stays as the run has it.

        Raises:
            InvalidJob, BackendMissing, WeightsError: see `dubline.separation`.
        """
        with self._run() as run:
            self.stems = self._separated(run, wish_from(SeparateWish, wishes))
        return self._parted()

    def remix_final_audio(
        self, voice_volume: float = 1.0, bg_volume: float = 0.7, *, takes: Takes = NO_TAKES, **levels: Any
    ) -> Path:
        """`final.m4a`: the voices and the background at these volumes, factors from 0 to 8, at broadcast
        loudness; `final.wav` and `M&E.wav` lie beside it. Where AAC cannot hold the sound, `final.wav`.

        The voices are the film's own; with `takes`, those. `levels` are further fields of
        `dubline.mix.MixJob`: `target` ("ebu-r128"), `duck_db`, and more.

        Raises:
            InvalidJob: no such level, or out of its range.
        """
        from dubline.mix.job import mix_job
        from dubline.voice.way import mix_published

        if not takes.takes:
            levels = {"original_volume": voice_volume, **levels}
        with self._run() as run:
            if self.stems is None:
                self.stems = self._separated(run, SeparateWish(), self._original(run).sound.duration)
            if not self.stems.separated and not takes.takes:
                bg_volume = voice_volume  # nobody can tell the two apart
            job = mix_job({**levels, "voice_volume": voice_volume, "bg_volume": bg_volume})
            self.mix, files = mix_published(run, self.stems, takes, job, hints=self._hints)
        return next((file for file in files if file.suffix == ".m4a"), files[0])

    def _original(self, run: Run) -> Original:
        from dubline.media.original import look_at, original_of

        media = FileMedia(path=self.video.absolute().as_posix(), track=self._track)
        self.original = original_of(run, look_at(media, self.out))
        return self.original

    def _separated(self, run: Run, wish: SeparateWish, seconds: float | None = None) -> Stems:
        """The stems; none of a sound of so many `seconds` that a low budget spares."""
        from dubline.separation.way import separate_run, settle_run

        sound = self._original(run).sound
        separating = settle_run(self.out, wish, seconds)
        for reason in separating.reasons:
            self._tell(reason)
        return separate_run(run, sound, separating, hints=self._hints, tell=self._tell)

    def _parted(self) -> Parted:
        from dubline.separation.no_vocals import no_vocals

        if self.stems is None:
            raise AudioProcessingError("nothing is separated yet", hint="Call separate_vocals first.")
        with self._run() as run:
            vocals = run.publish(self.stems.vocals.path, run.layout.stem("vocals"))
            return Parted(vocals, no_vocals(run, self.stems))

    def _run(self) -> Run:
        return Run(self.out, report=lambda name: self._report, tell=self._tell)
