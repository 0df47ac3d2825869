"""What recognizers make up goes, with a reason; what is confident and inside speech stays."""
# ruff: noqa: RUF001 - Turkish has a dotless i

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.recognition import FilterRules, Passage, filter_passages
from dubline.recognition.filters import CREDITS, FAREWELLS, Filtered, compression_ratio, plain
from dubline.recognition.intervals import Intervals
from dubline.values.media import Line
from dubline.values.transcript import HeardWord


def passage(
    text: str, start: float = 0.0, each: float = 0.3, sure: float | None = 0.8, no_speech: float | None = None
) -> Passage:
    words = tuple(
        HeardWord(text=w, start=start + i * each, end=start + (i + 1) * each, confidence=sure)
        for i, w in enumerate(text.split())
    )
    return Passage(words=words, no_speech=no_speech)


def said(filtered: Filtered) -> str:
    return " ".join(w.text for w in filtered.kept)


def reasons(filtered: Filtered) -> list[tuple[str, str]]:
    return [(d.reason, d.text) for d in filtered.dropped]


SPEECH = [Line(start=0.0, end=10.0)]
NOWHERE = [Line(start=100.0, end=101.0)]

times = st.one_of(st.none(), st.just(math.nan), st.floats(0, 20))
sure = st.one_of(st.none(), st.just(math.nan), st.floats(0, 1))
passages = st.lists(
    st.builds(
        Passage,
        words=st.lists(
            st.builds(
                HeardWord,
                text=st.sampled_from(
                    ["no", "Altyazı", "M.K.", "Thanks", "for", "watching.", "you", "", "-", "ışık"]
                ),
                start=times,
                end=times,
                confidence=sure,
            ),
            max_size=30,
        ).map(tuple),
        no_speech=st.one_of(st.none(), st.floats(0, 1)),
        log_probability=st.one_of(st.none(), st.floats(-5, 0)),
        start=times,
        end=times,
    ),
    max_size=4,
)
speech = st.one_of(
    st.none(),
    st.lists(
        st.tuples(st.floats(0, 20), st.floats(0, 5)).map(lambda t: Line(start=t[0], end=t[0] + t[1])),
        max_size=5,
    ),
)


@settings(max_examples=200, deadline=None)
@given(passages, speech)
def test_no_word_is_lost_and_no_confident_word_inside_speech_dropped(
    given_passages: list[Passage], lines: list[Line] | None
) -> None:
    made = filter_passages(given_passages, lines)
    every = [w for p in given_passages for w in p.words]
    left_out = [w for d in made.dropped for w in d.words]
    assert Counter(map(id, every)) == Counter(map(id, [*made.kept, *left_out]))
    kept = {id(w) for w in made.kept}
    assert [id(w) for w in made.kept] == [id(w) for w in every if id(w) in kept]
    assert all(d.reason and d.detail and d.words for d in made.dropped)
    spoken = Intervals((line.start, line.end) for line in lines or ())
    for word in left_out:
        if word.confidence is None or not word.confidence >= 0.6 or word.start is None or word.end is None:
            continue
        start, end = sorted((word.start, word.end))
        assert not start < end or spoken.share(start, end) < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Altyazı M.K.",
        "Thanks for watching!",
        "no " * 40,
        "Git buradan, bir daha da gelme.",
        "Thank you.",
    ],
)
def test_said_in_speech_with_confidence_everything_stays(text: str) -> None:
    made = filter_passages([passage(text, each=0.2, no_speech=0.9)], SPEECH)
    assert said(made) == " ".join(text.split()) and not made.dropped


@pytest.mark.parametrize("phrases", [*CREDITS.values(), *FAREWELLS.values()])
def test_known_phrases_over_silence_go(phrases: tuple[str, ...]) -> None:
    for phrase in phrases:
        made = filter_passages([passage(phrase.capitalize() + ".", sure=0.95)], NOWHERE)
        assert {r for r, _ in reasons(made)} == {"boilerplate"} and not made.kept, phrase


def test_a_phrase_goes_alone_and_only_as_a_whole_sentence() -> None:
    made = filter_passages([passage("Gidelim. ALTYAZI M.K.", sure=0.4)], SPEECH, language="tr-TR")
    assert said(made) == "Gidelim." and reasons(made) == [("boilerplate", "ALTYAZI M.K.")]
    whole = "Thanks for watching the kids."
    assert said(filter_passages([passage(whole, sure=0.4)], SPEECH)) == whole


