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

from dubline.backends.contract import VoiceInfo
from dubline.media.sound import open_sound, read_blocks
from dubline.run import Work, step
from dubline.signal.pitch import STEP, pitches, praat
from dubline.values.base import Value
from dubline.values.cast import CastMember
from dubline.values.dubbed import CastVoice
from dubline.values.media import Sound
from dubline.values.transcript import UNKNOWN, Segment, Speaker, Transcript

ENOUGH = 60.0  # seconds of speech for one speaker
PIECE = 10.0  # seconds read at once
LEAST_VOICED = 0.5  # seconds with a pitch, below which there is no median worth the name
HIGHEST, LOWEST = 1.25, 0.8  # bounds of the factor that brings a voice to the speaker's pitch
NOTCH = 0.05  # the factor's steps: a speaker measured again gets the same
TAKEN = 4.0  # semitones that it costs to have the voice of somebody else


class Role(Value, frozen=True):
    """What the cast file says about a person's voice (see `cast.CastMember`); "" and 1.0 say nothing."""

    voice: str = ""
    pitch: float = 1.0
    gender: str = ""


def roles_of(people: Mapping[str, CastMember]) -> dict[str, Role]:
    """The roles in a cast file, by name and by the id that it gives a person."""
    roles = {name: Role(voice=p.voice, pitch=p.pitch, gender=p.gender) for name, p in people.items()}
    return {**{p.speaker: roles[name] for name, p in people.items() if p.speaker}, **roles}


class SpeakerPitches(Value, frozen=True):
    """Speaker's id -> median pitch in Hz; who cannot be measured is missing."""

    hertz: dict[str, float]


@step("pitch", version=1)
def speaker_pitches(work: Work, sound: Sound, transcript: Transcript) -> SpeakerPitches:
    """How high each speaker's voice is, measured on the sound of the voices alone.

    Raises:
        BackendMissing: Parselmouth is not installed.
        ValidationError, AudioProcessingError: the sound cannot be read.
        Cancelled: the report asked to stop.
    """
    praat("casting by pitch", ", or name the voices in a cast file.")
    spoken: dict[str, list[Segment]] = defaultdict(list)
    for segment in transcript.segments:
        if segment.speaker != UNKNOWN and not segment.overlap:
            spoken[segment.speaker].append(segment)
    hertz = {}
    for count, (speaker, segments) in enumerate(sorted(spoken.items())):
        work.report(count, len(spoken))
        pitch = median_pitch(work.open(sound.path), segments)
        if pitch is not None:
            hertz[speaker] = round(pitch, 1)
    work.report(len(spoken), len(spoken))
    return SpeakerPitches(hertz=hertz)


def median_pitch(path: Path, segments: Iterable[Segment]) -> float | None:
    """The median pitch of these segments in Hz, the longest first, a minute at most; None where less than
    half a second of them is voiced."""
    sound, left, heard = open_sound(path), ENOUGH, []
    for segment in sorted(segments, key=lambda s: (s.start - s.end, s.start)):
        start = min(max(0, round(segment.start * sound.rate)), sound.frames)
        stop = min(round(min(segment.end, segment.start + left) * sound.rate), sound.frames)
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
) -> tuple[CastVoice, ...]:
    """A voice for each speaker, in their order.

    `offered`: back end -> its voices; `default` is the one that casts whoever the cast file leaves open.
    `roles` and `earlier` go by a speaker's name or id, `pitches` (Hz) by id. A voice in the cast file and one
    from an earlier run stand. Of the rest, in the order of their names, each gets the voice nearest in pitch
    that few others have, of the gender that the cast file names; without a pitch, one that the name decides.
    """
    pitches, roles, earlier = pitches or {}, roles or {}, earlier or {}
    uses: Counter[str] = Counter()
    voices: dict[str, CastVoice] = {}
    open_ones: list[tuple[str, Speaker, Role]] = []
    for speaker in speakers:
        name = speaker.name or speaker.id
        role = roles.get(name) or roles.get(speaker.id) or Role()
        before = earlier.get(name) or earlier.get(speaker.id)
        if role.voice:
            voice = full_name(role.voice, offered, default)
            chosen = CastVoice(speaker=speaker.id, voice=voice, pitch=role.pitch, basis="cast file")
        elif before is not None:
            chosen = CastVoice(speaker=speaker.id, voice=before.voice, pitch=before.pitch, basis="earlier")
        else:
            open_ones.append((name, speaker, role))
            continue
        voices[speaker.id] = chosen
        uses[chosen.voice] += 1
    for name, speaker, role in sorted(open_ones, key=lambda item: (item[0], item[1].id)):
        chosen = _nearest(name, speaker.id, role, pitches.get(speaker.id), offered[default], default, uses)
        voices[speaker.id] = chosen
        uses[chosen.voice] += 1
    return tuple(voices[speaker.id] for speaker in speakers)


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
    speaker: str,
    role: Role,
    hertz: float | None,
    offered: Sequence[VoiceInfo],
    default: str,
    uses: Counter[str],
) -> CastVoice:
    gender = role.gender.strip().casefold()
    fitting = [voice for voice in offered if gender and voice.gender == gender] or list(offered)

    def cost(voice: VoiceInfo) -> tuple[float, str]:
        taken = TAKEN * uses[f"{default}:{voice.name}"]
        by_name = hashlib.sha256(f"{name}\0{voice.name}".encode()).hexdigest()
        if hertz is None or voice.pitch is None:
            return taken, by_name
        return round(abs(12 * math.log2(hertz / voice.pitch)) + taken, 1), by_name

    voice = min(fitting, key=cost)
    pitch, basis = role.pitch, "default"
    if hertz is not None and voice.pitch is not None:
        basis = "pitch"
        if pitch == 1.0:
            factor = min(max(hertz / voice.pitch, LOWEST), HIGHEST)
            pitch = round(round(factor / NOTCH) * NOTCH, 2)
    return CastVoice(speaker=speaker, voice=f"{default}:{voice.name}", pitch=pitch, basis=basis)
