"""The record of subtitles that went out: which cue is which segment, kept beside the file and in the run.

Ids never stand in the text: of each cue the record has its number, times, a digest of its text, the segment
that it came from, and the speaker.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dubline.errors import InvalidJob
from dubline.files import write_whole
from dubline.subtitles.cues import SubtitleText, unified
from dubline.values.base import Value
from dubline.values.layout import Layout
from dubline.values.sealed import sealed, told_sealed

FORMAT = "dubline.sent.1"
SUFFIX = ".ids.json"
"""What follows the whole name of a file in the name of its record."""
KEPT = 40
"""How many records a run keeps; the oldest go first."""


class SentCue(Value, frozen=True):
    """A cue as it was written. `id` is the transcript's segment; `digest` as `digest_of` makes it. A line
    that stands in several cues is one here: the first one's number, the time of all, and how many `parts`.
    `shares`: it stands in one cue with the lines of the same number."""

    number: int
    start_ms: int
    end_ms: int
    digest: str
    id: int
    speaker: str = ""
    parts: int = 1
    shares: bool = False


class Sent(Value, frozen=True):
    """What was written into one file. `names`: the speaker stands before the text; `bilingual`: the source's
    text stands in the line above."""

    language: str
    cues: tuple[SentCue, ...]
    format: str = FORMAT
    source: bool = False
    names: bool = False
    bilingual: bool = False


def normal(text: str) -> str:
    """A text without what editors change by themselves: spaces at the ends of lines, empty lines around it,
    kinds of line breaks, and how accents are composed."""
    lines = [line.rstrip() for line in unicodedata.normalize("NFC", unified(text)).split("\n")]
    return "\n".join(lines).strip("\n")


def digest_of(text: str) -> str:
    """Sixteen hex digits for a text as an editor keeps it; "" for one with nothing in it."""
    kept = normal(text)
    return hashlib.sha256(kept.encode("utf-8", "surrogatepass")).hexdigest()[:16] if kept.strip() else ""


def write_sent(sent: Sent, path: Path) -> None:
    """Put a record where it is looked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, sealed(sent))


def read_sent(path: Path) -> Sent:
    """A record from its file.

    Raises:
        InvalidJob: it cannot be read, or is none.
    """
    return told_sealed(path, Sent, hint="Delete it: the run has a record of its own.", format=FORMAT)


def keep_sent(sent: Sent, root: Path) -> None:
    """Keep a record in the run too; the oldest ones go when there are many."""
    folder = Layout(root).sent
    name = hashlib.sha256(msgspec.json.encode(sent)).hexdigest()[:16]
    write_sent(sent, folder / f"{name}.json")
    kept = sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    for path in kept[:-KEPT]:
        path.unlink(missing_ok=True)


def record_of(cues: Sequence[SubtitleText], root: Path, *, language: str = "") -> Sent | None:
    """The run's record that an edited file most likely belongs to; None where none knows half of its cues.

    `language`: only records of that one. Of records that know as many, the newest is taken.
    """
    digests = {digest_of(cue.text) for cue in cues} - {""}
    places = {(cue.start_ms // 100, cue.end_ms // 100) for cue in cues}
    best: tuple[float, float, Sent] | None = None
    for path in sorted(Layout(root).sent.glob("*.json")):
        try:
            sent = read_sent(path)
        except InvalidJob:
            continue
        if not sent.cues or (language and sent.language != language):
            continue
        known = sum(
            2 * (cue.digest in digests) + ((cue.start_ms // 100, cue.end_ms // 100) in places)
            for cue in sent.cues
        )
        score = known / max(len(cues), len(sent.cues), 1)
        if score >= 0.5 and (best is None or (score, path.stat().st_mtime) >= best[:2]):
            best = (score, path.stat().st_mtime, sent)
    return best[2] if best else None
