"""Time is exact: nothing drifts, nothing is skipped but what drop frame skips."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline import timebase as tb
from dubline.errors import InvalidJob
from dubline.timebase import Timecode

FILM = Fraction(24000, 1001)
NTSC = Fraction(30000, 1001)
NTSC60 = Fraction(60000, 1001)
FPS = [FILM, Fraction(24), Fraction(25), NTSC, Fraction(30), Fraction(50), NTSC60, Fraction(60)]
RATES = [8000, 16000, 22050, 32000, 44100, 48000, 96000, 192000]

fps = st.sampled_from(FPS)
rates = st.sampled_from(RATES)
roundings = st.sampled_from(["nearest", "floor", "ceil"])


@pytest.mark.parametrize(
    ("given_as", "rate"),
    [
        ("24000/1001", FILM),
        (23.976, FILM),
        ("23.976", FILM),
        ("23.98", FILM),
        (24000 / 1001, FILM),
        ("23976/1000", FILM),
        (29.97, NTSC),
        ("2997/100", NTSC),
        ("30000/1001", NTSC),
        (59.94, NTSC60),
        ("59.94006", NTSC60),
        ("19001/317", NTSC60),  # FFmpeg's guess for files with millisecond timestamps
        ("119.88", Fraction(120000, 1001)),
        ("14.985", Fraction(15000, 1001)),
        (24, Fraction(24)),
        ("25", Fraction(25)),
        ("25.0", Fraction(25)),
        (Fraction(50), Fraction(50)),
        ("12.5", Fraction(25, 2)),
        ("750000/71393", Fraction(750000, 71393)),
        ("24.001", Fraction(24001, 1000)),
        ("10.989", Fraction(10989, 1000)),  # 11000/1001 is nobody's rate
    ],
)
def test_rates_are_recognised(given_as: str | float | Fraction, rate: Fraction) -> None:
    assert tb.frame_rate(given_as) == rate


@given(st.sampled_from([12, 15, 24, 30, 48, 60, 120, 240]))
def test_every_way_of_writing_an_ntsc_rate_is_that_rate(number: int) -> None:
    exact = Fraction(number * 1000, 1001)
    assert {tb.frame_rate(form) for form in (str(exact), float(exact), f"{float(exact):.3f}")} == {exact}


@given(fps)
def test_rate_text_reads_back(rate: Fraction) -> None:
    assert tb.frame_rate(tb.rate_text(rate)) == rate


@pytest.mark.parametrize(
    "bad", ["", "film", "0", "-25", "24/0", "nan", "inf", float("nan"), 5000, "1e9", 0.0]
)
def test_what_is_no_rate_is_refused(bad: str | float) -> None:
    with pytest.raises(InvalidJob) as caught:
        tb.frame_rate(bad)
    assert "24000/1001" in caught.value.hint


def test_two_hours_of_film_frames_survive_every_unit() -> None:
    for frame in range(172_800):
        assert tb.seconds_to_frames(float(frame / FILM), FILM, "floor") == frame
        assert tb.samples_to_frames(tb.frames_to_samples(frame, FILM, 48000), 48000, FILM) == frame


def test_two_hours_of_film_frames_survive_their_labels() -> None:
    labels = set()
    for frame in range(172_800):
        label = str(Timecode(frame, FILM))
        labels.add(label)
        assert Timecode.parse(label, FILM).frame == frame
    assert len(labels) == 172_800


@given(st.integers(0, 24 * 3600 * 192_000), rates, roundings)
def test_samples_survive_float_seconds(samples: int, rate: int, rounding: tb.Rounding) -> None:
    assert tb.seconds_to_samples(samples / rate, rate, rounding) == samples


@given(st.integers(0, 24 * 3600 * 60), fps, rates, roundings)
def test_frames_survive_samples(frame: int, rate: Fraction, hertz: int, rounding: tb.Rounding) -> None:
    samples = tb.frames_to_samples(frame, rate, hertz, rounding)
    assert tb.samples_to_frames(samples, hertz, rate) == frame
    assert abs(Fraction(samples, hertz) - frame / rate) < Fraction(1, hertz)


@given(st.fractions(min_value=0, max_value=90_000, max_denominator=1001), rates)
def test_rules_bracket_the_time(seconds: Fraction, rate: int) -> None:
    floor, near, ceil = (tb.seconds_to_samples(seconds, rate, r) for r in ("floor", "nearest", "ceil"))
    assert floor <= near <= ceil <= floor + 1
    assert abs(near - seconds * rate) <= Fraction(1, 2)
    assert floor <= seconds * rate + tb.SNAP
    assert ceil >= seconds * rate - tb.SNAP


@given(st.fractions(min_value=-100, max_value=100), st.integers(-1000, 1000))
def test_nearest_does_not_depend_on_the_origin(value: Fraction, shift: int) -> None:
    assert tb.whole(value + shift) == tb.whole(value) + shift


@given(st.integers(0, 10**10), rates)
def test_resampled_length(samples: int, rate: int) -> None:
    assert tb.resampled_length(samples, rate, rate) == samples
    assert abs(
        Fraction(tb.resampled_length(samples, rate, 44100), 44100) - Fraction(samples, rate)
    ) <= Fraction(1, 88200)


def test_a_sample_lost_to_truncation_elsewhere_is_kept_here() -> None:
    assert tb.frames_to_samples(480, FILM, 48000) == 960_960


@pytest.mark.parametrize(("rate", "skipped", "day"), [(NTSC, 2, 2_589_408), (NTSC60, 4, 5_178_816)])
def test_drop_frame_leaves_out_exactly_the_right_numbers(rate: Fraction, skipped: int, day: int) -> None:
    assert Timecode(0, rate, True).frames_per_day == day
    per_second = tb.nominal(rate)
    missing = {  # all labels of the first twenty minutes that must not exist
        f"00:{minute:02d}:00;{number:02d}" for minute in range(20) if minute % 10 for number in range(skipped)
    }
    frames = 1200 * per_second - len(missing)
    labels = [str(Timecode(frame, rate, True)) for frame in range(frames + 1)]
    assert labels[-1] == "00:20:00;00"
    every = {
        f"00:{s // 60:02d}:{s % 60:02d};{number:02d}" for s in range(1200) for number in range(per_second)
    }
    assert every - set(labels) == missing
    assert labels == sorted(labels)


@given(st.integers(), st.sampled_from([(r, False) for r in FPS] + [(NTSC, True), (NTSC60, True)]))
def test_labels_round_trip_and_wrap(frame: int, kind: tuple[Fraction, bool]) -> None:
    timecode = Timecode(frame, *kind)
    assert Timecode.parse(str(timecode), kind[0]) == timecode
    assert timecode + timecode.frames_per_day == timecode
    assert 0 <= timecode.frame < timecode.frames_per_day
    assert (timecode + 1).frame == (timecode.frame + 1) % timecode.frames_per_day


@pytest.mark.parametrize(
    ("text", "rate", "frame", "written"),
    [
        ("01:00:00:00", FILM, 86_400, "01:00:00:00"),
        ("01:00:00:00", Fraction(25), 90_000, "01:00:00:00"),
        ("01:00:00;00", NTSC, 107_892, "01:00:00;00"),
        ("00;59;58;00", NTSC, 107_832, "00:59:58;00"),
        ("00:01:00;02", NTSC, 1800, "00:01:00;02"),
        ("00:01:00;04", NTSC60, 3600, "00:01:00;04"),
        ("00:10:00;00", NTSC, 17_982, "00:10:00;00"),
        (" 1:00:00:00 ", FILM, 86_400, "01:00:00:00"),
        ("00:00:01:005", Fraction(120), 125, "00:00:01:005"),
    ],
)
def test_known_timecodes(text: str, rate: Fraction, frame: int, written: str) -> None:
    timecode = Timecode.parse(text, rate)
    assert timecode.frame == frame
    assert str(timecode) == written


def test_an_hour_of_drop_frame_is_an_hour_of_clock_within_four_frames() -> None:
    assert abs(Timecode.parse("01:00:00;00", NTSC).seconds - 3600) < 4 / NTSC
    assert Timecode.parse("01:00:00:00", NTSC).seconds - 3600 == Fraction(36, 10)


def test_before_midnight_is_yesterday() -> None:
    assert str(Timecode.parse("00:30:00:00", Fraction(25)) + -90_000) == "23:30:00:00"
    assert str(Timecode.parse("23:59:59;29", NTSC) + 1) == "00:00:00;00"


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("", FILM),
        ("01:00:00", FILM),
        ("01:00:00.500", FILM),
        ("24:00:00:00", FILM),
        ("00:60:00:00", FILM),
        ("00:00:00:24", FILM),
        ("-1:00:00:00", FILM),
        ("\u0660\u0661:00:00:00", FILM),
        ("01:00:00;00", FILM),
        ("01:00:00;00", Fraction(30)),
        ("00:01:00;00", NTSC),
        ("00:01:00;01", NTSC),
        ("00:59:00;03", NTSC60),
    ],
)
def test_what_is_no_timecode_is_refused(text: str, rate: Fraction) -> None:
    with pytest.raises(InvalidJob) as caught:
        Timecode.parse(text, rate)
    assert caught.value.hint
