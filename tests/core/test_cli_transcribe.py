# ruff: noqa: RUF001 - Turkish has a dotless i
"""`dubline transcribe` and `dubline speakers` as a user gives them, on real speech."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from command import dubline, kept
from shared_media import Shared

from dubline.values.transcript import read_transcript

pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in ("pocketsphinx", "resemblyzer", "silero_vad")),
    reason="pocketsphinx or the built-in diarizer's weights are not installed",
)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory, shared: Shared) -> Path:
    """Two readers, at 6.0-11.58 s and from 12.14 s of the scene on; the next begins at 18.98 s."""
    source = shared("scene/dialogue.flac")
    samples, rate = soundfile.read(source, stop=int(48000 * 18.8), always_2d=True)
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    soundfile.write(path, samples, rate, subtype="PCM_24")
    return path


WORDS = ("--recognizer", "pocketsphinx", "--on", "mix", "--speakers", "2", "--threads", "1")


def test_words_speakers_and_names(talk: Path, shared: Shared) -> None:
    shared("scene/dialogue.flac", real=True)
    answer = dubline("transcribe", talk, *WORDS)
    assert answer.status == 0, answer.err
    root = talk.with_name("talk.dubline")
    transcript = read_transcript(root / "transcript.json")
    assert [s.id for s in transcript.speakers] == ["SPEAKER_00", "SPEAKER_01"]
    first = transcript.segments[0]
    assert first.start == pytest.approx(6.0, abs=0.3) and "worth" in first.text
    assert {s.speaker for s in transcript.segments if s.end < 11.9} == {"SPEAKER_00"}
    assert {s.speaker for s in transcript.segments if s.start > 12.0} == {"SPEAKER_01"}
    assert "SPEAKER" in (root / "work/transcript.rttm").read_text()
    assert "SPEAKER" in (root / "work/diarizer.rttm").read_text()
    assert "-->" in (root / "subtitles/source.srt").read_text(encoding="utf-8")

    assert "SPEAKER_01" in dubline("speakers", "list", root).out
    assert dubline("speakers", "rename", root, "SPEAKER_00", "Ayşe").status == 0
    again = dubline("transcribe", talk, *WORDS)
    assert "recognize" in kept(again)
    assert "Ayşe" in again.out, "a name survives another run"
    wrong = dubline("speakers", "rename", root, "SPEAKER_07", "X")
    assert wrong.status == 2 and "Ayşe" in wrong.err


def test_a_run_is_given_from_the_folder_it_lies_in(
    talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sound of a video lies in its run."""
    with av.open(str(tmp_path / "film.mka"), "w") as film, av.open(str(talk)) as sound:
        stream = film.add_stream_from_template(sound.streams[0])
        for packet in sound.demux():
            if packet.dts is not None:
                packet.stream = stream
                film.mux(packet)
    monkeypatch.chdir(tmp_path)
    assert dubline("transcribe", "film.mka", *WORDS).status == 0
    samples = Path("film.dubline/work/speakers")
    for words in (
        ("film.dubline",),
        ("rename", "film.dubline", "SPEAKER_00", "Ayşe"),
        ("undo", "film.dubline"),
    ):
        shutil.rmtree(samples, ignore_errors=True)
        answer = dubline("speakers", *words)
        assert answer.status == 0 and f"samples: {samples}" in answer.out, answer
        assert len(list(samples.glob("*.wav"))) == 2
    shutil.rmtree(samples)
    assert dubline("report", "film.dubline").status == 0
    assert len(list(samples.glob("*.wav"))) == 2


def test_silence_has_no_words(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros((48000 * 3, 2)), 48000)
    answer = dubline("transcribe", path, *WORDS)
    assert answer.status == 0, answer.err
    assert answer.out.count("no words were found") == 1 and "nobody speaks" not in answer.err
    assert not list((tmp_path / "silence.dubline").glob("subtitles/*"))
    subtitles = dubline("export", tmp_path / "silence.dubline", "--to", "srt")
    assert subtitles.status == 2 and "Leave them out where nobody speaks" in subtitles.err
    assert not read_transcript(tmp_path / "silence.dubline/transcript.json").segments


