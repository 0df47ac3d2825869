"""Sound files whose headers are wrong: what is in the file is heard, and it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from command import dubline
from shared_media import Shared

from dubline.media.headers import told_wrong
from dubline.media.probing import as_sound, choose_track, extract, probe
from dubline.report import silent

RATE = 48000
FORMATS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_24"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AIFF", "PCM_24"),
    ("AIFF", "FLOAT"),
]


def tone(seconds: float, channels: int = 2) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    wave = np.stack([0.3 * np.sin(2 * np.pi * (300 + 100 * n) * time) for n in range(channels)], axis=1)
    return (np.rint(wave * 2**15) / 2**15).astype(np.float32)


def saved(folder: Path, form: str, subtype: str, seconds: float = 2.0) -> Path:
    path = folder / "a.sound"
    soundfile.write(path, tone(seconds), RATE, subtype, format=form)
    return path


def length_at(data: bytes, form: str) -> list[tuple[int, int, str]]:
    """Where the length of the samples stands: (place, bytes, endian)."""
    if form == "RF64":
        return [(data.index(b"ds64") + 16, 8, "little")]
    if form == "W64":
        return [(data.index(b"data\xf3\xac") + 16, 8, "little")]
    if form == "AIFF":
        return [(data.index(b"SSND") + 4, 4, "big"), (data.index(b"COMM") + 10, 4, "big")]
    return [(data.index(b"data") + 4, 4, "little")]


def changed(path: Path, form: str, factor: float) -> None:
    """The header's length, times `factor`."""
    data = bytearray(path.read_bytes())
    for at, size, endian in length_at(bytes(data), form):
        value = int(int.from_bytes(data[at : at + size], endian) * factor)  # type: ignore[arg-type]
        data[at : at + size] = (value - value % 24 if value else 0).to_bytes(size, endian)  # type: ignore[arg-type]
    path.write_bytes(data)


def extracted(path: Path, out: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    assert as_sound(path) is None
    sound, notes = extract(path, choose_track(probe(path)), out, silent)
    return soundfile.read(sound.path, dtype="float32", always_2d=True)[0], notes


@pytest.mark.parametrize(("form", "subtype"), FORMATS)
@pytest.mark.parametrize("factor", [0, 0.25])
def test_a_length_that_is_too_small_loses_nothing(
    tmp_path: Path, form: str, subtype: str, factor: float
) -> None:
    path = saved(tmp_path, form, subtype)
    assert told_wrong(path) is None
    changed(path, form, factor)
    heard, notes = extracted(path, tmp_path / "out.wav")
    truth = tone(2.0)
    assert np.array_equal(heard[: len(truth)], truth)
    assert 0 <= len(heard) - len(truth) <= 16  # what stands behind the samples of an AIFF
    assert any("the header tells" in note for note in notes)


@pytest.mark.parametrize(("form", "subtype"), FORMATS)
def test_a_file_that_was_cut_off_is_told(tmp_path: Path, form: str, subtype: str) -> None:
    path = saved(tmp_path, form, subtype)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 + 1])  # an odd byte at the end, too
    heard, notes = extracted(path, tmp_path / "out.wav")
    assert np.array_equal(heard, tone(2.0)[: len(heard)])
    assert 0.97 * RATE < len(heard) <= RATE
    assert len(notes) == 1
    assert "promises 2.000 s" in notes[0]


@pytest.mark.parametrize(
    "tail",
    [
        b"\x07",
        b"\0" * 100_000,
        b"LIST\x1a\0\0\0INFOISFT\x0e\0\0\0Lavf59.27.100\0",
        b"TAG" + b"song".ljust(125, b"\0") + b"x" * 30_000,
        b"iXML" + (40_000).to_bytes(4, "little") + b"<" * 40_000,
        b"vend" + (40_000).to_bytes(4, "little") + b"\x93" * 40_000,
    ],
    ids=["a byte", "silence", "a list", "a tag", "iXML", "a chunk that nobody knows"],
)
def test_what_stands_behind_the_samples_is_no_sound(tmp_path: Path, tail: bytes) -> None:
    path = saved(tmp_path, "WAV", "PCM_16")
    with path.open("ab") as file:
        file.write(tail)
    assert told_wrong(path) is None
    sound = as_sound(path)
    assert sound is not None
    assert sound.frames == 2 * RATE


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFF00])
def test_a_file_from_a_pipe_is_whole(tmp_path: Path, size: int) -> None:
    path = saved(tmp_path, "WAV", "PCM_16")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(data)
    sound = as_sound(path)
    frames = sound.frames if sound is not None else probe(path).audio[0].frames
    assert frames == 2 * RATE


@pytest.mark.parametrize("cut", [11, 43, 46, 100])
@pytest.mark.parametrize("form", ["WAV", "RF64", "W64", "AIFF"])
def test_a_header_that_breaks_off_is_refused_in_words(tmp_path: Path, form: str, cut: int) -> None:
    path = saved(tmp_path, form, "PCM_16", 0.5)
    path.write_bytes(path.read_bytes()[:cut] or b"\0")
    answer = dubline("separate", path, "--separator", "builtin", "--out", tmp_path / "run")
    assert answer.status in (0, 2, 1)
    assert "Traceback" not in answer.err
    if answer.status:
        assert str(path.name) in answer.err


def test_a_recorder_that_died(tmp_path: Path, shared: Shared) -> None:
    path = shared("cases/av/hdr_zero.wav", real=True)
    heard, notes = extracted(path, tmp_path / "out.wav")
    data = path.read_bytes()
    truth = np.frombuffer(data[data.index(b"data") + 8 :], "<i2") / np.float32(2**15)
    assert np.array_equal(heard[:, 0], truth)
    assert notes == ("the header tells no length, as of a recorder that was cut off: all 5.000 s were read",)
