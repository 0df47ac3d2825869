"""Takes that fill their time, to the sample and at the same pitch; and when each may begin."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from dubline.backends.contract import Spoken
from dubline.errors import BackendFailed
from dubline.fit.isochrony import RULES
from dubline.signal.pitch import pitches, praat, shifted
from dubline.voice.fitting import fitted, levelled, stretched, trimmed, usable
from dubline.voice.schedule import Schedule, Spot, drawn_in
from dubline.voice.sharing import HIGHEST, LOWEST

RATE = 16000


def syllables(seconds: float, hertz: float = 150.0, rate: int = RATE) -> np.ndarray:
    """(1, n): a voice-like buzz, five syllables a second."""
    time = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 9))
    shape = 0.55 + 0.45 * np.sin(2 * np.pi * 5 * time)
    return (0.2 * buzz * shape).astype(np.float32)[None]


class Speaker:
    """A voice of `natural` seconds whose length answers a speed with the power `obeys`; counts its takes."""

    def __init__(self, natural: float, obeys: float = 1.0, rate: int = RATE) -> None:
        self.natural, self.obeys, self.rate = natural, obeys, rate
        self.asked: list[float] = []

    def __call__(self, speed: float) -> Spoken:
        self.asked.append(speed)
        sound = syllables(self.natural / speed**self.obeys, rate=self.rate)
        silence = np.zeros((1, round(0.15 * self.rate)), np.float32)
        return Spoken(sound=np.concatenate([silence, sound, silence], axis=1), rate=self.rate)


@settings(max_examples=25)
@example(ratio=1.1796875, slot=0.5625, obeys=1.0, paces=False)
@example(ratio=1.175, slot=0.50043, obeys=1.0, paces=False)
@given(
    ratio=st.floats(0.92, 1.175),  # the 10 ms that are kept around a voice are part of it
    slot=st.floats(0.5, 4.0),
    obeys=st.floats(0.8, 1.1),
    paces=st.booleans(),
)
def test_what_fits_fills_its_slot_to_the_half_per_cent(
    ratio: float, slot: float, obeys: float, paces: bool
) -> None:
    say = Speaker(slot * ratio, obeys)
    take = fitted(say, slot, 0.0, rate=48000, paces=paces)
    assert take.status == "fits" and take.borrowed == 0
    assert 0.995 * slot - 1e-3 <= take.sound.shape[1] / 48000 <= slot + 1 / 48000
    assert say.asked[0] == 1.0 and len(say.asked) <= 3
    assert paces or say.asked == [1.0]


@settings(max_examples=20)
@given(natural=st.floats(0.3, 4.0), slot=st.floats(0.0, 4.0), room=st.floats(0.0, 0.5))
def test_no_take_leaves_the_window_or_its_time(natural: float, slot: float, room: float) -> None:
    take = fitted(Speaker(natural), slot, room, rate=16000)
    seconds = take.sound.shape[1] / 16000
    assert 0.89 <= take.natural / seconds <= 1.21
    assert 0 <= take.borrowed <= room + 5e-4
    if take.status == "too_long":
        assert seconds == pytest.approx(take.natural / RULES.fastest, rel=0.006)
    else:
        assert seconds <= slot + take.borrowed + 1e-3


def test_a_line_at_its_own_pace_is_spoken_once_and_left_alone() -> None:
    say = Speaker(2.0)
    take = fitted(say, 2.015, 0.0, rate=RATE)
    assert say.asked == [1.0] and (take.speed, take.stretch) == (1.0, 1.0)


def test_a_second_correction_only_where_the_first_missed() -> None:
    obedient, stubborn = Speaker(2.3), Speaker(2.3, obeys=0.7)
    fitted(obedient, 2.0, 0.0, rate=RATE)
    fitted(stubborn, 2.0, 0.0, rate=RATE)
    assert len(obedient.asked) == 2 and len(stubborn.asked) == 3


def pitch_of(sound: np.ndarray, rate: int) -> float:
    """The fundamental frequency in Hz, by the strongest line under 400 Hz."""
    spectrum = np.abs(np.fft.rfft(sound[0] * np.hanning(sound.shape[1]), 1 << 18))
    low, high = (round(f * (1 << 18) / rate) for f in (100, 280))
    return (low + int(np.argmax(spectrum[low:high]))) * rate / (1 << 18)


@pytest.mark.parametrize("factor", [0.83, 0.97, 1.03, 1.12])
def test_a_stretch_keeps_pitch_and_length(factor: float) -> None:
    sound = syllables(3.0)
    made = stretched(Spoken(sound=sound, rate=RATE), 3.0 * factor)
    assert made.sound.shape == (1, round(3.0 * factor * RATE)) and made.sound.dtype == np.float32
    assert pitch_of(made.sound, RATE) == pytest.approx(150, rel=0.01)
    body = made.sound[0, RATE // 2 : -RATE // 2]
    assert np.sqrt(np.mean(body**2)) == pytest.approx(np.sqrt(np.mean(sound[0] ** 2)), rel=0.15)


def test_a_stretch_moves_no_word() -> None:
    """Words that begin at 1.0 and 2.0 s begin at so many tenths more."""
    sound = np.zeros((1, 3 * RATE), np.float32)
    for start in (1, 2):
        sound[:, start * RATE : start * RATE + RATE // 2] = syllables(0.5)
    made = stretched(Spoken(sound=sound, rate=RATE), 3.3).sound[0]
    for start in (1.1, 2.2):
        around = np.abs(made[round((start - 0.2) * RATE) : round((start + 0.2) * RATE)])
        begins = start - 0.2 + int(np.argmax(around > 0.1 * np.abs(made).max())) / RATE
        assert begins == pytest.approx(start, abs=0.03)


def test_a_pitch_is_applied_where_the_voice_could_not() -> None:
    take = fitted(Speaker(2.0), 2.0, 0.0, rate=RATE, pitch=1.25)
    assert pitch_of(take.sound, RATE) == pytest.approx(187.5, rel=0.02)
    assert take.sound.shape[1] == 2 * RATE


def vowel(hertz: float, seconds: float = 2.0) -> np.ndarray:
    """A voice's pulses through resonances at 600, 1500 and 2500 Hz."""
    sound = np.zeros(round(seconds * RATE))
    sound[:: round(RATE / hertz)] = 1.0
    for formant, width in ((600, 80), (1500, 100), (2500, 150)):
        radius = np.exp(-np.pi * width / RATE)
        sound = lfilter([1.0], [1, -2 * radius * np.cos(2 * np.pi * formant / RATE), radius**2], sound)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)[None]


