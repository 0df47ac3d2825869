"""Source media: what is in them, and sound that stays with the picture."""

from __future__ import annotations

import math
import os
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from shared_media import Shared

from dubline.errors import Cancelled, DublineError, FFmpegError, InvalidJob, ValidationError
from dubline.media.probing import as_sound, choose_track, decode, extract, fingerprint, probe
from dubline.media.timestamps import Placing, as_float, cut_evenly, speakers
from dubline.report import silent
from dubline.values.media import AudioTrack, Media

LATE = "video/audio_starts_late_750ms.mp4"
FOUR = "video/multi_audio_4tracks_51_default.mkv"
DROP = "video/dropframe_2997_pcm24.mov"


def heard(path: Path, wanted: int | None = None, block: int = 65536) -> tuple[NDArray[np.float32], list[str]]:
    notes: list[str] = []
    blocks = list(decode(path, choose_track(probe(path), wanted), block, notes=notes))
    assert all(b.shape[1] == block for b in blocks[:-1])
    return np.concatenate(blocks, axis=1), notes


def raw(path: Path, index: int = 0) -> NDArray[np.float32]:
    """Everything the decoder gives, end to end, whatever its time."""
    import av

    with av.open(str(path)) as container:
        frames = [f.to_ndarray() for f in container.decode(audio=index)]
    return np.concatenate(frames, axis=1)


