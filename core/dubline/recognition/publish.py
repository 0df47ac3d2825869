"""The transcript where a person looks for it, with what people did to its voices.

`publish_transcript` writes what was recognised, with the edits of `speakers.json` applied to it. `amend`
makes one more edit on the file as it stands, so that a text corrected by hand stays; `undo_edit` takes the
last back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from dubline.errors import InvalidJob
from dubline.files import full_disk_is_told, typed, write_if_new
from dubline.programme.publications import noted, published
from dubline.programme.subtitle_files import publish_subtitles
from dubline.recognition.edits import HAND, RECOGNISED, apply_edits, number_of, with_speakers
from dubline.recognition.exports import to_ctm, to_rttm
from dubline.recognition.speaker_log import (
    Cast,
    Edit,
    Meant,
    Merge,
    Named,
    Rename,
    SpeakerLog,
    Split,
    as_heard,
    checksum_of,
    heard_voices,
    meant,
    meant_by,
    read_log,
    spans_of,
)
from dubline.run import Run, write_together
from dubline.values.layout import Layout
from dubline.values.sealed import sealed
from dubline.values.transcript import (
    Segment,
    Transcript,
    parse_transcript,
    read_transcript,
    transcript_json,
)

EDITED = "transcript.edited"

if TYPE_CHECKING:
    from dubline.recognition.stage import Diarized

Tell = Callable[[str], None]


def publish_transcript(
    transcript: Transcript,
    root: Path,
    *,
    cast: Mapping[str, str] | None = None,
    tell: Tell = lambda text: None,
) -> Transcript:
    """Write transcript.json, transcript.rttm and subtitles/source.srt into a run folder, edits applied.

    `cast`: the diarizer's label of a voice -> a person's name, from a gallery; it takes the place of all
    names from a gallery before, and a name given by hand beats it. A transcript.json that a person has
    changed stays as long as the same is heard; else it is kept as work/transcript.edited.json. `tell` gets
    that, and each edit that found no place in what is heard now; the log keeps those too, and `dubline
    speakers` shows them.

    Raises:
        InvalidJob: speakers.json is damaged.
        StorageFull: the disk is full.
    """
    log = read_log(root)
    # Times as the file will have them, so that edits find the very same ones.
    read = parse_transcript(transcript_json(transcript))
    # A label is no name: who has not been named has none.
    speakers = tuple(structs.replace(s, name="" if s.name == s.label else s.name) for s in read.speakers)
    heard = structs.replace(read, speakers=speakers)
    edits = log.edits
    if cast is not None:
        named = tuple(
            Named(voice=meant(heard, s.id), name=cast[s.label]) for s in heard.speakers if s.label in cast
        )
        edits = tuple(edit for edit in edits if not isinstance(edit, Cast))
        edits = ((Cast(voices=named),) if named else ()) + edits
    recognised = checksum_of(transcript_json(heard))
    if recognised == log.recognised and edits == log.edits and _by_hand(root, log):
        corrected = read_transcript(Layout(root).transcript)
        tell("transcript.json was corrected by hand and stays; delete it to have it as it was heard")
        publish_subtitles(root)
        return corrected
    applied = apply_edits(heard, edits)
    for note in applied.notes:
        tell(note)
    voices = heard_voices(heard)
    with full_disk_is_told(root):
        Layout(root).work.mkdir(exist_ok=True)
        aside = _keep_aside(root, log, transcript_json(applied.transcript))
        if aside is not None:
            who = "was changed by hand" if log.transcript else "is from before, and nothing here tells of it"
            tell(f"transcript.json {who}; that file is kept as {Layout(root).named(aside)}")
        if voices != log.heard:
            for sample in sample_files(Layout(root).samples):  # they may be other people's now
                sample.unlink()
    log = structs.replace(
        log, edits=edits, heard=voices, recognised=recognised, by_hand=False, notes=applied.notes
    )
    _write(root, applied.transcript, log)
    return applied.transcript


def publish_turns(speakers: Diarized, transcript: Transcript, root: Path) -> None:
    """Write the diarizer's own turns as work/diarizer.rttm, by the ids that the transcript has for them.

    transcript.rttm has the segments, where there are words; this has all that was taken for speech.

    Raises:
        StorageFull: the disk is full.
    """
    ids = {speaker.label: speaker.id for speaker in transcript.speakers}
    turns = [structs.replace(turn, speaker=ids.get(turn.speaker, turn.speaker)) for turn in speakers.turns]
    with full_disk_is_told(root):
        Layout(root).work.mkdir(exist_ok=True)
        write_if_new(Layout(root).turns, to_rttm(turns, root.stem).encode())


def sample_files(folder: Path) -> list[Path]:
    """The samples of voices in a folder that are named after a speaker's id."""
    return sorted(p for p in folder.glob("SPEAKER_*.wav") if number_of(p.stem) >= 0)


