"""The transcript's file: strict, in whole milliseconds, and clear about what is wrong with it."""
# ruff: noqa: RUF001 - Turkish has a dotless i

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.exchange.listing import listed
from dubline.subtitles.line_times import read_lines
from dubline.values.base import Choice, ModelIdentity
from dubline.values.transcript import (
    DroppedSegment,
    Engine,
    HeardWord,
    Segment,
    Speaker,
    Transcript,
    Word,
    milliseconds,
    parse_transcript,
    read_transcript,
    transcript_json,
    write_transcript,
)


def example() -> Transcript:
    return Transcript(
        language="tr",
        duration=60.0,
        segments=(
            Segment(
                id=7,
                start=1.0,
                end=2.5,
                speaker="SPEAKER_00",
                text="Işık İzmir'de.",
                words=(
                    Word(start=1.0, end=1.5, text=" Işık", confidence=0.9),
                    Word(start=1.5, end=2.5, text=" İzmir'de.", estimated=True),
                ),
                confidence=0.9,
                flags=("estimated_times",),
            ),
            Segment(id=8, start=2.0, end=3.0, speaker="", text="?", overlap=True, flags=("no_speaker",)),
        ),
        speakers=(Speaker(id="SPEAKER_00", name="Ayşe", seconds=1.5, label="speaker90"),),
        recognizer=Engine(
            choice=Choice(backend="whisper", options={"beam": 5}), models=(ModelIdentity(name="tiny"),)
        ),
        dropped=(DroppedSegment(reason="silence", text="you", words=(HeardWord(text="you"),)),),
    )


def raw() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(transcript_json(example()))
    return made


def refusal(data: Any) -> str:
    with pytest.raises(InvalidJob) as caught:
        parse_transcript(json.dumps(data), "talk.json")
    assert caught.value.hint
    return caught.value.message


def test_it_reads_what_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "transcript.json"
    write_transcript(example(), path)
    assert read_transcript(path) == example()
    assert [p.name for p in tmp_path.iterdir()] == ["transcript.json"]
    assert [(line.start, line.end) for line in read_lines(path)] == [(1.0, 3.0)]


def test_the_object_may_stand_alone_in_a_list() -> None:
    assert parse_transcript(json.dumps([raw()])) == example()
    assert parse_transcript(b"\xef\xbb\xbf" + transcript_json(example())) == example()
    assert "2 transcripts" in refusal([raw(), raw()])
    assert "0 transcripts" in refusal([])


@given(st.floats(min_value=0, max_value=1e6))
def test_times_are_the_nearest_millisecond_and_stay_so(seconds: float) -> None:
    thousandths = milliseconds(seconds)
    assert abs(seconds - thousandths / 1000) <= 0.0005 + 1e-9
    assert milliseconds(thousandths / 1000) == thousandths


def test_every_time_is_written_in_whole_milliseconds() -> None:
    segment = example().segments[0]
    fine = msgspec.structs.replace(
        example(),
        duration=59.99961,
        segments=(
            msgspec.structs.replace(
                segment,
                start=1.00049,
                end=2.50051,
                words=(
                    Word(start=1.00049, end=1.4999999, text="Işık"),
                    Word(start=1.5, end=2.50051, text="x"),
                ),
            ),
        ),
        dropped=(DroppedSegment(reason="silence", text="", start=0.1 + 0.2, end=math.nan),),
    )
    written = parse_transcript(transcript_json(fine))
    assert (written.duration, written.segments[0].start, written.segments[0].end) == (60.0, 1.0, 2.501)
    assert written.segments[0].words[0].end == 1.5
    assert (written.dropped[0].start, written.dropped[0].end) == (0.3, None)


