"""The same voice in several runs: one id and one name for it in all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from dubline.errors import InvalidJob
from dubline.recognition.edits import number_of
from dubline.recognition.origin import Origin, origin_of, voices_of
from dubline.recognition.publish import amend
from dubline.recognition.speaker_log import Link, Linked, meant
from dubline.recognition.voice_names import require_vectors
from dubline.signal.embeddings import LEAST_ALIKE, likeness, link
from dubline.values.base import Value
from dubline.values.layout import Layout
from dubline.values.transcript import Speaker, Transcript, read_transcript


class LinkedVoice(Value, frozen=True):
    """A voice in some of the runs.

    `id` and `name` are what it is called in all of them, `places` its id in each run before (by the run's
    number), `seconds` its speech in all, `alike` the smallest cosine between two of its runs (None: one run).
    """

    id: str
    name: str
    places: dict[int, str]
    seconds: float
    alike: float | None = None


class Links(NamedTuple):
    """The voices of several runs, and sentences: who could not be compared, which names contradict."""

    voices: tuple[LinkedVoice, ...]
    notes: tuple[str, ...]


class _Heard(NamedTuple):
    transcript: Transcript
    speakers: dict[str, Speaker]
    vectors: dict[str, tuple[float, ...]]


def find_links(
    roots: Sequence[Path],
    *,
    least_alike: float = LEAST_ALIKE,
    hints: Mapping[str, Any] | None = None,
) -> Links:
    """Which voices of these runs are the same; nothing is changed.

    The first run keeps its ids; a voice that it does not have takes the next number.

    Raises:
        InvalidJob: fewer than two different runs, no transcript in one, no vectors, or of different kinds.
    """
    if len(roots) < 2 or len({root.resolve() for root in roots}) != len(roots):
        raise InvalidJob("linking needs two or more different runs", hint="Give each run folder once.")
    origins = [origin_of(root) for root in roots]
    kinds: dict[str, list[str]] = {}
    for root, origin in zip(roots, origins, strict=True):
        require_vectors(origin.diarized)
        if origin.diarized.turns:
            kinds.setdefault(origin.diarized.embedding, []).append(root.name)
    if len(kinds) > 1:
        models = "; ".join(f"{', '.join(names)}: {kind}" for kind, names in kinds.items())
        raise InvalidJob(
            f"the voices of these runs were heard by different models ({models})",
            hint="Transcribe them with the same diarizer and model.",
        )
    notes: list[str] = []
    heard = [_heard(root, origin, notes, hints) for root, origin in zip(roots, origins, strict=True)]
    numbers = link(
        [run.vectors for run in heard],
        least_alike=least_alike,
        seconds=[{k: run.speakers[k].seconds for k in run.vectors} for run in heard],
    )
    groups: dict[int, dict[int, str]] = {}
    for run, own in enumerate(numbers):
        for speaker, number in own.items():
            groups.setdefault(number, {})[run] = speaker
    # Who cannot be compared must not share a number with somebody else either.
    for run, one in enumerate(heard):
        for speaker in one.speakers:
            if speaker not in one.vectors:
                groups[len(groups)] = {run: speaker}
    return Links(tuple(_voices(heard, list(groups.values()), notes)), tuple(notes))


def _heard(
    root: Path,
    origin: Origin,
    notes: list[str],
    hints: Mapping[str, Any] | None,
) -> _Heard:
    transcript = read_transcript(Layout(root).transcript)
    voices = voices_of(root, transcript, origin, hints)
    notes += [f"{root.name}: {note}" for note in voices.notes]
    return _Heard(transcript, {s.id: s for s in transcript.speakers}, voices.vectors)


def _voices(heard: list[_Heard], groups: list[dict[int, str]], notes: list[str]) -> list[LinkedVoice]:
    taken = {number_of(speaker) for speaker in heard[0].speakers}
    fresh = max(taken, default=-1)
    out = []
    for places in groups:
        if 0 in places:
            new = places[0]
        else:
            fresh += 1
            new = f"SPEAKER_{fresh:02d}"
        names = list(dict.fromkeys(n for r, s in places.items() if (n := heard[r].speakers[s].name)))
        if len(names) > 1:
            notes.append(f"{new} is called {' and '.join(names)} in different runs; each name was left")
        pairs = [
            likeness(heard[a].vectors[places[a]], heard[b].vectors[places[b]])
            for a, b in combinations(sorted(places), 2)
        ]
        out.append(
            LinkedVoice(
                id=new,
                name=names[0] if len(names) == 1 else "",
                places=places,
                seconds=sum(heard[r].speakers[s].seconds for r, s in places.items()),
                alike=min(pairs, default=None),
            )
        )
    return out


def write_links(roots: Sequence[Path], links: Links) -> list[Path]:
    """Give the voices their ids and names in each run, as an edit in its log; the runs that were changed.

    A run in which nothing would change is left alone.

    Raises:
        InvalidJob: another Dubline works in one of the folders.
    """
    changed = []
    for number, root in enumerate(roots):
        mine = {voice.places[number]: voice for voice in links.voices if number in voice.places}
        before = {s.id: s.name for s in read_transcript(Layout(root).transcript).speakers}
        if all(v.id == was and v.name in ("", before.get(was, "")) for was, v in mine.items()):
            continue

        def make(transcript: Transcript, mine: dict[str, LinkedVoice] = mine) -> Link:
            known = {s.id for s in transcript.speakers}
            return Link(
                voices=tuple(
                    Linked(voice=meant(transcript, was), id=v.id, name=v.name)
                    for was, v in mine.items()
                    if was in known
                )
            )

        amend(root, make)
        changed.append(root)
    return changed