def _by_hand(root: Path, log: SpeakerLog) -> bool:
    """Whether transcript.json holds what a person wrote into it."""
    try:
        return log.by_hand or checksum_of(Layout(root).transcript.read_bytes()) != log.transcript
    except FileNotFoundError:
        return False


def _keep_aside(root: Path, log: SpeakerLog, coming: bytes) -> Path | None:
    """Rename a transcript.json that is not as we left it, unless it is what will be written anyway."""
    path = Layout(root).transcript
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if data == coming or (checksum_of(data) == log.transcript and not log.by_hand):
        return None
    number, aside = 2, Layout(root).aside(f"{EDITED}.json")
    while aside.exists():
        aside = Layout(root).aside(f"{EDITED}.{number}.json")
        number += 1
    path.replace(aside)
    return aside


def _write(root: Path, transcript: Transcript, log: SpeakerLog) -> None:
    data, here = transcript_json(transcript), Layout(root)
    with full_disk_is_told(root):
        log = structs.replace(log, transcript=checksum_of(data))
        write_together(root, {here.speaker_log: sealed(log), here.transcript: data})
    noted(root, "transcribe RUN", [here.transcript])
    publish_tables(root)
    publish_subtitles(root)


def publish_tables(root: Path) -> None:
    """Write transcript.rttm and .ctm as the transcript stands, where there is one.

    Raises:
        InvalidJob: the transcript is damaged.
        StorageFull.
    """
    here = Layout(root)

    def write() -> tuple[Path, Path]:
        transcript = read_transcript(here.transcript)
        with full_disk_is_told(root):
            write_if_new(here.rttm, to_rttm(transcript, root.stem).encode())
            write_if_new(here.ctm, to_ctm(transcript, root.stem).encode())
        return here.rttm, here.ctm

    if here.transcript.is_file():
        published(root, "tables", write)


# --- edits -------------------------------------------------------------------------------------


def find_speaker(transcript: Transcript, speaker: str) -> str:
    """The id of a speaker given by id or by name.

    Raises:
        InvalidJob: nobody is called so, or several are.
    """
    ids = [s.id for s in transcript.speakers]
    named = [s.id for s in transcript.speakers if speaker and s.name == speaker]
    matches = [speaker] if speaker in ids else named
    if len(matches) > 1:
        raise InvalidJob(f"{' and '.join(matches)} are both called {speaker!r}", hint="Say which, by the id.")
    if not matches:
        known = ", ".join(f"{s.id} ({s.name})" if s.name else s.id for s in transcript.speakers)
        raise InvalidJob(
            f"there is no speaker {speaker!r}", hint=f"This transcript has: {known or 'nobody'}."
        )
    return matches[0]


def amend(root: Path, make: Callable[[Transcript], Edit]) -> Transcript:
    """One more edit on a run's transcript as it stands. `make` gives the edit for that transcript.

    Raises:
        InvalidJob: there is no transcript, another Dubline works in the folder, or `make` refuses.
    """
    read_transcript(Layout(root).transcript)  # before a lock makes a run folder of any folder
    with Run(root):
        transcript, log = _as_it_stands(root)
        edit = make(transcript)
        given = _given(log, transcript)
        result = apply_edits(transcript, [edit], highest=_highest(log), given=given).transcript
        heard = log.heard or heard_voices(transcript)
        _write(root, result, structs.replace(log, edits=(*log.edits, edit), heard=heard))
    return result


def _as_it_stands(root: Path) -> tuple[Transcript, SpeakerLog]:
    """A run's transcript, and its log, which tells whether a person has changed it by hand."""
    log = read_log(root)
    return read_transcript(Layout(root).transcript), structs.replace(log, by_hand=_by_hand(root, log))


def _given(log: SpeakerLog, now: Transcript) -> dict[str, int]:
    """Who gave each name; one that the log does not explain was written into the file by hand."""
    logged = apply_edits(as_heard(log, now), log.edits)
    names = {s.id: s.name for s in logged.transcript.speakers}
    by_hand = {s.id: HAND if s.name else RECOGNISED for s in now.speakers}
    return {s.id: logged.given[s.id] if names.get(s.id) == s.name else by_hand[s.id] for s in now.speakers}


def _highest(log: SpeakerLog) -> int:
    """The largest number that a speaker's id had so far, so that none is given to another voice."""
    ids = [voice.id for voice in log.heard]
    ids += [voice.id for edit in log.edits for voice in meant_by(edit)]
    return max((number_of(i) for i in ids), default=-1)


