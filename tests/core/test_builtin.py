"""The built-in separator, beyond what every separator must do (tests/contract): exact in length, resumable to
the last bit, better than doing nothing."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shared_media import Shared

from dubline.backends.choosing import options_of
from dubline.backends.contract import Survey
from dubline.backends.separators import classical, rnnoise
from dubline.backends.separators.builtin import Builtin
from dubline.backends.separators.builtin_stream import LATENCY, BuiltinStream
from dubline.errors import BackendFailed, BackendMissing, InvalidJob, ValidationError
from dubline.values.media import Line

RATE = 48000
LINES = (Line(start=0.5, end=1.5), Line(start=3.0, end=4.2))

Sound = NDArray[np.float32]

needs_rnnoise = pytest.mark.skipif(rnnoise.library_path() is None, reason="RNNoise is not installed")
MODES = ["off", pytest.param("on", marks=needs_rnnoise)]


def stream(
    frames: int, mode: str = "off", lines: tuple[Line, ...] | None = LINES, mono: bool = False
) -> BuiltinStream:
    survey = Survey(frames=frames, rate=RATE, lines=lines, mono=mono)
    return Builtin(Builtin.Options(rnnoise=mode)).stream(survey, lambda: None)  # type: ignore[arg-type]


def voice(
    sound: Sound,
    mode: str = "off",
    lines: tuple[Line, ...] | None = LINES,
    mono: bool = False,
    blocks: tuple[int, ...] = (),
) -> Sound:
    work, parts, at = stream(sound.shape[1], mode, lines, mono), [], 0
    for size in blocks:
        parts.append(work.push(sound[:, at : at + size])[0])
        at += size
    parts += [work.push(sound[:, at:])[0], work.flush()[0]]
    return np.concatenate(parts, axis=1)


def babble(seconds: float, seed: int = 0) -> Sound:
    """A buzz in the middle that comes and goes, over unrelated noise left and right."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20)) * (np.sin(2 * np.pi * 1.5 * t) > 0)
    return (0.1 * buzz + 0.05 * rng.standard_normal((2, t.size))).astype(np.float32)


def si_sdr(estimate: Sound, truth: Sound) -> float:
    e, t = estimate.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    target = (e @ t) / (t @ t) * t
    return float(10 * np.log10((target @ target) / ((e - target) @ (e - target))))


@settings(max_examples=6, deadline=None)
@given(
    frames=st.one_of(st.integers(0, 40_000), st.sampled_from([1, 1024, 16384, 16384 - 960, 32768])),
    blocks=st.lists(st.integers(0, 20_000), max_size=3),
)
def test_length_is_exact(frames: int, blocks: list[int]) -> None:
    work, sound = stream(frames), babble(1.0)[:, :frames]
    sound = np.pad(sound, ((0, 0), (0, frames - sound.shape[1])))
    given_so_far = returned = 0
    for size in [*blocks, frames]:
        block = sound[:, given_so_far : given_so_far + size]
        given_so_far += block.shape[1]
        out = work.push(block)
        assert out.shape[:2] == (1, 2)
        returned += out.shape[2]
        assert returned <= given_so_far
    assert returned + work.flush().shape[2] == frames


def test_latency_is_fixed_and_what_is_kept_does_not_grow() -> None:
    work, sound, returned, sizes = stream(40 * RATE), babble(1.0), 0, []
    for second in range(1, 25):
        returned += work.push(sound).shape[2]
        assert second * RATE - returned < LATENCY
        sizes.append(sum(v.nbytes for v in work.state().values() if isinstance(v, np.ndarray)))
    assert max(sizes[12:]) < 1.1 * max(sizes[:12])


@pytest.mark.parametrize(
    ("mode", "at"),
    [("off", 0), ("off", 8 * RATE), pytest.param("on", 7 * RATE + 123, marks=needs_rnnoise)],
)
def test_a_restored_stream_goes_on_to_the_last_bit(mode: str, at: int) -> None:
    sound = babble(8.0)
    first = stream(sound.shape[1], mode, None)
    head = first.push(sound[:, :at])[0]
    kept = io.BytesIO()
    np.savez(kept, **first.state())
    tail = [first.push(sound[:, at:])[0], first.flush()[0]]
    kept.seek(0)
    again = stream(sound.shape[1], mode, None)
    with np.load(kept, allow_pickle=False) as saved:
        again.restore({k: v if v.ndim else v.item() for k, v in saved.items()})
    second = [again.push(sound[:, at:])[0], again.flush()[0]]
    np.testing.assert_array_equal(np.concatenate(second, axis=1), np.concatenate(tail, axis=1))
    assert head.shape[1] + sum(p.shape[1] for p in second) == sound.shape[1]


