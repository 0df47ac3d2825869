"""Subtitles that come back: what was sent, and what a person made of it.

for change in compare(sent, edited.cues, lines).changes:
    print(change)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from dubline.files import typed
from dubline.subtitles.checks import TAGS
from dubline.subtitles.cues import SubtitleText, clock, unlabelled
from dubline.subtitles.matching import TOLERANCE_MS, Known, match
from dubline.subtitles.sent import Sent, digest_of, normal
from dubline.values.base import Value

_DASH = re.compile(r"\s*[-\u2010-\u2015]\s*")

Kind = Literal["edited", "filled", "removed", "added", "merged", "split", "retimed", "respeakered"]
Divide = Callable[[str, Sequence["LineNow"]], Sequence[str] | None]


class LineNow(Value, frozen=True):
    """A segment as the run has it now. `text` is "" where there is none; `source_text` may stand for it."""

    id: int
    start_ms: int
    end_ms: int
    text: str
    speaker: str = ""
    name: str = ""
    source_text: str = ""


class Change(Value, frozen=True):
    """One thing that is other than it was sent. `numbers` are the file's, `ids` the segments'; `was` and
    `text` are texts, or times for "retimed" and names for "respeakered". `note` says what follows from it."""

    kind: Kind
    numbers: tuple[int, ...]
    ids: tuple[int, ...]
    start_ms: int
    end_ms: int
    text: str = ""
    was: str = ""
    note: str = ""

    def __str__(self) -> str:
        cue = ", ".join(map(str, self.numbers)) or "-"
        line = ", ".join(map(str, self.ids)) or "-"
        said = _short(self.text) if not self.was else f"{_short(self.was)} -> {_short(self.text)}"
        note = f" ({self.note})" if self.note else ""
        times = f"{clock(self.start_ms)} - {clock(self.end_ms)}"
        return f"{self.kind:<11} cue {cue}, line {line}  {times}  {said}{note}"


class Comparison(Value, frozen=True):
    """All changes in order of time; `texts` and `times` (milliseconds) are new ones by segment, `removed` the
    segments whose cue is gone. `unchanged` counts cues that came back as they went."""

    changes: tuple[Change, ...] = ()
    texts: dict[int, str] = {}
    times: dict[int, tuple[int, int]] = {}
    removed: tuple[int, ...] = ()
    unchanged: int = 0


def compare(
    sent: Sent,
    cues: Sequence[SubtitleText],
    lines: Sequence[LineNow],
    *,
    divide: Divide = lambda text, lines: None,
    loose: bool = False,
    recorded: bool = True,
    run: str = "EPISODE.dubline",
) -> Comparison:
    """What a person changed. `lines` are all of the run's segments now, sent or not.

    A line is only changed where its cue is other than it was sent: one that a run has translated anew since
    stays so. `divide` shares the text of a merged cue among its lines, or gives None. `loose`: another
    breaking of lines is no change (for files that are known by what the run has now). Without `recorded`,
    `sent` is only what the run has now: the file may hold any line that has no text yet, whoever speaks it.
    `run` is what notes call the run.
    """
    return _Comparing(sent, cues, lines, divide, loose, recorded, run).comparison()


@dataclass
class _Comparing:
    sent: Sent
    cues: Sequence[SubtitleText]
    lines: Sequence[LineNow]
    divide: Divide
    loose: bool
    recorded: bool
    run: str

    def __post_init__(self) -> None:
        sent, lines = self.sent, self.lines
        self.now = {line.id: line for line in lines}
        self.people = {
            _folded(who): line.speaker for line in lines for who in (line.speaker, line.name) if who
        }
        there = [cue for cue in sent.cues if cue.id in self.now]
        speakers = {cue.speaker for cue in there}
        # A line that had nothing to send may have been written by a person.
        missing = {cue.id for cue in sent.cues}
        ghosts = [
            line
            for line in lines
            if line.id not in missing
            and not line.text.strip()
            and (line.speaker in speakers or not there or not self.recorded)
        ]
        self.parts = {cue.id: cue.parts for cue in there}
        self.shared = {cue.id: cue.number for cue in there if cue.shares}
        self.ids = [cue.id for cue in there] + [line.id for line in ghosts]
        self.known = [
            Known(cue.number, cue.start_ms, cue.end_ms, cue.digest, self.now[cue.id].text) for cue in there
        ] + [
            Known(0, line.start_ms, line.end_ms, digest_of(line.source_text), line.source_text, ghost=True)
            for line in ghosts
        ]
        self.changes: list[Change] = []
        self.texts: dict[int, str] = {}
        self.times: dict[int, tuple[int, int]] = {}
        self.removed: list[int] = []
        self.unchanged = 0

    def comparison(self) -> Comparison:
        digests = [digest_of(cue.text) for cue in self.cues]
        for pair in match(self.known, self.cues, digests):
            if not pair.known:
                self._tell("added", (), pair.cues, self.cues[pair.cues[0]].text, note="no line is there")
            elif not pair.cues:
                self._gone(pair.known[0])
            elif len(pair.known) == len(pair.cues) == 1:
                self._one(pair.known[0], pair.cues[0])
            elif len(pair.known) == 1:
                self._split(pair.known[0], pair.cues)
            else:
                self._merged(pair.known, pair.cues[0])
        return Comparison(
            changes=tuple(self.changes),
            texts=self.texts,
            times=self.times,
            removed=tuple(self.removed),
            unchanged=self.unchanged,
        )

    def _tell(
        self, kind: Kind, known: Sequence[int], cues: Sequence[int], text: str, was: str = "", note: str = ""
    ) -> None:
        spans = [(self.cues[c].start_ms, self.cues[c].end_ms) for c in cues]
        spans = spans or [(self.known[k].start_ms, self.known[k].end_ms) for k in known]
        self.changes.append(
            Change(
                kind=kind,
                numbers=tuple(self.cues[c].index for c in cues),
                ids=tuple(self.ids[k] for k in known),
                start_ms=min(start for start, _ in spans),
                end_ms=max(end for _, end in spans),
                text=text,
                was=was,
                note=note,
            )
        )

    def _gone(self, k: int) -> None:
        if self.known[k].ghost:
            return
        self.removed.append(self.ids[k])
        self._tell("removed", (k,), (), self.now[self.ids[k]].text)

    def _said(self, text: str, line: LineNow) -> tuple[str, str]:
        """(the line's own text, who is named before it) of a cue's text."""
        who, text = unlabelled(normal(text))
        if self.sent.names:
            name, colon, rest = text.partition(": ")
            if colon and _folded(name) in self.people:
                text, who = rest, name
        if self.sent.bilingual:
            first, broken, rest = text.partition("\n")
            if broken:
                text = rest
            elif _spaced(first) == _spaced(line.source_text):
                text = ""
        return text, who

    def _one(self, k: int, c: int) -> None:
        cue, known, line = self.cues[c], self.known[k], self.now[self.ids[k]]
        changed = self._speaker(k, c)
        moved = self._moved(cue, known.start_ms, known.end_ms)
        # A cue may also lie where the line has been moved since.
        if moved and not known.ghost and self._moved(cue, line.start_ms, line.end_ms):
            self.times[line.id] = self._new_times(cue, known, line)
            was = f"{clock(known.start_ms)} - {clock(known.end_ms)}"
            self._tell("retimed", (k,), (c,), f"{clock(cue.start_ms)} - {clock(cue.end_ms)}", was)
            changed = True
        text, _ = self._said(cue.text, line)
        if digest_of(cue.text) == known.digest or self._same(text, known, line):
            self.unchanged += not changed
        elif not text.strip():
            self.removed.append(line.id)
            self._tell("removed", (k,), (c,), line.text, note="its cue has no text")
        else:
            self._write(line, text, k, (c,))

    def _new_times(self, cue: SubtitleText, known: Known, line: LineNow) -> tuple[int, int]:
        """The edges that a person moved; a cue stays on for reading when its line is over already."""
        start = cue.start_ms if abs(cue.start_ms - known.start_ms) > TOLERANCE_MS else line.start_ms
        end = cue.end_ms if abs(cue.end_ms - known.end_ms) > TOLERANCE_MS else line.end_ms
        return (start, end) if start < end else (cue.start_ms, cue.end_ms)

    def _moved(self, cue: SubtitleText, start_ms: int, end_ms: int) -> bool:
        return max(abs(cue.start_ms - start_ms), abs(cue.end_ms - end_ms)) > TOLERANCE_MS

    def _same(self, text: str, known: Known, line: LineNow) -> bool:
        return self.loose and _spaced(text) == _spaced(line.text or line.source_text)

    def _write(self, line: LineNow, text: str, k: int, cues: Sequence[int]) -> None:
        if text == line.text:  # somebody wrote the same here
            self.unchanged += 1
            return
        self.texts[line.id] = text
        self._tell("edited" if line.text.strip() else "filled", (k,), cues, text, line.text)

    def _speaker(self, k: int, c: int) -> bool:
        line = self.now[self.ids[k]]
        who = self.cues[c].speaker or self._said(self.cues[c].text, line)[1]
        meant = self.people.get(_folded(who)) if who else None
        if meant is None or meant == line.speaker:
            return False
        note = f"not taken over: dubline speakers split {typed(self.run)} {line.speaker} --segments {line.id}"
        self._tell("respeakered", (k,), (c,), who, line.name or line.speaker or "nobody", note)
        return True

    def _split(self, k: int, places: Sequence[int]) -> None:
        order = sorted(places, key=lambda c: self.cues[c].start_ms)
        line = self.now[self.ids[k]]
        parts = [self._said(self.cues[c].text, line)[0] for c in order]
        text = " ".join(part for part in parts if part.strip())
        if len(places) == self.parts.get(line.id):  # it was sent so
            as_sent = digest_of("\n".join(self.cues[c].text for c in order)) == self.known[k].digest
            if as_sent or _plain(text) == _plain(line.text):
                self.unchanged += len(places)
            elif text.strip():
                self._write(line, text, k, order)
            return
        self._tell("split", (k,), order, text, line.text, "one line stays, with the text of all")
        if _spaced(text) != _spaced(line.text) and text.strip():
            self.texts[line.id] = text

    def _merged(self, places: Sequence[int], c: int) -> None:
        order = sorted(places, key=lambda k: self.known[k].start_ms)
        lines = [self.now[self.ids[k]] for k in order]
        text, _ = self._said(self.cues[c].text, lines[0])
        was = " ".join(line.text for line in lines if line.text.strip())
        rows = [row for row in text.split("\n") if row.strip()]
        if all(_DASH.match(row) for row in rows) and not any(_DASH.match(line.text) for line in lines):
            rows = [_DASH.sub("", row) for row in rows]  # two people in one cue, apart again
        numbers = {self.shared.get(line.id) for line in lines}
        if len(numbers) == 1 and None not in numbers and _plain(text) == _plain(was):
            self.unchanged += 1  # it was sent so
            return
        if _spaced(" ".join(rows)) == _spaced(was):
            self._tell("merged", order, (c,), text, was, "the lines stay apart")
            return
        parts = rows if len(rows) == len(lines) else self.divide(text, lines)
        if parts is None:
            self._tell("merged", order, (c,), text, was, "all of it is in the first line; the others stay")
            self.texts[lines[0].id] = text
            return
        self._tell("merged", order, (c,), text, was, "the text is shared among the lines")
        for line, part in zip(lines, parts, strict=True):
            if part != line.text:
                self.texts[line.id] = part


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _plain(text: str) -> str:
    """A text without its tags, which are closed and opened again where a line is divided."""
    return "".join(TAGS.sub("", unicodedata.normalize("NFC", text)).split())


def _folded(name: str) -> str:
    return _spaced(name).casefold()


def _short(text: str) -> str:
    line = " / ".join(part.strip() for part in text.splitlines() if part.strip())
    return repr(line if len(line) <= 60 else f"{line[:59]}…")