def make(path: Path, pieces: list[tuple[int, NDArray[np.float32]]], codec: str, rate: int = 48000) -> Path:
    """A file whose sound comes in pieces (2, n), each at its own time in samples."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        form = stream.codec_context.format.name
        for at, piece in pieces:
            samples: NDArray[Any] = (
                piece if form in ("flt", "fltp") else np.rint(piece * 2**15).astype(np.int16)
            )
            if not form.endswith("p"):
                samples = np.ascontiguousarray(samples.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format=form, layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def noise(frames: int, seed: int = 0) -> NDArray[np.float32]:
    steps = np.random.default_rng(seed).integers(-(2**14), 2**14, (2, frames))
    return (steps / 2**15).astype(np.float32)


# --- probing -----------------------------------------------------------------------------------


def test_the_scene(shared: Shared) -> None:
    media = probe(shared("scene/scene.mp4"))
    assert media.timecode == "01:00:00:00"
    assert media.video is not None
    assert (media.video.rate, media.video.variable, media.video.frames) == ("24000/1001", False, 2302)
    assert math.isclose(media.duration, 96.012583)
    (track,) = media.audio
    assert (track.rate, track.channels, track.layout, track.language) == (48000, 2, "stereo", "eng")
    assert (track.start, track.frames, track.default) == (0.0, 4_608_000, True)


@pytest.mark.parametrize(
    ("name", "rate", "variable", "aspect", "timecode"),
    [
        ("moviepy_fire2.mp4", "750000/71393", True, "1", ""),
        ("autoeditor_SAR-2by3.mp4", "30", False, "2/3", ""),
        ("dropframe_2997_pcm24.mov", "30000/1001", False, "1", "00:59:58;00"),
        ("multi_audio_4tracks_51_default.mkv", "24000/1001", False, "1", "01:00:00:00"),
        ("psd_testvideo.mp4", "30000/1001", False, "1", ""),
        ("moviepy_-video-with-dash-.mp4", "1", False, "1", ""),
        ("moviepy_chaplin.mp4", "25", False, "1", ""),
    ],
)
def test_pictures(name: str, rate: str, variable: bool, aspect: str, timecode: str, shared: Shared) -> None:
    media = probe(shared(f"video/{name}", real=True), need_sound=False)
    assert media.video is not None
    assert (media.video.rate, media.video.variable, media.video.pixel_aspect) == (rate, variable, aspect)
    assert media.timecode == timecode


def test_four_tracks(shared: Shared) -> None:
    tracks = probe(shared(FOUR, real=True)).audio
    assert [t.title for t in tracks] == ["Full mix", "Dialogue", "M&E", "5.1"]
    assert [t.language for t in tracks] == ["tur", "tur", "", "eng"]
    assert [t.default for t in tracks] == [False, False, False, True]
    assert [round(t.start, 3) for t in tracks] == [
        -0.021,
        -0.021,
        -0.021,
        -0.005,
    ]  # the picture starts at 21 ms


def test_sound_without_picture(shared: Shared) -> None:
    media = probe(shared("audio/pydub_test1-24bit.wav"))
    assert media.video is None
    assert media.audio[0].frames == 441_000


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(3 * 2**20))
    os.utime(path, ns=(1, 1))
    first = fingerprint(path)
    assert fingerprint(path) == first
    for at in (0, 2**20 - 1, 2 * 2**20, 3 * 2**20 - 1):
        content = bytearray(3 * 2**20)
        content[at] = 1
        path.write_bytes(content)
        os.utime(path, ns=(1, 1))
        assert fingerprint(path) != first


@pytest.mark.parametrize(
    ("name", "content", "kind", "says"),
    [
        ("missing.mp4", None, ValidationError, "no file"),
        ("empty.mp4", b"", ValidationError, "empty"),
        ("garbage.mp4", bytes(range(256)) * 50, FFmpegError, "cannot be opened"),
        (
            "list.m3u8",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nscene.mp4\n",
            FFmpegError,
            "list of|cannot be opened",
        ),
        ("list.mp4", b"ffconcat version 1.0\nfile scene.mp4\n", FFmpegError, "list of other files"),
        ("titles.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHi\n", ValidationError, "no sound"),
    ],
)
def test_what_is_no_media_is_refused(
    tmp_path: Path, name: str, content: bytes | None, kind: type[DublineError], says: str, shared: Shared
) -> None:
    shutil.copy(shared("video/autoeditor_aac.m4a"), tmp_path / "scene.mp4")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(kind, match=says) as caught:
        probe(tmp_path / name)
    assert caught.value.hint


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="folder"):
        probe(tmp_path)


def test_a_film_without_sound_is_refused_where_sound_is_needed(shared: Shared) -> None:
    path = shared("video/psd_testvideo.mp4")
    with pytest.raises(ValidationError, match="no sound") as caught:
        probe(path)
    assert caught.value.hint
    with pytest.raises(ValidationError, match="no sound"):
        choose_track(probe(path, need_sound=False))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="such file names cannot exist on this system")
@pytest.mark.parametrize(
    "name",
    [b"-i.m4a", b"http:x.m4a", b"concat:a|b.m4a", b"pipe:0", b"%03d?#&.m4a", b"a\nb.m4a", b"caf\xe9.m4a"],
)
def test_a_name_is_only_a_name(
    tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch, shared: Shared
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(os.fsdecode(name))
    source = shared("video/autoeditor_aac.m4a")
    shutil.copy(source, path)
    assert np.array_equal(heard(path)[0], heard(source)[0])


# --- choosing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "index"), [(None, 3), (0, 0), (2, 2), ("1", 1), ("tur", 0), ("ENG", 3), ("dialogue", 1)]
)
def test_choosing_a_track(wanted: int | str | None, index: int, shared: Shared) -> None:
    assert choose_track(probe(shared(FOUR)), wanted).index == index


def test_the_first_track_is_taken_where_none_is_the_default() -> None:
    tracks = tuple(AudioTrack(index=n, rate=48000, channels=2) for n in range(3))
    assert choose_track(Media(path="a", fingerprint="", duration=1, audio=tracks)).index == 0


@pytest.mark.parametrize("wanted", [4, -1, "deu", "", "5"])
def test_a_track_that_is_not_there(wanted: int | str, shared: Shared) -> None:
    with pytest.raises(InvalidJob) as caught:
        choose_track(probe(shared(FOUR)), wanted)
    assert "1: tur stereo Dialogue; 2: stereo M&E; 3: eng 5.1(side) 5.1 (default)" in caught.value.hint


# --- decoding: sync ----------------------------------------------------------------------------


def test_the_scene_is_in_sync_from_beginning_to_end(shared: Shared) -> None:
    from scipy.signal import correlate

    samples, notes = heard(shared("scene/scene.mp4"))
    truth, _ = soundfile.read(shared("scene/mix.flac"), dtype="float32", always_2d=True)
    assert samples.shape == truth.T.shape == (2, 4_608_000)
    assert not notes
    for start in (0, 2_000_000, 4_500_000):
        ours, mix = samples[0, start : start + 48000], truth[start : start + 48000, 0]
        assert int(np.argmax(correlate(ours, mix, "full", "fft"))) - 47_999 == 0


def test_a_late_track_has_silence_in_front(shared: Shared) -> None:
    shared(LATE, real=True)
    samples, notes = heard(shared(LATE))
    assert not samples[:, :32_149].any()  # the start its header gives: 0.729 s
    assert np.array_equal(samples[:, 32_149:], raw(shared(LATE)))
    assert not notes


def test_24_bit_sound_in_a_movie_is_exact(shared: Shared) -> None:
    shared(DROP, real=True)
    samples, _ = heard(shared(DROP))
    exact = raw(shared(DROP)).reshape(-1, 2).T
    assert not samples[:, :144].any()
    assert np.array_equal(samples[:, 144:].astype(np.float64) * 2**31, exact)


def test_sound_before_the_picture_is_left_out_and_told(shared: Shared) -> None:
    shared(FOUR, real=True)
    samples, notes = heard(shared(FOUR), 0)
    assert np.array_equal(samples, raw(shared(FOUR), 0)[:, 1008:])  # 21 ms
    assert notes == ["0.021 s of sound before the picture begins was left out"]


def test_surround_keeps_its_six_channels(shared: Shared) -> None:
    shared(FOUR, real=True)
    samples, _ = heard(shared(FOUR), 3)
    assert np.array_equal(
        samples, raw(shared(FOUR), 3)[:, 240:]
    )  # the picture starts at 21 ms, this track at 16


def test_opus_is_without_its_priming(shared: Shared) -> None:
    samples, notes = heard(shared("audio/lhotse_stereo.opus"))
    assert samples.shape == (2, 48_312 - 52)  # last granule position less the pre-skip in the header
    assert not notes


def test_a_gap_in_a_real_file_is_filled(shared: Shared) -> None:
    samples, notes = heard(shared("video/moviepy_fire2.mp4"))
    assert not samples[:, 1024:8471].any()
    assert notes == ["1 gaps in the sound were filled with 0.155 s of silence"]


@pytest.mark.parametrize("block", [1, 1000, 4096, 10**7])
def test_blocks_of_any_size_hold_the_same_sound(block: int, shared: Shared) -> None:
    path = shared("video/autoeditor_mov_text.mp4")
    assert np.array_equal(heard(path, None, block)[0], heard(path)[0])


def test_missing_sound_is_filled_with_exactly_as_much_silence(tmp_path: Path) -> None:
    one, two = noise(46_080, 1), noise(46_080, 2)
    path = make(tmp_path / "a.mkv", [(0, one), (96_000, two)], "pcm_s16le")
    samples, notes = heard(path)
    assert samples.shape[1] == 142_080
    assert np.array_equal(samples[:, :46_080], one)
    assert not samples[:, 46_080:96_000].any()
    assert np.array_equal(samples[:, 96_000:], two)
    assert notes == ["1 gaps in the sound were filled with 1.040 s of silence"]


def test_millisecond_timestamps_move_no_sample(tmp_path: Path) -> None:
    sound = noise(44_100 * 20)
    pieces = [(at, sound[:, at : at + 1009]) for at in range(0, sound.shape[1], 1009)]  # 22.88 ms each
    samples, notes = heard(make(tmp_path / "a.mkv", pieces, "pcm_s16le", 44_100))
    assert np.array_equal(samples, sound)
    assert not notes


def test_damage_keeps_the_rest_in_sync(tmp_path: Path, shared: Shared) -> None:
    shared(FOUR, real=True)
    path = tmp_path / "a.mkv"
    content = bytearray(shared(FOUR).read_bytes())
    whole, _ = heard(shared(FOUR), 3)
    import av

    with av.open(str(shared(FOUR))) as container:
        packets = [p for p in container.demux(audio=3) if p.size]
    spoilt = range(100, 110)  # 320 ms of AC-3
    for packet in packets[100:110]:
        at = content.find(bytes(packet))
        content[at : at + packet.size] = bytes(packet.size)
    path.write_bytes(content)
    samples, notes = heard(path, 3)
    assert samples.shape == whole.shape
    assert np.array_equal(samples[:, : spoilt.start * 1536 - 240], whole[:, : spoilt.start * 1536 - 240])
    resumed = (spoilt.stop + 1) * 1536 - 240  # the first good packet fades in from the lost one
    apart = samples[:, resumed:] - whole[:, resumed:]  # AC-3 fills quiet bands with noise of its own
    assert np.square(apart).sum() < 0.001 * np.square(whole[:, resumed:]).sum()
    assert notes == ["10 damaged packets could not be decoded; 0.320 s of silence stands in for them"]


def test_damage_is_never_silent(tmp_path: Path, shared: Shared) -> None:
    content = bytearray(shared(FOUR).read_bytes())
    import av

    with av.open(str(shared(FOUR))) as container:
        packet = [p for p in container.demux(audio=3) if p.size][50]
    at = content.find(bytes(packet))
    content[at : at + packet.size] = bytes(packet.size)
    (tmp_path / "a.mkv").write_bytes(content)
    with pytest.warns(UserWarning, match="1 damaged"):
        list(decode(tmp_path / "a.mkv", probe(tmp_path / "a.mkv").audio[3]))


def test_a_file_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    sound = noise(480_000)
    make(path, [(at, sound[:, at : at + 4800]) for at in range(0, 480_000, 4800)], "pcm_s16le")
    track = AudioTrack(index=0, rate=48000, channels=2, frames=600_000)
    notes: list[str] = []
    assert sum(b.shape[1] for b in decode(path, track, notes=notes)) == 480_000
    assert notes == ["the sound ends at 10.000 s although the file promises 12.500 s"]


def test_a_film_copied_by_half_gives_the_half_and_says_so(tmp_path: Path, shared: Shared) -> None:
    path = tmp_path / "half.mp4"
    path.write_bytes((shared("scene/scene.mp4")).read_bytes()[:1_000_000])
    samples, notes = heard(path)
    full, _ = heard(shared("scene/scene.mp4"))
    sure = samples.shape[1] - 4096
    assert np.array_equal(samples[:, :sure], full[:, :sure])
    assert any("although the file promises 96.000 s" in note for note in notes)


def test_a_track_without_a_sample_is_refused(shared: Shared) -> None:
    path = shared("audio/pydub_test1_empty.wav")
    with pytest.raises(ValidationError, match="holds no sound") as caught:
        list(decode(path, probe(path).audio[0]))
    assert caught.value.hint


def test_another_format_than_announced_is_converted_and_told(shared: Shared) -> None:
    track = AudioTrack(index=0, rate=44_100, channels=2)
    notes: list[str] = []
    blocks = list(decode(shared("scene/scene.mp4"), track, notes=notes))
    assert abs(sum(b.shape[1] for b in blocks) - 4_608_000 * 441 // 480) <= 1
    assert notes == [
        "the sound changes its format on the way (96.000 s in 48000 Hz, stereo); "
        "all of it was brought to 44100 Hz, stereo"
    ]


def test_a_track_that_is_not_in_the_file_is_refused(shared: Shared) -> None:
    with pytest.raises(FFmpegError, match="cannot be decoded"):
        list(decode(shared("scene/scene.mp4"), AudioTrack(index=7, rate=48_000, channels=2)))


# --- decoding: formats that change -------------------------------------------------------------


def encoded(codec: str, form: str, rate: int, layout: str, hertz: float, seconds: float) -> bytes:
    """A tone as a bare stream, one amplitude in all channels."""
    import io

    file = io.BytesIO()
    channels = len(av.AudioLayout(layout).channels)
    tone = (0.4 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        samples = np.ascontiguousarray(np.repeat(tone[:, None], channels, axis=1).reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(samples, format="flt", layout=layout)
        frame.sample_rate = rate
        for part in av.AudioResampler(stream.codec_context.format.name).resample(frame):
            part.pts = None
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("codec", "parts", "wanted"),
    [
        ("mp3", [(44_100, "mono", 4), (48_000, "mono", 2)], (44_100, "mono")),
        ("mp3", [(44_100, "mono", 1), (48_000, "stereo", 6)], (48_000, "stereo")),
        ("mp3", [(44_100, "stereo", 1), (48_000, "mono", 6)], (48_000, "mono")),
        ("ac3", [(48_000, "stereo", 1), (48_000, "5.1(side)", 6), (48_000, "stereo", 1)], (48_000, "5.1")),
        ("ac3", [(48_000, "5.1(side)", 1), (48_000, "stereo", 6)], (48_000, "stereo")),
    ],
)
def test_a_format_that_changes_is_brought_to_that_of_most_of_it(
    tmp_path: Path, codec: str, parts: list[tuple[int, str, float]], wanted: tuple[int, str]
) -> None:
    path, tones = tmp_path / f"a.{codec}", (440.0, 880.0, 660.0)
    path.write_bytes(
        b"".join(
            encoded(codec, codec, rate, layout, hertz, seconds)
            for (rate, layout, seconds), hertz in zip(parts, tones, strict=False)
        )
    )
    samples, notes = heard(path)
    sound, _ = extract(path, probe(path).audio[0], tmp_path / "out.wav", silent)
    assert (sound.rate, sound.layout) == wanted
    assert abs(samples.shape[1] / sound.rate - sum(seconds for *_, seconds in parts)) < 0.2
    assert "changes its format" in notes[-1]
    assert not any("damaged" in note for note in notes)
    begin = 0.0
    for (_, layout, seconds), hertz in zip(parts, tones, strict=False):
        middle = samples[:, int((begin + seconds / 2) * sound.rate) :][:, : sound.rate // 4]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.shape[1])))
        assert abs(int(spectrum[0].argmax()) * 4 - hertz) <= 4
        if len(av.AudioLayout(layout).channels) <= 2:  # no louder or quieter than it came
            assert np.abs(middle[0]).max() == pytest.approx(0.4, rel=0.1)
        begin += seconds


@pytest.mark.parametrize("name", ["rate_change.mp3", "jingle_first.mp3", "a3.webm"])
def test_all_that_decodes_is_there(name: str, shared: Shared) -> None:
    path = shared(f"cases/av/{name}", real=True)
    samples, notes = heard(path)
    rate = probe(path).audio[0].rate
    with av.open(str(path)) as container:
        seconds = sum(Fraction(f.samples, f.sample_rate) for f in container.decode(audio=0))
    assert abs(samples.shape[1] - seconds * rate) <= 3
    assert not any(word in note for note in notes for word in ("damaged", "gaps", "overlaps"))
    if name == "a3.webm":
        assert np.array_equal(samples, raw(path))
        assert not notes


# --- extracting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("audio/lhotse_real_8ch.wav", "PCM_16"),
        ("audio/pydub_test1-24bit.wav", "PCM_24"),
        ("audio/pydub_test-dc_offset.wav", "PCM_16"),
        ("audio/lhotse_stereo.opus", "FLOAT"),
        (DROP, "PCM_24"),
        (FOUR, "FLOAT"),
        (LATE, "FLOAT"),
    ],
)
def test_extraction_loses_nothing(tmp_path: Path, name: str, subtype: str, shared: Shared) -> None:
    path, out = shared(name), tmp_path / "sound.wav"
    ticks: list[tuple[float, float]] = []
    sound, _ = extract(path, choose_track(probe(path)), out, lambda *tick: ticks.append(tick))
    back, rate = soundfile.read(out, dtype="float32", always_2d=True)
    assert soundfile.info(out).subtype == subtype
    assert np.array_equal(back.T, heard(path)[0])
    assert (sound.rate, sound.frames, sound.channels) == (rate, len(back), back.shape[1])
    assert sound.layout == {2: "stereo", 6: "5.1", 8: "7.1"}[sound.channels]
    assert ticks[-1] == (sound.duration, sound.duration)
    assert [done for done, _ in ticks] == sorted(done for done, _ in ticks)
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("rate", [8000, 192_000])
def test_the_rate_is_kept(tmp_path: Path, rate: int) -> None:
    sound = noise(rate)
    path = make(tmp_path / "a.mov", [(0, sound)], "pcm_s16le", rate)
    extracted, _ = extract(path, probe(path).audio[0], tmp_path / "a.wav", silent)
    assert (extracted.rate, extracted.frames) == (rate, rate)
    assert np.array_equal(soundfile.read(tmp_path / "a.wav", dtype="float32")[0].T, sound)


def test_a_cancelled_extraction_leaves_nothing(tmp_path: Path, shared: Shared) -> None:
    def stop(done: float, total: float) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        extract(shared(LATE), probe(shared(LATE)).audio[0], tmp_path / "a.wav", stop)
    assert not list(tmp_path.iterdir())


def test_sound_files_are_used_where_they_lie(shared: Shared) -> None:
    for path in (shared("scene/mix.flac"), shared("audio/pydub_test1-24bit.wav")):
        sound = as_sound(path)
        assert sound is not None
        assert Path(sound.path) == path.absolute()
        assert sound.fingerprint == fingerprint(path)
    assert as_sound(shared("scene/scene.mp4")) is None
    assert as_sound(shared("audio/lhotse_stereo.opus")) is None
    with pytest.raises(ValidationError, match="no sound"):
        as_sound(shared("audio/pydub_test1_empty.wav"))


# --- placing -----------------------------------------------------------------------------------


def placing(tolerance: int = 480) -> Placing:
    return Placing(rate=48000, tolerance=tolerance, limit=10**9, reset=60 * 48000)


@given(st.lists(st.integers(-200, 200), min_size=1, max_size=300), st.integers(0, 10**6))
def test_jitter_never_inserts_or_drops(jitter: list[int], start: int) -> None:
    clock = placing()
    clock.place(start, 1024)
    for n, shift in enumerate(jitter, 1):
        assert clock.place(start + 1024 * n + shift, 1024) == (0, 0)
    assert clock.position == start + 1024 * (len(jitter) + 1)
    assert not clock.notes()


@given(st.lists(st.tuples(st.integers(-3000, 100_000), st.integers(1, 5000)), max_size=60))
def test_sound_is_never_further_from_its_time_than_the_tolerance(pieces: list[tuple[int, int]]) -> None:
    clock, at, total = placing(), 0, 0
    clock.place(0, 1024)
    total = at = 1024
    for step, count in pieces:
        at = max(at + step, 0)
        silence, cut = clock.place(at, count)
        total += silence + count - cut
        assert clock.position == total
        if cut < count:
            assert abs(clock.position - (at + count)) <= 480
        at += count
    assert total == 1024 + sum(n for _, n in pieces) + clock.filled - clock.cut


@given(st.integers(500, 200_000), st.integers(1, 4), st.sampled_from([-1, 1]))
def test_single_times_that_stray_move_nothing(by: int, count: int, way: int) -> None:
    """A time that is off and comes back is the file's slip; one that stays off is a gap or an overlap."""
    times = [20_000_000 + 1024 * n for n in range(40)]
    for n in range(20, 20 + count):
        times[n] += way * by
    clock = placing()
    for n, at in enumerate(times):
        silence, cut = clock.place(at, 1024, [(later, 1024) for later in times[n + 1 : n + 24]])
        assert (silence, cut) == (at if n == 0 else 0, 0)
    assert not clock.notes()


