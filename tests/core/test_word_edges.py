"""Starts of recognised words, moved to where sound begins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubline.media.speech import RATE, Speech
from dubline.recognition.word_edges import PAUSE, REACH, first_words_on_sound
from dubline.values.transcript import HeardWord

BURSTS = ((1.0, 2.0), (3.0, 3.6), (3.75, 4.5), (6.0, 7.0))


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Eight seconds of hush with four bursts of noise, of which the third follows without a pause."""
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.0005, 8 * RATE)
    for start, end in BURSTS:
        sound[round(start * RATE) : round(end * RATE)] += rng.normal(0, 0.1, round((end - start) * RATE))
    path = tmp_path_factory.mktemp("edges") / "speech.f32"
    sound.astype(np.float32).tofile(path)
    return Speech(path)


def word(start: float | None, end: float | None) -> HeardWord:
    return HeardWord(text=" word", start=start, end=end)


def test_a_word_after_a_pause_begins_with_the_sound(speech: Speech) -> None:
    words = [word(0.8, 2.0), word(3.12, 3.6), word(3.65, 4.4), word(None, None), word(5.85, 6.9)]
    moved = first_words_on_sound(words, speech)
    starts = [w.start for w in moved]
    assert starts[0] == pytest.approx(1.0, abs=0.021)
    assert starts[1] == pytest.approx(3.0, abs=0.021)
    assert starts[2] == 3.65, "no pause before it"
    assert moved[3] == words[3]
    assert starts[4] == pytest.approx(6.0, abs=0.021)
    assert [(w.text, w.end) for w in moved] == [(w.text, w.end) for w in words]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 7.5), st.floats(0.03, 1.0)), max_size=8))
def test_nothing_moves_far_or_over_another_word(speech: Speech, spans: list[tuple[float, float]]) -> None:
    words = [word(start, start + length) for start, length in sorted(spans)]
    last = None
    for before, after in zip(words, first_words_on_sound(words, speech), strict=True):
        assert after.start is not None and before.start is not None and after.end == before.end
        assert abs(after.start - before.start) <= REACH + 1e-9
        assert 0 <= after.start < (after.end or 0)
        if after.start != before.start and last is not None:
            assert before.start - last >= PAUSE and after.start >= last
        last = max(last or 0.0, before.end or 0.0)