def test_names() -> None:
    assert example().name_of("SPEAKER_00") == "Ayşe"
    assert example().name_of("SPEAKER_01") == "SPEAKER_01"
    assert example()[8].text == "?"
    with pytest.raises(KeyError):
        example()[1]


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("segments", 0, "start"), "one", ("segment number 1 (id 7)", "start", "a number")),
        (("segments", 1, "colour"), "red", ("segment number 2 (id 8)", "colour")),
        (("segments", 0, "words", 1, "text"), 5, ("segment number 1 (id 7)", "words[1].text", "text, got")),
        (("speakers", 0, "seconds"), None, ("speaker number 1 (id SPEAKER_00)", "seconds")),
        (("duration",), "long", ("duration", "a number")),
        (("format",), "dubline.transcript.9", ("dubline.transcript.9",)),
        (("segments", 0, "end"), 0.5, ("segment 7", "field end", "not after the start")),
        (("segments", 0, "start"), -1, ("segment 7", "field start")),
        (("segments", 1, "end"), 61, ("segment 8", "field end", "after the programme")),
        (("segments", 1, "id"), 7, ("segment 7", "field id", "twice")),
        (("segments", 1, "speaker"), "SPEAKER_09", ("segment 8", "field speaker", "SPEAKER_09")),
        (("segments", 1, "start"), 0.5, ("segment 8", "field start", "above")),
        (("segments", 0, "confidence"), 2, ("segment 7", "field confidence", "between 0 and 1")),
        (("segments", 0, "words", 1, "end"), 2.9, ("segment 7", "word 2", "outside")),
        (("segments", 0, "words", 0, "end"), 0.9, ("segment 7", "word 1", "field end")),
        (("duration",), -1, ("duration",)),
        (("speakers", 0, "id"), "", ("speaker", "field id")),
    ],
)
def test_errors_name_the_segment_and_the_field(
    place: tuple[Any, ...], value: Any, told: tuple[str, ...]
) -> None:
    data = raw()
    at: Any = data
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    message = refusal(data)
    assert message.startswith("talk.json")
    for part in told:
        assert part in message


def test_missing_fields_and_broken_files_are_told(tmp_path: Path) -> None:
    data = raw()
    del data["segments"][1]["text"]
    assert "segment number 2 (id 8)" in refusal(data) and "text" in refusal(data)
    assert "segments" in refusal({"language": "tr", "duration": 1})
    assert refusal("text") and refusal(5)
    for broken in (b"{", b"", b"\xff\xfe", b'{"duration": 1e999}'):
        with pytest.raises(InvalidJob):
            parse_transcript(broken)
    with pytest.raises(InvalidJob) as caught:
        read_transcript(tmp_path / "absent.json")
    assert caught.value.message == f"there is no file {tmp_path / 'absent.json'}" and caught.value.hint


def test_a_file_that_is_no_utf_8_or_no_json_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    for data, said in (
        ('[\n{"language":\n"T\u00fcrk\u00e7e"}]'.encode("latin-1"), "talk.json is not UTF-8 (line 3)"),
        (b'[\n{"language": "tr"\n "duration": 1}]', "talk.json is not JSON: line 3, column 2: "),
    ):
        path.write_bytes(data)
        with pytest.raises(InvalidJob) as caught:
            read_transcript(path)
        assert caught.value.message.startswith(said) and caught.value.hint


def test_a_run_that_was_stopped_before_its_transcript_says_so(tmp_path: Path) -> None:
    root = tmp_path / "k.dubline"
    (root / "work").mkdir(parents=True)
    (root / "work/run.json").write_text("{}")
    with pytest.raises(InvalidJob, match=r"k\.dubline has no transcript yet") as caught:
        read_transcript(root / "transcript.json")
    assert caught.value.hint == f"dubline transcribe {root}"


def test_what_would_not_be_read_is_not_written(tmp_path: Path) -> None:
    wrong = msgspec.structs.replace(example(), duration=2.0)
    with pytest.raises(InvalidJob):
        write_transcript(wrong, tmp_path / "transcript.json")
    assert not list(tmp_path.iterdir())


def test_a_lines_own_language_is_written_where_it_has_one_and_nowhere_else(tmp_path: Path) -> None:
    transcript = example()
    first, *rest = transcript.segments
    mixed = msgspec.structs.replace(
        transcript, segments=(msgspec.structs.replace(first, language="es"), *rest)
    )
    path = tmp_path / "transcript.json"
    write_transcript(mixed, path)
    written = json.loads(path.read_text(encoding="utf-8"))["segments"]
    assert written[0]["language"] == "es" and not any("language" in segment for segment in written[1:])
    read = read_transcript(path)
    assert read == mixed
    assert [read.language_of(s) for s in read.segments] == ["es", *[transcript.language] * len(rest)]
    # A file of before, and the form for scripts, know nothing of it.
    assert b'"es"' not in transcript_json(transcript)
    assert listed(mixed) == listed(transcript)
