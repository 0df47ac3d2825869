"""Words and turns in, segments out: whatever comes in, nothing is lost and every rule holds."""
# ruff: noqa: RUF001 - Turkish has a dotless i, and marks of other scripts look like ours

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.language.script import carry_spaces, ends_clause, ends_sentence, joined
from dubline.recognition import SegmentRules, resegment, segment, spread
from dubline.recognition.cutting import MOST_WORDS, Cutter
from dubline.recognition.exports import read_rttm
from dubline.recognition.words import in_order, timed_words
from dubline.subtitles.wrapping import rewrapped
from dubline.values.transcript import (
    HeardWord,
    Transcript,
    Turn,
    milliseconds,
    parse_transcript,
    transcript_json,
)


def heard(text: str, start: float | None, end: float | None, **more: Any) -> HeardWord:
    return HeardWord(text=text, start=start, end=end, **more)


def even(text: str, start: float = 0.0, each: float = 0.3, **more: Any) -> list[HeardWord]:
    """The words of a text, one right after the other."""
    return [heard(w, start + i * each, start + (i + 1) * each, **more) for i, w in enumerate(text.split())]


def texts(transcript: Transcript) -> list[str]:
    return [s.text for s in transcript.segments]


def who(transcript: Transcript) -> dict[str, str]:
    """Label -> the text of that speaker."""
    labels = {s.id: s.label for s in transcript.speakers}
    said: dict[str, str] = {}
    for s in transcript.segments:
        label = labels.get(s.speaker, "")
        said[label] = f"{said.get(label, '')} {s.text}".strip()
    return said


# --- whatever comes in ---------------------------------------------------------------------------

