# ruff: noqa: RUF001 - Turkish has a dotless i
"""A text that is there already: every cue one segment, to the letter, at its speaker."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from dubline.errors import InvalidJob
from dubline.recognition.alignment import AlignedCue
from dubline.recognition.attribution import attribute_text
from dubline.recognition.given_cues import Cue, read_cues, shifted
from dubline.recognition.given_text import GivenText, PlacedText, in_given_order, place_text
from dubline.recognition.passages import Passage
from dubline.recognition.stage import Diarized, Recognized, SpeechFile
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.transcript import Engine, HeardWord, Transcript, Turn, parse_transcript, transcript_json

RATE = 16000
ENGINE = Engine(choice=Choice(backend="x"))


def diarized(*turns: tuple[float, float, str]) -> Diarized:
    found = tuple(Turn(start=a, end=b, speaker=s) for a, b, s in turns)
    return Diarized(turns=found, exclusive=found, engine=ENGINE)


def made(
    folder: Path, cues: list[Cue], speakers: Diarized, seconds: float = 60, words: Any = None
) -> tuple[Transcript, list[str]]:
    told: list[str] = []
    with Run(folder / "run", tell=told.append) as run:
        heard = SpeechFile(path="none", frames=int(seconds * RATE))
        placed = run.step(place_text, heard, GivenText(cues=tuple(cues), language="tr"), words)
        return run.step(attribute_text, placed, speakers, seconds), told


def cue(start: float, end: float, text: str = "Söz", **more: Any) -> Cue:
    return Cue(text=text, start=start, end=end, **more)


TWO = diarized((0, 5, "a"), (6, 10, "b"))


def test_a_cue_belongs_to_whom_it_shares_most_time_with(tmp_path: Path) -> None:
    lines = [cue(1, 4, "Çok  güzel!"), cue(4.8, 9, "Hayır."), cue(10.3, 11, "Uzak."), cue(20, 21, "Kim?")]
    found, told = made(tmp_path, lines, TWO)
    assert [s.text for s in found.segments] == ["Çok  güzel!", "Hayır.", "Uzak.", "Kim?"]
    assert [s.speaker for s in found.segments] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_01", ""]
    assert [(s.start, s.end) for s in found.segments] == [(1, 4), (4.8, 9), (10.3, 11), (20, 21)]
    assert "no_speaker" in found.segments[3].flags
    assert all(w.estimated for s in found.segments for w in s.words)
    assert any("1 of 4 cues have no speaker" in text for text in told)


def test_a_name_in_the_text_wins_and_its_voice_takes_it(tmp_path: Path) -> None:
    lines = [cue(0, 2, speaker="Ayşe"), cue(2, 4), cue(6, 8), cue(8, 9, speaker="Can")]
    found, _ = made(tmp_path, lines, TWO)
    assert [found.name_of(s.speaker) for s in found.segments] == ["Ayşe", "Ayşe", "Can", "Can"]
    assert all(s.label.startswith("text:") for s in found.speakers)
    lines = [cue(0, 2, speaker="Ayşe"), cue(2, 4, speaker="Can"), cue(4, 5)]
    found, _ = made(tmp_path, lines, TWO)
    assert [s.speaker for s in found.segments] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"], "no majority"


def test_who_is_called_by_an_id_keeps_it(tmp_path: Path) -> None:
    lines = [
        cue(0, 2, speaker="SPEAKER_03"),
        cue(2, 4, speaker="SPEAKER_00"),
        cue(6, 8),
        cue(20, 21, speaker="A"),
    ]
    found, _ = made(tmp_path, lines, diarized((0, 2, "a"), (2, 4, "b"), (6, 10, "c")))
    assert [s.speaker for s in found.segments] == ["SPEAKER_03", "SPEAKER_00", "SPEAKER_01", "SPEAKER_02"]
    assert [found.name_of(s.id) for s in found.speakers[:2]] == ["SPEAKER_03", "SPEAKER_00"]
    assert {s.id: s.name for s in found.speakers}["SPEAKER_02"] == "A"


def test_certainty_and_own_fields_of_a_text_come_along(tmp_path: Path) -> None:
    lines = [cue(0, 2, confidence=0.5, more={"mood": "sad"}), cue(2, 4)]
    found, _ = made(tmp_path, lines, TWO)
    assert [(s.confidence, s.more) for s in found.segments] == [(0.5, {"mood": "sad"}), (None, UNSET)]


def test_two_speakers_in_a_cue_stay_one_segment_and_are_flagged(tmp_path: Path) -> None:
    lines = [cue(3, 8, "Geldi mi? Evet."), cue(9, 9.5, "- Ne? - Hiç.", voices=2), cue(0, 2, "Ben.")]
    found, _ = made(tmp_path, lines, TWO)
    assert [s.text for s in found.segments] == ["Ben.", "Geldi mi? Evet.", "- Ne? - Hiç."]
    assert ["two_speakers" in s.flags for s in found.segments] == [False, True, True]


def test_what_lies_outside_is_listed(tmp_path: Path) -> None:
    found, told = made(tmp_path, [cue(1, 2), cue(59, 63, "Son."), cue(70, 71, "Kayıp.")], TWO)
    assert [(s.start, s.end) for s in found.segments] == [(1, 2), (59, 60)]
    assert [(d.reason, d.text) for d in found.dropped] == [("outside_programme", "Kayıp.")]
    assert any("1 outside_programme" in text for text in told)


def test_a_text_for_another_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="inside the programme") as late:
        made(tmp_path, [cue(3601, 3602)], TWO)
    assert "--text-offset" in late.value.hint
    with pytest.raises(InvalidJob, match="somebody speaks"):
        made(tmp_path, [cue(30, 31), cue(40, 42)], TWO)
    with pytest.raises(InvalidJob, match="nobody speaks"):
        made(tmp_path, [cue(30, 31)], diarized())


times = st.floats(0, 65, allow_nan=False)
many = st.lists(
    st.builds(
        lambda a, b, text, who: cue(min(a, b), max(a, b), text, speaker=who),
        times,
        times,
        st.text("ağ ı-", min_size=1, max_size=30).filter(str.strip),
        st.sampled_from(["", "", "X"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=120, deadline=None)
@example(cues=[cue(0.0, 5.5582946718389136e-247, "a"), cue(0.0, 0.001, "a")])
@example(cues=[cue(0.0, 0.0004, "a", speaker="X"), cue(0.0004, 0.0005, "a", speaker="X"), cue(1.0, 1.0004)])
@example(cues=[cue(59.9994, 60.0, "a")])
@given(cues=many)
def test_every_cue_is_one_segment_or_dropped_with_a_reason(
    cues: list[Cue], tmp_path_factory: pytest.TempPathFactory
) -> None:
    speakers = diarized((0, 20, "a"), (15, 40, "b"), (40, 60, "a"))
    try:
        found, _ = made(tmp_path_factory.mktemp("text"), cues, speakers)
    except InvalidJob:
        assert all((c.start or 0) >= 59.9995 for c in cues)
        return
    texts = [s.text for s in found.segments] + [d.text for d in found.dropped]
    assert sorted(texts) == sorted(c.text for c in cues)
    assert all(d.reason in ("outside_programme", "no_room") for d in found.dropped)
    for speaker in {s.speaker for s in found.segments}:
        mine = [s for s in found.segments if s.speaker == speaker]
        assert all(a.end <= b.start for a, b in pairwise(mine))
    parse_transcript(transcript_json(found))  # keeps every rule of the format


@pytest.mark.parametrize(("start", "end"), [(1.0, 1.0), (1.0, 1.0004), (1.0004, 1.0), (59.9999, 60.0)])
def test_a_placed_cue_under_a_millisecond_has_one_or_is_dropped(
    start: float, end: float, tmp_path: Path
) -> None:
    short = AlignedCue(start=start, end=end, text="Ah", words=(), matched=1.0)
    placed = PlacedText(cues=(short,), voices=(1,), flags=((),))
    with Run(tmp_path / "run") as run:
        found = run.step(attribute_text, placed, diarized((0, 60, "a")), 60.0)
    spans = [(round(s.start * 1000), round(s.end * 1000)) for s in found.segments]
    assert spans == ([(1000, 1001)] if start < 2 else [])
    assert [d.reason for d in found.dropped] == ([] if start < 2 else ["no_room"])


def test_a_script_takes_times_from_the_words_that_were_heard(tmp_path: Path) -> None:
    spoken = ["bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz"]
    words = tuple(HeardWord(text=f" {w}", start=1 + n, end=1.8 + n) for n, w in enumerate(spoken))
    heard = Recognized(passages=(Passage(words=words),), language="tr", engine=ENGINE)
    script = [Cue(text="Bir, iki; üç!"), Cue(text="Dört beş altı."), Cue(text="Yedi sekiz?")]
    found, told = made(tmp_path, script, diarized((0, 10, "a")), words=heard)
    assert [(s.text, s.start, s.end) for s in found.segments] == [
        ("Bir, iki; üç!", 1, 3.8),
        ("Dört beş altı.", 4, 6.8),
        ("Yedi sekiz?", 7, 8.8),
    ]
    assert any("100%" in text for text in told)
    likely = [Cue(text="bir sürü şey, ama hiç biri değil; bambaşka bir konuşma burada geçiyor işte")]
    with pytest.raises(InvalidJob, match="do not belong together"):
        made(tmp_path, likely, diarized((0, 10, "a")), words=heard)
    wrong = [Cue(text="Bambaşka sözler burada yazılı duruyor, bir daha hiç benzemez onlara.")]
    with pytest.raises(InvalidJob, match="heard"):
        made(tmp_path, wrong, diarized((0, 10, "a")), words=heard)
    none = Recognized(passages=(), language="tr", engine=ENGINE)
    with pytest.raises(InvalidJob, match="no words"):
        made(tmp_path, script, diarized((0, 10, "a")), words=none)


shift = st.floats(-0.4, 0.4)


@settings(max_examples=200, deadline=None)
@given(
    moves=st.lists(st.tuples(st.floats(0.05, 2), st.floats(-0.5, 1), shift, shift), min_size=1, max_size=9)
)
def test_moved_edges_keep_order_and_what_was_apart(moves: list[tuple[float, float, float, float]]) -> None:
    before, after = [], []
    at = 1.0
    for length, gap, first, last in moves:
        one = AlignedCue(start=at, end=at + length, text="x", words=(), matched=1)
        before.append(one)
        start = max(0.0, one.start + first)
        after.append(
            AlignedCue(start=start, end=max(start + 0.01, one.end + last), text="x", words=(), matched=1)
        )
        at = max(at + 0.02, at + length + gap)
    done = in_given_order(before, after)
    assert all(a.start < b.start for a, b in pairwise(done)) and all(c.start < c.end for c in done)
    for (a, b), (x, y) in zip(pairwise(done), pairwise(before), strict=True):
        assert x.end > y.start or a.end <= b.start + 1e-9


def test_cues_tell_voices_and_names(tmp_path: Path) -> None:
    def read(name: str, text: str, encoding: str = "utf-8", told: str = "") -> tuple[Cue, ...]:
        (tmp_path / name).write_bytes(text.encode(encoding))
        return read_cues(tmp_path / name, encoding=told)

    clock = "00:00:01.000 --> 00:00:02.000\n"
    (dashes,) = read("a.srt", f"1\n{clock}- Evet\n- Hayır\n")
    assert (dashes.text, dashes.voices) == ("- Evet - Hayır", 2)
    (single,) = read("b.srt", f"1\n{clock}- Yirmi-otuz kişi.\n")
    assert single.voices == 1
    (two,) = read("c.vtt", f"WEBVTT\n\n{clock}<v Ayşe>Gel</v>\n<v Can>Olmaz</v>\n")
    assert (two.text, two.speaker, two.voices) == ("Gel Olmaz", "Ayşe", 2)
    (listed,) = read(
        "d.json",
        '{"segments":[{"text":"a","start":1,"end":2,"speaker":"SPEAKER_00"}],'
        '"speakers":[{"id":"SPEAKER_00","name":"Ayşe"}]}',
    )
    assert listed.speaker == "Ayşe"
    assert read("e.txt", "Işık", "cp1254", "cp1254")[0].text == "Işık"
    with pytest.raises(InvalidJob, match="UTF-8"):
        read("f.txt", "Işık", "cp1254")
    assert shifted((cue(3601, 3602), Cue(text="x")), -3600) == (cue(1, 2), Cue(text="x"))
