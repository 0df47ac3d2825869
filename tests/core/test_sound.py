"""Sound files: exact in, exact out, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shared_media import Shared

from dubline.errors import AudioProcessingError, Cancelled, StorageFull, ValidationError
from dubline.media import sound
from dubline.media.sound import FloatFile, SoundWriter, open_sound, read_blocks


def noise(channels: int, frames: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (channels, frames)).astype(np.float32)


def whole(path: Path, **how: Any) -> NDArray[np.float32]:
    return np.concatenate(list(read_blocks(path, **how)), axis=1)


def write(path: Path, block: NDArray[Any], **how: Any) -> SoundWriter:
    with SoundWriter(path, 48000, block.shape[0], block.shape[1], **how) as writer:
        writer.write(block)
    return writer


def header(path: Path, chunk: bytes) -> bytes:
    start = path.read_bytes()[:200]
    at = start.index(chunk)
    return start[at + 8 : at + 8 + int.from_bytes(start[at + 4 : at + 8], "little")]


# --- reading -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rate", "channels", "frames", "layout"),
    [
        ("audio/lhotse_real_8ch.wav", 16000, 8, 1600, "7.1"),
        ("audio/pydub_test-dc_offset.wav", 22050, 2, 220_500, "stereo"),
        ("audio/pydub_test1-24bit.wav", 44100, 2, 441_000, "stereo"),
        ("diarization/trn01.wav", 16000, 1, 480_001, "mono"),
        ("scene/mix.flac", 48000, 2, 4_608_000, "stereo"),
    ],
)
def test_real_files(name: str, rate: int, channels: int, frames: int, layout: str, shared: Shared) -> None:
    path = shared(name, real=True)
    found = open_sound(path)
    assert (found.rate, found.channels, found.frames, found.layout) == (rate, channels, frames, layout)
    blocks = list(read_blocks(path, 50_000))
    assert sum(b.shape[1] for b in blocks) == frames
    assert all(b.dtype == np.float32 and b.shape[0] == channels and b.flags.c_contiguous for b in blocks)


def test_24_bit_sound_is_read_exactly(shared: Shared) -> None:
    path = shared("audio/pydub_test1-24bit.wav")
    exact, _ = soundfile.read(path, dtype="int32")
    assert np.array_equal(whole(path).astype(np.float64) * 2**31, exact.T)


def test_an_offset_is_kept_as_it_is(shared: Shared) -> None:
    path = shared("audio/pydub_test-dc_offset.wav")
    exact, _ = soundfile.read(path, dtype="int16")
    assert np.array_equal(whole(path) * 2**15, exact.T)
    assert np.abs(whole(path).mean(axis=1)).max() > 0.05


def test_a_wav_without_samples_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 2)), 48000)
    with pytest.raises(ValidationError, match="no sound") as caught:
        open_sound(tmp_path / "none.wav")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.wav", b"", "empty"),
        ("garbage.wav", bytes(range(256)) * 40, "not a sound file"),
        ("text.flac", b"fLaC but not really", "not a sound file"),
        ("-", b"a bare dash is a file like any other", "not a sound file"),
        ("missing.wav", None, "no file"),
    ],
)
def test_unusable_files(
    tmp_path: Path, name: str, content: bytes | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_bytes(content)
    with pytest.raises(ValidationError, match=says) as caught:
        open_sound(Path(name))
    assert caught.value.hint


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="folder"):
        open_sound(tmp_path)


@pytest.mark.parametrize("field", ["channels", "rate"])
@pytest.mark.parametrize("value", [0, 2**31 - 1])
def test_a_header_beyond_belief_is_refused(tmp_path: Path, field: str, value: int) -> None:
    path = tmp_path / "odd.wav"
    write(path, noise(2, 100), subtype="PCM_16")
    content = bytearray(path.read_bytes())
    if field == "channels":
        content[22:24] = (value & 0xFFFF).to_bytes(2, "little")
    else:
        content[24:28] = value.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ValidationError) as caught:
        open_sound(path)
    assert caught.value.hint


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text on this system")
def test_names_that_are_no_text_are_read(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 \n%s.wav")
    write(path, noise(1, 100))
    assert open_sound(path).frames == 100


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 3000), st.data())
def test_blocks_are_the_file_however_it_is_cut(frames: int, block: int, data: st.DataObject) -> None:
    import tempfile

    start = data.draw(st.integers(0, frames))
    stop = data.draw(st.integers(start, frames))
    samples = noise(2, frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wav"
        write(path, samples, subtype="FLOAT")
        blocks = list(read_blocks(path, block, start, stop))
    assert all(b.shape[1] == block for b in blocks[:-1])
    assert np.array_equal(np.concatenate([np.zeros((2, 0)), *blocks], axis=1), samples[:, start:stop])


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 101), (101, None)])
def test_ranges_outside_the_file_are_refused(tmp_path: Path, start: int, stop: int | None) -> None:
    write(tmp_path / "a.wav", noise(1, 100))
    with pytest.raises(ValidationError):
        list(read_blocks(tmp_path / "a.wav", 10, start, stop))


def test_a_flac_cut_short_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(2, 200_000).T, 48000)
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.raises(AudioProcessingError, match="breaks off"):
        list(read_blocks(path))


# --- writing -----------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(-(2**23), 2**23 - 1), min_size=1, max_size=200), st.sampled_from(["PCM_24", "FLOAT"])
)
def test_integers_come_back_bit_for_bit(values: list[int], subtype: sound.Subtype) -> None:
    import tempfile

    steps = np.array([values, values[::-1]], np.int32)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "a.wav", steps, subtype=subtype)
        assert np.array_equal(whole(Path(folder) / "a.wav").astype(np.float64) * 2**23, steps)


def test_every_16_bit_value_comes_back(tmp_path: Path) -> None:
    values = np.arange(-(2**15), 2**15, dtype=np.int32)[None, :]
    write(tmp_path / "int.wav", values << 8, subtype="PCM_16")
    write(tmp_path / "float.wav", (values / 2**15).astype(np.float32), subtype="PCM_16")
    for name in ("int.wav", "float.wav"):
        back, _ = soundfile.read(tmp_path / name, dtype="int16")
        assert np.array_equal(back, values[0])


def test_float_sound_is_rounded_to_the_nearest_step_and_clipping_is_counted(tmp_path: Path) -> None:
    samples = np.array([[0.3, -0.3, 1.5, -1.0, -1.5, 0.0]], np.float32)
    writer = write(tmp_path / "a.wav", samples, subtype="PCM_24")
    back = whole(tmp_path / "a.wav")
    assert writer.clipped == 2
    assert np.abs(back - np.clip(samples, -1, 1)).max() <= 2.0**-23
    assert write(tmp_path / "f.wav", samples, subtype="FLOAT").clipped == 0
    assert np.array_equal(whole(tmp_path / "f.wav"), samples)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_refused_and_leaves_nothing(tmp_path: Path, bad: float) -> None:
    with pytest.raises(ValidationError, match="not a number"):
        write(tmp_path / "a.wav", np.full((1, 10), bad, np.float32), subtype="FLOAT")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "block",
    [
        np.zeros((3, 5), np.float32),
        np.zeros(5, np.float32),
        np.zeros((2, 5), np.float64),
        np.full((2, 5), 2**23, np.int32),
    ],
)
def test_blocks_of_another_kind_are_refused(tmp_path: Path, block: NDArray[Any]) -> None:
    with pytest.raises(ValidationError), SoundWriter(tmp_path / "a.wav", 48000, 2, 5) as writer:
        writer.write(block)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("channels", "layout", "kind", "mask"),
    [
        (1, "", "WAV", None),
        (2, "", "WAV", None),
        (4, "", "WAVEX", 0),
        (6, "", "WAVEX", 0x3F),
        (6, "discrete", "WAVEX", 0),
        (8, "", "WAVEX", 0x63F),
    ],
)
def test_containers_and_speakers(
    tmp_path: Path, channels: int, layout: str, kind: str, mask: int | None
) -> None:
    path = tmp_path / "a.wav"
    samples = noise(channels, 100)
    write(path, samples, subtype="FLOAT", layout=layout)
    assert soundfile.info(path).format == kind
    assert np.array_equal(whole(path), samples)
    if mask is not None:
        assert int.from_bytes(header(path, b"fmt ")[20:24], "little") == mask


def test_more_than_4_gib_is_announced_as_rf64(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = noise(6, 100)
    with SoundWriter(path, 48000, 6, 2**32 // 24 + 1, "FLOAT") as writer:
        writer.write(samples)
    assert path.read_bytes()[:4] == b"RF64"
    assert int.from_bytes(header(path, b"fmt ")[20:24], "little") == 0x3F
    assert np.array_equal(whole(path), samples)


def test_passing_4_gib_unannounced_is_refused(tmp_path: Path) -> None:
    huge = np.broadcast_to(np.zeros((1, 1), np.float32), (6, 2**32 // 24 + 1))  # no memory behind it
    with (
        pytest.raises(StorageFull, match="4 GiB"),
        SoundWriter(tmp_path / "a.wav", 48000, 6, 10, "FLOAT") as w,
    ):
        w.write(huge)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize(("channels", "frames"), [(1, 400_001), (2, 400_000), (6, 100_003)])
def test_silence_takes_no_room_and_every_program_reads_it(
    tmp_path: Path, kind: sound.Subtype, channels: int, frames: int
) -> None:
    path, loud = tmp_path / "silent.wav", tmp_path / "loud.wav"
    for name, last in ((path, 0), (loud, 1 << 8)):
        block = np.zeros((channels, frames), np.int32)
        block[-1, -1] = last
        with SoundWriter(name, 48000, channels, frames, kind) as writer:
            writer.write(block)
    samples, rate = soundfile.read(path, always_2d=True)
    assert samples.shape == (frames, channels) and rate == 48000 and not samples.any()
    assert path.stat().st_size == loud.stat().st_size
    with av.open(str(path)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == frames
    holes = tmp_path / "holes"
    with holes.open("wb") as file:
        file.truncate(1 << 20)
    if holes.stat().st_blocks == 0:  # a file system that knows them
        assert path.stat().st_blocks * 512 <= 8192 < loud.stat().st_blocks * 512
        du = subprocess.run(["du", "-k", str(path)], capture_output=True, text=True, check=True).stdout
        assert int(du.split()[0]) <= 8


def test_the_same_sound_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", noise(2, 1000), subtype="FLOAT")
    assert header(tmp_path / "a.wav", b"PEAK")[4:8] == bytes(4)  # libsndfile puts the time of day there


def test_nothing_appears_before_the_end_and_nothing_stays_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"what was there")
    with pytest.raises(Cancelled), SoundWriter(path, 48000, 1, 10) as writer:
        writer.write(noise(1, 10))
        assert path.read_bytes() == b"what was there"
        raise Cancelled("stopped")
    assert path.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [path]
    write(path, noise(1, 10))
    assert open_sound(path).frames == 10
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(AudioProcessingError) as caught:
        SoundWriter(tmp_path / "no" / "a.wav", 48000, 1, 10)
    assert caught.value.hint


# --- a full disk -------------------------------------------------------------------------------

CHILD = """
import resource, sys
from pathlib import Path
import numpy as np
from dubline.errors import StorageFull
from dubline.media.sound import FloatFile, SoundWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
folder, kind = Path(sys.argv[1]), sys.argv[2]
block = np.ones((2, 10_000), np.float32)
try:
    if kind == "float":
        with FloatFile(folder / "a.f32", 2) as file:
            for _ in range(20):
                file.append(block)
    else:
        with SoundWriter(folder / "a.wav", 48000, 2, 200_000, kind) as writer:
            for _ in range(20):
                writer.write(block)
