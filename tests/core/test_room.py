"""The room of the source's voices: found where there is one, by its reverberation time, and made again."""

from __future__ import annotations

import io
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import oaconvolve

from dubline.media.sound import open_sound
from dubline.mix import MixJob, remix
from dubline.mix.levels import Placed, Voices
from dubline.mix.room import LONGEST, MOST, SHORTEST, Reverb, Room, RoomFinder, find_room, impulse
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.dubbed import Take, Takes
from dubline.values.layout import Layout
from dubline.values.stems import STEM_NAMES, Stem, Stems

LINES = Path(__file__).resolve().parents[2] / "benchmarks/spoken_lines.tsv"
VOICES = ("en+m3", "en+f2", "tr+f1")
RATE = 48000

needs_espeak = pytest.mark.program("espeak-ng")


@cache
def dry(voice: str) -> np.ndarray:
    """A minute or two of dry speech: lines with 0.7 s of silence after each."""
    rows = [row.split("\t") for row in LINES.read_text(encoding="utf-8").splitlines()[1:]]
    texts = [text for language, text in rows if language == voice[:2] and len(text) > 15][:30]
    parts = []
    for text in texts:
        command = ["espeak-ng", "-v", voice, "--stdin", "--stdout"]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
        sound, rate = soundfile.read(io.BytesIO(done.stdout))
        parts += [soxr.resample(sound, rate, RATE), np.zeros(int(0.7 * RATE))]
    return np.concatenate(parts)


def in_room(sound: np.ndarray, seconds: float, direct: float, seed: int = 0) -> np.ndarray:
    """The sound in a room that dies away in `seconds`, `direct` dB of direct over reverberant sound."""
    at = np.arange(int(RATE * seconds * 1.5)) / RATE
    answer = np.random.default_rng(seed).normal(size=len(at)) * 10 ** (-3 * at / seconds)
    answer[: RATE // 500] = 0
    answer *= 10 ** (-direct / 20) / np.sqrt(np.square(answer).sum())
    answer[0] = 1
    return np.asarray(oaconvolve(sound, answer))


def found(sound: np.ndarray, rate: int = RATE, block: int = 65536) -> tuple[Room | None, str]:
    stereo = np.stack((sound, sound)).astype(np.float32)
    blocks = (stereo[:, at : at + block] for at in range(0, len(sound), block))
    return find_room(blocks, rate, lambda done: None)


@needs_espeak
@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize(("seconds", "direct"), [(0.3, 0), (0.3, 6), (0.6, 0), (0.6, 6), (0.9, 3)])
def test_the_reverberation_time_is_found(voice: str, seconds: float, direct: float) -> None:
    room, why = found(in_room(dry(voice), seconds, direct))
    assert room is not None, why
    assert room.decay == pytest.approx(seconds, rel=0.25)
    assert room.level == pytest.approx(-direct, abs=9)


@needs_espeak
@pytest.mark.parametrize("voice", VOICES)
def test_dry_speech_has_no_room(voice: str) -> None:
    assert found(dry(voice)) == (None, "the source's voices sound as if recorded close")


@needs_espeak
def test_noise_under_the_voices_does_not_hide_the_room() -> None:
    sound = in_room(dry("en+f2"), 0.6, 3)
    loud = np.sqrt(np.mean(np.square(sound)))
    sound += np.random.default_rng(1).normal(size=len(sound)) * loud * 10 ** (-45 / 20)
    room, why = found(sound)
    assert room is not None, why
    assert room.decay == pytest.approx(0.6, rel=0.25)


@needs_espeak
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_it_is_found_at_every_rate(rate: int) -> None:
    sound = soxr.resample(in_room(dry("en+m3"), 0.6, 3), RATE, rate)
    room, why = found(sound, rate)
    assert room is not None, why
    assert room.decay == pytest.approx(0.6, rel=0.25)


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "short", "nothing"])
def test_what_is_no_speech_has_no_room(kind: str) -> None:
    rng = np.random.default_rng(0)
    sounds = {
        "silence": np.zeros(RATE * 20),
        "noise": rng.normal(size=RATE * 20) * 0.1,
        "tone": np.sin(np.arange(RATE * 20) * 0.1),
        "short": rng.normal(size=100),
        "nothing": np.zeros(0),
    }
    room, why = found(sounds[kind])
    assert room is None and why


@needs_espeak
def test_blocks_do_not_matter() -> None:
    sound = in_room(dry("en+m3"), 0.6, 3)
    whole, cut = found(sound)[0], found(sound, block=10_007)[0]
    assert whole is not None and cut is not None
    assert cut == whole


def test_memory_does_not_grow() -> None:
    finder = RoomFinder(8000)
    noise = np.random.default_rng(0).normal(size=(1, 8000 * 60)).astype(np.float32)
    for _ in range(20):
        finder.push(noise)
    assert len(finder._powers) < 12_000


