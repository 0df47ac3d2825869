# ruff: noqa: RUF001 - Turkish has a dotless i
"""Transcripts of other programs and of a user's own scripts: read as they are, written back the same."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import dubline
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.exchange.listing import listed
from dubline.recognition.given_cues import read_text
from dubline.subtitles.transcript_files import as_transcript, parse_given
from dubline.values.transcript import parse_transcript, read_transcript, transcript_json
from dubline.values.translated import read_translation

Said = list[tuple[int, int, str, str]]
"""(start, end in ms, text, speaker's letter)"""

LIST = """[
 {"num_speakers": 2, "total_duration": 3420.48, "language": "tr",
  "segments": [
   {"speaker": "SPEAKER_01", "start": 130.9, "end": 132.32, "text": "Sen ne yaptın, niye geldin?", "confidence": 1.0},
   {"speaker": "SPEAKER_00", "start": 133.07, "end": 134.37, "text": "Ah Mercan.", "confidence": 0.5},
   {"speaker": "SPEAKER_01", "start": 135.8, "end": 137.06, "text": "Geç içeri, yürü.", "confidence": null}]}
]
"""  # noqa: E501 - as such a script writes it


def whisperx(said: Said) -> Any:
    """https://github.com/m-bain/whisperX, what `write_json` writes after diarization."""
    segments = []
    for a, b, text, who in said:
        words = [
            {"word": w, "start": a / 1000, "end": b / 1000, "score": 0.5, "speaker": who}
            for w in text.split()
        ]
        words += [{"word": "1984"}]  # no times for digits
        segments.append(
            {"start": a / 1000, "end": b / 1000, "text": f" {text}", "words": words, "speaker": who}
        )
    return {"segments": segments, "word_segments": [], "language": "tr"}


def faster_whisper(said: Said) -> Any:
    """Its segments and its info, as a script dumps both; it tells no speakers."""
    rest = {
        "seek": 0,
        "tokens": [1, 2],
        "avg_logprob": -0.3,
        "compression_ratio": 1.1,
        "no_speech_prob": 0.01,
    }
    segments = [
        {
            "id": n,
            "start": a / 1000,
            "end": b / 1000,
            "text": f" {text}",
            "words": None,
            "temperature": 0.0,
            **rest,
        }
        for n, (a, b, text, _) in enumerate(said, 1)
    ]
    return {"segments": segments, "info": {"language": "tr", "language_probability": 0.9, "duration": 4000.0}}


def whisper_cpp(said: Said) -> Any:
    """`whisper-cli -ojf --diarize`: times as clock and in milliseconds."""
    lines = [
        {
            "timestamps": {"from": "00:00:00,000", "to": "00:00:00,000"},
            "offsets": {"from": a, "to": b},
            "text": f" {text}",
            "tokens": [{"text": "x", "p": 0.5}],
            "speaker": str("AB".index(who)),
        }
        for a, b, text, who in said
    ]
    head = {"systeminfo": "", "model": {}, "params": {"language": "auto"}, "result": {"language": "tr"}}
    return {**head, "transcription": lines}


def assemblyai(said: Said) -> Any:
    """A transcript with `speaker_labels`."""
    lines = [
        {"start": a, "end": b, "text": text, "speaker": who, "confidence": 0.9, "words": [], "channel": None}
        for a, b, text, who in said
    ]
    return {
        "id": "x",
        "status": "completed",
        "language_code": "tr",
        "audio_duration": 4000,
        "utterances": lines,
    }


def autosubs(said: Said) -> Any:
    """https://github.com/tmoroney/auto-subs, what it keeps under AutoSubs-Transcripts."""
    lines = [
        {
            "id": str(n),
            "start": a / 1000,
            "end": b / 1000,
            "text": text,
            "speaker_id": str("AB".index(who) + 1),
            "words": [{"word": text, "start": "1.000", "end": "2.000", "line_number": 0}],
        }
        for n, (a, b, text, who) in enumerate(said)
    ]
    people = [{"name": "Ayşe", "sample": {"start": 0, "end": 1}}, {"name": "Speaker 2", "sample": {}}]
    return {"filename": "x.json", "speakers": people, "originalSegments": lines, "segments": lines}


def plain_list(said: Said) -> Any:
    lines = [
        {"speaker": who, "start": a / 1000, "end": b / 1000, "text": text, "confidence": 1.0}
        for a, b, text, who in said
    ]
    voices = len({who for *_, who in said})
    return [{"num_speakers": voices, "total_duration": 4000.0, "language": "tr", "segments": lines}]


SHAPES: tuple[Callable[[Said], Any], ...] = (
    plain_list,
    whisperx,
    faster_whisper,
    whisper_cpp,
    assemblyai,
    autosubs,
)
TEXTS = st.text("abcçğıİöşü ,.?\n\"'\\", min_size=1).map(str.strip).filter(bool)
LINES = st.lists(
    st.tuples(st.integers(0, 3_600_000), st.integers(0, 9000), TEXTS, st.sampled_from("AB")),
    min_size=1,
    max_size=6,
).map(
    lambda lines: [(a, a + length, text, who) for a, length, text, who in sorted(lines, key=lambda x: x[0])]
)


# --- what is right is read -----------------------------------------------------------------------


@given(LINES)
def test_any_of_the_shapes_gives_the_same_segments(said: Said) -> None:
    for shape in SHAPES:
        transcript, _ = as_transcript(parse_given(json.loads(json.dumps(shape(said))), "x.json"))
        assert [(s.start, s.end, s.text) for s in transcript.segments] == [
            (a / 1000, b / 1000, text) for a, b, text, _ in said
        ], shape.__name__
        assert [s.id for s in transcript.segments] == list(range(1, len(said) + 1))
        if shape is autosubs:
            assert transcript.language == ""
        else:
            assert transcript.language == "tr"
        if shape is not faster_whisper:
            ids = dict(zip([who for *_, who in said], [s.speaker for s in transcript.segments], strict=True))
            assert [ids[who] for *_, who in said] == [s.speaker for s in transcript.segments]
            assert len({*ids.values()}) == len(ids) == len(transcript.speakers)


def test_names_and_certainty_come_along() -> None:
    said = [(0, 1000, "Gel.", "A"), (1000, 2000, "Git.", "B")]
    subs, _ = as_transcript(parse_given(autosubs(said), "x"))
    assert [subs.name_of(s.speaker) for s in subs.segments] == ["Ayşe", "SPEAKER_01"]
    x, notes = as_transcript(parse_given(whisperx(said), "x"))
    assert ([s.confidence for s in x.segments], notes) == ([0.5, 0.5], ())
    bare, _ = as_transcript(parse_given(plain_list(said)[0]["segments"], "x"))
    assert [s.text for s in bare.segments] == ["Gel.", "Git."]
    pair = faster_whisper(said)
    both, _ = as_transcript(parse_given([pair["segments"], pair["info"]], "x"))
    assert (both.language, both.duration) == ("tr", 4000.0)


def test_a_list_goes_in_and_comes_out_the_same() -> None:
    transcript, notes = as_transcript(parse_given(json.loads(LIST), "x"))
    assert notes == ()
    assert [s.speaker for s in transcript.segments] == ["SPEAKER_01", "SPEAKER_00", "SPEAKER_01"]
    assert listed(transcript) == LIST
    # In our own file the same fields stand beside ours, and say nothing else when it is read again.
    file = json.loads(transcript_json(transcript))
    assert (file["num_speakers"], file["total_duration"], file["language"]) == (2, 3420.48, "tr")
    assert {"speaker", "start", "end", "text", "confidence"} <= file["segments"][0].keys()
    assert parse_transcript(transcript_json(transcript)) == transcript


def test_a_real_list_goes_in_and_comes_out_the_same(shared: Shared, tmp_path: Path) -> None:
    sample = shared("cases/text/customer.json", real=True).read_text(encoding="utf-8")
    (tmp_path / "e.json").write_text(sample, encoding="utf-8")
    assert dubline("translate", tmp_path / "e.json", "--to", "en", "--translator", "manual").status == 0
    answer = dubline("transcript", "export", tmp_path / "e.dubline", "-o", tmp_path / "out.json")
    assert (answer.status, (tmp_path / "out.json").read_text(encoding="utf-8")) == (0, sample)


def test_own_fields_are_kept_and_told() -> None:
    raw = json.loads(LIST)
    raw[0]["episode"] = 5
    raw[0]["segments"][1]["emotion"] = {"sad": 0.5}
    transcript, notes = as_transcript(parse_given(raw, "x.json"))
    assert any("episode, emotion" in note for note in notes)
    assert parse_transcript(transcript_json(transcript)) == transcript
    assert json.loads(listed(transcript)) == raw


def test_a_count_that_is_another_is_told_and_stays() -> None:
    raw = json.loads(LIST)
    raw[0]["num_speakers"] = 7
    transcript, notes = as_transcript(parse_given(raw, "x.json"))
    assert notes == ("x.json: num_speakers is 7, and the segments have 2",)
    assert json.loads(listed(transcript))[0]["num_speakers"] == 7
    assert json.loads(transcript_json(transcript))["num_speakers"] == 7


def test_what_is_out_of_order_is_put_in_order_and_told() -> None:
    raw = json.loads(LIST)
    raw[0]["segments"].reverse()
    raw[0]["segments"][0]["start"], raw[0]["segments"][0]["end"] = 131.0, 131.0  # overlaps, and has no length
    transcript, notes = as_transcript(parse_given(raw, "x.json"))
    assert [s.start for s in transcript.segments] == [130.9, 131.0, 133.07]
    assert any("order" in note for note in notes)
    raw[0]["language"], raw[0]["total_duration"] = "turksih", 1
    transcript, notes = as_transcript(parse_given(raw, "x.json"))
    assert (transcript.language, transcript.duration) == ("", 134.37)
    assert any("turksih" in note for note in notes)


def test_our_own_files_are_read_as_before(tmp_path: Path) -> None:
    transcript, _ = as_transcript(parse_given(json.loads(LIST), "x"))
    file = json.loads(transcript_json(transcript))
    for name in ("num_speakers", "total_duration"):  # as they were written before these fields were there
        del file[name]
    for segment in file["segments"]:
        segment["id"] += 10
        segment.pop("more", None)
    (tmp_path / "e.json").write_text(json.dumps(file), encoding="utf-8")
    assert [s.id for s in read_transcript(tmp_path / "e.json").segments] == [11, 12, 13]
    assert dubline("translate", tmp_path / "e.json", "--to", "en", "--translator", "manual").status == 0
    assert [s.id for s in read_translation(tmp_path / "e.dubline/translated.json").segments] == [11, 12, 13]
    file["segments"][1]["colour"] = "red"  # in a file of ours it is a slip
    with pytest.raises(InvalidJob, match="colour"):
        parse_transcript(json.dumps(file))


def test_a_given_text_of_any_shape_has_its_times_and_names(tmp_path: Path) -> None:
    said = [(0, 1000, "Gel.", "A"), (1000, 2000, "Git.", "B")]
    for shape in SHAPES:
        (tmp_path / "t.json").write_text(json.dumps(shape(said)), encoding="utf-8")
        read = read_text(tmp_path / "t.json")
        assert [(c.start, c.end, c.text) for c in read.cues] == [(0, 1, "Gel."), (1, 2, "Git.")]
        assert len({c.speaker for c in read.cues}) == (1 if shape is faster_whisper else 2)
        assert read.language == ("" if shape is autosubs else "tr")


# --- 1,511 lines ---------------------------------------------------------------------------------


def test_an_episode_keeps_its_lines_speakers_and_times(shared: Shared, tmp_path: Path) -> None:
    rows = shared("text/tr_en_dialogue_2000.tsv").read_text(encoding="utf-8").splitlines()[1:]
    turkish = [row.split("\t")[0] for row in rows]
    said = [(2000 * n, 2000 * n + 1700, turkish[n % len(turkish)], "AB"[n % 3 == 0]) for n in range(1511)]
    film = plain_list(said)
    for segment in film[0]["segments"]:
        segment["speaker"] = f"SPEAKER_0{'AB'.index(segment['speaker'])}"
    path = tmp_path / "transcript.json"
    path.write_text(json.dumps(film, ensure_ascii=False), encoding="utf-8")
    answer = dubline("translate", path, "--from", "Turkish", "--to", "English", "--translator", "manual")
    assert (answer.status, "1511 lines: " in answer.out) == (0, True), answer.err
    translation = read_translation(tmp_path / "transcript.dubline/translated.json")
    assert (translation.source_language, translation.target_language) == ("tr", "en")
    assert [
        {
            "speaker": s.speaker,
            "start": s.start,
            "end": s.end,
            "text": s.source_text,
            "confidence": s.confidence,
        }
        for s in translation.segments
    ] == film[0]["segments"]
    file = json.loads((tmp_path / "transcript.dubline/translated.json").read_text(encoding="utf-8"))
    assert (file["num_speakers"], file["total_duration"], file["language"]) == (2, 4000.0, "en")
    assert {"speaker", "start", "end", "text", "confidence"} <= file["segments"][0].keys()
    out = tmp_path / "back.json"
    assert dubline("transcript", "export", tmp_path / "transcript.dubline", "-o", out).status == 0
    assert json.loads(out.read_text(encoding="utf-8")) == film
    assert (
        dubline("transcript", "export", tmp_path / "transcript.dubline", "--lang", "en", "-o", out).status
        == 0
    )
    english = json.loads(out.read_text(encoding="utf-8"))[0]["segments"]
    assert [(s["start"], s["text"]) for s in english] == [(s["start"], "") for s in film[0]["segments"]]


# --- what is wrong is named ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("start", "abc", "segments[1].start is 'abc', not a number of seconds"),
        ("start", None, "segments[1] has no start"),
        ("start", True, "segments[1].start is true, not a number of seconds"),
        ("start", -1, "segments[1].start is -1, not a time in seconds"),
        ("end", math.nan, "segments[1].end is NaN, not a number of seconds"),
        ("end", math.inf, "segments[1].end is infinite, not a number of seconds"),
        ("end", 1, "segments[1].end is 1, before its start, 133.07"),
        ("text", 5, "segments[1].text is 5, not text"),
        ("speaker", ["A"], "segments[1].speaker is a list, not a speaker's name"),
        ("confidence", 1.5, "segments[1].confidence is 1.5, not a number from 0 to 1"),
        ("confidence", "high", "segments[1].confidence is 'high', not a number from 0 to 1"),
    ],
)
def test_a_field_that_is_wrong_is_named_and_no_folder_left(
    tmp_path: Path, field: str, value: Any, told: str
) -> None:
    raw = json.loads(LIST)
    raw[0]["segments"][1][field] = value
    (tmp_path / "e.json").write_text(json.dumps(raw), encoding="utf-8")
    answer = dubline("translate", tmp_path / "e.json", "--to", "en", "--translator", "manual")
    assert answer.status == 2
    assert told in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["e.json"]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"a": 1}, "not a transcript that Dubline knows"),
        ([], "not a transcript that Dubline knows"),
        (5, "not a transcript that Dubline knows"),
        ([{"segments": []}, {"segments": []}], "2 transcripts"),
        ({"segments": {}}, "segments is an object, not a list"),
        ({"segments": []}, "no segment"),
        ({"segments": [7]}, "segments[0] is 7, not an object"),
        ({"segments": [{"start": 1, "end": 2}]}, "segments[0] has no text"),
        ({"segments": [{"text": "x", "start": 1, "end": 2}], "num_speakers": "two"}, "num_speakers is 'two'"),
        ({"segments": [{"text": "x", "start": 1, "end": 2}], "total_duration": "x"}, "total_duration is 'x'"),
        (
            {"transcription": [{"text": "x", "offsets": {"from": "x"}}]},
            "transcription[0].offsets.from is 'x'",
        ),
        ({"transcription": [{"text": "x"}]}, "transcription[0].offsets is null"),
        (
            {"utterances": [{"text": "x", "start": 2, "end": 1}]},
            "utterances[0].end is 1, before its start, 2",
        ),
        ({"utterances": None, "audio_url": "x"}, "no utterances"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_a_remedy(raw: Any, told: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        as_transcript(parse_given(raw, "x.json"))
    assert told in caught.value.message
    assert caught.value.message.startswith(("x.json", "there is no segment in x.json")) and caught.value.hint


def places(raw: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    return [path, *(place for key, value in inside for place in places(value, (*path, key)))]


@settings(max_examples=300)
@given(
    st.sampled_from(SHAPES),
    st.data(),
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just([]), st.just({})
    ),
)
def test_whatever_is_broken_is_read_or_refused_by_its_place(shape: Any, data: Any, value: Any) -> None:
    said = [(0, 1000, "Gel.", "A"), (1500, 2000, "Git.", "B")]
    raw = copy.deepcopy(shape(said))
    place = data.draw(st.sampled_from(places(raw)[1:]))
    holder = raw
    for key in place[:-1]:
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[place[-1]] = value
    else:
        del holder[place[-1]]
    try:
        transcript, _ = as_transcript(parse_given(raw, "x.json"))
    except InvalidJob as refused:
        assert refused.hint
        assert "x.json" in refused.message
    else:
        assert all(0 <= s.start <= s.end <= transcript.duration for s in transcript.segments)
        json.loads(listed(transcript))