except StorageFull as full:
    print(full.hint and full, *(f"{p.name}={p.stat().st_size}" for p in folder.iterdir()), sep="|")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit on this system")
@pytest.mark.parametrize(
    ("kind", "left"), [("PCM_16", []), ("PCM_24", []), ("FLOAT", []), ("float", ["a.f32=240000"])]
)
def test_a_full_disk_is_storage_full(tmp_path: Path, kind: str, left: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), kind], capture_output=True, text=True, check=True
    )
    message, *files = done.stdout.strip().split("|")
    assert "could not be written: file too large" in message
    assert files == left


def test_space_is_asked_for_before_starting(tmp_path: Path) -> None:
    sound.require_space(tmp_path / "not" / "yet", 1, "a stem")
    with pytest.raises(StorageFull, match=r"four stems needs 1000000\.00 GB in .* GB are free") as caught:
        sound.require_space(tmp_path, 10**15, "four stems")
    assert caught.value.hint


# --- float files -------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 500), max_size=6), st.integers(1, 3), st.integers(1, 400), st.data())
def test_a_float_file_gives_back_what_it_got(
    lengths: list[int], channels: int, block: int, data: st.DataObject
) -> None:
    import tempfile

    pieces = [noise(channels, n, seed) for seed, n in enumerate(lengths)]
    total = np.concatenate([np.zeros((channels, 0), np.float32), *pieces], axis=1)
    keep = data.draw(st.integers(0, total.shape[1]))
    start = data.draw(st.integers(0, keep))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.f32"
        with FloatFile(path, channels) as file:
            for piece in pieces:
                file.append(piece)
            file.sync()
            assert file.frames == total.shape[1]
            file.truncate(keep)
        with FloatFile(path, channels) as again:
            assert again.frames == keep
            again.append(total[:, keep:])
            back = list(again.blocks(block, start))
    assert np.array_equal(np.concatenate([total[:, :0], *back], axis=1), total[:, start:])
    assert all(b.flags.c_contiguous for b in back)


def test_a_half_written_sample_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "a.f32"
    path.write_bytes(noise(2, 3).T.tobytes() + b"\x00" * 5)
    with FloatFile(path, 2) as file:
        assert file.frames == 3
        file.append(np.ones((2, 1), np.float32))
        (block,) = file.blocks()
    assert np.array_equal(block, np.concatenate([noise(2, 3), np.ones((2, 1))], axis=1))


def test_a_float_file_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with FloatFile(tmp_path / "a.f32", 2) as file:
        file.append(noise(2, 4))
        with pytest.raises(ValidationError):
            file.append(noise(1, 4))
        with pytest.raises(ValidationError):
            file.truncate(5)
        with pytest.raises(ValidationError):
            list(file.blocks(10, 5))
