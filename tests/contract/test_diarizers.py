"""What every diarizer must do, whatever is inside. Add yours to `DIARIZERS`.

The networks are real classes with random weights, built on the spot: they know nobody, but every sample takes
the way it takes with released weights.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from random_voices import save_ge2e, save_pyannet
from shared_media import Shared

from dubline.backends.choosing import options_of
from dubline.backends.contract import Diarization
from dubline.backends.diarizers.builtin import BuiltinDiarizer
from dubline.backends.diarizers.pyannote import Pyannote
from dubline.errors import BackendMissing, Cancelled, InvalidJob
from dubline.media.probing import as_sound
from dubline.media.speech import RATE, Speech, prepare_speech
from dubline.recognition.exports import read_rttm
from dubline.report import silent
from dubline.values.media import Sound
from dubline.values.transcript import Turn
from dubline.weights.wheels import GE2E, SILERO, find_file

torch = pytest.importorskip("torch")

Make = Callable[[Path], tuple[Any, dict[str, Any]]]


def _several(folder: Path) -> tuple[Any, dict[str, Any]]:
    network, encoder = save_pyannet(folder / "seg.bin"), save_ge2e(folder / "ge2e.pt")
    return BuiltinDiarizer, {
        "hearing": "several",
        "segmentation": str(network),
        "embedding": str(encoder),
        "window": 0.5,
    }


def _one(folder: Path) -> tuple[Any, dict[str, Any]]:
    if find_file(SILERO) is None:
        pytest.skip("the silero-vad wheel is not installed")
    pytest.importorskip("onnxruntime")
    return BuiltinDiarizer, {
        "hearing": "one",
        "embedding": str(save_ge2e(folder / "ge2e.pt")),
        "window": 0.5,
    }


def _pyannote(folder: Path) -> tuple[Any, dict[str, Any]]:
    from random_pyannote import pipeline_folder

    from dubline.backends.diarizers.pyannote_models import import_pyannote

    try:
        import_pyannote()
    except BackendMissing as missing:
        pytest.skip(str(missing))
    return Pyannote, {"model": str(pipeline_folder(folder / "pipeline")), "window": 1, "step": 0.5}


DIARIZERS: dict[str, Make] = {
    "builtin, several at once": _several,
    "builtin, one at a time": _one,
    "pyannote": _pyannote,
}


@pytest.fixture(params=DIARIZERS, scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A diarizer's class and the options that load it."""
    cls, options = DIARIZERS[request.param](tmp_path_factory.mktemp("diarizer"))
    return cls, {"device": "cpu", "threads": 1, **options}


@pytest.fixture(scope="module")
def opened(made: Any) -> Any:
    """A diarizer, loaded."""
    cls, options = made
    with cls(options_of(cls, options)) as diarizer:
        yield diarizer


VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480))
"""First three formants in Hz (Peterson & Barney, "Control methods used in a study of the vowels", 1952)."""


