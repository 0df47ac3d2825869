"""Where a run's transcript came from: the sound that was listened to, who was heard in it, and their vectors.

The manifest tells. Of several diarizations the one counts whose voices speak where the transcript's do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import structs

from dubline.backends.choosing import opened
from dubline.backends.contract import Diarizer
from dubline.errors import DublineError, InvalidJob
from dubline.media.film_place import is_same
from dubline.media.speech import Speech
from dubline.recognition.given_turns import TURNS
from dubline.recognition.intervals import Intervals
from dubline.recognition.speaker_log import Span, as_heard, read_log, spans_of
from dubline.recognition.stage import DiarizationJob, Diarized, SpeechFile
from dubline.run import Manifest, StepRecord, placed, read_manifest
from dubline.values.json_files import kept_json
from dubline.values.layout import Layout
from dubline.values.media import Sound
from dubline.values.transcript import Transcript, read_transcript


class Origin(NamedTuple):
    """`sound` has its whole path; it is None where the file is gone or has changed, `speech` where the 16 kHz
    file is gone."""

    diarized: Diarized
    job: DiarizationJob
    speech: SpeechFile | None
    sound: Sound | None


def origin_of(root: Path) -> Origin:
    """What a run's transcript was made from.

    Raises:
        InvalidJob: no transcript there, or none that a diarization of this run led to.
    """
    transcript = read_transcript(Layout(root).transcript)
    manifest = read_manifest(root)
    found = [
        origin
        for record in manifest.steps
        if record.name in ("diarize", "take_turns") and (origin := _read(root, record, manifest)) is not None
    ]
    if transcript.diarizer is not None:
        found = [o for o in found if o.diarized.engine == transcript.diarizer]
    if not found:
        raise InvalidJob(
            f"{root} holds no diarization that its transcript was made from",
            hint="Run `dubline transcribe` again with the same run folder.",
        )
    heard = as_heard(read_log(root), transcript)
    # The last of equals: the manifest is in order of time.
    return max(reversed(found), key=lambda o: _agreement(o.diarized, heard))


def _read(root: Path, record: StepRecord, manifest: Manifest) -> Origin | None:
    diarized = kept_json(Layout(root).file(f"steps/{record.name}-{record.key}/result.json"), Diarized)
    if diarized is None or record.state not in ("done", "kept"):
        return None
    try:
        speech = msgspec.convert(record.inputs[0], SpeechFile)
        job = msgspec.convert(record.inputs[1], DiarizationJob)
    except (ValueError, LookupError, TypeError):
        return None
    sound = _sound(root, speech, manifest)
    return Origin(diarized, job, speech if Layout(root).file(speech.path).is_file() else None, sound)


def _sound(root: Path, speech: SpeechFile, manifest: Manifest) -> Sound | None:
    """What the step that made the 16 kHz file listened to."""
    for record in manifest.steps:
        made = f"steps/{record.name}-{record.key}" == speech.path.rpartition("/")[0]
        if made and record.name in ("listen", "enhance"):
            try:
                sound = msgspec.convert(record.inputs[0], Sound)
            except (ValueError, LookupError, TypeError):
                return None
            path = placed(root, sound.path).absolute()
            film = manifest.film
            known = not sound.fingerprint or is_same(path, sound.fingerprint, film.content if film else "")
            return structs.replace(sound, path=path.as_posix()) if path.is_file() and known else None
    return None


def _agreement(diarized: Diarized, heard: Transcript) -> float:
    """Seconds of the transcript's voices that lie in turns of the same label."""
    labels = {s.id: s.label for s in heard.speakers}
    turns: dict[str, list[Span]] = {}
    for turn in diarized.turns:
        turns.setdefault(turn.speaker, []).append((turn.start, turn.end))
    spoken = {label: Intervals(spans) for label, spans in turns.items()}
    return sum(
        spoken[label].share(s.start, s.end) * (s.end - s.start)
        for s in heard.segments
        if (label := labels.get(s.speaker, "")) in spoken
    )


# --- vectors -----------------------------------------------------------------------------------


class Voices(NamedTuple):
    """Speaker's id -> unit vector; and a sentence for each speaker who has none."""

    vectors: dict[str, tuple[float, ...]]
    notes: tuple[str, ...]


@contextmanager
def diarizer_of(origin: Origin, *, hints: Mapping[str, Any] | None = None) -> Iterator[Diarizer]:
    """The diarizer that heard the run's voices, with its weights, whose vectors are of the same kind.

    Raises:
        BackendMissing, WeightsError: it cannot be opened.
        InvalidJob: its weights are others now, so that its vectors cannot be compared.
    """
    if origin.job == TURNS:
        raise InvalidJob(
            "who speaks was given (--turns): no voice was listened to that could be compared",
            hint="Name and merge speakers by hand, or transcribe with a diarizer: --diarizer auto.",
        )
    # What there is to tell about its weights was told when the run was made.
    with opened("diarizer", origin.job.diarizer, hints) as diarizer:
        check_kind(diarizer, origin.diarized.embedding)
        yield diarizer


