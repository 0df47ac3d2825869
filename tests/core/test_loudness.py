"""The loudness meter against the test signals of EBU Tech 3341 and 3342, and against FFmpeg's meter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loudness_reading import integrated, integrated_blocks
from shared_media import Shared

from dubline.media.sound import read_blocks
from dubline.signal.loudness import LoudnessMeter, k_filter
from dubline.values.dubbed import LoudnessReport


def tone(levels: list[tuple[float, float]], channels: int = 2, rate: int = 48000) -> np.ndarray:
    """1 kHz at peak levels in dBFS, each for so many seconds, the same in all channels."""
    parts = []
    for level, seconds in levels:
        at = np.arange(round(seconds * rate))
        parts.append(10 ** (level / 20) * np.sin(2 * np.pi * 1000 * at / rate))
    return np.tile(np.concatenate(parts), (channels, 1)).astype(np.float32)


def read(sound: np.ndarray, layout: str = "stereo", rate: int = 48000, block: int = 65536) -> LoudnessReport:
    meter = LoudnessMeter(rate, len(sound), layout)
    for start in range(0, sound.shape[1], block):
        meter.push(sound[:, start : start + block])
    return meter.result()


def test_the_filter_is_the_one_bs1770_prints() -> None:
    printed = [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
    np.testing.assert_allclose(k_filter(48000), printed, atol=1e-8)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(-23, 20)], -23),
        ([(-33, 20)], -33),
        ([(-36, 10), (-23, 60), (-36, 10)], -23),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23),
    ],
)
def test_integrated_of_ebu_tech_3341(levels: list[tuple[float, float]], expected: float) -> None:
    assert read(tone(levels)).integrated == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_the_same_tone_is_as_loud_at_every_rate(rate: int) -> None:
    assert read(tone([(-23, 5)], rate=rate), rate=rate).integrated == pytest.approx(-23, abs=0.1)


def test_surrounds_count_more_and_the_lfe_nothing() -> None:
    # Case 6 of EBU Tech 3341, with an LFE that must not be heard.
    levels = np.array([-28.0, -28.0, -24.0, 0.0, -30.0, -30.0])
    sound = tone([(0, 20)], 6) * (10 ** (levels / 20))[:, None].astype(np.float32)
    assert read(sound, "5.1").integrated == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(-20, 20), (-30, 20)], 10),
        ([(-20, 20), (-15, 20)], 5),
        ([(-40, 20), (-20, 20)], 20),
        ([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15),
    ],
)
def test_range_of_ebu_tech_3342(levels: list[tuple[float, float]], expected: float) -> None:
    assert read(tone(levels)).range == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("divisor", "phase", "amplitude", "expected"),
    [(4, 0, 0.5, -6), (4, 45, 0.5, -6), (6, 60, 0.5, -6), (8, 67.5, 0.5, -6), (4, 45, 1.41, 3)],
)
def test_true_peaks_of_ebu_tech_3341(divisor: int, phase: float, amplitude: float, expected: float) -> None:
    at = np.arange(48000)
    wave = amplitude * np.sin(2 * np.pi * at / divisor + np.radians(phase)) * np.hanning(len(at)) ** 0.01
    peak = read(wave[None].astype(np.float32), "mono").true_peak
    assert peak is not None and expected - 0.4 <= peak <= expected + 0.2


@pytest.mark.parametrize("name", ["mix", "dialogue", "sfx"])
def test_a_scene_is_as_loud_as_ffmpeg_says(name: str, shared: Shared) -> None:
    path = shared(f"scene/{name}.flac")
    meter = LoudnessMeter(48000, 2, "stereo", peaks=False)
    for block in read_blocks(path):
        meter.push(block)
    assert meter.result().integrated == pytest.approx(integrated(path), abs=0.02)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 44100, 48000, 96000])
@pytest.mark.parametrize("kind", ["noise", "speech"])
def test_ffmpeg_reads_the_same_at_every_rate(tmp_path: Path, kind: str, rate: int, shared: Shared) -> None:
    if kind == "noise":
        source = np.random.default_rng(0).normal(size=(48000 * 8, 2)) * 0.05
    else:
        source = soundfile.read(shared("scene/dialogue.flac"), 48000 * 20, always_2d=True)[0]
    sound = soxr.resample(source, 48000, rate).T.astype(np.float32)
    figure = read(sound, rate=rate).integrated
    assert figure == pytest.approx(integrated_blocks([sound], rate, "stereo", convert=False), abs=0.02)
    # A meter that converts first differs, most where the filter meets half the rate.
    least = 0.6 if rate < 44100 else 0.05
    assert figure == pytest.approx(integrated_blocks([sound], rate, "stereo"), abs=least)


@pytest.mark.parametrize("rate", [1000, 2000, 3000, 3364, 4000, 6000])
def test_very_low_rates_are_read_roughly(rate: int) -> None:
    at = np.arange(4 * rate) / rate
    tone = np.tile(0.1 * np.sin(2 * np.pi * 300 * at), (2, 1)).astype(np.float32)
    reference = integrated_blocks([tone], rate, "stereo")
    assert read(tone, rate=rate).integrated == pytest.approx(reference, abs=2.5 * 1000 / rate)


LAYOUTS = ("mono", "2.1", "5.1", "5.1(side)", "6.1", "7.1", "7.1(wide)", "quad", "hexagonal", "22.2")


@pytest.mark.parametrize("layout", [*LAYOUTS, "6 channels", "9 channels"])
def test_every_channel_counts_as_in_ffmpeg(layout: str) -> None:
    import av

    channels = av.AudioLayout(layout).nb_channels
    noise = (np.random.default_rng(1).normal(size=24000) * 0.1).astype(np.float32)
    for channel in range(channels):
        sound = np.zeros((channels, len(noise)), np.float32)
        sound[channel] = noise
        reference = integrated_blocks([sound], 48000, layout)
        figure = read(sound, layout).integrated
        assert figure == (None if reference is None else pytest.approx(reference, abs=0.02)), channel


@settings(max_examples=25, deadline=None)
@example(rate=8000, block=1, seconds=0.5, seed=0)
@given(
    rate=st.sampled_from([8000, 11025, 44100]),
    block=st.integers(100, 5000),
    seconds=st.floats(0.05, 1.5),
    seed=st.integers(0, 99),
)
def test_blocks_do_not_matter(rate: int, block: int, seconds: float, seed: int) -> None:
    sound = np.random.default_rng(seed).normal(size=(2, round(seconds * rate))).astype(np.float32) * 0.1
    cut, whole = read(sound, rate=rate, block=block), read(sound, rate=rate, block=10**9)
    for name in ("integrated", "true_peak", "range"):
        a, b = getattr(cut, name), getattr(whole, name)
        assert (a is None) == (b is None)
        assert a is None or a == pytest.approx(b, abs=1e-5)  # float32 sums in another order


def test_dialogue_is_measured_where_somebody_speaks(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sound = (rng.normal(size=(2, 48000 * 12)) * 0.01).astype(np.float32)
    sound[:, 48000 * 4 : 48000 * 8] *= 10
    mask = np.zeros(sound.shape[1], np.bool_)
    mask[48000 * 4 : 48000 * 8] = True
    meter = LoudnessMeter(48000, 2, "stereo")
    for start in range(0, sound.shape[1], 10000):
        meter.push(sound[:, start : start + 10000], mask[start : start + 10000])
    soundfile.write(tmp_path / "x.wav", sound.T, 48000, subtype="FLOAT")
    alone = integrated(tmp_path / "x.wav", 48000 * 4, 48000 * 8)
    assert meter.result().dialogue == pytest.approx(alone, abs=0.05)


def test_nothing_is_read_where_there_is_nothing() -> None:
    silence = read(np.zeros((2, 96000), np.float32))
    assert silence == LoudnessReport(integrated=None, true_peak=None)
    assert read(tone([(-20, 0.39)])).integrated is None
    assert read(tone([(-20, 0.41)])).integrated is not None
    assert read(tone([(-75, 5)])).integrated is None
    assert read(np.zeros((2, 0), np.float32)).true_peak is None
