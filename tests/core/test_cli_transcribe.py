"""`dubline transcribe` and `dubline speakers` as a user gives them, on real speech."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command import dubline

from dubline.transcript import read_transcript

DATA = Path(__file__).resolve().parents[2] / "../shared/data"

if not all(find_spec(name) for name in ("pocketsphinx", "resemblyzer", "silero_vad")):
    pytest.skip("pocketsphinx or the built-in diarizer's weights are not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two readers, at 6.0-11.58 s and from 12.14 s of the scene on; the next begins at 18.98 s."""
    source = DATA / "scene/dialogue.flac"
    if not source.exists():
        pytest.skip("the shared media are not here")
    samples, rate = soundfile.read(source, stop=int(48000 * 18.8), always_2d=True)
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    soundfile.write(path, samples, rate, subtype="PCM_24")
    return path


WORDS = ("--recognizer", "pocketsphinx", "--on", "mix", "--speakers", "2", "--threads", "1")


def test_words_speakers_and_names(talk: Path) -> None:
    answer = dubline("transcribe", talk, *WORDS)
    assert answer.status == 0, answer.err
    root = talk.with_name("talk.dubline")
    transcript = read_transcript(root / "transcript.json")
    assert [s.id for s in transcript.speakers] == ["SPEAKER_00", "SPEAKER_01"]
    first = transcript.segments[0]
    assert first.start == pytest.approx(6.0, abs=0.3) and "worth" in first.text
    assert {s.speaker for s in transcript.segments if s.end < 11.9} == {"SPEAKER_00"}
    assert {s.speaker for s in transcript.segments if s.start > 12.0} == {"SPEAKER_01"}
    assert "SPEAKER" in (root / "transcript.rttm").read_text()
    assert "-->" in (root / "subtitles/source.srt").read_text(encoding="utf-8")

    assert "SPEAKER_01" in dubline("speakers", "list", root).out
    assert dubline("speakers", "rename", root, "SPEAKER_00", "Ayşe").status == 0
    again = dubline("transcribe", talk, *WORDS)
    assert "recognize: kept from before" in again.err
    assert "Ayşe" in again.out, "a name survives another run"
    wrong = dubline("speakers", "rename", root, "SPEAKER_07", "X")
    assert wrong.status == 2 and "Ayşe" in wrong.err


def test_silence_has_no_words(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros((48000 * 3, 2)), 48000)
    answer = dubline("transcribe", path, *WORDS)
    assert answer.status == 0, answer.err
    assert "nobody speaks" in answer.err
    assert not read_transcript(tmp_path / "silence.dubline/transcript.json").segments


def test_what_cannot_be(talk: Path, tmp_path: Path) -> None:
    for words, said in (
        (("--recognizer", "nosuch"), "nosuch"),
        (("--recognizer", "pocketsphinx", "--language", "tr"), "English"),
        (("--on", "drums"), "drums"),
        (("--diarizer", "nosuch", "--on", "mix"), "nosuch"),
    ):
        answer = dubline("transcribe", talk, "-o", tmp_path / "run", *words)
        assert answer.status != 0 and said in answer.err and "Traceback" not in answer.err, (
            words,
            answer.err,
        )
    assert dubline("speakers", "list", tmp_path).status != 0