@settings(max_examples=20, deadline=None)
@given(
    decay=st.floats(SHORTEST, LONGEST),
    level=st.floats(-20, 0),
    rate=st.sampled_from([8000, 48000]),
    channels=st.integers(1, 2),
)
def test_the_reverb_dies_away_in_its_time_and_stays_light(
    decay: float, level: float, rate: int, channels: int
) -> None:
    answer = impulse(Room(decay, level, 50), rate, channels)
    np.testing.assert_array_equal(answer, impulse(Room(decay, level, 50), rate, channels))
    power = 10 * np.log10(np.square(answer).sum(axis=1))
    np.testing.assert_allclose(power, min(level, MOST), atol=1e-6)
    assert not answer[:, : round(0.005 * rate)].any()
    # Backward integration (Schroeder, JASA 37, 1965), from 5 to 25 dB down.
    energy = np.cumsum(np.square(answer).mean(axis=0)[::-1])[::-1]
    fall = 10 * np.log10(energy / energy[0])
    between = (fall < -5) & (fall > -25)
    slope = np.polyfit(np.flatnonzero(between) / rate, fall[between], 1)[0]
    assert -60 / slope == pytest.approx(decay, rel=0.12)
    if channels == 2:
        assert abs(np.corrcoef(answer)[0, 1]) < 0.25


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("takes") / "x.wav"
    soundfile.write(path, np.random.default_rng(3).normal(size=3000) * 0.1, 8000, subtype="FLOAT")
    return path


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 20_000), max_size=5), start=st.integers(0, 15_000))
def test_the_same_samples_in_whatever_stretches(takes: Path, cuts: list[int], start: int) -> None:
    sound = soundfile.read(takes)[0]
    voices = Voices([Placed(takes, start, start + 3000, 1.0)], 0)
    answer = impulse(Room(0.3, -9.0, 50), 8000, 2)

    def pieces(edges: list[int]) -> np.ndarray:
        reverb = Reverb(voices, answer)
        parts = []
        for first, last in pairwise(edges):
            piece = reverb.read(first, last) if last > first else None
            parts.append(np.zeros((2, last - first)) if piece is None else piece)
        return np.concatenate(parts, axis=1)

    whole = pieces([0, 20_000])
    np.testing.assert_allclose(pieces([0, *sorted(cuts), 20_000]), whole, atol=1e-12)
    source = np.zeros(20_000)
    source[start : start + 3000] = sound.astype(np.float32)
    expected = source + np.stack([np.convolve(source, channel)[:20_000] for channel in answer])
    np.testing.assert_allclose(whole, expected, atol=1e-6)
    assert np.abs(whole[:, :start]).max(initial=0.0) < 1e-12
    assert Reverb(voices, answer).read(start + 3000 + answer.shape[1], start + 9000) is None


def test_a_jump_reads_what_came_before(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.full(3000, 0.1), 8000, subtype="FLOAT")
    voices = Voices([Placed(tmp_path / "x.wav", 1000, 4000, 1.0)], 0)
    reverb = Reverb(voices, impulse(Room(0.3, -9.0, 50), 8000, 1))
    whole = reverb.read(0, 8000)
    tail = reverb.read(4100, 4200)
    assert whole is not None and tail is not None
    np.testing.assert_allclose(tail, whole[:, 4100:4200], atol=1e-12)


@needs_espeak
def test_the_takes_of_a_dub_sound_in_the_room_of_the_source(tmp_path: Path) -> None:
    vocals = (in_room(dry("en+f2"), 0.5, 3) * 0.3).astype(np.float32)[: 45 * RATE]
    frames = len(vocals)
    soundfile.write(tmp_path / "vocals.wav", np.stack((vocals, vocals), 1), RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "none.wav", np.zeros((frames, 2)), RATE, subtype="PCM_16")
    shape = {"rate": RATE, "channels": 2, "frames": frames}
    paths = {name: tmp_path / ("vocals.wav" if name == "vocals" else "none.wav") for name in STEM_NAMES}
    stems = Stems(
        source=open_sound(tmp_path / "vocals.wav"),
        stems=tuple(Stem(name=name, path=str(path), **shape) for name, path in paths.items()),
        separator=Choice(backend="builtin"),
    )
    soundfile.write(tmp_path / "take.wav", np.random.default_rng(0).normal(size=RATE) * 0.1, RATE)
    take = {"state": "spoken", "path": str(tmp_path / "take.wav"), "rate": RATE, "frames": RATE}
    takes = Takes(language="tr", takes=(Take(id=1, speaker="A", start=5 * RATE, **take),))
    level = {"target": "off", "voice_level": "as spoken"}
    with Run(tmp_path / "run") as run:
        wet = run.step(remix, stems, takes, MixJob(reverb="room", **level))
        dry_mix = run.step(remix, stems, takes, MixJob(**level))
    assert wet.room is not None and dry_mix.room is None
    assert wet.room[0] == pytest.approx(0.5, rel=0.25)
    assert any("reverb of" in note for note in wet.notes)
    rooms, plain = (soundfile.read(Layout(tmp_path / "run").file(mix.wav))[0].T for mix in (wet, dry_mix))
    assert rooms.shape == (2, frames)
    added = rooms - plain
    end = 6 * RATE
    assert np.abs(added[:, : 5 * RATE]).max() == 0
    last = end + round((wet.room[0] + 0.01) * RATE)
    assert np.abs(added[:, last:]).max() == 0
    tail, voice = added[:, end : end + RATE // 10], plain[:, 5 * RATE : end]
    assert 0 < np.square(tail).mean() < np.square(voice).mean() * 10 ** (MOST / 10)
    # Other noise on either side: the voice stays in the middle, its room around it.
    assert abs(np.corrcoef(tail)[0, 1]) < 0.3
    np.testing.assert_array_equal(plain[0], plain[1])