def test_slow_drift_is_caught_up() -> None:
    clock = placing()
    for n in range(10_000):  # a recorder whose clock runs one part in a thousand fast
        clock.place(round(1025 * n), 1024)
        assert abs(clock.position - 1024 - 1025 * n) <= 480


def test_a_clock_set_anew_is_not_a_gap() -> None:
    clock = placing()
    clock.place(0, 1024)
    assert clock.place(10**10, 1024) == (0, 0)
    assert clock.place(10**10 + 1024, 1024) == (0, 0)
    assert clock.place(5, 1024) == (0, 0)
    assert clock.notes() == ["the clock of the sound was set anew 2 times; taken as continuous"]


def test_what_is_lost_at_the_end_is_silence_too() -> None:
    clock = placing()
    clock.place(0, 48_000)
    assert clock.end(96_000) == 0  # nothing was damaged: the container is wrong about its length
    clock.damage()
    assert clock.end(96_000) == 48_000
    assert clock.notes() == ["1 damaged packets could not be decoded; 1.000 s of silence stands in for them"]


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 60))
def test_cutting_keeps_every_sample(lengths: list[int], size: int) -> None:
    pieces = [noise(n, seed) for seed, n in enumerate(lengths)]
    blocks = list(cut_evenly(pieces, size))
    assert all(b.shape[1] == size for b in blocks[:-1])
    assert all(0 < b.shape[1] <= size and b.flags.c_contiguous for b in blocks)
    empty = np.zeros((2, 0), np.float32)
    assert np.array_equal(np.concatenate([empty, *blocks], axis=1), np.concatenate([empty, *pieces], axis=1))


