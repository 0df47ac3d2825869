"""Subtitles back in: what a person changed becomes the run's text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from dubline.errors import InvalidJob
from dubline.exchange.start_times import check_inside, from_start
from dubline.exchange.texts import Texts, read_texts, state_of
from dubline.files import full_disk_is_told
from dubline.language.splitting import split_back
from dubline.programme.publications import noted
from dubline.programme.reading import programme_rate, start_timecode
from dubline.programme.subtitle_files import SOURCE, publish_subtitles, sent_cues, shown
from dubline.programme.subtitle_tracks import cues_of
from dubline.recognition.intervals import overlapping
from dubline.recognition.publish import publish_tables
from dubline.run import Run, write_together
from dubline.subtitles.cues import SubtitleText
from dubline.subtitles.roundtrip import Comparison, LineNow, compare
from dubline.subtitles.sent import SUFFIX, Sent, SentCue, digest_of, read_sent, record_of
from dubline.subtitles.writing import read_subtitles
from dubline.values.layout import Layout
from dubline.values.transcript import (
    Segment,
    Transcript,
    Word,
    milliseconds,
    parse_transcript,
    transcript_json,
)
from dubline.values.translated import TranslatedSegment, Translation, counted, translation_json


@dataclass
class Imported:
    """What an import found and did. `files` are those written; empty after a dry run, or without a change."""

    language: str
    comparison: Comparison
    cues: int
    notes: list[str] = field(default_factory=list)
    files: tuple[Path, ...] = ()


def import_subtitles(
    root: Path,
    path: Path,
    *,
    language: str = "",
    encoding: str = "",
    take_times: bool = False,
    remove: bool = False,
    dry_run: bool = False,
) -> Imported:
    """Take over what a person changed in an .srt or .vtt.

    Edited and filled lines become the run's text: locked in a translation, corrected in the transcript.
    Moved cues are told, and with `take_times` the transcript's segments and every translation's move with
    them. Cues that are gone are told; with `remove` their line loses its text in the translation (it is
    "pending" then), or leaves no words in the transcript.

    Raises:
        InvalidJob: no run, a file that cannot be read, no text in that language, a language that the file's
            record contradicts, another Dubline works in the run, or it was made of a text alone and the
            file is in that text's language; with `take_times`, a cue lies after the programme's end.
        StorageFull.
    """
    seen = state_of(root)
    texts = read_texts(root)
    read = read_subtitles(path, encoding=encoding, language=language, option="--encoding")
    notes = [*read.notes, *(f"{path.name}, line {p.line}: {p.reason}" for p in read.problems)]
    record = _record(root, path, read.cues, language, texts, notes)
    last = milliseconds(texts.transcript.duration)
    cues, told = from_start(read.cues, record.cues if record else (), start_timecode(root), last)
    notes += [f"{path.name}: {told}"] if told else []
    sent = record or _as_it_stands(root, texts, _language(language, path, texts), cues)
    comparison = compare(
        sent,
        cues,
        texts.lines(sent.language),
        divide=_divider(sent.language),
        loose=record is None or sent.language == texts.transcript.language,
        recorded=record is not None,
        run=str(root),
    )
    if record is None:
        comparison = _without_unsent(comparison, len(sent.cues), notes)
    if take_times:
        check_inside(comparison.times, cues, last)
    summary = Imported(sent.language, comparison, len(read.cues), notes)
    if dry_run or not _has_work(comparison, take_times, remove):
        return summary
    if not texts.heard and sent.language == texts.transcript.language:
        raise InvalidJob(
            f"{root.name} was made of a text alone, whose own words are not kept in it",
            hint="Change them in that text, and translate it again.",
        )
    with Run(root), full_disk_is_told(root):
        if state_of(root) != seen:
            raise InvalidJob(f"the texts in {root} were changed meanwhile", hint="Import again.")
        summary.files = _Writing(root, texts, sent.language, comparison, take_times, remove).write()
        publish_tables(root)
    return summary


def _without_unsent(comparison: Comparison, lines: int, notes: list[str]) -> Comparison:
    """A file without a record that holds less than half of the lines was never all of them: one speaker's,
    or the lines to translate. What it does not hold was not removed."""
    gone = {change.ids[0] for change in comparison.changes if change.kind == "removed" and not change.numbers}
    if 2 * len(gone) <= lines:
        return comparison
    notes.append(f"the file holds {lines - len(gone)} of the {lines} lines; the others are left alone")
    return msgspec.structs.replace(
        comparison,
        changes=tuple(c for c in comparison.changes if c.kind != "removed" or c.numbers),
        removed=tuple(number for number in comparison.removed if number not in gone),
    )


def _has_work(comparison: Comparison, take_times: bool, remove: bool) -> bool:
    return bool(comparison.texts or (take_times and comparison.times) or (remove and comparison.removed))


def _record(
    root: Path,
    path: Path,
    cues: Sequence[SubtitleText],
    language: str,
    texts: Texts,
    notes: list[str],
) -> Sent | None:
    """The record beside the file, or the run's own."""
    beside = path.with_name(path.name + SUFFIX)
    if beside.is_file():
        try:
            sent = read_sent(beside)
        except InvalidJob as error:
            notes.append(f"{error}; the run's own is looked for")
        else:
            if language and sent.language != language:
                raise InvalidJob(
                    f"{path.name} was sent as {sent.language!r}, not {language!r}",
                    hint=f"Leave out --lang, or delete {beside.name}.",
                )
            ours = {segment.id for segment in texts.transcript.segments}
            if any(cue.id in ours for cue in sent.cues):
                return sent
            notes.append(f"{beside.name} belongs to another run and is not used")
    kept = record_of(cues, root, language=language)
    if kept is None:
        notes.append(f"{path.name} has no record of what was sent: it is compared with the run as it stands")
    return kept