def test_what_cannot_be(talk: Path, tmp_path: Path) -> None:
    for words, said in (
        (("--recognizer", "nosuch"), "nosuch"),
        (("--recognizer", "pocketsphinx", "--language", "tr"), "not Turkish"),
        (("--on", "drums"), "drums"),
        (("--diarizer", "nosuch", "--on", "mix"), "nosuch"),
    ):
        answer = dubline("transcribe", talk, "-o", tmp_path / "run", *words)
        assert answer.status != 0 and said in answer.err and "Traceback" not in answer.err, (
            words,
            answer.err,
        )
    assert dubline("speakers", "list", tmp_path).status != 0


# --- bad and odd sounds ------------------------------------------------------------------------------


def part_of(
    shared: Shared, name: str, target: Path, start: float, stop: float, *, rate: int = 0, frames: int = 0
) -> Path:
    source = shared(f"scene/{name}")
    known = soundfile.info(source).samplerate
    first = int(start * known)
    samples, known = soundfile.read(
        source, start=first, stop=first + (frames or int((stop - start) * known)), always_2d=True
    )
    if rate:
        import soxr

        samples, known = soxr.resample(samples.mean(axis=1), known, rate), rate
    soundfile.write(target, samples, known, subtype="PCM_24")
    return target


def test_music_alone_gives_no_words(tmp_path: Path, shared: Shared) -> None:
    answer = dubline("transcribe", part_of(shared, "music.flac", tmp_path / "m.wav", 0, 25), *WORDS[:4])
    assert answer.status == 0, answer.err
    found = read_transcript(tmp_path / "m.dubline/transcript.json")
    assert len(found.segments) <= 1 and all(d.reason and d.detail for d in found.dropped)
    assert found.segments or "no segments" in answer.out


def test_a_single_sample_is_a_sound_without_words(tmp_path: Path, shared: Shared) -> None:
    answer = dubline(
        "transcribe", part_of(shared, "dialogue.flac", tmp_path / "s.wav", 6, 7, frames=1), *WORDS[:4]
    )
    assert answer.status == 0, answer.err
    assert "no segments" in answer.out


def test_a_word_and_a_telephone(tmp_path: Path, shared: Shared) -> None:
    word = part_of(shared, "dialogue.flac", tmp_path / "word.wav", 6.0, 6.45)
    call = part_of(shared, "dialogue.flac", tmp_path / "call.wav", 5.8, 8.5, rate=8000)
    for path in (word, call):
        answer = dubline("transcribe", path, *WORDS[:4])
        assert answer.status == 0, answer.err
        found = read_transcript(path.with_suffix(".dubline") / "transcript.json")
        assert found.segments and found.segments[-1].end <= found.duration


# --- text that is there already ----------------------------------------------------------------------

CUES = (
    ("And it is worth mention in passing that, as an example of fine typography,", 6.2, 11.3),
    ("THEY SWARMED UP IN FRONT OF SHERBURN'S PALINGS  (cries)", 12.4, 15.2),
)