moments = st.one_of(
    st.none(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(min_value=-3, max_value=40),
    st.integers(min_value=0, max_value=30).map(float),
)
spoken = st.one_of(
    st.sampled_from(
        ["Evet.", "IŞIK", "ışık", "İzmir'de", "don't", "3.", "1,5", "你", "好。", "  spaced", " so", "…", "-"]
    ),
    st.text(max_size=8),
)
words = st.lists(
    st.builds(
        HeardWord,
        text=spoken,
        start=moments,
        end=moments,
        confidence=st.one_of(st.none(), st.floats(0, 1), st.just(math.nan)),
        speaker=st.one_of(st.none(), st.sampled_from(["A", "B"])),
    ),
    max_size=25,
)
turns = st.one_of(
    st.none(),
    st.lists(
        st.builds(
            lambda start, length, speaker: Turn(start=start, end=start + length, speaker=speaker),
            st.floats(0, 30),
            st.floats(0, 10),
            st.sampled_from(["A", "B", "C"]),
        ),
        max_size=8,
    ),
)
rules = st.builds(
    SegmentRules,
    pause=st.sampled_from([0.2, 0.6]),
    longest=st.sampled_from([1.0, 5.0, 12.0]),
    merge_gap=st.sampled_from([0.0, 1.0]),
    lines=st.sampled_from([0, 1, 2]),
    line_length=st.sampled_from([5, 42]),
)


@settings(max_examples=250, deadline=None)
@given(words, turns, st.sampled_from([0.0, 0.004, 12.5, 33.333]), rules, st.sampled_from(["", "tr", "ja"]))
def test_every_rule_holds_for_any_words(
    given_words: list[HeardWord],
    given_turns: list[Turn] | None,
    duration: float,
    chosen: SegmentRules,
    language: str,
) -> None:
    made = segment(given_words, given_turns, duration=duration, language=language, rules=chosen)

    kept = [w for s in made.segments for w in s.words]
    left_out = [w for d in made.dropped for w in d.words]
    assert Counter(w.text for w in given_words) == Counter(w.text for w in [*kept, *left_out])
    assert all(d.reason and d.detail for d in made.dropped)

    carried = carry_spaces([w.text for w in kept])
    ends: dict[str, float] = {}
    last_word: dict[str, float] = {}
    for s in made.segments:
        assert s.text == joined([w.text for w in s.words], carried)
        assert 0 <= s.start < s.end <= made.duration
        assert (s.start, s.end) == (s.words[0].start, s.words[-1].end)
        assert s.start >= ends.get(s.speaker, 0.0)
        ends[s.speaker] = s.end
        for w in s.words:
            assert last_word.get(s.speaker, 0.0) <= w.start < w.end
            assert w.confidence is None or 0 <= w.confidence <= 1
            last_word[s.speaker] = w.end
        length = milliseconds(s.end) - milliseconds(s.start)
        assert length <= milliseconds(chosen.longest) or (len(s.words) == 1 and "long" in s.flags)
        assert (length < milliseconds(chosen.shortest)) == ("short" in s.flags)
        assert len(s.words) <= MOST_WORDS
        if given_turns is not None:
            assert (s.speaker == "") == ("no_speaker" in s.flags)

    named = [s.speaker for s in made.segments if s.speaker]
    assert list(dict.fromkeys(named)) == [f"SPEAKER_{i:02d}" for i in range(len(set(named)))]
    assert [s.id for s in made.speakers] == list(dict.fromkeys(named))
    assert [s.id for s in made.segments] == list(range(1, len(made.segments) + 1))
    for a, b in itertools.combinations(made.segments, 2):
        if a.speaker != b.speaker and a.start < b.end and b.start < a.end:
            assert a.overlap and b.overlap
    for s in made.segments:
        assert not s.overlap or any(
            s.speaker != o.speaker and s.start < o.end and o.start < s.end for o in made.segments
        )

    written = transcript_json(made)
    read = parse_transcript(written)
    assert (read.segments, read.speakers, read.duration) == (made.segments, made.speakers, made.duration)
    assert transcript_json(read) == written
    assert resegment(made, given_turns or (), rules=chosen) == made


@settings(max_examples=60, deadline=None)
@given(
    st.lists(spoken.filter(lambda t: bool(t.strip())), min_size=1, max_size=30),
    st.sampled_from([0.05, 0.3, 0.9]),
)
@example(["Evet."] * 6 + ["\r0"] + ["Evet."] * 5, 0.05)
def test_reading_order_is_kept_to_the_letter(given_texts: list[str], each: float) -> None:
    given_words = [heard(t, i * each, (i + 1) * each) for i, t in enumerate(given_texts)]
    made = segment(given_words, duration=60.0)
    assert [w.text for s in made.segments for w in s.words] == given_texts
    # Segments begin and end without white space, of whatever kind.
    whole = joined(given_texts, carry_spaces(given_texts))
    assert "".join("".join(texts(made)).split()) == "".join(whole.split())


# --- times ---------------------------------------------------------------------------------------


def test_clean_times_are_not_touched() -> None:
    given_words = even("Nereye gidiyorsun böyle?", 1.234)
    made = segment(given_words, duration=10)
    assert [(w.start, w.end, w.estimated) for w in made.segments[0].words] == [
        (1.234, 1.534, False),
        (1.534, 1.834, False),
        (1.834, 2.134, False),
    ]


def test_digits_without_times_share_the_gap() -> None:
    made = segment([heard("in", 1.0, 1.2), heard("1999", None, None), heard("we", 2.2, 2.4)], duration=10)
    (only,) = made.segments
    assert only.text == "in 1999 we"
    assert [(w.start, w.end) for w in only.words] == [(1.0, 1.2), (1.2, 2.2), (2.2, 2.4)]
    assert [w.estimated for w in only.words] == [False, True, False]
    assert only.flags == ("estimated_times",)


def test_a_word_without_times_does_not_fill_a_long_silence() -> None:
    made = segment([heard("yıl", 1.0, 1.2), heard("40", None, None), heard("Sonra", 20.0, 20.4)], duration=30)
    assert texts(made) == ["yıl 40", "Sonra"]
    assert made.segments[0].end < 3


def test_half_known_reversed_and_empty_times_are_repaired() -> None:
    made = segment(
        [heard("a", 1.0, None), heard("b", 1.5, 1.2), heard("c", 2.0, 2.0), heard("d", None, 2.6)],
        duration=10,
    )
    spans = [(w.start, w.end) for s in made.segments for w in s.words]
    assert spans[:2] == [(1.0, 1.06), (1.2, 1.5)]
    assert spans[2][0] == 2.0 and 2.0 < spans[2][1] <= spans[3][0]
    assert spans[3][1] == 2.6
    assert all(w.estimated for s in made.segments for w in s.words)


def test_words_outside_the_programme_are_reported_and_those_at_its_edge_kept() -> None:
    made = segment(
        [heard("uh", -0.2, 0.3), heard("end", 9.8, 10.4), heard("ghost", 15.0, 15.5), heard(" ", 3, 4)],
        duration=10,
    )
    assert [(w.start, w.end) for s in made.segments for w in s.words] == [(0.0, 0.3), (9.8, 10.0)]
    assert sorted((d.reason, d.text) for d in made.dropped) == [
        ("empty", " "),
        ("outside_programme", "ghost"),
    ]


def test_a_word_stretched_over_a_silence_is_shortened() -> None:
    made = segment([heard("Git", 1.0, 9.0), heard("Dur", 9.1, 9.4)], duration=10)
    assert texts(made) == ["Git", "Dur"]
    assert made.segments[0].end == pytest.approx(3.75)


def test_no_times_at_all() -> None:
    made = segment([heard(t, None, None) for t in ("bir", "iki", "üç")], duration=10)
    assert texts(made) == ["bir iki üç"]
    assert made.segments[0].flags == ("estimated_times",)


def test_a_text_is_spread_over_its_passage() -> None:
    made = segment(spread(["Merhaba,", "dünya", "42"], 5.0, 7.0), duration=10)
    assert (made.segments[0].start, made.segments[0].end) == (5.0, 7.0)
    assert all(w.estimated for w in made.segments[0].words)
    with pytest.raises(InvalidJob):
        spread(["x"], 2.0, 2.0)


def test_lists_out_of_time_order_are_put_in_order_but_small_steps_back_are_not() -> None:
    late, early = even("sonra gelir", 20.0), even("önce söylenir", 2.0)
    assert texts(segment([*late, *early], duration=30)) == ["önce söylenir", "sonra gelir"]
    nudged = [heard("bir", 1.0, 1.3), heard("iki", 0.9, 1.4), heard("üç", 1.4, 1.6)]
    assert texts(segment(nudged, duration=30)) == ["bir iki üç"]


# --- speakers ------------------------------------------------------------------------------------

A, B = "Ayşe", "Bülent"


def turn(start: float, end: float, speaker: str) -> Turn:
    return Turn(start=start, end=end, speaker=speaker)


def test_words_go_to_the_turn_that_they_overlap_most() -> None:
    made = segment(
        [heard("Geldin", 1.0, 1.5), heard("mi?", 1.5, 2.1), heard("Geldim.", 2.1, 2.6)],
        [turn(0.9, 2.0, A), turn(2.0, 3.0, B)],
        duration=5,
    )
    assert who(made) == {A: "Geldin mi?", B: "Geldim."}
    assert [(s.id, s.name, s.label) for s in made.speakers] == [("SPEAKER_00", A, A), ("SPEAKER_01", B, B)]


def test_a_word_outside_all_turns_goes_to_the_nearest_within_reach() -> None:
    given_turns = [turn(0.0, 1.0, A), turn(3.0, 4.0, B)]
    made = segment(
        [heard("Yakın", 1.3, 1.6), heard("Uzak", 1.9, 2.3), heard("Bu", 2.7, 2.9)], given_turns, duration=5
    )
    assert who(made) == {A: "Yakın", "": "Uzak", B: "Bu"}
    assert made.segments[1].flags == ("no_speaker",)


def test_a_last_word_behind_a_misplaced_border_returns_to_its_sentence() -> None:
    said = [*even("Where are you going?", 1.0), *even("Home.", 2.5)]
    made = segment(said, [turn(1.0, 1.9, A), turn(1.9, 3.0, B)], duration=5)
    assert who(made) == {A: "Where are you going?", B: "Home."}


def test_a_first_word_before_a_misplaced_border_moves_to_its_sentence() -> None:
    said = [*even("Nothing.", 1.0), *even("So what now?", 1.3)]
    made = segment(said, [turn(1.0, 1.6, A), turn(1.6, 3.0, B)], duration=5)
    assert who(made) == {A: "Nothing.", B: "So what now?"}


def test_a_short_answer_is_not_taken_for_a_stray_word() -> None:
    said = [*even("Where are you going", 1.0), *even("Home.", 2.2), *even("Wait for me", 2.5)]
    made = segment(said, [turn(1.0, 2.2, A), turn(2.2, 2.5, B), turn(2.5, 4, A)], duration=5)
    assert who(made)[B] == "Home."
    inside = [*even("so then I", 1.0), *even("yeah", 1.9), *even("went to bed", 2.2)]
    made = segment(inside, [turn(1.0, 1.9, A), turn(1.9, 2.2, B), turn(2.2, 4, A)], duration=5)
    assert who(made)[B] == "yeah"


def test_no_segment_runs_across_somebody_elses_words_or_turn() -> None:
    said = [heard("dur", 1.0, 1.4), heard("ya", 1.45, 1.75), heard("bekle", 1.8, 2.2)]
    spoken_turns = [turn(1.0, 1.42, A), turn(1.43, 1.77, B), turn(1.78, 2.2, A)]
    assert texts(segment(said, spoken_turns, duration=5)) == ["dur", "ya", "bekle"]
    silent = [heard("dur", 1.0, 1.4), heard("bekle", 1.8, 2.2)]
    assert texts(segment(silent, [turn(1.0, 2.2, A)], duration=5)) == ["dur bekle"]
    assert texts(segment(silent, spoken_turns, duration=5)) == ["dur", "bekle"]


def test_two_at_once_stay_two_segments() -> None:
    said = sorted(
        [*even("biri uzun uzun anlatıyor", 1.0), *even("öteki de konuşuyor", 1.65)],
        key=lambda w: w.start or 0,
    )
    made = segment(said, [turn(1.0, 2.2, A), turn(1.65, 2.55, B)], duration=5)
    assert who(made) == {A: "biri uzun uzun anlatıyor", B: "öteki de konuşuyor"}
    assert [s.overlap for s in made.segments] == [True, True]


def test_without_a_diarizer_everybody_is_one_and_with_one_that_hears_nobody_no_one() -> None:
    said = even("kimse yok mu")
    assert segment(said, duration=5).segments[0].speaker == "SPEAKER_00"
    assert segment(said, [], duration=5).segments[0].speaker == ""


def test_impossible_turns_are_refused() -> None:
    for bad in (turn(3, 2, A), turn(math.nan, 2, A), turn(1, 2, "")):
        with pytest.raises(InvalidJob) as caught:
            segment([], [bad], duration=5)
        assert caught.value.hint


# --- cuts ----------------------------------------------------------------------------------------


def test_sentences_and_pauses_cut() -> None:
    said = [*even("Geldim. Gördüm mü? Evet", 0.0), *even("ama sonra", 2.0)]
    assert texts(segment(said, duration=9)) == ["Geldim.", "Gördüm mü?", "Evet", "ama sonra"]


@pytest.mark.parametrize(
    ("word", "following", "ends"),
    [
        ("gel.", "Sonra", True),
        ("Dr.", "Kaya", False),
        ("A.B.D.", "Başkanı", False),
        ("3.", "Murat", False),
        ("1999.", "The", True),
        ("gel...", "sonra", False),
        ("gel...", "Sonra", True),
        ("«Gel!»", "dedi", False),
        ("gel.”", "Sonra", True),
        ("好。", "你", True),
        (".", "Ve", True),
        ("Dr.", "", True),
        ("no.", "I", True),
        ("gel,", "Sonra", False),
        ("क्या।", "हाँ", True),
    ],
)
def test_where_sentences_end(word: str, following: str, ends: bool) -> None:
    assert ends_sentence(word, following) is ends


def cut_of(said: list[HeardWord], longest: float, language: str = "") -> list[str]:
    return texts(segment(said, duration=60, language=language, rules=SegmentRules(longest=longest)))


def test_the_best_place_wins_in_the_order_of_the_rules() -> None:
    plain = ["bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz"]

    def said(comma: int = 0, pause: int = 0, conjunction: int = 0) -> list[HeardWord]:
        made, at = [], 0.0
        for index, text in enumerate(plain, 1):
            text += "," if index == comma else ""
            text = "ama" if index == conjunction + 1 and conjunction else text
            made.append(heard(text, at, at + 0.3))
            at += 0.3 + (0.4 if index == pause else 0.0)
        return made

    def first(*args: int) -> int:
        cut = cut_of(said(*args), 2.3, "tr")
        assert len(cut) == 2
        return len(cut[0].split())

    assert first(0, 0, 0) == 4  # the middle, where nothing else speaks
    assert first(0, 0, 3) == 3  # before a conjunction
    assert first(0, 5, 3) == 5  # a pause beats it
    assert first(2, 5, 3) == 2  # a comma beats both


def test_the_longest_of_several_pauses_is_taken_though_another_is_nearer_the_middle() -> None:
    said = [heard("a", 0, 0.3), heard("b", 0.8, 1.2), heard("c", 1.35, 1.75), heard("d", 1.75, 2.45)]
    assert cut_of(said, 2.4) == ["a", "b c d"]


def test_cuts_are_the_cheapest_in_all_not_one_by_one() -> None:
    # Five words at most; every way to cut is tried, and no other cuts only at commas with fewer pieces.
    fewer = even("bir, iki üç dört, beş altı yedi, sekiz dokuz on", each=0.3)
    cut = cut_of(fewer, 1.6)
    assert all(ends_clause(piece) for piece in cut[:-1])
    assert len(cut) == min(
        len(edges) - 1
        for chosen in itertools.product([False, True], repeat=len(fewer) - 1)
        for edges in [[0, *(i for i, cut_here in enumerate(chosen, 1) if cut_here), len(fewer)]]
        if all(b - a <= 5 for a, b in itertools.pairwise(edges))
        and all(ends_clause(fewer[i - 1].text) for i in edges[1:-1])
    )


def test_subtitles_fit_two_lines() -> None:
    text = (
        "Sabahın köründe kalkıp işe giden insanların arasında yürürken birden onu gördüm ve adını "
        "hatırlamaya çalıştım ama bir türlü çıkaramadım, çünkü aradan yıllar geçmişti"
    )
    made = segment(even(text, each=0.2), duration=60, language="tr", rules=SegmentRules(lines=2))
    assert " ".join(texts(made)) == text
    assert len(made.segments) > 1
    for one in texts(made):
        lines = rewrapped(one, line_length=42, lines=2, language="tr").split("\n")
        assert len(lines) <= 2 and all(len(line) <= 42 for line in lines)


def test_a_word_wider_than_a_subtitle_is_kept_and_flagged() -> None:
    made = segment([heard("x" * 80, 0, 2), *even("ve sonra", 2)], duration=9, rules=SegmentRules(lines=2))
    assert texts(made) == ["x" * 80, "ve sonra"]
    assert made.segments[0].flags == ("long_text",)


def test_short_pieces_join_their_neighbour_where_the_pause_allows() -> None:
    near = [heard("Ya", 1.0, 1.2), heard("nereye?", 2.0, 2.6)]
    far = [heard("Ya", 1.0, 1.2), heard("nereye?", 2.3, 2.9)]
    assert texts(segment(near, duration=9)) == ["Ya nereye?"]
    made = segment(far, duration=9)
    assert texts(made) == ["Ya", "nereye?"]
    assert [s.flags for s in made.segments] == [("short",), ()]
    between = [heard("Gel", 1.0, 1.5), heard("ya", 2.2, 2.4), heard("Git", 3.3, 3.8)]
    assert texts(segment(between, duration=9)) == ["Gel ya", "Git"]
    between[1] = heard("ya", 2.4, 2.6)
    assert texts(segment(between, duration=9)) == ["Gel", "ya Git"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ([" Hello", ",", " it", "'s", " 50", "%"], "Hello, it's 50%"),
        (["你", "好", "吗？"], "你好吗？"),
        (["İIıi", "DİYARBAKIR'da"], "İIıi DİYARBAKIR'da"),
        (["iPhone", "用", "户"], "iPhone 用户"),
        (["don’t", "STOP"], "don’t STOP"),
    ],
)
def test_texts_are_joined_as_their_script_asks(said: list[str], text: str) -> None:
    made = segment([heard(t, i * 0.2, i * 0.2 + 0.2) for i, t in enumerate(said)], duration=9)
    assert texts(made) == [text]


