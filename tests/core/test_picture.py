"""stems.png: a whole, valid picture of what was pushed, for any length and any channels."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread
from numpy.typing import NDArray

from dubline.errors import AudioProcessingError, InvalidJob, StorageFull, ValidationError
from dubline.separation import picture
from dubline.separation.picture import StemPicture, clock, time_ticks

NAMES = ("vocals", "music", "sfx", "ambient")
RATE = 8000


def sounds(frames: int, channels: int = 2, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    stems = (0.1 * rng.standard_normal((len(NAMES), channels, frames))).astype(np.float32)
    return stems.sum(axis=0), stems


def pixels(path: Path) -> NDArray[np.float32]:
    image: NDArray[np.float32] = imread(path)[:, :, :3]
    return image


def height() -> int:
    row = picture.WAVE + picture.GAP + picture.SPECTRUM + picture.BETWEEN
    return picture.HEAD + row * (len(NAMES) + 1) - picture.BETWEEN + picture.FOOT


def rows(track: int, part: str) -> slice:
    top = picture.HEAD + track * (picture.WAVE + picture.GAP + picture.SPECTRUM + picture.BETWEEN)
    if part == "wave":
        return slice(top + 4, top + picture.WAVE - 4)
    return slice(
        top + picture.WAVE + picture.GAP + 4, top + picture.WAVE + picture.GAP + picture.SPECTRUM - 4
    )


def columns(start: float, end: float) -> slice:
    wide = picture.WIDTH - picture.LEFT - picture.RIGHT
    return slice(round(picture.LEFT + start * wide) + 4, round(picture.LEFT + end * wide) - 4)


@pytest.mark.parametrize("frames, channels", [(1, 1), (80, 2), (RATE * 3, 6), (RATE * 2 + 1, 8)])
def test_a_png_of_the_right_size_for_any_sound(tmp_path: Path, frames: int, channels: int) -> None:
    source, stems = sounds(frames, channels)
    stems[2] = 0
    drawing = StemPicture(NAMES, RATE, frames, labels={"sfx": "empty", "ambient": "estimated $\\frac"})
    drawing.push(source, stems)
    drawing.write(tmp_path / "stems.png", title="日本 $x^ " * 30)
    assert (tmp_path / "stems.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert pixels(tmp_path / "stems.png").shape == (height(), picture.WIDTH, 3)
    assert [p.name for p in tmp_path.iterdir()] == ["stems.png"]


def test_ink_is_where_the_sound_is(tmp_path: Path) -> None:
    _, stems = sounds(8 * RATE)
    stems[:, :, : 4 * RATE] = 0  # all silent in the first half
    stems[1] = 0  # music silent throughout
    drawing = StemPicture(NAMES, RATE, 8 * RATE)
    drawing.push(stems.sum(axis=0), stems)
    drawing.write(tmp_path / "stems.png")
    image = pixels(tmp_path / "stems.png")
    for track, sounding in enumerate((True, True, False, True, True)):
        spectrum = image[rows(track, "spectrum")]
        assert spectrum[:, columns(0, 0.45)].max() < 0.05  # black: nothing there
        assert (spectrum[:, columns(0.55, 1)].mean() > 0.3) == sounding
        wave = image[rows(track, "wave")]
        early = (wave[:, columns(0, 0.45)].min(axis=2) < 0.8).mean()
        late = (wave[:, columns(0.55, 1)].min(axis=2) < 0.8).mean()
        assert (late > early + 0.1) == sounding


def test_a_tone_is_drawn_at_its_frequency_and_its_level() -> None:
    t = np.arange(10 * RATE) / RATE
    tone = np.sin(2 * np.pi * 1000 * t).astype(np.float32)[None]
    drawing = StemPicture(("vocals",), RATE, len(t))
    drawing.push(tone, tone[None])
    drawing._take_spectra()
    hz = np.geomspace(drawing._low_hz, drawing._top, picture.BANDS + 1)
    middle = drawing._power[0, :, 800]
    band = int(middle.argmax())
    assert hz[band] * 0.97 <= 1000 <= hz[band + 1] * 1.03
    assert -3 < 10 * np.log10(middle[band]) <= 0.1
    assert drawing._squares.sum() == pytest.approx(2 * np.sum(tone**2, dtype=np.float64), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(1, 9000), blocks=st.lists(st.integers(0, 4000), max_size=6), wide=st.integers(1, 90)
)
def test_blocks_do_not_matter_and_no_sample_is_missed(frames: int, blocks: list[int], wide: int) -> None:
    source, stems = sounds(frames)
    whole = StemPicture(NAMES, RATE, frames, columns=wide)
    whole.push(source, stems)
    whole._take_spectra()
    cut = StemPicture(NAMES, RATE, frames, columns=wide)
    at = 0
    for size in [*blocks, frames]:
        stop = min(frames, at + size)
        cut.push(source[:, at:stop], stems[:, :, at:stop])
        at = stop
    cut._take_spectra()
    assert np.array_equal(whole._low, cut._low)
    assert np.array_equal(whole._high, cut._high)
    assert np.allclose(whole._squares, cut._squares, rtol=1e-4)
    assert np.allclose(whole._power, cut._power, rtol=1e-4, atol=1e-12)
    edges = np.arange(len(whole._low[0]) + 1) * frames // len(whole._low[0])
    for column, (start, stop) in enumerate(pairwise(edges)):
        assert whole._high[0, column] == source[:, start:stop].max()
        assert whole._low[0, column] == source[:, start:stop].min()
    assert (whole._power.sum(axis=1) > 0).all()  # each column of each sound has its spectrum


def test_not_a_number_is_drawn_as_nothing(tmp_path: Path) -> None:
    source, stems = sounds(RATE)
    stems[0, 0, 100:200] = np.nan
    stems[1, 1, 300] = np.inf
    drawing = StemPicture(NAMES, RATE, RATE)
    drawing.push(source, stems)
    drawing.write(tmp_path / "stems.png")
    assert pixels(tmp_path / "stems.png").shape[1] == picture.WIDTH
    assert np.isfinite(drawing._power).all()


def test_memory_does_not_grow_with_the_sound() -> None:
    source, stems = sounds(RATE)

    def peak(seconds: int) -> int:
        tracemalloc.start()
        drawing = StemPicture(NAMES, RATE, seconds * RATE, columns=100)
        for _ in range(seconds):
            drawing.push(source, stems)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(30)  # imports and caches
    assert peak(240) < 1.1 * peak(60)


def test_a_full_disk_leaves_the_old_picture_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "stems.png").write_bytes(b"old")
    source, stems = sounds(800)
    drawing = StemPicture(NAMES, RATE, 800)
    drawing.push(source, stems)
    with (
        mock.patch("matplotlib.figure.Figure.savefig", side_effect=OSError(28, "No space left on device")),
        pytest.raises(StorageFull),
    ):
        drawing.write(tmp_path / "stems.png")
    assert [p.name for p in tmp_path.iterdir()] == ["stems.png"]
    assert (tmp_path / "stems.png").read_bytes() == b"old"
    with pytest.raises(AudioProcessingError):
        drawing.write(tmp_path / "missing" / "stems.png")


def test_wrong_shapes_and_settings_are_refused() -> None:
    source, stems = sounds(100)
    with pytest.raises(InvalidJob):
        StemPicture(NAMES, RATE, 0)
    drawing = StemPicture(NAMES, RATE, 50)
    with pytest.raises(ValidationError):
        drawing.push(source, stems[:3])
    with pytest.raises(ValidationError):
        drawing.push(source, stems)  # more than announced


@given(st.floats(1e-4, 40000))
def test_ticks_are_round_few_and_all_different(duration: float) -> None:
    ticks, step = time_ticks(duration)
    words = [clock(tick, step) for tick in ticks]
    assert 2 <= len(ticks) <= 11
    assert ticks[-1] <= duration * 1.000001
    assert len(set(words)) == len(words)


def test_clock() -> None:
    assert clock(3661.0, 1) == "01:01:01"
    assert clock(0.004, 0.002) == "00:00:00.004"
    assert clock(59.9996, 0.001) == "00:01:00.000"
