"""With real weights nothing is heard where nobody speaks, and hard lines are heard. The sounds are cuts of
what `benchmarks/invented.py` measures at length; turns say that somebody speaks all the time, which is what a
diarizer does at worst."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import real_figures
import soundfile as sf
import wordless
from shared_media import Shared

from dubline.media.sound import open_sound
from dubline.recognition import stage
from dubline.recognition.given_turns import TURNS, GivenTurns, take_turns
from dubline.recognition.witness import detector, witness
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.transcript import Transcript, Turn

SAID = "has never been surpassed"
PLACE = (43.87, 45.47)
"""A line of the scene that nobody talks over."""


@pytest.fixture(autouse=True)
def weights() -> None:
    try:
        real_figures.starters()
    except real_figures.NoWeights as why:
        pytest.skip(f"the starter set cannot be fetched: {why}")


def heard(sound: wordless.Sound, folder: Path) -> tuple[stage.Recognized, Transcript]:
    """What Whisper base recognises in a sound, and what of it stays."""
    sf.write(folder / "sound.wav", sound, wordless.RATE, subtype="FLOAT")
    seconds = len(sound) / wordless.RATE
    with Run(folder / "run") as run, real_figures.models_in(real_figures.starters()):
        file = run.step(stage.listen, open_sound(folder / "sound.wav"), None)
        turns = GivenTurns(turns=(Turn(start=0.0, end=seconds, speaker="A"),))
        speakers = run.step(take_turns, file, TURNS, turns)
        options = {"model": "whisper-base", "language": "en", "threads": 1}
        job = stage.WordsJob(recognizer=Choice(backend="faster-whisper", options=options))
        second = run.step(witness, (file,), detector())
        words = run.step(stage.recognize, file, speakers, job, second)
        return words, run.step(stage.cut, words, speakers, seconds, stage.CutJob(), second)


def test_ambience_effects_and_music_hold_no_line(shared: Shared, tmp_path: Path) -> None:
    scene = shared("scene/scene.mp4", real=True).parent
    cuts = (
        ("sfx", 29.5, 33.5),
        ("ambient", 0.0, 6.0),
        ("music+sfx+ambient", 40.5, 43.5),
        ("music", 16.0, 22.0),
    )
    sound = np.concatenate([wordless.stem(scene, *cut) for cut in cuts])
    words, said = heard(sound, tmp_path)
    assert any(passage.words for passage in words.passages), "nothing was made up: choose another sound"
    assert said.segments == ()
    assert said.dropped and all(piece.reason and piece.detail for piece in said.dropped)


def test_whispered_far_and_under_music_a_line_is_heard(shared: Shared, tmp_path: Path) -> None:
    scene = shared("scene/scene.mp4", real=True).parent
    line = wordless.stem(scene, "dialogue", PLACE[0] - 0.1, PLACE[1] + 0.1)
    ways = [
        wordless.whispered(line),
        wordless.far(line),
        wordless.under(line, wordless.stem(scene, "music", 16.0, 18.0)),
    ]
    quiet = np.zeros(wordless.RATE)
    sound = np.concatenate([part for way in ways for part in (quiet, way)] + [quiet])
    _, said = heard(sound, tmp_path)
    text = " ".join(segment.text for segment in said.segments).lower()
    assert text.count("surpassed") == len(ways) and not said.dropped
    at = [len(quiet) * k + sum(map(len, ways[: k - 1])) for k in range(1, len(ways) + 1)]
    for start, segment in zip(at, said.segments, strict=False):
        assert abs(segment.start - start / wordless.RATE) < 0.6