@needs_rnnoise
def test_the_memory_of_rnnoise_goes_on_in_another_process(tmp_path: Path) -> None:
    sound = babble(2.0).mean(axis=0)
    here = rnnoise.Denoiser()
    here.push(sound[:RATE])
    np.savez(tmp_path / "state.npz", **here.state())
    np.save(tmp_path / "rest.npy", sound[RATE:])
    expected, chance = here.push(sound[RATE:])
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from dubline.backends.separators.rnnoise import Denoiser\n"
        "at = Path(sys.argv[1]); d = Denoiser(); s = np.load(at / 'state.npz')\n"
        "d.restore({k: v if v.ndim else v.item() for k, v in s.items()})\n"
        "c, p = d.push(np.load(at / 'rest.npy')); np.savez(at / 'out.npz', c=c, p=p)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    with np.load(tmp_path / "out.npz") as out:
        np.testing.assert_array_equal(out["c"], expected)
        np.testing.assert_array_equal(out["p"], chance)


@needs_rnnoise
def test_the_memory_of_another_build_is_refused() -> None:
    denoiser = rnnoise.Denoiser()
    with pytest.raises(BackendFailed) as refused:
        denoiser.restore({**denoiser.state(), "build": "another"})
    assert refused.value.hint


@needs_rnnoise
def test_rnnoise_is_lined_up_with_its_input(shared: Shared) -> None:
    speech = sf.read(shared("scene/dialogue.flac"), dtype="float32", start=6 * RATE, stop=9 * RATE)[0].T
    sound = speech.mean(axis=0)
    denoiser = rnnoise.Denoiser()
    clean = np.concatenate([denoiser.push(sound[:1000])[0], denoiser.push(sound[1000:])[0]])
    assert sound.size - clean.size < 5 * rnnoise.FRAME  # a frame not yet full, and up to 4 of its own
    lags = np.arange(-960, 961, 10)
    match = [float(clean[RATE : 2 * RATE] @ sound[RATE + lag : 2 * RATE + lag]) for lag in lags]
    assert abs(lags[int(np.argmax(match))]) <= 10


@pytest.mark.parametrize("mode", MODES)
def test_silence_in_known_lines_stays_silence(mode: str) -> None:
    assert not voice(np.zeros((2, RATE), np.float32), mode, LINES).any()


