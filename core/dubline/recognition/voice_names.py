"""Names for voices from a gallery: the clips of a cast.toml, heard by the diarizer that heard the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dubline.backends.choosing import opened
from dubline.errors import DublineError, InvalidJob
from dubline.media.probing import fingerprint
from dubline.media.sound import check_readable, open_sound
from dubline.media.speech import prepare_speech
from dubline.recognition.origin import check_kind, origin_of, voices_of
from dubline.recognition.publish import amend
from dubline.recognition.speaker_log import Cast, Named, meant
from dubline.recognition.stage import DiarizationJob, Diarized
from dubline.report import Report, silent
from dubline.run import Run, Work, step
from dubline.signal.embeddings import LEAST_ALIKE, gallery, likeness, name_voices
from dubline.values.base import Value
from dubline.values.cast import Clip, read_cast
from dubline.values.layout import Layout
from dubline.values.transcript import Transcript, read_transcript


class PersonClip(Value, frozen=True):
    """A piece of a sound file with one person's voice: seconds, and the file's fingerprint."""

    path: str
    fingerprint: str
    start: float = 0.0
    end: float | None = None


class Person(Value, frozen=True):
    """Somebody in the cast, with the clips of their voice."""

    name: str
    clips: tuple[PersonClip, ...]


class CastNames(Value, frozen=True):
    """Which voice is whose: label -> name, and how alike they are (cosine)."""

    names: dict[str, str] = {}
    alike: dict[str, float] = {}


def read_people(cast: Path) -> tuple[Person, ...]:
    """The people of a cast.toml, with what identifies their clips' contents.

    Raises:
        InvalidJob: the file is wrong (see `read_cast`), or a clip is missing; with the person and the clip.
    """
    people = []
    for name, member in read_cast(cast).items():
        if not member.clips:
            continue
        heard = []
        for clip in member.clips:
            try:
                check_readable(Path(clip.file))
            except DublineError as error:
                raise _refused(name, clip.file, error) from None
            mark = fingerprint(Path(clip.file))
            heard.append(PersonClip(path=clip.file, fingerprint=mark, start=clip.start, end=clip.end))
        people.append(Person(name=name, clips=tuple(heard)))
    return tuple(people)


def _refused(name: str, file: str, error: DublineError) -> InvalidJob:
    return InvalidJob(f"the clip of {name!r}, {file}: {error.message}", hint=error.hint)


@step("cast", version=1)
def name_from_cast(
    work: Work,
    voices: dict[str, tuple[float, ...]],
    embedding: str,
    job: DiarizationJob,
    people: tuple[Person, ...],
    least_alike: float,
) -> CastNames:
    """Say whose voice each of `voices` (label -> unit vector of the kind `embedding`) is.

    Each name goes to one voice at most; a voice that is less alike than `least_alike` (cosine) to everybody
    gets none.

    Raises:
        BackendMissing, WeightsError: the diarizer cannot be opened.
        InvalidJob: a clip is no sound, too short, silent, or ends before it starts; with the person and the
            clip. Or the diarizer's vectors are of another kind now.
    """
    with opened("diarizer", job.diarizer, work.hints, work.note) as diarizer:
        check_kind(diarizer, embedding)
        total = sum(len(person.clips) for person in people)
        count = 0

        def embed(name: str, clip: Clip) -> tuple[float, ...]:
            nonlocal count
            work.report(count, total)
            count += 1
            return _clip_vector(work, diarizer, name, clip)

        known: dict[str, tuple[float, ...]] = {}
        for person in people:
            clips = [Clip(file=c.path, start=c.start, end=c.end) for c in person.clips]
            known |= gallery({person.name: clips}, lambda clip, who=person.name: embed(who, clip))  # type: ignore[misc]
        work.report(total, total)
    names = name_voices(voices, known, least_alike=least_alike)
    unheard = [person.name for person in people if person.name not in names.values()]
    if unheard:
        work.note(f"no voice is like {', '.join(unheard)}")
    return CastNames(
        names=names, alike={k: round(likeness(voices[k], known[name]), 4) for k, name in names.items()}
    )


def _clip_vector(work: Work, diarizer: Any, name: str, clip: Clip) -> tuple[float, ...]:
    aside = work.folder / "clip.f32"
    try:
        sound = open_sound(Path(clip.file))
        end = sound.duration if clip.end is None else clip.end
        if end > sound.duration + 0.05 or clip.start >= sound.duration:
            raise InvalidJob(
                f"there is no {clip.start:g} s to {end:g} s, it lasts {sound.duration:.2f} s",
                hint="Fix start and end in the cast file.",
            )
        with prepare_speech(Path(clip.file), sound, aside) as speech:
            vector: tuple[float, ...] = diarizer.embed(speech, [(clip.start, end)])
    except DublineError as error:
        if not isinstance(error, InvalidJob | ValueError):
            raise
        raise _refused(name, clip.file, error) from None
    finally:
        aside.unlink(missing_ok=True)
    if not vector:
        raise InvalidJob(
            f"the clip of {name!r}, {clip.file}, is silent or shorter than half a second",
            hint="Give some seconds in which this person speaks alone.",
        )
    return vector


def cast_names(
    run: Run,
    speakers: Diarized,
    diarization: DiarizationJob,
    cast: Path,
    *,
    hints: dict[str, Any] | None = None,
) -> dict[str, str]:
    """Diarizer's label -> name, for voices of a diarization that are like the clips of a cast.toml.

    `publish_transcript` takes the result as `cast`.

    Raises:
        InvalidJob: see `read_people` and `name_from_cast`; or the diarizer gives no vectors.
    """
    require_vectors(speakers)
    voices, kind, people = speakers.embeddings, speakers.embedding, read_people(cast)
    return run.step(name_from_cast, voices, kind, diarization, people, LEAST_ALIKE, hints=hints).names


def require_vectors(speakers: Diarized) -> None:
    """Refuse a diarization without vectors: its voices cannot be compared with any.

    Raises:
        InvalidJob: it has none.
    """
    if speakers.turns and not speakers.embedding:
        raise InvalidJob(
            f"the diarizer {speakers.engine.choice.backend!r} tells nothing by which voices can be compared",
            hint="Use the diarizer builtin or pyannote.",
        )


# --- a finished run ----------------------------------------------------------------------------


class NamedRun(NamedTuple):
    """Speaker's id -> name and likeness of everybody who was recognised, and the transcript as it is now."""

    names: dict[str, tuple[str, float]]
    transcript: Transcript


def name_run(
    root: Path,
    cast: Path,
    *,
    least_alike: float = LEAST_ALIKE,
    hints: dict[str, Any] | None = None,
    report: Callable[[str], Report] = lambda name: silent,
    tell: Callable[[str], None] = lambda text: None,
) -> NamedRun:
    """Name the speakers of a finished run, as they stand, from a cast.toml: one edit in its log.

    Raises:
        InvalidJob: no transcript, and as `cast_names`.
    """
    transcript = read_transcript(Layout(root).transcript)
    origin = origin_of(root)
    require_vectors(origin.diarized)
    people = read_people(cast)
    voices = voices_of(root, transcript, origin, hints)
    for note in voices.notes:
        tell(note)
    with Run(root, report=report, tell=tell) as run:
        kind = origin.diarized.embedding
        named = run.step(name_from_cast, voices.vectors, kind, origin.job, people, least_alike, hints=hints)
    names = {who: (name, named.alike[who]) for who, name in named.names.items()}
    if not names:
        return NamedRun({}, transcript)

    def make(now: Transcript) -> Cast:
        return Cast(
            voices=tuple(Named(voice=meant(now, who), name=name) for who, name in named.names.items())
        )

    return NamedRun(names, amend(root, make))
