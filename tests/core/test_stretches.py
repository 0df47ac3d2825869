"""Packing speech into stretches: what must hold for any turns, and where cuts fall on sounds we know."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.media.sound import FloatFile
from dubline.media.speech import Speech
from dubline.recognition.stretches import FLOOR, levels, pack, quiet_place
from dubline.values.media import Line

RATE = 16000
DURATION = 120.0
PAUSES = (12.0, 20.0, 31.5, 50.0, 77.0, 101.0)  # seconds; each lasts 0.3 s, the one at 20 s 0.8 s


def sound_file(path: Path, sound: np.ndarray) -> Speech:
    with FloatFile(path, 1) as file:
        file.append(sound.astype(np.float32)[None])
    return Speech(path)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speech]:
    noise = np.random.default_rng(0).normal(size=round(DURATION * RATE)) * 0.1
    for pause in PAUSES:
        noise[round(pause * RATE) : round((pause + (0.8 if pause == 20 else 0.3)) * RATE)] *= 1e-3
    with sound_file(tmp_path_factory.mktemp("s") / "s.raw", noise) as opened:
        yield opened


spans = st.lists(
    st.tuples(st.floats(0, DURATION + 5), st.floats(0, 45)).map(lambda t: Line(start=t[0], end=t[0] + t[1])),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=spans, longest=st.sampled_from([5.0, 12.0, 30.0]))
def test_all_speech_is_in_exactly_one_stretch_of_bearable_length(
    speech: Speech, spans: list[Line], longest: float
) -> None:
    stretches = pack(spans, speech, longest=longest)
    for a, b in pairwise(stretches):
        assert a.end <= b.start
    for stretch in stretches:
        assert 0 <= stretch.start < stretch.end <= DURATION
        assert stretch.end - stretch.start <= longest + 1e-9
    for span in spans:
        inside = sum(max(0.0, min(s.end, span.end) - max(s.start, span.start)) for s in stretches)
        assert inside == pytest.approx(
            max(0.0, min(span.end, DURATION) - min(span.start, DURATION)), abs=1e-6
        )


def test_many_turns_become_few_stretches(speech: Speech) -> None:
    turns = [Line(start=2.0 * n, end=2.0 * n + 1.5) for n in range(60)]
    stretches = pack(turns, speech)
    assert 4 <= len(stretches) <= 8


def test_the_cut_is_at_the_longest_pause_that_keeps_half_a_stretch(speech: Speech) -> None:
    """Pauses of 0.5 s but one of 1.5 s at 21 s: the stretch ends there, not at 30 s."""
    ends = [(0, 6), (6.5, 12), (12.5, 20.5), (22, 26), (26.5, 29), (29.5, 36)]
    stretches = pack([Line(start=a, end=b) for a, b in ends], speech)
    assert len(stretches) == 2
    assert stretches[0].end == pytest.approx(20.7) and stretches[1].start == pytest.approx(21.8)


def test_a_long_pause_parts_stretches_even_if_both_sides_would_fit(speech: Speech) -> None:
    stretches = pack([Line(start=1, end=3), Line(start=10, end=12)], speech)
    assert len(stretches) == 2


def test_speech_without_a_gap_is_cut_in_its_longest_pause(speech: Speech) -> None:
    stretches = pack([Line(start=0, end=40)], speech)
    assert [s.end for s in stretches] == [pytest.approx(20.4, abs=0.02), 40.2]


def test_a_sound_without_any_pause_is_cut_all_the_same(tmp_path: Path) -> None:
    steady = 0.1 * np.sin(np.arange(RATE * 70) * 0.05)
    with sound_file(tmp_path / "s.raw", steady) as speech:
        stretches = pack([Line(start=0, end=70)], speech)
    assert len(stretches) >= 3
    assert stretches[0].start == 0 and stretches[-1].end == 70


def test_nothing_to_pack(speech: Speech) -> None:
    assert pack([], speech) == ()
    assert pack([Line(start=500, end=600)], speech) == ()


@pytest.mark.parametrize("start, end", [(3.0, 2.0), (float("nan"), 2.0), (0.0, float("inf"))])
def test_impossible_spans_are_refused(speech: Speech, start: float, end: float) -> None:
    with pytest.raises(InvalidJob):
        pack([Line(start=start, end=end)], speech)


@pytest.mark.parametrize("longest", [0.5, 31.0, float("nan")])
def test_impossible_lengths_are_refused(speech: Speech, longest: float) -> None:
    with pytest.raises(InvalidJob):
        pack([], speech, longest=longest)


def test_levels_are_those_of_the_sound(tmp_path: Path) -> None:
    tone = np.concatenate([np.zeros(RATE), np.sin(2 * np.pi * 400 * np.arange(RATE) / RATE)])
    with sound_file(tmp_path / "s.raw", tone) as speech:
        level = levels(speech, 0, 2)
    assert len(level) == 200
    assert level[:98].max() == FLOOR
    assert level[102:198] == pytest.approx(-3.01, abs=0.05)  # a full-scale sine


def test_the_quietest_place_is_taken_where_there_is_no_pause(tmp_path: Path) -> None:
    time = np.arange(RATE * 4) / RATE
    swell = (1.2 + np.cos(2 * np.pi * time / 4)) * np.random.default_rng(1).normal(size=len(time)) * 0.1
    with sound_file(tmp_path / "s.raw", swell) as speech:
        assert quiet_place(speech, 0, 4) == pytest.approx(2.0, abs=0.3)
