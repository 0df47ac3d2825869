"""The whole job with real weights, on sounds whose truth is known: floors a bit below what was measured
(docs/figures.md). Where the weights cannot be had these tests skip, and `install/test.py` fails over that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
import real_figures
from command import dubline
from shared_media import Shared

from dubline.voice.sharing import HIGHEST, LOWEST


@pytest.fixture(autouse=True)
def weights() -> Iterator[None]:
    try:
        folder = real_figures.starters()
    except real_figures.NoWeights as why:
        pytest.skip(f"the starter set cannot be fetched: {why}")
    with real_figures.models_in(folder):
        yield


def test_the_demo_is_heard_told_apart_translated_and_fits(tmp_path: Path) -> None:
    answer = dubline("demo", "-o", tmp_path / "Ayşe's demo")
    assert answer.status == 0, answer.err
    (root,) = (tmp_path / "Ayşe's demo").glob("*.dubline")
    truth = real_figures.demo_truth()
    assert real_figures.heard(root, truth["segments"]) <= 6
    assert real_figures.speakers(root, truth["segments"], truth["seconds"]) <= 5
    assert real_figures.fits(root) == 100
    transcript = json.loads((root / "transcript.json").read_text(encoding="utf-8"))
    assert (len(transcript["segments"]), len(transcript["speakers"])) == (9, 3)
    assert (root / "final.mp4").is_file() and f"in {root}, the best first:\n  final.mp4\n" in answer.out


def test_a_scene_from_film_to_film(shared: Shared, tmp_path: Path) -> None:
    scene = shared("scene/scene.mp4", real=True).parent
    root = tmp_path / "scene.dubline"
    answer = dubline(
        "localize", scene / "scene.mp4", "--out", root, "--from", "en", "--to", "pt", "--voice", "espeak-ng"
    )
    assert answer.status == 0, answer.err
    told = json.loads((scene / "truth_transcript.json").read_text(encoding="utf-8"))
    turns = real_figures.turns_of(scene / "truth.rttm")
    assert real_figures.heard(root, told["segments"]) <= 20
    assert real_figures.speakers(root, turns, told["duration"]) <= 10
    transcript = json.loads((root / "transcript.json").read_text(encoding="utf-8"))
    assert len(transcript["speakers"]) == 4, "two who talk at once are not a fifth"
    assert real_figures.fits(root) >= 80
    voices, rest = real_figures.separated(root, scene)
    assert voices >= 9.9 and rest >= 10.1
    with av.open(str(root / "final.mp4")) as film:
        kinds = [(stream.type, stream.metadata.get("language")) for stream in film.streams]
    assert kinds[0][0] == "video"
    assert ("audio", "eng") in kinds and ("audio", "por") in kinds and ("subtitle", "por") in kinds


def test_each_line_stands_in_its_language(shared: Shared, tmp_path: Path) -> None:
    """English and Spanish in turns, by the same two voices."""
    film, root = shared("cases/av/two_languages.flac", real=True), tmp_path / "two.dubline"
    answer = dubline("transcribe", film, "--on", "mix", "--out", root, "--recognizer", "faster-whisper")
    assert answer.status == 0 and "there is Spanish in " in answer.err + answer.out
    transcript = json.loads((root / "transcript.json").read_text(encoding="utf-8"))
    assert transcript["language"] == "en"
    spanish = [12.0 <= s["start"] < 23.0 or s["start"] > 30.0 for s in transcript["segments"]]
    assert [s.get("language", "en") == "es" for s in transcript["segments"]] == spanish and any(spanish)
    text = " ".join(s["text"].casefold() for s in transcript["segments"])
    assert all(words in text for words in ("the train to the city", "buenos días", "thank you", "por favor"))
    answer = dubline("transcribe", root, "--language", "tr")
    assert "this sounds like " in answer.err and "but Turkish was named" in answer.err
    assert "but Turkish was named" in (root / "report.html").read_text(encoding="utf-8")


def test_the_translation_is_near_what_a_person_wrote() -> None:
    assert real_figures.translated() >= 58


def test_the_voice_is_understood(tmp_path: Path) -> None:
    assert real_figures.spoken(tmp_path) <= 3


@pytest.mark.parametrize("factor", [LOWEST, HIGHEST])
def test_the_voice_is_understood_at_the_highest_and_the_lowest_pitch_it_is_given(
    tmp_path: Path, factor: float
) -> None:
    assert real_figures.spoken_at(tmp_path, factor) <= 5


@pytest.mark.parametrize("name", ["left_only.flac", "delay_0.5ms.flac", "dlg_left_51.mkv"])
def test_a_voice_on_one_side_late_or_in_one_front_is_heard(shared: Shared, tmp_path: Path, name: str) -> None:
    film, root = shared(f"cases/av/{name}", real=True), tmp_path / "one.dubline"
    answer = dubline("transcribe", film, "--out", root, "--language", "en", "--model", "whisper-base")
    assert answer.status == 0, answer.err
    transcript = json.loads((root / "transcript.json").read_text(encoding="utf-8"))
    said = "The harbour was closed for the winter. Nobody had seen the captain since October."
    wanted = real_figures.plain(said)
    found = real_figures.plain(" ".join(s["text"] for s in transcript["segments"]))
    assert real_figures.edits(wanted, found[: len(wanted)]) <= 2, found
