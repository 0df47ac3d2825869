"""A run as `localize` leaves it, for what comes after: real stems of a timeline's range, words by hand.

root = localized_run(folder)                                  2 s from frame 25 of a timeline at 25
root = localized_run(folder, rate="24000/1001", segments=...)
put_dub(root, SAID)                                           a take for each line that has English, and a mix
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from dubline.pipeline import localize
from dubline.recognition.publish import publish_transcript
from dubline.run import Run
from dubline.translation.way import publish_translation
from dubline.values.dubbed import Dub, LoudnessReport, Mix, Take, Takes, dub_json, dub_place
from dubline.values.layout import Layout
from dubline.values.timeline import TimelineClip, TimelineMedia
from dubline.values.transcript import Segment, Speaker, Transcript
from dubline.values.translated import Fit, TranslatedSegment, Translation, counted
from dubline.values.wishes import LocalizeJob, SeparateWish

Said = tuple[float, float, str, str, str]  # start, end, speaker, Turkish, English ("" : failed)

SAID: tuple[Said, ...] = (
    (0.1, 0.9, "SPEAKER_00", "Nerede?", "Where have you been?"),
    (0.9, 1.5, "SPEAKER_01", "Geliyorum.", "Coming & <now>!"),
    (1.4, 1.9, "SPEAKER_00", "Bekle!", ""),
)
NAMES = {"SPEAKER_00": "Ayşe", "SPEAKER_01": "Tom / Co"}


def clip_file(folder: Path, seconds: float) -> Path:
    """A stereo WAV of noise at 48 kHz."""
    path = folder / "Bölüm 1.wav"
    samples = np.random.default_rng(0).normal(size=(int(48000 * seconds), 2)) * 0.05
    soundfile.write(path, samples, 48000, subtype="PCM_24")
    return path


def timeline(folder: Path, *, rate: str = "25", first: int = 25, frames: int = 50) -> TimelineMedia:
    """A range of `frames` from frame `first`, of a timeline with one clip that begins at 01:00:00:00."""
    whole = first + frames
    path = clip_file(folder, (whole + 1) * 1.001 / 23)
    clip = TimelineClip(path=path.as_posix(), record=0, frames=whole, channels=((0, 0), (0, 1)))
    return TimelineMedia(rate=rate, start=90000, frames=whole, clips=(clip,), first=first)


def localized_run(
    folder: Path, *, rate: str = "25", first: int = 25, said: Sequence[Said] = SAID, stems: bool = True
) -> Path:
    """The run folder. With `stems`, the built-in separator made them; the transcript and the translation hold
    what is `said`."""
    root = folder / "Bölüm 1.dubline"
    media = timeline(folder, rate=rate, first=first)
    job = LocalizeJob(media=media, separate=SeparateWish(separator="builtin", ambient=False), transcribe=None)
    with Run(root) as run:
        if stems:
            localize(job, run, threads=1)
        put_words(root, said)
    return root


def put_dub(
    root: Path, said: Sequence[Said], *, language: str = "en", mixed: bool = True, frames: int = 14_400
) -> Dub:
    """A dub as its stage leaves it: each take `frames` samples and one more for each, from 11 after its line.

    The first is still too long; lines without English failed. With `mixed` there are the mix and M&E.
    """
    place, here = f"steps/speak-{language}", Layout(root)
    here.file(f"{place}/takes").mkdir(parents=True, exist_ok=True)
    takes = []
    for n, (start, end, who, _, english) in enumerate(said, 1):
        about = {"id": n, "speaker": who, "slot": round(end - start, 3), "text": english}
        if not english:
            takes.append(Take(**about, state="failed", reasons=("the voice gave no sound",)))
            continue
        path = f"{place}/takes/{n:05d}.wav"
        noise = np.random.default_rng(n).normal(size=frames + n) * 0.05
        soundfile.write(here.file(path), noise, 48000, subtype="PCM_24")
        state = "too_long" if n == 1 else "spoken"
        reasons = ("runs over by 0.20 s at 1.2 times its own pace",) if n == 1 else ()
        at = round(start * 48000) + 11
        takes.append(
            Take(**about, state=state, path=path, frames=frames + n, start=at, gain_db=-2.5, reasons=reasons)
        )
    mix = None
    if mixed:
        here.final(".wav").unlink(missing_ok=True)  # of the film's own voices
        for name in ("final.wav", "M&E.wav"):
            sound = np.random.default_rng(7).normal(size=(96_000, 2)) * 0.05
            soundfile.write(here.file(f"{place}/{name}"), sound, 48000, subtype="PCM_24")
        read = LoudnessReport(integrated=-23.0, true_peak=-2.0)
        mix = Mix(
            wav=f"{place}/final.wav", m4a="", m_and_e=f"{place}/M&E.wav", rate=48000, channels=2,
            frames=96_000, target="ebu", before=read, after=read, voice_gain_db=1.25,
        )  # fmt: skip
    dub = Dub(takes=Takes(language=language, takes=tuple(takes)), mix=mix)
    dub_place(root, language).write_bytes(dub_json(dub))
    return dub


def put_words(root: Path, said: Sequence[Said]) -> None:
    """A transcript and its translation, written as their stages write them."""
    speakers = tuple(
        Speaker(id=s, name=NAMES.get(s, ""), label=s) for s in dict.fromkeys(line[2] for line in said)
    )
    last = max(line[1] for line in said)
    segments = tuple(
        Segment(id=n, start=start, end=end, speaker=who, text=text, confidence=0.9)
        for n, (start, end, who, text, _) in enumerate(said, 1)
    )
    publish_transcript(
        Transcript(language="tr", duration=last + 0.1, segments=segments, speakers=speakers), root
    )
    lines = tuple(
        TranslatedSegment(
            id=n, start=start, end=end, speaker=who, text=None, source_text=text, state="failed",
            reasons=("lost a number",),
        )
        if not english
        else TranslatedSegment(
            id=n, start=start, end=end, speaker=who, text=None, source_text=text, state="translated",
            fit=Fit(slot=0.5, borrowed=0.0, natural=0.9, speed=1.8, status="too_long") if n == 1 else None,
        ).with_text(english)
        for n, (start, end, who, text, english) in enumerate(said, 1)
    )  # fmt: skip
    publish_translation(
        Translation(
            source_language="tr",
            target_language="en",
            duration=last + 1,
            segments=lines,
            speakers=speakers,
            totals=counted(lines),
        ),
        root,
    )
