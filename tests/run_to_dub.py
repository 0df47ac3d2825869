"""A run that is ready to be dubbed: a sound, its stems by the built-in separator, and words by hand.

    root = run_to_dub(folder)                     9 s of stereo noise at 16 kHz, four lines in English
    edit(root, 2, "Where will it go?")            as a person does it, in the file

Real voices or a program that hums (`speaking_programs`) speak the words; nothing here stands for a result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from command import Answer, dubline
from speaking_programs import tone_program

from dubline.pipeline import localize
from dubline.recognition.publish import publish_transcript
from dubline.run import Run, read_manifest
from dubline.translation.way import publish_translation
from dubline.values.dubbed import Dub, read_dub
from dubline.values.layout import Layout
from dubline.values.timeline import FileMedia
from dubline.values.transcript import Segment, Speaker, Transcript
from dubline.values.translated import TranslatedSegment, Translation, counted
from dubline.values.wishes import LocalizeJob, SeparateWish

Said = tuple[float, float, str, str]  # start, end, speaker, text ("": left to a person)

LINES: tuple[Said, ...] = (
    (1.0, 2.8, "SPEAKER_00", "Come with me, I know the way."),
    (3.0, 4.1, "SPEAKER_01", "Where does it go?"),
    (4.5, 5.3, "SPEAKER_00", "To the river."),
    (7.0, 8.2, "SPEAKER_01", "I will not go there."),
)
NAMES = {"SPEAKER_00": "Ayşe", "SPEAKER_01": "Tom & Co"}
SECONDS = 9.0
RATE = 16000


def sound_of(path: Path, seconds: float = SECONDS, *, loud: float = 0.05) -> Path:
    """A stereo WAV: noise on both sides, louder while somebody of `LINES` speaks."""
    rate = RATE
    noise = np.random.default_rng(7).normal(size=(round(seconds * rate), 2)) * loud
    voice = np.random.default_rng(8).normal(size=(round(seconds * rate), 1)) * loud
    for start, end, _, _ in LINES:
        noise[round(start * rate) : round(end * rate)] += 2 * voice[round(start * rate) : round(end * rate)]
    soundfile.write(path, noise, rate, subtype="PCM_24")
    return path


def run_to_dub(
    folder: Path,
    said: Sequence[Said] = LINES,
    *,
    media: Path | None = None,
    languages: Sequence[str] = ("en",),
    names: dict[str, str] = NAMES,
) -> Path:
    """The run folder, NAME.dubline beside the media."""
    media = media or sound_of(folder / "Bölüm 1.wav")
    root = media.with_name(f"{media.stem}.dubline")
    job = LocalizeJob(
        media=FileMedia(path=media.as_posix()), separate=SeparateWish(separator="builtin"), transcribe=None
    )
    with Run(root) as run:
        seconds = localize(job, run, threads=1).sound.duration
    put_lines(root, said, seconds, languages=languages, names=names)
    return root


def put_lines(
    root: Path,
    said: Sequence[Said],
    seconds: float = SECONDS,
    *,
    languages: Sequence[str] = ("en",),
    names: dict[str, str] = NAMES,
) -> None:
    """A transcript and its translations, as their stages write them."""
    speakers = tuple(
        Speaker(id=s, name=names.get(s, ""), label=s) for s in sorted({s for _, _, s, _ in said})
    )
    publish_transcript(
        Transcript(
            language="tr",
            duration=seconds,
            segments=tuple(
                Segment(id=n, start=start, end=end, speaker=who, text="Evet.")
                for n, (start, end, who, _) in enumerate(said, 1)
            ),
            speakers=speakers,
        ),
        root,
    )
    lines = tuple(_line(n, start, end, who, text) for n, (start, end, who, text) in enumerate(said, 1))
    for language in languages:
        publish_translation(
            Translation(
                source_language="tr",
                target_language=language,
                duration=seconds,
                segments=lines,
                speakers=speakers,
                totals=counted(lines),
            ),
            root,
        )


def _line(number: int, start: float, end: float, who: str, text: str) -> TranslatedSegment:
    blank = TranslatedSegment(
        id=number, start=start, end=end, speaker=who, text=None, source_text="Evet.", state="pending"
    )
    return msgspec.structs.replace(blank, state="translated").with_text(text) if text else blank


def edit(root: Path, number: int, text: str, *, file: str = "translated.json") -> None:
    """Write another text into a line, by hand."""
    path = root / file
    told = json.loads(path.read_text(encoding="utf-8"))
    next(line for line in told["segments"] if line["id"] == number)["text"] = text
    path.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def hum(folder: Path) -> tuple[str, ...]:
    """`--voice-command` for a program that hums 60 ms a letter; see `speaking_programs`."""
    return ("--voice-command", f"{sys.executable} -S {tone_program(folder)} {{text_file}} {{wav}} {{rate}}")


def spoken_last(root: Path) -> int:
    """How many takes the last `speak` had to make."""
    return int([s for s in read_manifest(root).steps if s.name == "speak"][-1].facts["made"])


def dub(root: Path, *words: str | Path) -> Answer:
    """`dubline dub` with the program that hums."""
    return dubline("dub", root, *hum(root.parent), "--threads", "1", *words)


def read(root: Path, name: str = "dubbed.json") -> Dub:
    return read_dub(root / "work" / name)


def states(root: Path) -> list[str]:
    """The takes' states."""
    return [take.state for take in read(root).takes.takes]


def done(root: Path, name: str) -> int:
    """How many steps of a name are in the manifest."""
    return sum(record.name == name for record in read_manifest(root).steps)


def sounds(root: Path) -> dict[int, bytes]:
    """The takes' files."""
    return {t.id: Layout(root).file(t.path).read_bytes() for t in read(root).takes.takes if t.path}
