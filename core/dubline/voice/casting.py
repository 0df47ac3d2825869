"""Which voice speaks for whom: from the cast file, from an earlier run, or by the pitch of the actor's voice.

    pitches = run.step(speaker_pitches, vocals, transcript)       how high each speaker's voice is
    cast_speakers(speakers, offered, pitches.hertz, roles)        a voice for each, always the same one

Pitch is the median fundamental frequency over at most a minute of what a speaker says while nobody else does.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from dubline.backends.contract import VoiceInfo
from dubline.media.sound import open_sound, read_blocks
from dubline.run import Work, step
from dubline.signal.pitch import STEP, pitches, praat
from dubline.values.base import Value
from dubline.values.cast import CastMember
from dubline.values.dubbed import CastVoice
from dubline.values.media import Sound
from dubline.values.transcript import UNKNOWN, Segment, Speaker, Transcript
from dubline.voice.sharing import HIGHEST, LOWEST, actor_gender, shades

ENOUGH = 60.0  # seconds of speech for one speaker
PIECE = 10.0  # seconds read at once
LEAST_PART = 0.2  # seconds that nobody talks over, of a line that somebody does
LEAST_VOICED = 0.5  # seconds with a pitch, below which there is no median worth the name
TAKEN = 4.0  # semitones that it costs to have the voice of somebody else

Span = tuple[float, float]


class Role(Value, frozen=True):
    """What the cast file says about a person's voice (see `cast.CastMember`); "" and None say nothing."""

    voice: str = ""
    pitch: float | None = None
    gender: str = ""


def roles_of(people: Mapping[str, CastMember]) -> dict[str, Role]:
    """The roles in a cast file, by name and by the id that it gives a person."""
    roles = {name: Role(voice=p.voice, pitch=p.pitch, gender=p.gender) for name, p in people.items()}
    return {**{p.speaker: roles[name] for name, p in people.items() if p.speaker}, **roles}


class SpeakerPitches(Value, frozen=True):
    """Speaker's id -> median pitch in Hz; who cannot be measured is missing."""

    hertz: dict[str, float]


@step("pitch", version=3)
def speaker_pitches(work: Work, sound: Sound, transcript: Transcript) -> SpeakerPitches:
    """How high each speaker's voice is, measured on the sound of the voices alone.

    Raises:
        BackendMissing: Parselmouth is not installed.
        ValidationError, AudioProcessingError: the sound cannot be read.
        Cancelled: the report asked to stop.
    """
    praat("casting by pitch", ", or name the voices in a cast file.")
    spoken: dict[str, list[Span]] = defaultdict(list)
    for segment in transcript.segments:
        if segment.speaker != UNKNOWN:
            spoken[segment.speaker] += spoken_alone(segment, transcript.segments)
    hertz = {}
    for count, (speaker, spans) in enumerate(sorted(spoken.items())):
        work.report(count, len(spoken))
        pitch = median_pitch(work.open(sound.path), spans)
        if pitch is not None:
            hertz[speaker] = round(pitch, 1)
    work.report(len(spoken), len(spoken))
    return SpeakerPitches(hertz=hertz)


def spoken_alone(segment: Segment, others: Iterable[Segment]) -> list[Span]:
    """The parts of a segment, in seconds, in which none of the `others` of another speaker is heard."""
    if not segment.overlap:
        return [(segment.start, segment.end)]
    parts, at = [], segment.start
    beside = (o for o in others if o.speaker != segment.speaker and o.end > at and o.start < segment.end)
    for other in sorted(beside, key=lambda o: o.start):
        parts.append((at, other.start))
        at = max(at, other.end)
    return [(start, end) for start, end in (*parts, (at, segment.end)) if end - start >= LEAST_PART]


def median_pitch(path: Path, spans: Iterable[Span]) -> float | None:
    """The median pitch of these seconds in Hz, the longest first, a minute at most; None where less than
    half a second of them is voiced."""
    sound, left, heard = open_sound(path), ENOUGH, []
    for begin, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        start = min(max(0, round(begin * sound.rate)), sound.frames)
        stop = min(round(min(end, begin + left) * sound.rate), sound.frames)
        if stop <= start:
            continue
        left -= (stop - start) / sound.rate
        for block in read_blocks(path, round(PIECE * sound.rate), start, stop):
            heard.append(pitches(block, sound.rate))
        if left <= 0:
            break
    voiced = np.concatenate(heard) if heard else np.zeros(0)
    voiced = voiced[voiced > 0]
    return float(np.median(voiced)) if len(voiced) * STEP >= LEAST_VOICED else None


