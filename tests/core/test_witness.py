"""The second ear hears speech where somebody speaks and nowhere else, and says so where it is missing."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import wordless
from shared_media import Shared

from dubline.errors import BackendMissing
from dubline.media.sound import open_sound
from dubline.recognition import witness as module
from dubline.recognition.passages import Witness
from dubline.recognition.stage import listen
from dubline.recognition.witness import ALONE, detector, witness
from dubline.run import Run

needs_silero = pytest.mark.skipif(find_spec("silero_vad") is None, reason="silero-vad is not installed")


def heard(path: Path, folder: Path) -> Witness:
    with Run(folder / "run") as run:
        return run.step(witness, (run.step(listen, open_sound(path), None),), detector())


@needs_silero
def test_it_hears_a_call_where_people_speak(shared: Shared, tmp_path: Path) -> None:
    spans = heard(shared("diarization/sample.wav"), tmp_path).spans
    assert spans and all(0 <= a.start < a.end <= b.start for a, b in pairwise(spans))
    turns = [line.split() for line in shared("diarization/sample.rttm").read_text("utf-8").splitlines()]
    spoken = np.zeros(3001, bool)
    for turn in turns:
        spoken[round(float(turn[3]) * 100) : round((float(turn[3]) + float(turn[4])) * 100)] = True
    found = np.zeros(3001, bool)
    for span in spans:
        found[round(span.start * 100) : round(span.end * 100)] = True
    assert (spoken & found).sum() > 0.9 * spoken.sum()
    assert (~spoken & found).sum() < 0.25 * (~spoken).sum()


@needs_silero
@pytest.mark.parametrize("name", ["silence", "noise", "rain", "music", "alarm"])
def test_it_hears_nobody_where_nobody_speaks(name: str, tmp_path: Path) -> None:
    sf.write(tmp_path / "sound.wav", wordless.made(name, 3, 6.0), wordless.RATE, subtype="FLOAT")
    assert heard(tmp_path / "sound.wav", tmp_path) == Witness(spans=())


def test_a_missing_detector_is_told_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> tuple[str, ...]:
        raise BackendMissing("Silero VAD is not installed", hint="pip install silero-vad")

    monkeypatch.setattr(module, "detector_identity", nobody)
    sf.write(tmp_path / "sound.wav", wordless.made("silence", 1, 1.0), wordless.RATE)
    told: list[str] = []
    with Run(tmp_path / "run", tell=told.append) as run:
        found = run.step(witness, (run.step(listen, open_sound(tmp_path / "sound.wav"), None),), detector())
    assert found.spans is None and told == [f"{ALONE}. pip install silero-vad"]