def formants(sound: np.ndarray) -> np.ndarray:
    """The medians of the first three in Hz, by Burg's method."""
    found = praat("a formant").Sound(sound[0].astype(float), RATE).to_formant_burg(0.01, 5, 5000)
    return np.array([np.nanmedian([found.get_value_at_time(n, t) for t in found.xs()]) for n in (1, 2, 3)])


@pytest.mark.parametrize("factor", [LOWEST, 0.85, 1.15, HIGHEST])
@pytest.mark.parametrize("hertz", [90.0, 130.0])
def test_another_pitch_keeps_pace_and_formants_and_is_the_same_each_time(hertz: float, factor: float) -> None:
    sound = vowel(hertz)
    made = shifted(sound, RATE, factor)
    assert made.shape == sound.shape and made.dtype == np.float32
    assert np.array_equal(made, shifted(sound, RATE, factor))
    before, after = (np.median([f for f in pitches(x, RATE) if f]) for x in (sound, made))
    assert after / before == pytest.approx(factor, rel=0.01)
    assert formants(made) / formants(sound) == pytest.approx(np.ones(3), abs=0.08)
    assert shifted(sound, RATE, 1.0) is sound


@given(st.integers(1, 4000), st.sampled_from(["silence", "noise", "hum", "click"]), st.floats(0.5, 2.0))
def test_what_has_hardly_a_pitch_comes_back_whole(count: int, kind: str, factor: float) -> None:
    sound = np.zeros((1, count), np.float32)
    if kind == "noise":
        sound[:] = 0.1 * np.random.default_rng(count).standard_normal(sound.shape)
    elif kind == "hum":
        sound[:] = syllables(4001 / RATE)[:, :count]
    elif kind == "click":
        sound[:, count // 2] = 1.0
    made = shifted(sound, RATE, factor)
    assert made.shape == sound.shape and np.isfinite(made).all() and np.abs(made).max() <= 1.0


def test_very_short_takes_can_be_stretched() -> None:
    for seconds in (0.03, 0.05, 0.1):
        made = stretched(Spoken(sound=syllables(seconds), rate=RATE), seconds * 0.9)
        assert made.sound.shape[1] == round(seconds * 0.9 * RATE)
        assert np.isfinite(made.sound).all() and np.abs(made.sound).max() > 0.01


# --- takes that are none -----------------------------------------------------------------------


@given(before=st.integers(0, 8000), after=st.integers(0, 8000))
@settings(max_examples=30)
def test_silence_is_trimmed_at_both_ends_and_nowhere_else(before: int, after: int) -> None:
    voice = np.full((1, 3 * 1600), 0.3, np.float32)
    voice[:, 1600:3200] = 0  # a pause
    sound = np.pad(voice, ((0, 0), (before, after)))
    kept = trimmed(sound, RATE)
    spare = kept.shape[1] - voice.shape[1]
    assert spare == min(before, 80) + min(after, 80)
    assert np.count_nonzero(kept) == np.count_nonzero(voice)


@pytest.mark.parametrize(
    ("sound", "rate", "says"),
    [
        (np.zeros((1, 0), np.float32), RATE, "no sound"),
        (np.full((1, 1), 0.5, np.float32), RATE, "ms of sound"),
        (np.zeros((1, 9000), np.float32), RATE, "silence"),
        (np.full((1, 9000), np.nan, np.float32), RATE, "not numbers"),
        (np.full((1, 9000), np.inf, np.float32), RATE, "not numbers"),
        (syllables(1.0), 7, "7 Hz"),
        (syllables(1.0)[0], RATE, "mono"),
        (syllables(1.0).astype(np.float64), RATE, "float32"),
        (np.concatenate([syllables(1.0)] * 2), RATE, "mono"),
        (np.tile(syllables(1.0), 100), RATE, "100.0 s of sound for a text of about 1.0 s"),
    ],
)
def test_bad_takes_are_refused_with_the_reason(sound: np.ndarray, rate: int, says: str) -> None:
    with pytest.raises(BackendFailed, match=says) as caught:
        usable(Spoken(sound=sound, rate=rate), expected=1.0)
    assert caught.value.hint


def speech_level(sound: np.ndarray, rate: int) -> float:
    """dBFS of the mean power, without what is far below the loudest."""
    size = round(0.05 * rate)
    power = (sound[0, : sound.shape[1] // size * size].reshape(-1, size) ** 2).mean(axis=1)
    return float(10 * np.log10(power[power > power.max() / 100].mean()))


@pytest.mark.parametrize("gain", [0.003, 0.3, 1.0, 8.0])
def test_every_take_is_equally_loud_and_within_full_scale(gain: float) -> None:
    voice = Spoken(sound=(gain * syllables(1.0)).astype(np.float32), rate=RATE)
    take = fitted(lambda speed: voice, 1.1, 0.0, rate=RATE, paces=False)
    assert np.abs(take.sound).max() <= 1
    assert speech_level(take.sound, RATE) == pytest.approx(-24, abs=0.5)


def test_a_click_in_a_take_does_not_pass_full_scale() -> None:
    sound = 0.01 * syllables(1.0)
    sound[0, 8000] = 1.0
    made = levelled(sound, RATE)
    assert np.abs(made).max() == pytest.approx(1.0) and made.shape == sound.shape
    assert levelled(np.zeros((1, 100), np.float32), RATE).max() == 0


# --- when each begins --------------------------------------------------------------------------


class Cue(NamedTuple):
    start: float
    end: float
    speaker: str


def test_a_line_that_runs_over_pushes_the_next_and_silence_catches_up() -> None:
    schedule = Schedule(1000, 20_000)
    assert schedule.place(Cue(0, 2, "A"), "A", 3500) == 0
    assert schedule.place(Cue(2, 3, "B"), "B", 1000) == 3500
    assert schedule.place(Cue(6, 7, "A"), "A", 1000) == 6000


def test_who_overlaps_in_the_source_may_overlap_in_the_dub() -> None:
    schedule = Schedule(1000, 20_000)
    schedule.place(Cue(0, 4, "A"), "A", 4000)
    assert schedule.place(Cue(2, 3, "B"), "B", 1000) == 2000
    assert schedule.place(Cue(3, 5, "A"), "A", 1000) == 4000  # but nobody over himself


def test_a_last_line_that_is_too_long_begins_earlier() -> None:
    schedule = Schedule(1000, 10_000)
    schedule.place(Cue(5, 8, "A"), "A", 3000)
    assert schedule.place(Cue(9, 10, "A"), "A", 1500) == 8500
    packed = Schedule(1000, 10_000)
    packed.place(Cue(5, 9, "A"), "A", 4000)
    assert packed.place(Cue(9, 10, "A"), "A", 1500) == 9000


cues = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(1, 3000), st.sampled_from("ABC"), st.integers(1, 6000)),
    max_size=25,
)


@given(cues)
def test_no_take_is_over_another_that_its_segment_is_not_over(
    drawn: list[tuple[int, int, str, int]],
) -> None:
    schedule, clock, placed = Schedule(1000, 10**6), 0, []
    for gap, length, speaker, frames in drawn:
        clock += gap
        cue = Cue(clock / 1000, (clock + length) / 1000, speaker)
        start = schedule.place(cue, speaker, frames)
        assert start >= clock
        for other, begin, end in placed:
            over = start < end and begin < start + frames
            source_over = cue.start < other.end and other.start < cue.end
            assert not over or (other.speaker != speaker and source_over)
        placed.append((cue, start, start + frames))


def test_the_window_is_the_one_of_the_translation() -> None:
    assert (RULES.slowest, RULES.fastest) == (0.90, 1.20)
    assert math.isclose(
        fitted(Speaker(1.0), 2.0, 0.0, rate=RATE).sound.shape[1] / RATE, 1 / 0.9, rel_tol=0.01
    )


class Piece(NamedTuple):
    start: float
    end: float


@given(
    st.lists(
        st.tuples(st.integers(0, 90), st.integers(1, 10), st.integers(1, 25), st.sampled_from("AB")),
        min_size=1,
        max_size=12,
    )
)
def test_takes_end_with_the_programme_where_there_is_time(lines: list[tuple[int, int, int, str]]) -> None:
    segments = [Piece(start, start + length) for start, length, _, _ in sorted(lines)]
    schedule, spots, rate, frames = Schedule(10, 1000), [], 10, 1000
    for segment, (_, _, seconds, who) in zip(segments, sorted(lines), strict=True):
        length = seconds * rate
        spots.append(Spot(segment, who, schedule.place(segment, who, length), length))
    starts = drawn_in(spots, frames)
    assert all(start >= 0 for start in starts)
    assert all(start <= spot.start for start, spot in zip(starts, spots, strict=True))
    for n, one in enumerate(spots):
        for m in range(n + 1, len(spots)):
            other = spots[m]
            if one.segment.end <= other.segment.start or one.speaker == other.speaker:
                assert starts[n] + one.frames <= starts[m]
    if sum(spot.frames for spot in spots) <= frames:  # there is free time enough for all of them
        assert all(start + spot.frames <= frames for start, spot in zip(starts, spots, strict=True))


def test_a_line_before_the_last_makes_room_for_it() -> None:
    one, two = Piece(10.0, 12.0), Piece(12.0, 14.0)
    spots = [Spot(one, "A", 1000, 400), Spot(two, "B", 1400, 430)]
    assert drawn_in(spots, 1500) == [670, 1070]
    assert drawn_in(spots, 2000) == [1000, 1400]
    assert drawn_in(spots, 800) == [1000, 1400], "what cannot be helped stays where it is"