def test_a_word_in_pieces_is_not_cut() -> None:
    said = [" well", "-known", " word", "-play", " every", "-where"]
    made = [heard(t, i * 0.4, i * 0.4 + 0.4) for i, t in enumerate(said)]
    assert cut_of(made, 1.7) == ["well-known", "word-play every-where"] or cut_of(made, 1.7) == [
        "well-known word-play",
        "every-where",
    ]


def test_impossible_rules_and_durations_are_refused() -> None:
    for bad in ({"longest": 0.1}, {"pause": 0.0}, {"lines": -1}, {"line_length": 0}, {"tolerance": math.nan}):
        with pytest.raises(InvalidJob):
            SegmentRules(**bad)
    for duration in (-1.0, math.nan, math.inf):
        with pytest.raises(InvalidJob):
            segment([], duration=duration)


# --- size ----------------------------------------------------------------------------------------


def weighed(count: int, each: float) -> int:
    """How many choices the cutter weighs for that many words without a pause or a full stop."""
    timed, dropped = timed_words(
        [heard("söz", i * each, (i + 1) * each) for i in range(count)], int(count * 1000)
    )
    assert not dropped
    ordered, without = in_order(timed, count * 1000)
    assert not without
    cutter = Cutter({"A": ordered}, [], SegmentRules(), "tr")
    assert sum(len(p.words) for p in cutter.pieces("A")) == count
    return cutter.steps


