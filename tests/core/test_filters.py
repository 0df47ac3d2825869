"""What recognizers make up goes, with a reason; what is sure and heard by both ears stays."""
# ruff: noqa: RUF001 - Turkish has a dotless i

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from dubline.errors import InvalidJob
from dubline.recognition import FilterRules, Passage, filter_passages
from dubline.recognition.intervals import Intervals
from dubline.recognition.known_phrases import CREDITS, FAREWELLS, is_description, plain
from dubline.recognition.passages import Filtered, Witness
from dubline.recognition.repetition import compression_ratio
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
HEARD = Witness(spans=(Line(start=0.0, end=10.0),))
DEAF = Witness(spans=())
TURKISH = ("sana", "bir", "şey", "söylemek", "istiyorum", "ama", "nasıl", "bilmiyorum", "dün", "gece")
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


def without_doubt(words: Iterable[HeardWord]) -> list[str]:
    """The words to be compared: as they were given, and not a number equals itself."""
    return [repr(structs.replace(word, doubt="")) for word in words]


@settings(max_examples=200, deadline=None)
@given(passages, speech, speech)
def test_no_word_is_lost_and_only_what_failed_beats_a_sure_word_that_both_ears_hear(
    given_passages: list[Passage], lines: list[Line] | None, ear: list[Line] | None
) -> None:
    witness = Witness(spans=None if ear is None else tuple(ear))
    made = filter_passages(given_passages, lines, witness=witness)
    every = without_doubt(w for p in given_passages for w in p.words)
    left_out = [w for d in made.dropped for w in d.words]
    kept = without_doubt(made.kept)
    assert Counter(every) == Counter([*kept, *without_doubt(left_out)])
    rest = iter(every)
    assert all(word in rest for word in kept)  # in the order in which they were read
    assert all(d.reason and d.detail and d.words for d in made.dropped)
    spoken = Intervals((line.start, line.end) for line in lines or ())
    for piece in made.dropped:
        if piece.reason in ("repetition", "too_fast", "description", "empty") or ear is not None:
            continue
        for word in piece.words:
            if word.confidence is None or not word.confidence >= 0.6 or None in (word.start, word.end):
                continue
            start, end = sorted((word.start or 0.0, word.end or 0.0))
            assert not start < end or spoken.share(start, end) < 0.5


@settings(max_examples=100, deadline=None)
@given(passages, speech)
def test_what_a_second_ear_does_not_hear_at_all_goes(
    given_passages: list[Passage], lines: list[Line] | None
) -> None:
    made = filter_passages(given_passages, lines, witness=DEAF)
    for word in made.kept:  # only a line without any time cannot be looked for
        assert not any(t is not None and math.isfinite(t) for t in (word.start, word.end))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(TURKISH), min_size=1, max_size=10, unique=True),
    st.floats(0.25, 0.5),
    st.floats(0.2, 1.0),
)
def test_a_line_that_both_ears_hear_stays_whole_however_unsure(
    words: list[str], each: float, confidence: float
) -> None:
    line = passage(" ".join(words), start=1.0, each=each, sure=confidence, no_speech=0.3)
    span = Line(start=1.0, end=1.0 + each * len(words))
    made = filter_passages([line], [span], witness=Witness(spans=(span,)))
    assert made.kept == line.words and not made.dropped


@pytest.mark.parametrize(
    "text",
    [
        "Altyazı M.K.",
        "Thanks for watching!",
        "no " * 8,
        "Git buradan, bir daha da gelme.",
        "Thank you.",
    ],
)
def test_said_in_speech_with_confidence_everything_stays(text: str) -> None:
    for witness in (None, HEARD):
        made = filter_passages([passage(text, each=0.2, no_speech=0.9)], SPEECH, witness=witness)
        assert said(made) == " ".join(text.split()) and not made.dropped
        assert all(word.doubt for word in made.kept)  # the recognizer took it for silence


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


def test_of_a_loop_of_passages_the_first_copy_stays() -> None:
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
    each = passage(f"{copies} {words}", sure=0.99)
    assert not filter_passages([each], SPEECH).kept  # however sure: in a loop the surest are the worst
    heard = filter_passages([each], SPEECH, witness=HEARD)
    assert said(heard) == copies and all(word.doubt for word in heard.kept)
    assert not filter_passages([each], SPEECH, witness=DEAF).kept


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
    assert not filter_passages([passage(text, each=0.02, sure=0.99)], SPEECH).kept
    # Half a second of speech around it is too little for so many words.
    assert not filter_passages([passage(text, 3.0, 0.02, 0.99)], SPEECH, witness=HEARD).kept


def test_a_salad_goes_however_sure_it_is() -> None:
    text = "bilmiyorum ne yapacağım, ne yapacağımı bilmiyorum, yapacağım bilmiyorum ne, " * 6
    assert not filter_passages([passage(text, each=0.2, sure=0.95)], [Line(start=0.0, end=60.0)]).kept


def test_the_rest_of_a_passage_that_failed_goes_where_it_is_not_heard_well() -> None:
    mixed = Passage(words=(*passage("Kim var orada?").words, *passage("dur " * 12, 2.0, sure=0.99).words))
    assert not filter_passages([mixed], SPEECH).kept
    half = Witness(spans=(Line(start=0.0, end=1.2), Line(start=2.0, end=2.7)))
    made = filter_passages([mixed], SPEECH, witness=half)
    assert said(made) == "Kim var orada?" and all(word.doubt for word in made.kept)


def test_a_soft_word_between_lines_that_are_heard_stays_in_doubt() -> None:
    soft = passage("Evet.", start=4.0)
    line = Passage(
        words=(*passage("Beni duyuyor musun?").words, *soft.words, *passage("Gel artık.", start=7.0).words)
    )
    ear = Witness(spans=(Line(start=0.0, end=1.0), Line(start=7.0, end=8.0)))
    made = filter_passages([line], SPEECH, witness=ear)
    assert said(made) == "Beni duyuyor musun? Evet. Gel artık."
    assert [word.text for word in made.kept if word.doubt] == ["Evet."]
    assert not filter_passages([soft], SPEECH, witness=ear).kept


@pytest.mark.parametrize("text", ["[Music]", "(applause)", "*sighs*", "[Müzik] ♪"])
def test_what_only_sounds_is_no_line(text: str) -> None:
    made = filter_passages([passage(text, sure=0.99)], SPEECH, witness=HEARD)
    assert {r for r, _ in reasons(made)} == {"description"} and not made.kept


@pytest.mark.parametrize("text", ["♪ Bana bir masal anlat ♪", "Gel (buraya)!", "*Asla* gitmem.", "..."])
def test_words_beside_a_mark_are_a_line(text: str) -> None:
    assert not is_description(text)


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


@pytest.mark.parametrize(
    ("no_speech", "sure", "stays"),
    [(0.1, 0.4, True), (0.5, 0.95, False), (None, 0.7, True), (None, 0.4, False)],
)
def test_what_one_detector_hears_alone_needs_a_sure_recognizer(
    no_speech: float | None, sure: float, stays: bool
) -> None:
    line = passage("Sus, biri geliyor.", start=3.0, sure=sure, no_speech=no_speech)
    made = filter_passages([line], NOWHERE, witness=HEARD)
    assert bool(made.kept) == stays and bool(made.dropped) != stays


@pytest.mark.parametrize("text", ["♪ ♪", ". .", "...", "-"])
def test_marks_without_a_word_are_no_line(text: str) -> None:
    made = filter_passages([passage(text, sure=0.99)], SPEECH, witness=HEARD)
    assert {r for r, _ in reasons(made)} == {"empty"} and not made.kept