def rename_speaker(root: Path, speaker: str, name: str) -> Transcript:
    """Give a voice, named by id or name, a name.

    Raises:
        InvalidJob: no transcript in that folder, no such speaker in it, an empty name, or another's.
    """
    given = " ".join(name.split())

    def make(transcript: Transcript) -> Edit:
        who = find_speaker(transcript, speaker)
        if not given:
            raise InvalidJob("a name cannot be empty", hint="Give the name of a person or a part.")
        other = next((s.id for s in transcript.speakers if s.id != who and given in (s.id, s.name)), None)
        if other is not None:
            raise InvalidJob(
                f"{other} is called {given!r} already",
                hint=f"If they are one person: dubline speakers merge {typed(root)} {other} {who}",
            )
        return Rename(voice=meant(transcript, who), name=given)

    return amend(root, make)


def merge_speakers(root: Path, into: str, others: list[str]) -> Transcript:
    """Make several voices one: `into` keeps its number, and its name where it has one.

    Raises:
        InvalidJob: no transcript, no such speaker, or one given twice.
    """

    def make(transcript: Transcript) -> Edit:
        target = find_speaker(transcript, into)
        rest = [find_speaker(transcript, other) for other in others]
        if not rest or len({target, *rest}) != len(rest) + 1:
            raise InvalidJob(
                "a voice cannot be merged with itself" if rest else "there is nothing to merge",
                hint="Give two or more different speakers.",
            )
        return Merge(into=meant(transcript, target), others=tuple(meant(transcript, r) for r in rest))

    return amend(root, make)


def split_speaker(
    root: Path, speaker: str, divide: Callable[[Transcript, str], list[set[int]]]
) -> Transcript:
    """Make new voices of some of a speaker's segments: `divide(transcript, id)` -> a set of ids for each.

    Raises:
        InvalidJob: no transcript, no such speaker, or nothing would be left of it.
    """

    def make(transcript: Transcript) -> Edit:
        who = find_speaker(transcript, speaker)
        parts = divide(transcript, who)
        own = [s for s in transcript.segments if s.speaker == who]
        rest = spans_of(s for s in own if not any(s.id in part for part in parts))
        if not rest:
            raise InvalidJob(f"these are all segments of {who}", hint="To give the voice a name, use rename.")
        highest = max([_highest(read_log(root)), *(number_of(s.id) for s in transcript.speakers)])
        return Split(
            voice=structs.replace(meant(transcript, who), spans=rest),
            parts=tuple(
                Meant(id=f"SPEAKER_{highest + k:02d}", spans=spans_of(s for s in own if s.id in part))
                for k, part in enumerate(parts, 1)
            ),
        )

    return amend(root, make)


def undo_edit(root: Path) -> tuple[Edit, Transcript]:
    """Take the last edit back; texts and speakers changed by hand stay.

    Raises:
        InvalidJob: no transcript, or no edit.
    """
    read_transcript(Layout(root).transcript)
    with Run(root):
        now, log = _as_it_stands(root)
        if not log.edits:
            raise InvalidJob("there is no edit to undo", hint="Nothing was renamed, merged or split here.")
        base = as_heard(log, now)
        after, before = (apply_edits(base, edits) for edits in (log.edits, log.edits[:-1]))
        result = _carried(now, after.transcript, before.transcript)
        _write(root, result, structs.replace(log, edits=log.edits[:-1], notes=before.notes))
    return log.edits[-1], result


def _carried(now: Transcript, after: Transcript, before: Transcript) -> Transcript:
    """The difference between two states of the voices, made on the transcript as it stands."""
    if spans_of(now.segments) == spans_of(after.segments):
        states = zip(now.segments, after.segments, before.segments, strict=True)
        speakers = [was.speaker if s.speaker == later.speaker else s.speaker for s, later, was in states]
    else:
        speakers = [_before(s, after, before) for s in now.segments]
    named = {s.id: s.name for s in after.speakers}
    voices = {s.id: (s.id, s.name, s.label) for s in now.speakers}
    for speaker in before.speakers:
        name = voices[speaker.id][1] if speaker.id in voices else speaker.name
        if name == named.get(speaker.id, name):  # else a person changed it in the file
            name = speaker.name
        voices[speaker.id] = (speaker.id, name, speaker.label)
    return with_speakers(now, speakers, voices.values())


def _before(segment: Segment, after: Transcript, before: Transcript) -> str:
    """Whose a segment was before an edit: that of the segment most like it in time, of the same speaker."""
    best, who = 0.0, segment.speaker
    for later, was in zip(after.segments, before.segments, strict=True):
        shared = min(segment.end, later.end) - max(segment.start, later.start)
        if later.speaker == segment.speaker and shared > 0:
            alike = shared / (segment.end - segment.start + later.end - later.start - shared)
            if alike > best:
                best, who = alike, was.speaker
    return who
