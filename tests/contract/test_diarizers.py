"""Our diarizers keep what every diarizer promises (`dubline.testing`).

The networks are real classes with random weights, built on the spot: they know nobody, but every sample takes
the way it takes with released weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from our_backends import ours
from random_voices import save_ge2e, save_pyannet
from shared_media import Shared

from dubline.backends.choosing import options_of
from dubline.backends.diarizers.builtin import BuiltinDiarizer
from dubline.backends.diarizers.pyannote import Pyannote
from dubline.errors import BackendMissing
from dubline.media.probing import as_sound
from dubline.media.speech import prepare_speech
from dubline.recognition.exports import read_rttm
from dubline.testing import DIARIZER_PROMISES, Subject, keep
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
    return Pyannote, {
        "model": str(pipeline_folder(folder / "pipeline")),
        "window": 1,
        "step": 0.5,
        "device": "cpu",
    }


DIARIZERS: dict[str, Make] = {
    "builtin, several at once": _several,
    "builtin, one at a time": _one,
    "pyannote": _pyannote,
}


@pytest.fixture(params=DIARIZERS, scope="module")
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A diarizer, loaded."""
    folder = tmp_path_factory.mktemp("diarizer")
    cls, options = DIARIZERS[request.param](folder)
    options = {"threads": 1, **options}
    with cls(options_of(cls, options)) as opened:
        yield Subject(cls, options, opened, folder)


@pytest.mark.parametrize("promise", DIARIZER_PROMISES)
def test_promise(subject: Subject, promise: str) -> None:
    keep(DIARIZER_PROMISES, promise, subject)


def test_all_of_ours_are_tried() -> None:
    assert set(ours("diarizer")) == {name.partition(",")[0] for name in DIARIZERS}


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
    options = options_of(BuiltinDiarizer, {"threads": 1, "hearing": "one"})
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
