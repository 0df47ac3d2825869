"""`localize` of a film that brings its words with it: text inside it, turns beside it, and what comes out."""
# ruff: noqa: RUF001 - Turkish has a dotless i

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from command import dubline
from run_to_dub import edit, hum

from dubline.errors import InvalidJob
from dubline.media.embedded_text import choose_stream, read_stream, text_streams
from dubline.recognition.given_turns import alone
from dubline.run import read_manifest
from dubline.values.transcript import Turn, read_transcript

LINES = (
    (500, 2000, "Where have <i>you</i> been?"),
    (3000, 4400, "The road was closed."),
    (5000, 6500, "Shall we go now?"),
)
SECONDS = 8
HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""What FFmpeg's encoder of SubRip wants to see."""
Texts = Sequence[tuple[int, int, str]]


def film(path: Path, *streams: tuple[str, str, Texts], codec: str = "srt") -> Path:
    """A Matroska film of 8 s with sound, and for each (language, title, lines) a stream of text."""
    rng = np.random.default_rng(3)
    with av.open(str(path), "w") as file:
        picture = file.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 36, "yuv420p"
        sound = file.add_stream("pcm_s16le", rate=16000, layout="stereo")
        texts = []
        for language, title, _ in streams:
            stream = file.add_stream(codec)
            if codec == "srt":
                stream.codec_context.subtitle_header = HEADER
            stream.metadata.update({"language": language, "title": title})
            texts.append(stream)
        for number in range(25 * SECONDS):
            grey = np.full((36, 64, 3), 16 + number % 200, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            file.mux(picture.encode(frame))
        file.mux(picture.encode(None))
        noise = (rng.normal(size=(1, 2 * 16000 * SECONDS)) * 800).astype(np.int16)
        samples = av.AudioFrame.from_ndarray(noise, format="s16", layout="stereo")
        samples.rate, samples.pts = 16000, 0
        file.mux(sound.encode(samples))
        file.mux(sound.encode(None))
        for stream, (_, _, lines) in zip(texts, streams, strict=True):
            for start, end, text in lines:
                packet = av.Packet(text.encode())
                packet.stream, packet.time_base = stream, Fraction(1, 1000)
                packet.pts = packet.dts = start
                packet.duration = end - start
                file.mux(packet)
    return path


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    turkish = tuple((start, end, "Evet.") for start, end, _ in LINES)
    return film(tmp_path_factory.mktemp("two") / "E01.mkv", ("eng", "", LINES), ("tur", "Zorunlu", turkish))


# --- text inside the film ------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["0", "eng", "en", "English", "ENG"])
def test_a_stream_by_number_and_by_any_name_of_its_language(two: Path, word: str) -> None:
    stream = choose_stream(two, word)
    assert (stream.number, stream.code) == (0, "en")
    read = read_stream(two, stream)
    assert [(start, end) for start, end, _ in read] == [(start, end) for start, end, _ in LINES]
    assert [text.text for text in read][1:] == [text for _, _, text in LINES[1:]]
    assert choose_stream(two, "zorunlu").number == 1, "by its title"


def test_what_is_not_there_or_not_plain_is_refused_with_what_is(two: Path, tmp_path: Path) -> None:
    for word in ("", "de", "7", "nonsense"):
        with pytest.raises(InvalidJob) as error:
            choose_stream(two, word)
        assert "0: eng" in error.value.hint and "1: tur Zorunlu" in error.value.hint
    (only,) = text_streams(film(tmp_path / "one.mkv", ("eng", "", LINES)))
    assert choose_stream(tmp_path / "one.mkv", "") == only
    with pytest.raises(InvalidJob, match="has no subtitles in it"):
        choose_stream(film(tmp_path / "none.mkv"), "")
    pictures = film(tmp_path / "pictures.mkv", ("ger", "", ()), codec="dvdsub")
    with pytest.raises(InvalidJob, match="pictures of text"):
        choose_stream(pictures, "de")


def test_times_count_from_the_picture_in_an_mp4_too(shared: object) -> None:
    path = shared("video/autoeditor_mov_text.mp4")  # type: ignore[operator]
    read = read_stream(path, choose_stream(path, ""))
    assert len(read) > 1 and all(text.strip() and 0 <= start < end for start, end, text in read)


# --- turns ---------------------------------------------------------------------------------------


def test_alone_is_who_speaks_while_nobody_else_does() -> None:
    turns = [
        Turn(start=a, end=b, speaker=w) for a, b, w in ((0, 4, "A"), (3, 6, "B"), (4, 5, "A"), (8, 9, "A"))
    ]
    assert [(t.start, t.end, t.speaker) for t in alone(turns)] == [(0, 3, "A"), (5, 6, "B"), (8, 9, "A")]


def rttm(path: Path, *turns: tuple[float, float, str]) -> Path:
    rows = [f"SPEAKER E01 1 {a:.3f} {b - a:.3f} <NA> <NA> {who} <NA> <NA>" for a, b, who in turns]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_from_its_own_text_and_turns_to_a_dubbed_film_and_its_exports(two: Path, tmp_path: Path) -> None:
    source = tmp_path / "E01.mkv"
    source.write_bytes(two.read_bytes())
    turns = rttm(
        tmp_path / "who.rttm", (0.4, 2.1, "Ayşe"), (2.9, 4.5, "Tom"), (4.9, 6.6, "Ayşe"), (20, 21, "Tom")
    )
    words = ("localize", source, "--from", "en", "--to", "tr", "--translator", "manual", "--separator",
             "builtin", "--text", "embedded:eng", "--turns", turns, "--threads", "1")  # fmt: skip
    first = dubline(*words)
    assert first.status == 0, first.err
    assert "who.rttm says who speaks when" in first.err and "inside E01.mkv" in first.err
    root = tmp_path / "E01.dubline"
    (took,) = [step for step in read_manifest(root).steps if step.name == "take_turns"]
    assert took.notes == ("left out: 1 turn behind the end of the sound",)
    transcript = read_transcript(root / "transcript.json")
    assert [s.text for s in transcript.segments] == ["Where have you been?", *(t for _, _, t in LINES[1:])]
    assert [s.speaker for s in transcript.segments] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00"]
    assert [s.label for s in transcript.speakers] == ["Ayşe", "Tom"]
    assert dubline("speakers", root).status == 0

    # A person corrects a word of the transcript, and translates by hand.
    path = root / "transcript.json"
    path.write_text(path.read_text("utf-8").replace("road was closed", "street was closed"), "utf-8")
    for number, text in ((1, "Neredeydin?"), (2, "Yol kapandı."), (3, "Gidelim mi?")):
        edit(root, number, text)
    voice = hum(tmp_path)
    second = dubline(*words, *voice, "--export", "srt,otio")
    assert second.status == 0, second.err
    assert read_transcript(path)[2].text == "The street was closed."
    assert "street" in (root / "subtitles/source.srt").read_text("utf-8")
    assert "Neredeydin?" in (root / "subtitles/tr.srt").read_text("utf-8")
    films = [p for p in root.glob("final*") if p.suffix in (".mkv", ".mp4", ".mov")]
    assert len(films) == 1, "of a film the film is written"
    with av.open(str(films[0])) as made:
        assert len(made.streams.audio) == 2
    assert {"otio", "srt"} <= {path.name for path in (root / "exports").iterdir()}
    out = next((root / "exports" / "srt").glob("*.tr.srt"))
    assert "Neredeydin?" in out.read_text("utf-8")

    # Who says no is not asked again.
    edit(root, 3, "Haydi!")
    assert dubline(*words, *voice, "--no-mux").status == 0
    assert not films[0].exists(), "it was of other words"
    assert dubline(*words, *voice).status == 0 and not films[0].exists()
    assert "Haydi!" in (root / "subtitles/tr.srt").read_text("utf-8")
    said = json.loads((root / "work/run.json").read_text("utf-8"))["wishes"]["transcribe"]
    assert (
        said["text"] == "embedded:eng" and (root / said["turns"]).samefile(turns) and "diarizer" not in said
    )


def test_both_ways_to_say_who_speaks_are_one_too_many(two: Path, tmp_path: Path) -> None:
    turns = rttm(tmp_path / "who.rttm", (0.4, 2.1, "A"))
    for words in (("--diarizer", "builtin"), ("--speakers", "2"), ("--speakers-from-tracks",)):
        answer = dubline("transcribe", two, "--out", tmp_path / "x", "--turns", turns, *words)
        assert answer.status == 2 and "--turns together with" in answer.err, answer.err
    late = rttm(tmp_path / "late.rttm", (100.0, 101.0, "A"))
    answer = dubline("transcribe", two, "--out", tmp_path / "x", "--turns", late, "--text", "embedded:0",
                     "--on", "mix", "--language", "en")  # fmt: skip
    assert answer.status == 2 and "lies inside the sound" in answer.err
    answer = dubline("localize", two, "--out", tmp_path / "y", "--export", "avid")
    assert answer.status == 2 and "avid" in answer.err and not (tmp_path / "y").exists()