@pytest.mark.parametrize("mode", MODES)
def test_an_offset_stays_out_of_the_voice(mode: str) -> None:
    offset = np.array([[0.2], [-0.1]], np.float32)
    constant = voice(np.broadcast_to(offset, (2, 3 * RATE)).copy(), mode)
    assert np.abs(constant[:, RATE // 4 : -RATE // 4]).max() < 1e-5
    sound = babble(3.0)
    lifted = voice(sound + offset, mode)
    assert np.abs(lifted.mean(axis=1)).max() < 1e-4


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("mono", "size"), [(True, 1.0), (False, 1e5), (False, 1e-30)])
def test_extremes_stay_numbers(mode: str, mono: bool, size: float) -> None:
    square = np.where(np.arange(RATE // 2) // 240 % 2, -size, size).astype(np.float32)
    sound = np.stack([square, square if mono else -square])
    out = voice(sound, mode, None, mono)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 4 * size


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_what_is_no_sound_is_refused(bad: float) -> None:
    with pytest.raises(ValidationError) as refused:
        stream(3).push(np.full((2, 3), bad, np.float32))
    assert refused.value.hint


def test_nothing_is_taken_outside_lines_and_the_gate_is_smooth() -> None:
    out = voice(babble(6.0))
    inside = np.abs(out[:, round(0.6 * RATE) : round(1.4 * RATE)]).max()
    assert inside > 0.01
    assert not out[:, : round(0.3 * RATE)].any()
    assert not out[:, round(1.8 * RATE) : round(2.7 * RATE)].any()
    gate = classical.LineGate(LINES).at(np.arange(6 * RATE))
    assert gate.max() == 1.0 and gate.min() == 0.0
    assert np.abs(np.diff(gate)).max() < 1e-3
    assert (gate[round(0.5 * RATE) : round(1.5 * RATE)] == 1).all()


def test_no_lines_at_all_is_not_the_same_as_lines_unknown() -> None:
    sound = babble(3.0)
    assert not voice(sound, lines=()).any()
    assert voice(sound, lines=None).any()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 2)), max_size=8),
    st.lists(st.integers(1, 5 * RATE), max_size=4),
)
def test_the_gate_does_not_depend_on_where_it_is_asked(
    spans: list[tuple[float, float]], cuts: list[int]
) -> None:
    gate = classical.LineGate([Line(start=a, end=a + d) for a, d in spans])
    whole = gate.at(np.arange(0, 7 * RATE))
    edges = [0, *sorted(cuts), 7 * RATE]
    pieces = [gate.at(np.arange(a, b)) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    for start, length in spans:
        assert (whole[round(start * RATE) : round((start + length) * RATE)] == 1).all()


def test_frames_come_back_as_they_were() -> None:
    t = np.arange(2 * RATE) / RATE
    tone = np.stack([np.sin(2 * np.pi * 1000 * t), np.sin(2 * np.pi * 3000 * t)]).astype(np.float32)
    padded = np.pad(tone, ((0, 0), (classical.LEAD, classical.LEAD + (-tone.shape[1]) % classical.HOP)))
    back = classical.Overlap(2).add(classical.analyse(padded))[:, classical.LEAD :][:, : tone.shape[1]]
    np.testing.assert_allclose(back[:, 9600:-9600], tone[:, 9600:-9600], atol=1e-3)


@given(st.floats(27, 63), st.floats(-0.6, 0.6))
@settings(max_examples=30, deadline=None)
def test_a_beam_keeps_its_direction_and_knows_what_is_across(angle: float, related: float) -> None:
    rng = np.random.default_rng(1)
    theta = np.radians(angle)
    rest = np.array([[1.5], [0.5], [related]], np.float32)
    white = classical.whitener(rest, spread=0.0)
    source = rng.standard_normal((1, 20, 1)) + 1j * rng.standard_normal((1, 20, 1))
    steer = np.sqrt(2) * np.array([np.cos(theta), np.sin(theta)])[:, None, None]
    heard = (steer * source).astype(np.complex64)
    np.testing.assert_allclose(classical.beam(heard, white, theta), source[0], atol=1e-4)
    along, across = classical.powers(classical.covariance(heard), white, theta)
    assert (across < 1e-4 * along).all()
    alone, under = classical.powers(np.broadcast_to(rest[..., None], (3, 1, 1)), white, theta)
    np.testing.assert_allclose(alone, under, rtol=1e-4)  # whitened, the rest is alike in all directions


def test_without_rnnoise_auto_says_so_and_on_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rnnoise, "library_path", lambda: None)
    auto = Builtin(Builtin.Options())
    assert "without RNNoise" in auto.notes[0] and rnnoise.REMEDY in auto.notes[0]
    assert auto.identities == ()
    assert voice(babble(1.0), "auto", None).any()
    with pytest.raises(BackendMissing) as missing:
        Builtin(Builtin.Options(rnnoise="on"))
    assert rnnoise.REMEDY in missing.value.hint


@needs_rnnoise
def test_with_rnnoise_auto_says_so() -> None:
    auto = Builtin(Builtin.Options())
    assert "with RNNoise" in auto.notes[0]
    assert len(auto.identities[0].sha256[0]) == 64


@pytest.mark.parametrize("options", [{"rnnoise": "loud"}, {"strength": 1}, {"rnnoise": 3}])
def test_unknown_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidJob) as refused:
        options_of(Builtin, options)
    assert refused.value.hint


# Measured on seconds 6 to 21 of the scene, less 0.3 dB: speech, background.
FLOORS = {("on", True): (9.38, 4.55), ("on", False): (9.39, 4.56), ("off", True): (8.46, 3.11)}


@pytest.mark.parametrize(
    ("mode", "known"),
    [
        pytest.param("on", True, marks=needs_rnnoise),
        pytest.param("on", False, marks=needs_rnnoise),
        ("off", True),
    ],
)
def test_a_real_scene_comes_apart(mode: str, known: bool, shared: Shared) -> None:
    stems = [
        sf.read(shared(f"scene/{name}.flac", real=True), dtype="float32", start=6 * RATE, stop=21 * RATE)[0].T
        for name in ("dialogue", "music", "sfx", "ambient")
    ]
    speech, rest = stems[0], stems[1] + stems[2] + stems[3]
    turns = [row.split() for row in shared("scene/truth.rttm", real=True).read_text().splitlines()]
    spans = [(float(t[3]) - 6, float(t[3]) + float(t[4]) - 6) for t in turns]
    lines = tuple(Line(start=a, end=b) for a, b in spans) if known else None
    out = voice(speech + rest, mode, lines)
    found = si_sdr(out, speech), si_sdr(speech + rest - out, rest)
    assert all(f >= least for f, least in zip(found, FLOORS[mode, known], strict=True)), found