def test_without_a_voice_detector_a_farewell_needs_doubt() -> None:
    text = "Thanks for watching!"
    assert said(filter_passages([passage(text)])) == text
    assert not filter_passages([passage(text, no_speech=0.8)]).kept
    assert not filter_passages([passage(text, sure=0.3)]).kept
    assert not filter_passages([passage("Altyazı M.K.", sure=0.99)]).kept


def test_words_far_from_speech_go_unless_certain() -> None:
    words = passage("burada biri var", 12.0)
    assert reasons(filter_passages([words], SPEECH)) == [("silence", "burada biri var")]
    near = passage("burada biri", 10.2, each=0.2)
    assert said(filter_passages([near], SPEECH)) == "burada biri"
    assert (
        said(filter_passages([passage("gerçekten söylendi", 12.0, sure=0.97)], SPEECH))
        == "gerçekten söylendi"
    )


def test_no_speech_and_a_poor_guess() -> None:
    bad = passage("bir şeyler duydum", sure=0.2, no_speech=0.9)
    assert {r for r, _ in reasons(filter_passages([bad]))} == {"no_speech"}
    assert filter_passages([passage("bir şeyler", sure=0.7, no_speech=0.9)]).kept
    assert filter_passages([passage("bir şeyler", sure=0.2, no_speech=0.3)]).kept


def test_of_a_loop_the_first_copy_stays() -> None:
    line = "Ben seni çok seviyorum."
    looped = [passage(line, start=i * 2.0, sure=0.9) for i in range(12)]
    made = filter_passages(looped)
    assert said(made) == line
    assert {r for r, _ in reasons(made)} == {"repetition"}
    assert sum(len(d.words) for d in made.dropped) == 11 * 4


@pytest.mark.parametrize(("words", "believed"), [("dur", 8), ("dur git", 5), ("dur git gel", 3)])
def test_as_many_copies_are_believed_as_the_rules_say(words: str, believed: int) -> None:
    copies = " ".join([words] * believed)
    assert said(filter_passages([passage(copies)])) == copies
    assert said(filter_passages([passage(f"{copies} {words}")])) == words


@pytest.mark.parametrize("text", ["Hayır hayır hayır hayır hayır!", "Koş Ali koş Ali koş!", "Bye bye."])
def test_people_repeat_themselves(text: str) -> None:
    assert said(filter_passages([passage(text, sure=0.5)], SPEECH)) == text


def test_a_syllable_held_for_a_minute() -> None:
    made = filter_passages([passage("a" + "ha" * 80, each=3.0, sure=0.4)])
    assert [r for r, _ in reasons(made)] == ["repetition"]


def test_words_that_no_mouth_can_say() -> None:
    text = "bu kadar çok söz bir anda söylenemez ki"
    made = filter_passages([passage(text, each=0.02, sure=0.4)], SPEECH)
    assert reasons(made) == [("too_fast", text)] or {r for r, _ in reasons(made)} == {"too_fast"}
    assert not made.kept
    assert said(filter_passages([passage(text, each=0.15, sure=0.4)], SPEECH)) == text


def test_the_compression_ratio_is_whispers() -> None:
    assert compression_ratio("") == 0
    assert compression_ratio("Thank you. " * 20) > 2.4
    assert compression_ratio("Sabah erkenden kalktım ve denize baktım.") < 2.4


@pytest.mark.parametrize(
    ("a", "b"), [("IŞIK", "ışık"), ("İzmir", "izmir"), ("Altyazı M.K.", "altyazi m k"), ("don’t", "DON'T!")]
)
def test_texts_are_compared_without_case_and_marks(a: str, b: str) -> None:
    assert plain(a) == plain(b)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10)), max_size=8),
    st.integers(0, 60),
    st.integers(1, 20),
)
def test_intervals_count_each_moment_once(spans: list[tuple[int, int]], start: int, length: int) -> None:
    covered = {t for s, n in spans for t in range(s, s + n)}
    intervals = Intervals((float(s), float(s + n)) for s, n in spans)
    share = len(covered & set(range(start, start + length))) / length
    assert intervals.share(start, start + length) == pytest.approx(share)
    if share:
        assert intervals.distance(start, start + length) == 0


def test_impossible_rules_and_speech_are_refused() -> None:
    for bad in ({"inside": 0.0}, {"confident": 2.0}, {"repeats": (0, 1, 1)}, {"fast_words": 1}):
        with pytest.raises(InvalidJob):
            FilterRules(**bad)
    with pytest.raises(InvalidJob):
        filter_passages([], [Line(start=2, end=1)])