def check_kind(diarizer: Diarizer, embedding: str) -> None:
    """Refuse a diarizer whose vectors are of another kind.

    Raises:
        InvalidJob: they are.
    """
    if diarizer.embedding != embedding:
        raise InvalidJob(
            f"the voices were heard as {embedding!r}, and this diarizer gives {diarizer.embedding!r}",
            hint="Transcribe again with the weights that are installed now.",
        )


def voices_of(root: Path, transcript: Transcript, origin: Origin, hints: Mapping[str, Any] | None) -> Voices:
    """A vector for each speaker of a run's transcript as it stands.

    A speaker who is one or several voices as heard has their mean, weighted by seconds. One who has only a
    part of a heard voice is embedded from the sound, by the run's own diarizer; where that cannot be, it is
    left out, and told.
    """
    heard = as_heard(read_log(root), transcript)
    labels = {s.id: s.label for s in heard.speakers}
    shares = _composition(transcript, heard, labels)
    owners: dict[str, set[str]] = {}
    for speaker, parts in shares.items():
        for label in parts:
            owners.setdefault(label, set()).add(speaker)
    vectors: dict[str, tuple[float, ...]] = {}
    divided: list[str] = []
    notes: list[str] = []
    for speaker in (s.id for s in transcript.speakers):
        parts = {label: s for label, s in shares.get(speaker, {}).items() if label}
        if not parts or any(owners[label] != {speaker} for label in parts):
            divided.append(speaker)
            continue
        known = {k: origin.diarized.embeddings[k] for k in parts if origin.diarized.embeddings.get(k)}
        total: Any = sum(np.asarray(v) / (np.linalg.norm(v) or 1.0) * parts[k] for k, v in known.items())
        norm = float(np.linalg.norm(total))
        if norm > 0:
            vectors[speaker] = tuple(float(x) for x in total / norm)
        else:
            notes.append(f"{speaker} spoke too briefly to be compared")
    if divided:
        vectors |= _from_sound(root, transcript, origin, divided, notes, hints)
    return Voices({s.id: vectors[s.id] for s in transcript.speakers if s.id in vectors}, tuple(notes))


def _composition(
    transcript: Transcript, heard: Transcript, labels: dict[str, str]
) -> dict[str, dict[str, float]]:
    """Per speaker: how many seconds each heard voice gave to it."""
    exact: dict[Span, list[str]] = {}
    for segment, span in zip(heard.segments, spans_of(heard.segments), strict=True):
        exact.setdefault(span, []).append(segment.speaker)
    shares: dict[str, dict[str, float]] = {}
    for segment, span in zip(transcript.segments, spans_of(transcript.segments), strict=True):
        was = exact.get(span) or [_nearest(heard, span)]
        voice = segment.speaker if segment.speaker in was else was[0]
        mine = shares.setdefault(segment.speaker, {})
        label = labels.get(voice, "")
        mine[label] = mine.get(label, 0.0) + segment.end - segment.start
    return shares


def _nearest(heard: Transcript, span: Span) -> str:
    def shared(k: int) -> float:
        return min(span[1], heard.segments[k].end) - max(span[0], heard.segments[k].start)

    best = max(range(len(heard.segments)), key=shared, default=None)
    return "" if best is None else heard.segments[best].speaker


def _from_sound(
    root: Path,
    transcript: Transcript,
    origin: Origin,
    speakers: list[str],
    notes: list[str],
    hints: Mapping[str, Any] | None,
) -> dict[str, tuple[float, ...]]:
    def without(why: str) -> dict[str, tuple[float, ...]]:
        notes.append(f"{', '.join(speakers)} cannot be compared: {why}")
        return {}

    if origin.speech is None:
        return without("the sound that was listened to is gone")
    vectors: dict[str, tuple[float, ...]] = {}
    try:
        with (
            diarizer_of(origin, hints=hints) as diarizer,
            Speech(Layout(root).file(origin.speech.path)) as speech,
        ):
            for speaker in speakers:
                own = [s for s in transcript.segments if s.speaker == speaker]
                alone = [s for s in own if not s.overlap] or own
                vector = diarizer.embed(speech, spans_of(alone))
                if vector:
                    vectors[speaker] = vector
                else:
                    notes.append(f"{speaker} spoke too briefly to be compared")
    except DublineError as error:
        return without(error.message)
    return vectors