def subtitles(path: Path, shift: float = 0.0) -> Path:
    def clock(seconds: float) -> str:
        thousandths = round((seconds + shift) * 1000)
        return (
            f"{thousandths // 3600000:02d}:{thousandths // 60000 % 60:02d}:{thousandths % 60000 / 1000:06.3f}"
        )

    blocks = [f"{n}\n{clock(a)} --> {clock(b)}\n{text}\n" for n, (text, a, b) in enumerate(CUES, 1)]
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def test_subtitles_become_segments_to_the_letter(talk: Path, tmp_path: Path, shared: Shared) -> None:
    shared("scene/dialogue.flac", real=True)
    options = (
        "--on",
        "mix",
        "--speakers",
        "2",
        "--threads",
        "1",
        "--diarizer",
        "builtin",
        "-o",
        tmp_path / "r",
    )
    answer = dubline("transcribe", talk, *options, "--text", subtitles(tmp_path / "a.srt"))
    assert answer.status == 0, answer.err
    found = read_transcript(tmp_path / "r/transcript.json")
    assert [s.text for s in found.segments] == [" ".join(text.split()) for text, *_ in CUES]
    assert [(s.start, s.end) for s in found.segments] == [(a, b) for _, a, b in CUES]
    assert [s.speaker for s in found.segments] == ["SPEAKER_00", "SPEAKER_01"]
    assert found.recognizer is None and not list((tmp_path / "r/work/steps").glob("recognize*"))

    late = subtitles(tmp_path / "late.srt", 3600)
    refined = dubline(
        *("transcribe", talk, *options, "--text", late, "--text-offset", "-3600"),
        *("--refine", "--language", "en", "--verbose"),
    )
    assert refined.status == 0, refined.err
    assert "diarize" in kept(refined) and "forced alignment" in refined.err
    found = read_transcript(tmp_path / "r/transcript.json")
    assert found.segments[0].start == pytest.approx(6.0, abs=0.05)
    assert found.segments[0].end == pytest.approx(11.58, abs=0.05)
    assert not any(w.estimated for w in found.segments[0].words)


def test_a_script_is_put_on_the_words(talk: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.txt"
    script.write_text(
        "And it is worth mention in passing that,\nas an example of fine typography,\n" + CUES[1][0]
    )
    options = (*WORDS, "--text")  # in the run that has recognised these words already
    answer = dubline("transcribe", talk, *options, script)
    assert answer.status == 0, answer.err
    found = read_transcript(talk.with_name("talk.dubline") / "transcript.json")
    assert [s.text for s in found.segments] == script.read_text().splitlines()
    assert found.segments[0].start == pytest.approx(6.0, abs=0.3)
    script.write_text("And it is worth mention in passing that, as an example of fine typography,\n")
    again = dubline("transcribe", talk, *options, script)
    assert "recognize" in kept(again), "another text needs no recognition"
    script.write_text("Wir fahren morgen nach Hamburg und sehen den Hafen.\n")
    wrong = dubline("transcribe", talk, *options, script)
    assert wrong.status == 2 and "heard" in wrong.err


def test_texts_that_cannot_be(talk: Path, tmp_path: Path) -> None:
    (tmp_path / "tr.srt").write_bytes("1\n00:00:06,000 --> 00:00:08,000\nGünaydın\n".encode("cp1254"))
    (tmp_path / "empty.srt").touch()
    late = subtitles(tmp_path / "late.srt", 3600)
    options = (
        "--on",
        "mix",
        "--speakers",
        "2",
        "--threads",
        "1",
        "--diarizer",
        "builtin",
        "-o",
        tmp_path / "r",
    )
    for words, said in (
        (("--text", tmp_path / "tr.srt"), "cp1254"),
        (("--text", tmp_path / "empty.srt"), "no text"),
        (("--text", tmp_path / "nosuch.srt"), "there is no"),
        (("--text", late), "--text-offset"),
        (("--refine",), "--text"),
        (("--microphones", "1"), "--speakers-from-tracks"),
        (("--speakers-from-tracks", "--speakers", "2"), "--microphones"),
    ):
        answer = dubline("transcribe", talk, *options, *words)
        assert answer.status == 2 and said in answer.err and "Traceback" not in answer.err, (
            words,
            answer.err,
        )
    turkish = ("--text", tmp_path / "tr.srt", "--text-encoding", "cp1254")
    assert dubline("transcribe", talk, *options, *turkish).status == 0
    assert read_transcript(tmp_path / "r/transcript.json").segments[0].text == "Günaydın"