@pytest.mark.parametrize(
    ("samples", "value", "exact"),
    [
        (np.array([[0, 128, 255]], np.uint8), [-1, 0, 127 / 128], True),
        (np.array([[-(2**15), 1]], np.int16), [-1, 2**-15], True),
        (np.array([[-(2**31), 2**8]], np.int32), [-1, 2**-23], True),
        (np.array([[2**30 + 1]], np.int32), [0.5], False),
        (np.array([[0.25, 1.5]], np.float64), [0.25, 1.5], True),
        (np.array([[0.1]], np.float64), [np.float32(0.1)], False),
        (np.array([[2.5]], np.float32), [2.5], True),
    ],
)
def test_samples_of_every_kind(samples: NDArray[Any], value: list[float], exact: bool) -> None:
    block, unrounded = as_float(samples, 1)
    assert block.dtype == np.float32
    assert block.tolist() == [value]
    assert unrounded is exact


def test_interleaved_samples_are_taken_apart() -> None:
    block, _ = as_float(np.array([[1, 2, 3, 4, 5, 6]], np.int16), 2)
    assert (block * 2**15).tolist() == [[1, 3, 5], [2, 4, 6]]


@pytest.mark.parametrize(
    ("names", "order", "layout"),
    [
        ("FC", None, "mono"),
        ("NONE NONE", None, "stereo"),
        ("FL FR FC LFE BL BR", None, "5.1"),
        ("FL FR FC LFE SL SR", None, "5.1"),
        ("FL FC FR SL SR LFE", [0, 2, 1, 5, 3, 4], "5.1"),  # the order of film mixers
        ("FL FR FC LFE BL BR SL SR", None, "7.1"),
        ("FL FR FC LFE BL BR FLC FRC", None, "discrete"),
        ("NONE NONE NONE NONE NONE NONE", None, "5.1"),
        ("FL FR FC FC LFE BL", None, "discrete"),
        ("FL FR BL BR", None, "discrete"),
    ],
)
def test_speakers(names: str, order: list[int] | None, layout: str) -> None:
    assert speakers(tuple(names.split())) == (order, layout)


def test_eight_planar_channels_come_out_each_for_itself(tmp_path: Path) -> None:
    """AAC keeps its channels apart, and eight of them lie beyond what PyAV reads of one frame."""
    path = tmp_path / "seven-one.m4a"
    time = np.arange(24000) / 48000
    tones = [100, 200, 300, 40, 500, 600, 700, 800]  # the fourth is the low-frequency channel
    sound = np.stack([0.1 * np.sin(2 * np.pi * hertz * time) for hertz in tones]).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="7.1")
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(sound.T.reshape(1, -1)), format="flt", layout="7.1"
        )
        frame.sample_rate = 48000
        for planar in av.AudioResampler(format="fltp").resample(frame):
            planar.pts = None
            container.mux(stream.encode(planar))
        container.mux(stream.encode(None))
    heard = np.concatenate(list(decode(path, probe(path).audio[0])), axis=1)
    middle = heard[:, 4800:19200]
    peaks = np.abs(np.fft.rfft(middle)).argmax(axis=1) * 48000 / middle.shape[1]
    assert np.abs(peaks - tones).max() < 8
