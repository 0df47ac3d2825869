"""Words that were stretched over a pause are where somebody speaks, and none is over in a blink."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from dubline.recognition import segment
from dubline.recognition.cutting import TOO_FAST
from dubline.recognition.word_lengths import SQUEEZED, as_spoken
from dubline.recognition.words import likely_length
from dubline.timebase import merged
from dubline.values.media import Line
from dubline.values.transcript import HeardWord

gaps = st.lists(
    st.tuples(st.floats(0, 3), st.floats(0, 4), st.sampled_from(["in", "Mother.", "typography", "me,"]))
)
speech = st.lists(st.tuples(st.floats(0, 60), st.floats(0.01, 3)), max_size=6)


def word(text: str, start: float, end: float) -> HeardWord:
    return HeardWord(text=f" {text}", start=start, end=end, confidence=0.9)


def lines(*spans: tuple[float, float]) -> list[Line]:
    return [Line(start=start, end=end) for start, end in spans]


def times(words: tuple[HeardWord, ...]) -> list[tuple[float, float]]:
    return [(round(w.start or 0.0, 3), round(w.end or 0.0, 3)) for w in words]


@settings(max_examples=100, deadline=None)
@given(gaps, speech)
def test_order_and_texts_stay_and_no_word_leaves_its_time_but_into_a_pause(
    pieces: list[tuple[float, float, str]], spans: list[tuple[float, float]]
) -> None:
    given_words, at = [], 0.0
    for pause, length, text in pieces:
        start, at = at + pause, at + pause + length
        given_words.append(word(text, start, at))
    heard = lines(*merged((start, start + length) for start, length in spans))
    made = as_spoken(given_words, heard, at + 1.0)
    assert [w.text for w in made] == [w.text for w in given_words]
    for old, new in zip(given_words, made, strict=True):
        assert old.start is not None and old.end is not None and new.start is not None and new.end is not None
        assert old.start <= new.start <= new.end
        squeezed = old.end - old.start < SQUEEZED * likely_length(old.text) / 1000
        assert new.end <= (at + 1.0 if squeezed else old.end)
        assert new == old or new.estimated
    assert all((a.end or 0.0) <= (b.start or 0.0) for a, b in pairwise(made))
    assert as_spoken(made, heard, at + 1.0) == made


def test_a_pause_is_nobodys_word() -> None:
    spoken = lines((5.0, 7.0), (8.2, 9.6), (12.0, 12.4))
    stretched = [
        word("typography", 6.1, 7.7),
        word("in", 7.7, 8.35),
        word("being", 8.35, 9.6),
        word("No.", 9.6, 12.9),
    ]
    assert times(as_spoken(stretched, spoken, 20.0)) == [
        (6.1, 7.05),
        (8.15, 8.35),
        (8.35, 9.6),
        (11.95, 12.45),
    ]
    nowhere = [word("where", 20.0, 23.0)]
    assert as_spoken(nowhere, spoken, 30.0) == tuple(nowhere)


def test_no_word_is_over_in_a_blink_where_there_is_time() -> None:
    squeezed = [
        word("mother.", 2.42, 2.45),
        word("Don't", 4.4, 4.6),
        word("you", 4.6, 4.6),
        word("dare", 4.6, 4.9),
    ]
    made = as_spoken(squeezed, lines((2.4, 2.9)), 10.0)
    assert times(made) == [(2.42, 2.78), (4.4, 4.6), (4.6, 4.6), (4.6, 4.9)]
    assert [w.estimated for w in made] == [True, False, False, False]
    last = as_spoken([word("mother.", 9.9, 9.9)], [], 10.0)
    assert times(last) == [(9.9, 10.0)]


def test_a_line_faster_than_speech_says_so() -> None:
    text = ["the", "invention", "of", "movable", "metal", "letters"]
    fast = [word(part, 1.0 + 0.05 * k, 1.05 + 0.05 * k) for k, part in enumerate(text)]
    (line,) = segment(fast, duration=5.0).segments
    assert line.doubted == TOO_FAST
    slow = [structs.replace(w, start=1.0 + 0.3 * k, end=1.3 + 0.3 * k) for k, w in enumerate(fast)]
    assert not segment(slow, duration=5.0).segments[0].doubted