@pytest.mark.parametrize(("count", "each"), [(20_000, 0.3), (4_000, 0.002)])
def test_work_grows_with_the_words(count: int, each: float) -> None:
    part, whole = weighed(count // 4, each), weighed(count, each)
    assert whole <= 4.5 * part
    assert whole <= MOST_WORDS * count


# --- the scene -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scene(shared: Shared) -> tuple[list[HeardWord], tuple[Turn, ...], list[dict[str, Any]]]:
    """Words at even distances inside each turn of the scene, its turns, and what is known of its lines."""
    spoken_turns = read_rttm(shared("scene/truth.rttm", real=True))
    lines = json.loads(shared("scene/truth_transcript.json").read_text(encoding="utf-8"))["segments"]
    said: list[HeardWord] = []
    for line in lines:
        mine = [
            t for t in spoken_turns if t.speaker == line["speaker"] and line["start"] <= t.start < line["end"]
        ]
        room = sum(t.end - t.start for t in mine)
        text = (
            line["text"] or " ".join(f"{line['speaker']}-{line['id']}-{i}" for i in range(round(room * 3)))
        ).split()
        for index, t in enumerate(mine):
            share = (
                text
                if index == len(mine) - 1
                else text[: max(1, round(len(text) * (t.end - t.start) / room))]
            )
            text = text[len(share) :]
            said += [
                HeardWord(
                    text=w,
                    start=t.start + (t.end - t.start) * i / len(share),
                    end=t.start + (t.end - t.start) * (i + 1) / len(share),
                )
                for i, w in enumerate(share)
            ]
    return said, spoken_turns, lines


def test_the_scene_comes_back_with_its_speakers_and_overlaps(
    scene: tuple[list[HeardWord], tuple[Turn, ...], list[dict[str, Any]]],
) -> None:
    said, spoken_turns, lines = scene
    made = segment(said, spoken_turns, duration=96.0, language="en")
    assert not made.dropped
    labels = {s.id: s.label for s in made.speakers}
    assert [labels[f"SPEAKER_{i:02d}"] for i in range(4)] == ["LJ", "S3005", "S2033", "S533"]
    right = 0
    for line in lines:
        mine = [s for s in made.segments if labels[s.speaker] == line["speaker"]]
        mine = [s for s in mine if s.start < line["end"] and line["start"] < s.end]
        assert mine, line["id"]
        assert any(s.overlap for s in mine) == bool(line["overlaps_with"]), line["id"]
        if line["text"]:
            right += " ".join(s.text for s in mine) == line["text"]
    assert sum(bool(line["overlaps_with"]) for line in lines) == 8
    assert right == sum(line["text"] is not None for line in lines)


def test_the_scene_cut_again_is_the_same(
    scene: tuple[list[HeardWord], tuple[Turn, ...], list[dict[str, Any]]],
) -> None:
    said, spoken_turns, _ = scene
    first = segment(said, spoken_turns, duration=96.0, language="en")
    assert resegment(first, spoken_turns) == first
    subtitles = resegment(first, spoken_turns, rules=SegmentRules(lines=2))
    assert len(subtitles.segments) > len(first.segments)
    assert resegment(subtitles, spoken_turns) == first
