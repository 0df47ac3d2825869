"""The meter: figures with a known answer, read from blocks of any size."""

from __future__ import annotations

import gc
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter

from dubline.errors import ValidationError
from dubline.separation.quality import QualityMeter, table
from dubline.values.base import to_json
from dubline.values.media import Line
from dubline.values.stems import SeparationQuality

NAMES = ("vocals", "music", "sfx", "ambient")

Sound = NDArray[np.float32]


def measure(
    stems: NDArray[np.float32],
    source: Sound | None = None,
    *,
    rate: int = 48000,
    layout: str = "",
    lines: tuple[Line, ...] | None = (),
    blocks: list[int] | None = None,
    names: tuple[str, ...] = NAMES,
) -> SeparationQuality:
    source = stems.sum(axis=0) if source is None else source
    meter = QualityMeter(names, rate, source.shape[0], layout, lines)
    at = 0
    for size in blocks or []:
        meter.push(source[:, at : at + size], stems[:, :, at : at + size])
        at += size
    meter.push(source[:, at:], stems[:, :, at:])
    return meter.result()


def lufs(sound: Sound, rate: int = 48000, layout: str = "") -> float | None:
    return measure(sound[None], rate=rate, layout=layout, names=("music",)).levels[0].lufs


def sine(dbfs: float, seconds: float, rate: int = 48000, hz: float = 997, channels: int = 2) -> Sound:
    t = np.arange(round(seconds * rate)) / rate
    tone = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * t)
    return np.broadcast_to(tone, (channels, len(tone))).astype(np.float32)