def _language(language: str, path: Path, texts: Texts) -> str:
    """The language meant: as told, as the file's name says it, or the only translation's."""
    if language:
        return language
    known = {name.lower(): name for name in reversed(texts.languages)}
    for part in reversed(path.stem.lower().split(".")):
        if part in known:
            return known[part]
    if path.stem.lower() == "source":
        return texts.transcript.language
    if len(texts.translations) == 1:
        return next(iter(texts.translations))
    if not texts.translations:
        return texts.transcript.language
    raise InvalidJob(
        f"which language is {path.name} in?", hint=f"Say it with --lang: {', '.join(texts.languages)}."
    )


def _as_it_stands(root: Path, texts: Texts, language: str, cues: Sequence[SubtitleText]) -> Sent:
    """A record made of what the run has now: its lines as subtitles, or by their own times where the file has
    more of those, as one of lines to translate does."""
    made, lines = cues_of(texts.text(language), programme_rate(root)), texts.lines(language)
    spotted = sent_cues(shown(made), made)
    own = tuple(
        SentCue(
            number=line.id,
            start_ms=line.start_ms,
            end_ms=line.end_ms,
            digest=digest_of(line.text),
            id=line.id,
            speaker=line.speaker,
        )
        for line in lines
        if line.text.strip()
    )
    times = {(cue.start_ms // 100, cue.end_ms // 100) for cue in cues}

    def there(places: Sequence[SentCue | LineNow]) -> int:
        return sum((each.start_ms // 100, each.end_ms // 100) in times for each in places)

    record = own if there(lines) > there(spotted) else spotted
    return Sent(language=language, source=language == texts.transcript.language, cues=record)


def _divider(language: str) -> Callable[[str, Sequence[LineNow]], Sequence[str] | None]:
    def divide(text: str, lines: Sequence[LineNow]) -> Sequence[str] | None:
        slots = [max(line.end_ms - line.start_ms, 1) / 1000 for line in lines]
        return split_back(text, slots, language, lambda word: float(len(word)))

    return divide


@dataclass
class _Writing:
    """Puts a comparison into the run's files."""

    root: Path
    texts: Texts
    language: str
    comparison: Comparison
    take_times: bool
    remove: bool

    def write(self) -> tuple[Path, ...]:
        here = Layout(self.root)
        source = self.language == self.texts.transcript.language
        times = self._times()
        transcript = self._transcript(times, texts=source)
        written: dict[Path, bytes] = {}
        files: list[Path] = []
        for language, (path, translation) in self.texts.translations.items():
            new = self._translation(
                translation, times, texts=language == self.language, transcript=transcript
            )
            if new != translation:
                written[here.aside(f"{path.stem}.before.json")] = path.read_bytes()
                written[path] = translation_json(new)
                files.append(path)
        if self.texts.heard and transcript != self.texts.transcript:
            written[here.aside("transcript.before.json")] = here.transcript.read_bytes()
            written[here.transcript] = transcript_json(transcript)
            files.append(here.transcript)
        write_together(self.root, written)
        for language, (path, _) in self.texts.translations.items():
            if path in files:
                noted(self.root, f"translate RUN --to {language}", [path])
        if here.transcript in files:
            noted(self.root, "transcribe RUN", [here.transcript])
        subtitles = [path for path in publish_subtitles(self.root) if path.name != f"{SOURCE}.srt"]
        return (*files, *subtitles)

    def _times(self) -> dict[int, tuple[float, float]]:
        """New times in seconds, inside the programme and at least a millisecond long."""
        if not self.take_times:
            return {}
        last = milliseconds(self.texts.transcript.duration)
        times = {}
        for number, (start, end) in self.comparison.times.items():
            start = min(start, last - 1)
            times[number] = (start / 1000, min(max(end, start + 1), last) / 1000)
        return times

    def _transcript(self, times: dict[int, tuple[float, float]], *, texts: bool) -> Transcript:
        before = self.texts.transcript
        segments = []
        for segment in before.segments:
            if segment.id in times:
                segment = _moved(segment, *times[segment.id])
            if texts:
                text = self.comparison.texts.get(segment.id)
                if text is not None:
                    # The transcript's own lines have no breaks unless somebody wrote them.
                    text = text if "\n" in segment.text else " ".join(text.split())
                    segment = msgspec.structs.replace(segment, text=text)
                elif self.remove and segment.id in self.comparison.removed:
                    segment = msgspec.structs.replace(segment, text="")
            segments.append(segment)
        speakers = before.speakers
        if times:
            lengths: Counter[str] = Counter()
            for segment in segments:
                lengths[segment.speaker] += milliseconds(segment.end) - milliseconds(segment.start)
            speakers = tuple(msgspec.structs.replace(s, seconds=lengths[s.id] / 1000) for s in speakers)
            segments.sort(key=lambda s: s.start)
            crowded = overlapping(segments)
            segments = [msgspec.structs.replace(s, overlap=k in crowded) for k, s in enumerate(segments)]
        made = msgspec.structs.replace(before, segments=tuple(segments), speakers=speakers)
        return parse_transcript(transcript_json(made)) if made != before else before

    def _translation(
        self,
        before: Translation,
        times: dict[int, tuple[float, float]],
        *,
        texts: bool,
        transcript: Transcript,
    ) -> Translation:
        segments = []
        for segment in before.segments:
            if segment.id in times:
                start, end = times[segment.id]
                segment = msgspec.structs.replace(segment, start=start, end=end, fit=None)
            text = self.comparison.texts.get(segment.id) if texts else None
            if text is not None:
                segment = _told(segment, text=text, state="translated", locked=True)
            elif texts and self.remove and segment.id in self.comparison.removed:
                segment = _told(segment, text=None, state="pending", locked=False, written="")
            segments.append(segment)
        if times:
            order = {s.id: number for number, s in enumerate(transcript.segments)}
            segments.sort(key=lambda s: order.get(s.id, len(order)))
        new = tuple(segments)
        if new == before.segments:
            return before
        made = msgspec.structs.replace(before, segments=new, totals=counted(new, before.totals.glossary))
        translation_json(made)  # refuses what could not be read again
        return made


def _told(segment: TranslatedSegment, **changes: Any) -> TranslatedSegment:
    """A line with another text: what was known of the one before goes, and the next `translate` measures how
    this one fits."""
    return msgspec.structs.replace(segment, reasons=(), warnings=(), picked=None, fit=None, **changes)


def _moved(segment: Segment, start: float, end: float) -> Segment:
    """A segment at other times, its words spread over them as they were over the old ones."""
    scale = (end - start) / (segment.end - segment.start)

    def at(time: float) -> int:
        return milliseconds(start + (time - segment.start) * scale)

    words: list[Word] = []
    for word in segment.words:
        first = min(max(at(word.start), milliseconds(start)), milliseconds(end) - 1)
        last = min(max(at(word.end), first + 1), milliseconds(end))
        words.append(msgspec.structs.replace(word, start=first / 1000, end=last / 1000, estimated=True))
    flags = (
        segment.flags
        if not words or "estimated_times" in segment.flags
        else (*segment.flags, "estimated_times")
    )
    return msgspec.structs.replace(segment, start=start, end=end, words=tuple(words), flags=flags)
