"""`dubline separate` as an editor meets it: help, results, messages, and what is left lying about."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command import Answer, at_call, dubline, kept, shown
from random_demucs import htdemucs, save_bag
from shared_media import Shared

from dubline.backends.separators.deepfilternet import DeepFilterNet
from dubline.values.stems import STEM_NAMES

RESULTS = [
    *(f"stems/{name}.wav" for name in sorted(STEM_NAMES)),
    *("work/log.txt", "work/run.json", "work/stems.png"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_bag(tmp_path_factory.mktemp("model"), "house", [htdemucs(seed=1)]))


def separate(media: Path | str, model: str, *words: str | Path) -> Answer:
    given = ["--separator", "demucs", "--model", model, "--precision", "fp32", "--threads", "1"]
    return dubline("separate", *given, *words, "--", media)


def wav(path: Path, seconds: float = 4.0, channels: int = 2) -> Path:
    rng = np.random.default_rng(0)
    soundfile.write(path, rng.normal(size=(int(44100 * seconds), channels)) * 0.1, 44100, subtype="PCM_24")
    return path


def copy_of(source: Path, folder: Path) -> Path:
    return Path(shutil.copyfile(source, folder / source.name))


def results(root: Path) -> list[str]:
    return [name for name in shown(root) if not name.startswith("work/steps/")]


def told_error(answer: Answer, status: int, *words: str) -> None:
    """A message and a hint on standard error, no traceback, nothing on standard output."""
    assert (answer.status, answer.out) == (status, ""), answer.err
    assert "Traceback" not in answer.err
    lines = answer.err.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("dubline: "))
    assert len(lines) > at + 1 and lines[at + 1].startswith("  "), "a hint says what to do next"
    for word in words:
        assert word in answer.err


def test_help_teaches() -> None:
    answer = dubline("separate", "--help-all")
    text = re.sub(r"[\s│]+", " ", answer.out)
    assert answer.status == 0
    for taught in (
        "dubline separate EPISODE.mov",
        "--film-model",
        "residual",
        "cinematic",
        "sum to it",
        "stems.png",
    ):
        assert taught in text, taught
    assert dubline("--version").out.startswith("dubline ")
    assert "separate" in dubline("--help").out
    assert dubline("separate").status == 2


def test_stems_lie_where_a_person_looks(model: str, tmp_path: Path) -> None:
    source = wav(tmp_path / "Folge 1 é.wav")
    before = source.read_bytes()
    answer = separate(source, model)
    assert answer.status == 0, answer.err
    root = tmp_path / "Folge 1 é.dubline"
    assert results(root) == sorted(RESULTS)
    assert source.read_bytes() == before
    assert str(root / "stems") in answer.out and "add up to the source exactly" in answer.out
    for name in STEM_NAMES:
        assert name in answer.out
        assert soundfile.info(root / "stems" / f"{name}.wav").frames == soundfile.info(source).frames
    *_, record = json.loads((root / "work/run.json").read_text(encoding="utf-8"))["steps"]
    assert record["state"] == "done" and record["facts"]["models"][0]["sha256"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [root.name, source.name]


def test_the_second_time_nothing_is_done_again(model: str, tmp_path: Path, shared: Shared) -> None:
    video = copy_of(shared("video/audio_starts_late_750ms.mp4"), tmp_path)
    with at_call(0) as calls:
        first = separate(video, model)
        assert first.status == 0, first.err
        once = len(calls)
        second = separate(video, model)
        assert once > 0 and len(calls) == once
        assert {"extract", "separate"} <= kept(second)
        assert second.out == first.out
        third = separate(video, model, "--overlap", "0.1")
        assert "extract" in kept(third) and "separate" not in kept(third)
        assert len(calls) > once
    root = tmp_path / f"{video.stem}.dubline"
    assert results(root) == sorted(RESULTS)
    assert not [p for p in root.rglob("*.part")]


def test_sound_that_starts_late_stays_late(model: str, tmp_path: Path, shared: Shared) -> None:
    shared("video/audio_starts_late_750ms.mp4", real=True)
    video = copy_of(shared("video/audio_starts_late_750ms.mp4"), tmp_path)
    assert separate(video, model, "--out", tmp_path / "run").status == 0
    total = sum(soundfile.read(tmp_path / f"run/stems/{name}.wav", always_2d=True)[0] for name in STEM_NAMES)
    rate = soundfile.info(tmp_path / "run/stems/vocals.wav").samplerate
    # The decoder's first frame fades in from below the last bit of 16.
    assert np.abs(total[: int(0.74 * rate)]).max() < 2**-15 < np.abs(total).max()


def test_default_track_of_a_film_with_four(model: str, tmp_path: Path, shared: Shared) -> None:
    video = copy_of(shared("video/multi_audio_4tracks_51_default.mkv"), tmp_path)
    answer = separate(video, model, "--verbose")
    assert answer.status == 0, answer.err
    root = tmp_path / f"{video.stem}.dubline"
    info = soundfile.info(root / "stems/vocals.wav")
    assert info.channels == 6
    assert "LFE" in answer.err
    told_error(separate(video, model, "--track", "9"), 2, "Its tracks are")
    told_error(separate(video, model, "--track", "xyz"), 2, "Its tracks are")


def test_name_that_begins_with_a_dash(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Shared
) -> None:
    monkeypatch.chdir(tmp_path)
    wav(tmp_path / "-take 2.wav", 2)
    assert separate("-take 2.wav", model).status == 0
    assert (tmp_path / "-take 2.dubline/stems/vocals.wav").exists()
    assert "--" in re.sub(r"[\s│]+", " ", dubline("separate", "--help").out)
    silent = copy_of(shared("video/moviepy_-video-with-dash-.mp4"), tmp_path)
    told_error(separate(silent, model), 2, "no sound")


def test_what_cannot_be_separated_leaves_nothing(model: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.mov").touch()
    (tmp_path / "text.mp4").write_text("this is not a film")
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 2)), 44100)
    before = sorted(p.name for p in tmp_path.rglob("*"))
    told_error(separate(tmp_path / "missing.wav", model), 2, "there is no file")
    told_error(separate(tmp_path / "folder", model), 2, "is a folder")
    told_error(separate(".", model), 2, "is a folder")
    told_error(separate(tmp_path / "empty.mov", model), 2, "is empty")
    told_error(separate(tmp_path / "none.wav", model), 2, "no sound")
    told_error(separate(tmp_path / "text.mp4", model), 1, "cannot be opened")
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_name_that_is_not_text(model: str, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/f\xfflm.wav")
    try:
        shutil.copyfile(wav(tmp_path / "a.wav", 1), name)
    except OSError:
        pytest.skip("this file system takes no such name")
    told_error(separate(name, model), 2, "not valid text", "Rename")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--content", "opera"], 2, "--content takes no 'opera'"),
        (["--background", "none"], 2, "--background takes no"),
        (["--depth", "16"], 2, "--depth takes no"),
        (["--precision", "fp8"], 2, "no precision"),
        (["--device", "gpu"], 2, "no device"),
        (["--overlap", "1"], 2, "overlap is 1"),
        (["--lines", "missing.srt"], 2, "missing.srt"),
        (["--film-model", "nosuch"], 1, "no model 'nosuch'"),
        (["--model", "nosuch"], 1, "no model 'nosuch'"),
        (["--content", "cinematic"], 1, "film model"),
    ],
)
def test_wrong_settings(model: str, tmp_path: Path, words: list[str], status: int, said: str) -> None:
    source = wav(tmp_path / "a.wav", 1)
    told_error(separate(source, model, *words), status, said)
    assert not (tmp_path / "a.dubline/stems").exists()


def test_unknown_separator_and_unusable_places(model: str, tmp_path: Path) -> None:
    source = wav(tmp_path / "a.wav", 1)
    told_error(dubline("separate", source, "--separator", "nosuch"), 2, "nosuch", "demucs")
    told_error(separate(source, model, "--out", source), 2, "run folder", "--out")
    told_error(separate(source, model, "--out", "/proc/1/run"), 2, "run folder", "--out")


def test_sound_that_is_not_numbers(model: str, tmp_path: Path) -> None:
    samples = np.zeros((44100, 2), np.float32)
    samples[22050, 1] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 44100, subtype="FLOAT")
    told_error(separate(tmp_path / "a.wav", model), 2, "00:00:00.500 in channel 2")
    assert not (tmp_path / "a.dubline/stems").exists()


def test_lists(model: str) -> None:
    told = dubline("backends")
    assert told.status == 0 and all(name in told.out for name in ("builtin", "demucs", "uvr"))


def test_why_a_separator_was_taken_is_kept(tmp_path: Path) -> None:
    """What `auto` chose, why, and what that costs, is told and stands in the manifest."""
    import json

    answer = dubline("separate", wav(tmp_path / "a.wav", 0.5))
    assert answer.status == 0, answer.err
    plain = "builtin" if DeepFilterNet.missing() else "deepfilternet"
    assert f"separator: {plain}, the best that is set up here: " in answer.err
    *_, step = json.loads((tmp_path / "a.dubline/work/run.json").read_text())["steps"]
    for words in (f"separator: {plain}, since", "faintly audible", "content: cinematic"):
        assert words in (tmp_path / "a.dubline/work/log.txt").read_text("utf-8")
        assert any(words in note for note in step["notes"])


def test_stems_stay_where_what_made_them_is_gone(tmp_path: Path) -> None:
    """A plug-in that was removed is no reason to refuse what is there."""
    import json

    source = wav(tmp_path / "a.wav", 0.5)
    assert dubline("separate", source, "--separator", "builtin").status == 0
    place = tmp_path / "a.dubline/work/run.json"
    told = json.loads(place.read_text())
    told["wishes"]["separate"]["separator"] = "removed"
    place.write_text(json.dumps(told))
    again = dubline("separate", source)
    assert again.status == 0, again.err
    assert "removed" in again.err and "those that this run has" in again.err
    assert dubline("localize", source, "--no-transcript").status == 0
    told_error(dubline("separate", source, "--separator", "removed"), 2, "removed", "Known")
    assert json.loads(place.read_text())["wishes"] == told["wishes"], "nothing was asked, nothing is kept"
    wav(source, 0.7)
    told_error(dubline("separate", source), 2, "removed", "Known")


def test_a_device_that_a_separator_does_not_know(tmp_path: Path) -> None:
    source = wav(tmp_path / "a.wav", 0.5)
    told_error(
        dubline("separate", source, "--separator", "builtin", "--device", "gpu"), 2, "no device", "cuda"
    )
    answer = dubline("separate", source, "--separator", "builtin", "--device", "cuda")
    assert answer.status == 0 and "builtin works on the processor" in answer.err


def test_a_wrong_option_is_told_with_the_right_ones(tmp_path: Path) -> None:
    source = wav(tmp_path / "a.wav", 0.5)
    words = ("--separator", "builtin", "--separator-option")
    told_error(
        dubline("separate", source, *words, "strength=1"),
        2,
        "builtin has no option",
        "rnnoise (auto, off, on)",
    )
    told_error(dubline("separate", source, *words, "rnnoise=loud"), 2, "builtin: rnnoise", "(auto, off, on)")
    wrong = dubline("transcribe", source, "--diarizer", "builtin", "--diarizer-option", "strength=1")
    told_error(wrong, 2, "builtin has no option", "hearing")