def cast_speakers(
    speakers: Sequence[Speaker],
    offered: Mapping[str, Sequence[VoiceInfo]],
    default: str,
    *,
    pitches: Mapping[str, float] | None = None,
    roles: Mapping[str, Role] | None = None,
    earlier: Mapping[str, CastVoice] | None = None,
    shifts: bool = True,
) -> tuple[CastVoice, ...]:
    """A voice for each speaker, in their order.

    `offered`: back end -> its voices; `default` is the one that casts whoever the cast file leaves open.
    `roles` and `earlier` go by a speaker's name or id, `pitches` (Hz) by id. A voice in the cast file and one
    from an earlier run stand. Of the rest, in the order of their names, each gets the voice nearest in pitch
    that few others have, of the gender that the cast file names or the pitch tells; without a pitch, one that
    the name decides. Nobody shares voice and pitch while there is room; with `shifts` off, or where the
    cast file sets it, the pitch stays.
    """
    pitches, roles, earlier = pitches or {}, roles or {}, earlier or {}
    uses: Counter[str] = Counter()
    voices: dict[str, CastVoice] = {}
    open_ones: list[tuple[str, Speaker, Role]] = []
    for speaker in speakers:
        name = speaker.name or speaker.id
        role = role_of(speaker, roles)
        before = earlier.get(name) or earlier.get(speaker.id)
        if role.voice:
            voice, pitch = full_name(role.voice, offered, default), 1.0 if role.pitch is None else role.pitch
            chosen = CastVoice(speaker=speaker.id, voice=voice, pitch=pitch, basis="cast file")
        elif before is not None:
            chosen = CastVoice(speaker=speaker.id, voice=before.voice, pitch=before.pitch, basis="earlier")
        else:
            open_ones.append((name, speaker, role))
            continue
        voices[speaker.id] = chosen
        uses[chosen.voice] += 1
    wanted: dict[str, dict[str, float]] = defaultdict(dict)  # voice -> speaker's id -> factor
    for name, speaker, role in sorted(open_ones, key=lambda item: (item[0], item[1].id)):
        hertz = pitches.get(speaker.id)
        info = _nearest(name, actor_gender(role.gender, hertz), hertz, offered[default], default, uses)
        voice = f"{default}:{info.name}"
        factor, basis = 1.0, "default"
        if hertz is not None and info.pitch is not None:
            factor, basis = hertz / info.pitch, "pitch"
        if role.pitch is None and shifts:
            wanted[voice][speaker.id] = min(max(factor, LOWEST), HIGHEST)
        pitch = 1.0 if role.pitch is None else role.pitch
        voices[speaker.id] = CastVoice(speaker=speaker.id, voice=voice, pitch=pitch, basis=basis)
        uses[voice] += 1
    for voice, factors in wanted.items():
        fixed = {v.pitch for v in voices.values() if v.voice == voice and v.speaker not in factors}
        for who, shade in zip(factors, shades(tuple(factors.values()), fixed), strict=True):
            voices[who] = replace(voices[who], pitch=shade)
    return tuple(voices[speaker.id] for speaker in speakers)


def role_of(speaker: Speaker, roles: Mapping[str, Role]) -> Role:
    """What a cast file says of a speaker, by name or else by id."""
    return roles.get(speaker.name or speaker.id) or roles.get(speaker.id) or Role()


def full_name(voice: str, backends: Iterable[str], default: str) -> str:
    """ "tr+m3" and "espeak-ng:tr+m3" as "espeak-ng:tr+m3"."""
    backend, colon, _ = voice.partition(":")
    return voice if colon and backend in backends else f"{default}:{voice}"


def parted(voice: str) -> tuple[str, str]:
    """Back end and voice of a full name."""
    backend, _, name = voice.partition(":")
    return backend, name


def _nearest(
    name: str,
    gender: str,
    hertz: float | None,
    offered: Sequence[VoiceInfo],
    default: str,
    uses: Counter[str],
) -> VoiceInfo:
    fitting = [voice for voice in offered if gender and voice.gender == gender] or list(offered)
    if hertz is not None:  # a voice that nobody could measure is taken where there is no other
        fitting = [voice for voice in fitting if voice.pitch is not None] or fitting

    def cost(voice: VoiceInfo) -> tuple[float, str]:
        taken = TAKEN * uses[f"{default}:{voice.name}"]
        by_name = hashlib.sha256(f"{name}\0{voice.name}".encode()).hexdigest()
        if hertz is None or voice.pitch is None:
            return taken, by_name
        return round(abs(12 * math.log2(hertz / voice.pitch)) + taken, 1), by_name

    return min(fitting, key=cost)