def bs1770(sound: Sound) -> float:
    """Integrated loudness by the Recommendation's own 48 kHz coefficients: the independent route."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585]
    highpass = [1.0, -2.0, 1.0], [1, -1.99004745483398, 0.99007225036621]
    weighted = lfilter(*highpass, lfilter(*shelf, sound.astype(np.float64)))
    power = np.add.reduceat((weighted**2).sum(axis=0), np.arange(0, sound.shape[1] // 4800 * 4800, 4800))
    blocks = np.convolve(power, np.ones(4), "valid") / 19200
    blocks = blocks[blocks > 10 ** ((-70 + 0.691) / 10)]
    blocks = blocks[blocks > blocks.mean() / 10]
    return float(-0.691 + 10 * np.log10(blocks.mean()))


# Cases 1 to 5 of EBU Tech 3341, 3 and 4 shortened (their gates work the same): (dBFS, seconds) one after
# another, and the loudness they must read.
EBU = [
    ([(-23, 20)], -23.0),
    ([(-33, 20)], -33.0),
    ([(-36, 10), (-23, 20), (-36, 10)], -23.0),
    ([(-72, 5), (-36, 10), (-23, 20), (-36, 10), (-72, 5)], -23.0),
    ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
]


@pytest.mark.parametrize("parts, expected", EBU)
def test_loudness_of_the_ebu_cases(parts: list[tuple[float, float]], expected: float) -> None:
    sound = np.concatenate([sine(level, seconds, hz=1000) for level, seconds in parts], axis=1)
    reading = lufs(sound)
    assert reading == pytest.approx(expected, abs=0.1)
    assert reading == pytest.approx(bs1770(sound), abs=0.05)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 88200, 192000])
def test_loudness_at_any_rate(rate: int) -> None:
    assert lufs(sine(-23, 3, rate), rate) == pytest.approx(-23.0, abs=0.1)


def test_loudness_of_5_1_by_the_recommendations_weights() -> None:
    """EBU Tech 3341 case 6: -28 dBFS left and right, -24 centre, -30 at the sides reads -23."""
    levels = (-28, -28, -24, None, -30, -30)
    sound = np.stack([sine(level, 20, hz=1000)[0] if level else np.zeros(960000, "f") for level in levels])
    assert lufs(sound, layout="5.1(side)") == pytest.approx(-23.0, abs=0.1)
    assert lufs(sound) == pytest.approx(-23.0, abs=0.1)
    boom = np.zeros_like(sound)
    boom[3] = sine(-6, 20, hz=60)[0]
    assert lufs(boom, layout="5.1") is None  # nothing but LFE
    assert lufs(boom, layout="6 channels") is not None  # discrete: all six count


def test_other_channel_counts() -> None:
    one = sine(-23, 2, channels=1)
    assert lufs(one) == pytest.approx(-26.0, abs=0.1)
    assert lufs(sine(-23, 2, channels=3)) == pytest.approx(-26.0 + 10 * math.log10(3), abs=0.1)
    assert lufs(sine(-23, 2, channels=9)) == pytest.approx(-26.0 + 10 * math.log10(9), abs=0.1)
    front = np.concatenate((one, one, np.zeros((6, one.shape[1]), np.float32)))
    assert lufs(front, layout="7.1") == pytest.approx(-23.0, abs=0.1)
    assert lufs(sine(-23, 2), layout="5.1") == pytest.approx(-23.0, abs=0.1)  # a layout that does not fit


def test_silence_and_short_sounds_have_no_loudness() -> None:
    assert lufs(np.zeros((2, 96000), np.float32)) is None
    assert lufs(sine(-20, 0.399)) is None
    assert lufs(sine(-20, 0.4)) is not None
    assert lufs(sine(-20, 1)[:, :1]) is None


def test_peak_clipping_and_silence() -> None:
    stems = np.zeros((1, 2, 48000), np.float32)
    stems[0, 0, 100:104] = 1.0  # a run of 4
    stems[0, 1, 200:202] = 1.0  # 2: two full-scale samples are no clipping
    stems[0, 1, 300:303] = -32767 / 32768  # 16 bits' full scale, 3
    stems[0, 1, 400:410] = 0.999
    stems[0, 0, 24000:] = np.float32(10 ** (-89 / 20))
    level = measure(stems, names=("sfx",)).levels[1]
    assert level.sample_peak_dbfs == 0.0
    assert level.clipped_samples == 7
    # Windows 1 to 4 are digital silence; the second half is at -92 dBFS over both channels.
    assert level.silent_share == pytest.approx(0.9)


@settings(max_examples=40, deadline=None)
@given(over=st.lists(st.booleans(), max_size=40), blocks=st.lists(st.integers(0, 7), max_size=12))
def test_clipped_runs_are_found_across_blocks(over: list[bool], blocks: list[int]) -> None:
    sound = np.array([over], np.float32)
    runs = "".join("x" if o else " " for o in over).split()
    level = measure(sound[None], names=("sfx",), blocks=blocks).levels[0]
    assert level.clipped_samples == sum(len(run) for run in runs if len(run) >= 3)


def test_the_null_test_sees_one_step_of_24_bits() -> None:
    rng = np.random.default_rng(1)
    stems = (rng.integers(-(2**20), 2**20, (4, 2, 9600)) / 2**23).astype(np.float32)
    source = stems.sum(axis=0, dtype=np.float64).astype(np.float32)
    whole = measure(stems, source)
    assert whole.residue_dbfs is None
    assert whole.residue_lsb24 == 0.0
    stems[2, 1, 5000] += np.float32(2**-23)
    off = measure(stems, source)
    assert off.residue_lsb24 == pytest.approx(1.0)
    assert off.residue_dbfs == pytest.approx(20 * math.log10(2**-23))


def voice_case(leak_db: float) -> tuple[NDArray[np.float32], tuple[Line, ...]]:
    """Three lines over a background that is `leak_db` louder inside them than outside."""
    rng = np.random.default_rng(2)
    lines = (Line(start=2, end=5), Line(start=8, end=9.5), Line(start=15, end=19))
    inside = np.zeros(20 * 8000, bool)
    for line in lines:
        inside[round(line.start * 8000) : round(line.end * 8000)] = True
    stems = np.zeros((4, 2, len(inside)), np.float32)
    stems[0] = 0.1 * rng.standard_normal(stems[0].shape) * inside
    stems[1] = 0.01 * np.where(inside, 10 ** (leak_db / 20), 1.0)
    return stems, lines


@pytest.mark.parametrize("leak_db", [-4.0, 0.0, 6.0])
def test_voice_left_in_the_background(leak_db: float) -> None:
    stems, lines = voice_case(leak_db)
    known = measure(stems, rate=8000, lines=lines)
    assert known.voice_in_background_db == pytest.approx(leak_db, abs=1e-4)
    assert known.lines == 3
    # Found by speech activity, a line lasts 200 ms longer than the voice.
    found = measure(stems, rate=8000, lines=None)
    assert found.lines == 3
    held = (8.5 * 10 ** (leak_db / 10) + 3 * 0.2) / (8.5 + 3 * 0.2)
    assert found.voice_in_background_db == pytest.approx(10 * math.log10(held), abs=0.05)


def test_activity_follows_the_level_of_the_voice_and_looks_past_faint_bleed() -> None:
    stems, _ = voice_case(6.0)
    rng = np.random.default_rng(3)
    stems[0] += (0.001 * rng.standard_normal(stems[0].shape)).astype(np.float32)
    loud, faint = (measure(stems * np.float32(gain), rate=8000, lines=None) for gain in (1.0, 0.05))
    assert loud.lines == faint.lines == 3
    assert loud.voice_in_background_db == pytest.approx(faint.voice_in_background_db, abs=0.05)


def test_overlapping_lines_count_once_and_lines_past_the_end_do_no_harm() -> None:
    stems, lines = voice_case(6.0)
    more = (*lines, Line(start=2.5, end=4), Line(start=15, end=19), Line(start=30, end=40))
    assert measure(stems, rate=8000, lines=more).voice_in_background_db == pytest.approx(6.0, abs=1e-4)


def test_no_answer_where_there_is_none() -> None:
    stems, _ = voice_case(6.0)
    assert measure(stems, rate=8000, lines=()).voice_in_background_db is None
    assert measure(stems, rate=8000, lines=(Line(start=0, end=20),)).voice_in_background_db is None
    stems[0] = 0
    assert measure(stems, rate=8000, lines=None).voice_in_background_db is None
    assert measure(stems[1:2], rate=8000, lines=None, names=("music",)).voice_in_background_db is None
    stems[1] = 0
    assert measure(stems, rate=8000, lines=(Line(start=1, end=2),)).voice_in_background_db is None


@settings(max_examples=6, deadline=None)
@given(blocks=st.lists(st.integers(0, 50000), max_size=8), known=st.booleans())
def test_blocks_do_not_matter(blocks: list[int], known: bool) -> None:
    stems, lines = voice_case(3.0)
    chosen = lines if known else None
    one, cut = (measure(stems, rate=8000, lines=chosen, blocks=b) for b in (None, blocks))
    assert one.lines == cut.lines
    assert one.residue_lsb24 == cut.residue_lsb24
    assert one.voice_in_background_db == pytest.approx(cut.voice_in_background_db, abs=1e-6)
    for a, b in zip(one.levels, cut.levels, strict=True):
        assert (a.sample_peak_dbfs, a.clipped_samples) == (b.sample_peak_dbfs, b.clipped_samples)
        assert a.silent_share == pytest.approx(b.silent_share)
        assert a.lufs == (None if b.lufs is None else pytest.approx(b.lufs, abs=0.011))


def test_not_a_number_shows_in_the_null_test_alone() -> None:
    stems, lines = voice_case(6.0)
    source = stems.sum(axis=0)
    clean = measure(stems, source, rate=8000, lines=lines)
    stems[0, 0, 24000] = np.nan
    stems[1, 1, 30000] = np.inf
    quality = measure(stems, source, rate=8000, lines=lines)
    assert quality.residue_lsb24 > 1000
    for a, b in zip(clean.levels, quality.levels, strict=True):
        assert (a.lufs is None) == (b.lufs is None)
        assert a.silent_share == b.silent_share
    assert b"null" in to_json(quality)
    assert "NaN" not in to_json(quality).decode()


def test_nothing_pushed_is_no_sound() -> None:
    quality = QualityMeter(NAMES, 48000, 2, "stereo", None).result()
    assert [level.lufs for level in quality.levels] == [None] * 5
    assert quality.residue_dbfs is None


def test_blocks_that_do_not_belong_together_are_refused() -> None:
    meter = QualityMeter(NAMES, 48000, 2, "stereo", None)
    with pytest.raises(ValidationError):
        meter.push(np.zeros((2, 10), np.float32), np.zeros((4, 2, 11), np.float32))
    with pytest.raises(ValidationError):
        meter.push(np.zeros((1, 10), np.float32), np.zeros((4, 1, 10), np.float32))


def test_memory_does_not_grow_with_the_sound() -> None:
    stems, _ = voice_case(0.0)

    def kept(times: int) -> int:
        tracemalloc.start()
        meter = QualityMeter(NAMES, 8000, 2, "stereo", None)
        for _ in range(times):
            meter.push(stems[0, :, :8000], stems[:, :, :8000])
        gc.collect()  # the filter's library leaves circles behind
        used = tracemalloc.get_traced_memory()[0]
        meter.result()
        tracemalloc.stop()
        return used

    kept(5)  # imports and caches
    # Each meter keeps a reading, of 8 bytes, for each 100 ms.
    readings = len(("source", *NAMES)) * (90 - 30) * 10
    assert kept(90) - kept(30) < 16 * readings


def test_the_table_is_aligned_and_says_what_it_knows() -> None:
    stems, lines = voice_case(6.0)
    rows = table(measure(stems, rate=8000, lines=lines))
    assert len({len(row) for row in rows[:6]}) == 1
    assert [row.split()[0] for row in rows[1:6]] == ["source", *NAMES]
    assert rows[-1] == "Background in 3 lines against outside: +6.0 dB."
    assert rows[4].split() == ["sfx", "-", "-", "0", "100", "%"]
    stems[0] += np.float32(0.5)
    assert "-6.0 dBFS" in table(measure(stems, stems.sum(axis=0) - np.float32(0.5), rate=8000))[-1]