def noises(seconds: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """(n,) a babbling voice: pulses through the formants of changing vowels, with pauses between."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate))
    syllable = round(0.2 * rate)
    for number, at in enumerate(range(0, len(out), syllable)):
        if number % 8 == 7:
            continue
        times = np.arange(min(syllable, len(out) - at)) / rate
        pitch = (110 if number // 8 % 2 else 205) * (1 + 0.1 * np.sin(2 * np.pi * 3 * times + number))
        phase = np.cumsum(pitch) / rate
        sound = np.diff(np.floor(phase), prepend=0.0) + 0.02 * rng.normal(size=len(times))
        for formant in VOWELS[number % 4]:
            radius = np.exp(-np.pi * 80 / rate)
            angle = 2 * np.pi * formant / rate
            sound = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], sound)
        shape = np.sin(np.pi * (np.arange(len(times)) + 0.5) / syllable) ** 0.5
        out[at : at + len(times)] = sound * shape
    return (0.3 * out / max(1e-9, np.abs(out).max()) if len(out) else out).astype(np.float32)


def speech_of(samples: np.ndarray, folder: Path) -> Speech:
    """Samples (n,) at 16 kHz as the stage hands them over."""
    file = folder / "speech.f32"
    samples.astype(np.float32).tofile(file)
    return Speech(file)


def check(found: Diarization, duration: float) -> None:
    """Everything that the contract says about a result."""
    for turns in (found.turns, found.exclusive):
        assert list(turns) == sorted(turns, key=lambda t: (t.start, t.end, t.speaker))
        for turn in turns:
            assert 0 <= turn.start < turn.end <= duration + 1e-6
            assert isinstance(turn, Turn)
    for speaker in {t.speaker for t in found.turns}:
        own = [t for t in found.turns if t.speaker == speaker]
        assert all(a.end <= b.start for a, b in pairwise(own)), "one voice twice at once"
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(found.exclusive)), "exclusive turns overlap"
    assert {t.speaker for t in found.exclusive} <= {t.speaker for t in found.turns}
    assert set(found.embeddings) <= {t.speaker for t in found.turns}
    assert len({len(v) for v in found.embeddings.values()}) <= 1
    for vector in found.embeddings.values():
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-4)
    assert found.embedding


def test_turns_lie_in_order_inside_the_sound(opened: Any, tmp_path: Path) -> None:
    with speech_of(noises(6.3), tmp_path) as speech:
        found = opened.diarize(speech, silent)
        assert found == opened.diarize(speech, silent), "the same sound gives another result"
    assert found.turns, "a sound made to be heard as voices gives no turns: the test would prove nothing"
    check(found, speech.duration)
    assert opened.identities and all(i.sha256 for i in opened.identities)


def test_several_windows_are_one_result(opened: Any, tmp_path: Path) -> None:
    """61 s pass the window of every diarizer here: the seams and the linking are walked."""
    sound = np.zeros(61 * RATE, np.float32)
    for at in (1, 27, 57):  # most of it is silent, so that it is quick
        sound[at * RATE : (at + 4) * RATE] = noises(4, seed=at)
    with speech_of(sound, tmp_path) as speech:
        check(opened.diarize(speech, silent), speech.duration)


@pytest.mark.parametrize("samples", [0, 1, 300, RATE // 10])
def test_almost_no_sound_is_no_problem(opened: Any, tmp_path: Path, samples: int) -> None:
    with speech_of(noises(1)[:samples], tmp_path) as speech:
        check(opened.diarize(speech, silent), speech.duration)


def test_an_empty_or_silent_sound_has_no_turns(opened: Any, tmp_path: Path) -> None:
    for samples in (0, 5 * RATE):
        with speech_of(np.zeros(samples, np.float32), tmp_path) as speech:
            found = opened.diarize(speech, silent)
            assert (found.turns, found.exclusive, found.embeddings) == ((), (), {})


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (48000, 2)])
def test_other_rates_and_channels(opened: Any, tmp_path: Path, rate: int, channels: int) -> None:
    one = noises(3, rate=rate)
    soundfile.write(tmp_path / "in.wav", np.stack([one] * channels, axis=1), rate, subtype="FLOAT")
    sound = Sound(path=str(tmp_path / "in.wav"), rate=rate, channels=channels, frames=len(one))
    with prepare_speech(tmp_path / "in.wav", sound, tmp_path / "out.f32") as speech:
        assert speech.duration == pytest.approx(3, abs=1e-3)
        check(opened.diarize(speech, silent), speech.duration)


def test_one_vector_for_a_voice(opened: Any, tmp_path: Path) -> None:
    sound = np.concatenate([noises(4), np.zeros(4 * RATE, np.float32)])
    with speech_of(sound, tmp_path) as speech:
        whole = opened.embed(speech, [(0.0, 4.0)])
        assert np.linalg.norm(whole) == pytest.approx(1.0, abs=1e-6)
        assert whole == opened.embed(speech, [(0.0, 4.0)])
        parts = opened.embed(speech, [(0.0, 1.3), (1.3, 2.0), (2.0, 4.0)])
        assert np.dot(whole, parts) == pytest.approx(1.0, abs=1e-6), "spans in a row are one sound"
        assert opened.embed(speech, [(3.0, 4.0), (7.9, 99.0)]), "what lies outside does not count"
        for nothing in ([], [(1.0, 1.2)], [(5.0, 8.0)], [(9.0, 12.0)], [(0.0, 0.2), (1.0, 1.2)]):
            assert opened.embed(speech, nothing) == (), nothing
        found = opened.diarize(speech, silent)
    assert found.embedding == opened.embedding
    assert all(len(v) == len(whole) for v in found.embeddings.values())


def test_the_same_voice_is_closer_than_another(tmp_path: Path, shared: Shared) -> None:
    """Readers of a scene, with the weights of the wheel: what each says is most like the rest they say."""
    shared("scene/dialogue.flac", real=True)
    if find_file(GE2E) is None or find_file(SILERO) is None:
        pytest.skip("the wheels with the built-in diarizer's weights are not installed")
    turns = read_rttm(shared("scene/truth.rttm"))
    alone = [
        t
        for t in turns
        if t.end - t.start > 1.5
        and not any(o is not t and o.start < t.end and o.end > t.start for o in turns)
    ]
    own = {name: [t for t in alone if t.speaker == name] for name in {t.speaker for t in alone}}
    several = [t for mine in own.values() if len(mine) > 1 for t in mine]
    assert len(several) >= 4 and len(own) >= 2
    sound = as_sound(shared("scene/dialogue.flac"))
    assert sound is not None
    options = options_of(BuiltinDiarizer, {"device": "cpu", "threads": 1, "hearing": "one"})
    with (
        BuiltinDiarizer(options) as diarizer,
        prepare_speech(shared("scene/dialogue.flac"), sound, tmp_path / "speech.f32") as speech,
    ):
        for turn in several:
            vector = diarizer.embed(speech, [(turn.start, turn.end)])
            alike = {
                name: np.dot(
                    vector, diarizer.embed(speech, [(t.start, t.end) for t in mine if t is not turn])
                )
                for name, mine in own.items()
            }
            assert max(alike, key=lambda name: alike[name]) == turn.speaker, (turn, alike)


def test_progress_grows_to_the_end(opened: Any, tmp_path: Path) -> None:
    ticks: list[float] = []
    with speech_of(noises(3), tmp_path) as speech:

        def note(done: float, total: float) -> None:
            assert total == pytest.approx(speech.duration)
            ticks.append(done)

        opened.diarize(speech, note)
    assert ticks == sorted(ticks)
    assert ticks[-1] == pytest.approx(3)
    assert len(ticks) > 2


def test_it_stops_when_told(opened: Any, tmp_path: Path) -> None:
    def stop(done: float, total: float) -> None:
        raise Cancelled("stopped")

    with speech_of(noises(3), tmp_path) as speech, pytest.raises(Cancelled):
        opened.diarize(speech, stop)


def test_hours_of_silence_take_little_memory(opened: Any, tmp_path: Path) -> None:
    hours = 4
    file = tmp_path / "long.f32"
    with file.open("wb") as raw:
        raw.truncate(hours * 3600 * RATE * 4)  # a hole: it takes no disk and reads as zeros
    with Speech(file) as speech:
        tracemalloc.start()
        try:
            found = opened.diarize(speech, silent)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert found.turns == ()
    assert peak < 48e6 < speech.frames * 4 / 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"speakers": 0},
        {"min_speakers": 3, "max_speakers": 2},
        {"speakers": 2, "max_speakers": 3},
        {"window": 0.01},
        {"link": 1.5},
    ],
)
def test_impossible_options_are_refused(made: Any, wrong: dict[str, Any]) -> None:
    cls, options = made
    with pytest.raises(InvalidJob) as caught:
        cls(options_of(cls, {**options, **wrong}))
    assert caught.value.hint


@pytest.mark.parametrize("count", [1, 2])
def test_at_most_so_many_speakers(made: Any, tmp_path: Path, count: int) -> None:
    cls, options = made
    with (
        cls(options_of(cls, {**options, "max_speakers": count})) as diarizer,
        speech_of(noises(4), tmp_path) as speech,
    ):
        found = diarizer.diarize(speech, silent)
    check(found, speech.duration)
    assert len({t.speaker for t in found.turns}) <= count
