"""`dubline localize` as a user gives it."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import firefox_models
import numpy as np
import pytest
import soundfile
from command import dubline, kept
from shared_media import Shared

from dubline.report import quantity
from dubline.values.transcript import read_transcript
from dubline.values.translated import read_translation
from dubline.weights.intake_folders import import_folder

pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in ("pocketsphinx", "resemblyzer", "silero_vad")),
    reason="pocketsphinx or the built-in diarizer's weights are not installed",
)

WORDS = ("--from", "en", "--to", "tr", "--recognizer", "pocketsphinx", "--diarizer", "builtin",
         "--separator", "builtin", "--translator", "manual", "--speakers", "1", "--threads", "1")  # fmt: skip


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory, shared: Shared) -> Path:
    source = shared("scene/dialogue.flac")
    samples, rate = soundfile.read(source, start=48000 * 6, stop=48000 * 12, always_2d=True)
    path = tmp_path_factory.mktemp("talk") / "Bölüm 1.wav"
    soundfile.write(path, samples, rate, subtype="PCM_24")
    return path


def test_all_of_it_beside_the_film_and_kept_the_second_time(talk: Path) -> None:
    answer = dubline("localize", talk, *WORDS)
    assert answer.status == 0, answer.err
    root = talk.with_name("Bölüm 1.dubline")
    assert (root / "stems/vocals.wav").is_file() and (root / "work/stems.png").is_file()
    transcript = read_transcript(root / "transcript.json")
    translation = read_translation(root / "translated.json")
    assert translation.totals.pending == len(transcript.segments) > 0
    assert quantity(len(transcript.segments), "segment") in answer.out and str(root) in answer.out
    assert "left to a person" in answer.out
    again = dubline("localize", talk, *WORDS)
    assert again.status == 0 and again.out == answer.out
    for name in ("separate", "diarize", "recognize"):
        assert name in kept(again)


def test_without_a_translator_the_lines_are_left_to_a_person_and_that_is_said_last(
    talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    words = [word if word != "manual" else "auto" for word in WORDS]
    answer = dubline("localize", talk, *words)
    assert answer.status == 0, answer.err
    assert "translator: manual, as asked" not in answer.err
    last = " ".join(answer.out.split("\n\n")[-1].split())
    assert "no translator from English to Turkish" in last and "left to a person" in last
    assert "`dubline setup --from en --to tr`" in last and last.endswith("give this command again.")
    root = talk.with_name("Bölüm 1.dubline")
    transcript, translation = (
        read_transcript(root / "transcript.json"),
        read_translation(root / "translated.json"),
    )
    assert translation.totals.pending == len(transcript.segments) > 0
    assert (root / "subtitles" / "tr.to-translate.srt").is_file()
    wishes = json.loads((root / "work/run.json").read_text(encoding="utf-8"))["wishes"]
    assert "translator" not in wishes["translate.tr"], "nobody asked for it: the next one that can is taken"


def test_a_language_without_a_translator_does_not_take_the_other_ones_away(
    talk: Path, tmp_path: Path, own_models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    import_folder(firefox_models.model("enpt"), name="enpt")
    words = [{"manual": "auto", "tr": "de,pt"}.get(word, word) for word in WORDS]
    answer = dubline("localize", talk, *words, "--out", tmp_path / "two.dubline")
    assert answer.status == 0, answer.err
    german = read_translation(tmp_path / "two.dubline/translated.json")
    portuguese = read_translation(tmp_path / "two.dubline/translated.pt.json")
    assert german.totals.pending == german.totals.segments > 0
    assert portuguese.totals.translated > 0 and portuguese.totals.pending == 0
    last = answer.out.split("\n\n")[-1]
    assert (
        "German" in last and "Portuguese" not in last and "setup --from en --to de`" in " ".join(last.split())
    )
    wishes = json.loads((tmp_path / "two.dubline/work/run.json").read_text(encoding="utf-8"))["wishes"]
    assert "translator" not in wishes["translate.de"]


def test_the_same_steps_as_the_single_commands(talk: Path) -> None:
    """A run that `localize` has begun is gone on with by `separate`, without doing it again."""
    root = talk.with_name("Bölüm 1.dubline")
    if not (root / "work/run.json").exists():
        dubline("localize", talk, *WORDS)
    answer = dubline("separate", talk, "--separator", "builtin", "--threads", "1")
    assert answer.status == 0 and "separate" in kept(answer)


def test_what_cannot_be_costs_no_work(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((4800, 1)), 48000)
    for words, said in (
        (("--content", "opera"), "opera"),
        (("--separator", "nosuch"), "nosuch"),
        (("--from", "tr"), "not Turkish"),
        (("--to", "en"), "both en"),
    ):
        answer = dubline("localize", path, *WORDS, *words)
        assert answer.status != 0 and said in answer.err and "Traceback" not in answer.err, answer.err
        assert not (tmp_path / "a.dubline").exists()
    nothing = dubline("localize", path, "--no-stems", "--no-transcript")
    assert nothing.status == 2 and "there is nothing to do" in nothing.err
    for words, said in (
        (("--no-stems", "--depth", "float"), "options of the stems"),
        (("--no-transcript",), "options of the transcript"),
        (("--speakers-from-tracks",), "a number of speakers together with"),
    ):
        quarrel = dubline("localize", path, *WORDS, *words)
        assert quarrel.status == 2 and said in quarrel.err, quarrel.err
        assert not (tmp_path / "a.dubline").exists()
    one = ("--recognizer", "pocketsphinx", "--speakers-from-tracks")
    for command in ("localize", "transcribe"):
        alone = dubline(command, path, *one)
        assert alone.status == 2 and "speakers cannot be told by 1 channel" in alone.err, alone.err
        assert not (tmp_path / "a.dubline").exists()
    wordless = dubline("localize", path, "--separator", "builtin", "--no-transcript", "--to", "tr")
    assert wordless.status == 2 and "--to together with --no-transcript" in wordless.err, wordless.err
    missing = dubline("localize", tmp_path / "none.mov")
    assert missing.status == 2 and "no file" in missing.err


def test_help_teaches() -> None:
    answer = dubline("localize", "--help")
    assert answer.status == 0 and "dubline localize EPISODE.mov --from tr --to en" in answer.out
