# ruff: noqa: RUF001 - Turkish has a dotless i
"""A small run whose subtitles go out and come back, and what an editor does to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dubline.subtitles.cues import SubtitleText
from dubline.subtitles.srt import write_srt
from dubline.subtitles.writing import read_subtitles
from dubline.translation.way import publish_translation
from dubline.values.transcript import Segment, Speaker, Transcript, Word, write_transcript
from dubline.values.translated import TranslatedSegment, Translation, counted

TURKISH = (
    "Nerede kaldın?",
    "Özür dilerim, yol kapalıydı.",
    "Evet.",
    "Şimdi gidelim mi?",
    "Evet.",
    "Güle güle!",
)
ENGLISH = (
    "Where have you been?",
    "I'm sorry, the road was closed.",
    "Yes.",
    "Shall we go now?",
    "Yes.",
    "Bye!",
)
CHINESE = ("你去哪儿了？", "对不起，路被封了。", "是的。", "我们现在走吗？", "是的。", "再见！")


def make_run(
    folder: Path,
    texts: Sequence[str | None] = ENGLISH,
    *,
    target: str = "en",
    sources: Sequence[str] = TURKISH,
    spans: Sequence[tuple[float, float]] | None = None,
    first: int = 11,
) -> Path:
    """A run folder with a Turkish transcript, two people in turn, and a translation; ids from `first` on.

    A text None is pending. Lines last 1.5 s and begin every 2 s.
    """
    root = folder / "E01.dubline"
    root.mkdir(parents=True)
    spans = spans or [(2.0 * k + 0.5, 2.0 * k + 2.0) for k in range(len(texts))]
    segments = [
        Segment(
            id=first + k,
            start=start,
            end=end,
            speaker=f"SPEAKER_{k % 2:02d}",
            text=sources[k % len(sources)],
            words=_words(start, end),
        )
        for k, (start, end) in enumerate(spans)
    ]
    speakers = (Speaker(id="SPEAKER_00", name="Ayşe"), Speaker(id="SPEAKER_01", name="Tom"))
    duration = max(end for _, end in spans) + 10
    transcript = Transcript(language="tr", duration=duration, segments=tuple(segments), speakers=speakers)
    write_transcript(transcript, root / "transcript.json")
    lines = []
    for segment, text in zip(segments, texts, strict=True):
        line = TranslatedSegment(
            id=segment.id,
            start=segment.start,
            end=segment.end,
            speaker=segment.speaker,
            text=None,
            source_text=segment.text,
            state="pending",
        )
        if text is not None:
            line = msgspec.structs.replace(line.with_text(text), state="translated")
        lines.append(line)
    translation = Translation(
        source_language="tr",
        target_language=target,
        duration=duration,
        segments=tuple(lines),
        speakers=speakers,
        totals=counted(tuple(lines)),
    )
    publish_translation(translation, root)
    return root


def _words(start: float, end: float) -> tuple[Word, ...]:
    middle = round((start + end) / 2, 3)
    if not start < middle < end:
        return ()
    return (Word(start=start, end=middle, text="a"), Word(start=middle, end=end, text=" b"))


def rewrite(path: Path, change: Callable[[list[SubtitleText]], Sequence[SubtitleText]], **how: Any) -> None:
    """What an editor does: reads the cues, changes them, saves."""
    path.write_text(write_srt(change(list(read_subtitles(path).cues)), **how), encoding="utf-8", newline="")


def with_(cue: SubtitleText, **changes: Any) -> SubtitleText:
    return msgspec.structs.replace(cue, **changes)
