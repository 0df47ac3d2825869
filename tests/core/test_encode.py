"""The film with both languages: nothing of it changed, everything where it was."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from shared_media import Shared

from dubline.errors import Cancelled, FFmpegError, InvalidJob, ValidationError
from dubline.media.probing import decode, probe
from dubline.mix.encode import container_language, encode_m4a, mux
from dubline.mix.film import LARGEST_UNASKED, Film, copy_is_too_large
from dubline.mix.text_tracks import TextTrack
from dubline.values.media import AudioTrack, Media, VideoTrack

MARK = 20_000  # sample at which the dub's burst begins

FILMS = [
    ("scene/scene.mp4", ".mp4"),
    ("video/audio_starts_late_750ms.mp4", ".mp4"),
    ("video/audio_starts_late_750ms.mp4", ".mkv"),
    ("video/dropframe_2997_pcm24.mov", ".mov"),
    ("video/multi_audio_4tracks_51_default.mkv", ".mkv"),
    ("video/multi_audio_4tracks_51_default.mkv", ".mp4"),
    ("video/moviepy_chaplin.mp4", ".mp4"),
]


@pytest.fixture(scope="module")
def dub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of silence with a burst of noise in them."""
    folder = tmp_path_factory.mktemp("dub")
    sound = np.zeros((144_000, 2))
    sound[MARK : MARK + 600] = np.random.default_rng(0).normal(size=(600, 2)) * 0.3
    soundfile.write(folder / "final.wav", sound, 48000, subtype="PCM_24")
    encode_m4a(folder / "final.wav", folder / "final.m4a", bitrate=256_000, language="tr")
    return folder / "final.m4a"


def heard(path: Path, index: int) -> np.ndarray:
    return np.concatenate(list(decode(path, probe(path).audio[index], notes=[])), axis=1)


def interleaved(path: Path, channels: int) -> np.ndarray:
    """The first track as (channels, n); PyAV's planar frames stop short of 8 channels."""
    resampler = av.AudioResampler(format="flt")
    with av.open(str(path)) as container:
        parts = [
            piece.to_ndarray().reshape(-1, channels)
            for frame in container.decode(audio=0)
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(parts).T


def packets(path: Path, kind: str, index: int = 0) -> list[tuple[float, str]]:
    """Time after the first picture in ms, and a hash, of each packet of a stream of a kind."""
    with av.open(str(path)) as container:
        zero = container.streams.video[0]
        origin = float((zero.start_time or 0) * zero.time_base)
        stream = getattr(container.streams, kind)[index]
        found = []
        for packet in container.demux(stream):
            if packet.size:
                at = round((float(packet.pts * packet.time_base) - origin) * 1000)
                found.append((at, hashlib.sha256(bytes(packet)).hexdigest()))
        return found


def sound_packets(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [hashlib.sha256(bytes(p)).hexdigest() for p in container.demux(audio=0) if p.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_subtitles_of_the_film_stay(tmp_path: Path, dub: Path, suffix: str, shared: Shared) -> None:
    source, out = shared("video/autoeditor_mov_text.mp4"), tmp_path / f"x{suffix}"
    assert mux(source, 0, dub, out, languages=("en", "tr")) == ()
    assert packets(out, "subtitles") == packets(source, "subtitles")
    assert len(packets(out, "subtitles")) > 1
    with av.open(str(out)) as new, av.open(str(source)) as old:
        assert (new.streams.subtitles[0].language or "und") == old.streams.subtitles[0].language
        assert [s.type for s in new.streams][:3] == ["video", "audio", "audio"]


def test_subtitles_that_the_container_does_not_take_are_told(
    tmp_path: Path, dub: Path, shared: Shared
) -> None:
    told = mux(shared("video/autoeditor_mov_text.mp4"), 0, dub, tmp_path / "x.mkv")
    assert told == (".mkv takes no mov_text: 1 subtitle tracks were left out",)
    with av.open(str(tmp_path / "x.mkv")) as new:
        assert not new.streams.subtitles and len(new.streams.audio) == 2


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_subtitles_of_the_run_are_tracks_that_a_viewer_may_choose(
    tmp_path: Path, dub: Path, suffix: str, shared: Shared
) -> None:
    source, out = shared("video/autoeditor_testsrc.mp4"), tmp_path / f"x{suffix}"
    said = ((500, 1500, "Nereye <i>gidiyor</i>?"), (1200, 2000, "Nehre,\ndeğirmene."))
    english = TextTrack(language="en", title="English", cues=((500, 1500, "Where does it go?"),))
    mux(
        source,
        0,
        dub,
        out,
        languages=("tr", "en"),
        subtitles=(english, TextTrack(language="tr", title="Turkish", cues=said)),
    )
    with av.open(str(out)) as made:
        tracks = made.streams.subtitles
        assert [t.metadata.get("language") for t in tracks] == ["eng", "tur"]
        key = "title" if suffix == ".mkv" else "handler_name"
        assert [t.metadata[key] for t in tracks] == ["English", "Turkish"]
        # MP4 and MOV always have one that is on, their first.
        assert [bool(t.disposition & av.stream.Disposition.default) for t in tracks] == [True, False]
        zero = made.streams.video[0]
        first = round((zero.start_time or 0) * zero.time_base * 1000)
        head = 0 if suffix == ".mkv" else 2
        cues = [p for p in made.demux(tracks[1]) if p.size > head]
    times = [[round(at * 1000 * p.time_base) for at in (p.pts, p.duration)] for p in cues]
    assert times == [[500 + first, 700], [1200 + first, 800]]
    plain = b"Nereye <i>gidiyor</i>?" if suffix == ".mkv" else b"Nereye gidiyor?"
    assert [bytes(p)[head:] for p in cues] == [plain, "Nehre,\ndeğirmene.".encode()]
    assert packets(out, "video") == packets(source, "video")


@pytest.mark.parametrize(
    ("picture", "sound", "container"),
    [
        ("h264", "aac", ".mp4"),
        ("hevc", "eac3", ".mp4"),
        ("h264", "pcm_s16le", ".mov"),
        ("prores", "pcm_s24le", ".mov"),
        ("prores", "flac", ".mkv"),
        ("vp8", "vorbis", ".mkv"),
        ("h264", "dts", ".mkv"),
    ],
)
def test_the_kind_of_film_is_that_which_holds_its_picture_and_sound(
    picture: str, sound: str, container: str
) -> None:
    media = Media(
        path="/films/a.mkv",
        fingerprint="x",
        duration=1.0,
        audio=(AudioTrack(index=0, rate=48000, channels=2, codec=sound),),
        video=VideoTrack(rate="25", width=64, height=48, codec=picture),
    )
    assert Film(media=media, track=0).container == container


def test_of_a_very_large_film_no_copy_is_made_unasked(tmp_path: Path) -> None:
    film = tmp_path / "film.mov"
    for size, told in ((LARGEST_UNASKED, ""), (LARGEST_UNASKED + 10**9, "5.0 GB")):
        with film.open("ab") as file:
            file.truncate(size)
        media = Media(path=film.as_posix(), fingerprint="x", duration=1.0, audio=())
        assert told in copy_is_too_large(media) and bool(told) == bool(copy_is_too_large(media))


@pytest.mark.program("ffmpeg")
def test_chapters_and_text_of_a_matroska_film_stay(tmp_path: Path, dub: Path, shared: Shared) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:00,500 --> 00:00:01,500\nMerhaba.\n")
    (tmp_path / "a.txt").write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n"
    )
    source, out = tmp_path / "film.mkv", tmp_path / "x.mkv"
    inputs = [str(shared("video/autoeditor_testsrc.mp4")), str(tmp_path / "a.srt"), str(tmp_path / "a.txt")]
    command = ["ffmpeg", "-v", "error", *(word for path in inputs for word in ("-i", path))]
    command += ["-map", "0", "-map", "1", "-map_metadata", "2", "-c:v", "copy", "-c:a", "copy"]
    subprocess.run([*command, "-c:s", "srt", "-metadata:s:s:0", "language=tur", str(source)], check=True)
    mux(source, 0, dub, out, languages=("en", "tr"))
    assert packets(out, "subtitles") == packets(source, "subtitles")
    with av.open(str(out)) as new, av.open(str(source)) as old:
        assert new.streams.subtitles[0].language == "tur"
        titles = [chapter["metadata"]["title"] for chapter in new.chapters()]
        assert titles == ["One", "Two"]
        times = [(c["start"] * c["time_base"], c["end"] * c["time_base"]) for c in new.chapters()]
        assert times == [(c["start"] * c["time_base"], c["end"] * c["time_base"]) for c in old.chapters()]


@pytest.mark.parametrize(("name", "suffix"), FILMS)
def test_picture_and_sound_are_copied_and_the_dub_starts_with_the_picture(
    tmp_path: Path, dub: Path, name: str, suffix: str, shared: Shared
) -> None:
    source, out = shared(name), tmp_path / f"dubbed{suffix}"
    before = source.stat()
    mux(source, 0, dub, out, languages=("en-GB", "tr"))
    assert (source.stat().st_mtime_ns, source.stat().st_size) == (before.st_mtime_ns, before.st_size)

    old, new = probe(source), probe(out)
    assert old.video is not None and new.video is not None
    for fact in ("width", "height", "codec", "rate", "pixel_aspect"):
        assert getattr(new.video, fact) == getattr(old.video, fact)
    assert new.timecode == old.timecode
    assert [(track.language, track.default) for track in new.audio] == [("eng", False), ("tur", True)]

    with av.open(str(out)) as container:
        key = "title" if suffix == ".mkv" else "handler_name"  # where such files keep a track's name
        titles = [track.metadata[key] for track in container.streams.audio]
    assert titles == [old.audio[0].title or "Original", "Dub"]
    # A container cuts PCM into packets as it likes; its samples are compared below.
    for kind in ("video", "audio")[: 1 if old.audio[0].codec.startswith("pcm") else 2]:
        shown, kept = packets(source, kind), packets(out, kind)
        assert [digest for _, digest in kept] == [digest for _, digest in shown], "bit for bit"
        assert max(abs(a[0] - b[0]) for a, b in zip(kept, shown, strict=True)) <= 1
    assert [d for _, d in packets(out, "audio", 1)] == sound_packets(dub)
    np.testing.assert_array_equal(heard(out, 0), heard(source, 0))

    # Matroska counts in milliseconds; everything else here in samples.
    tolerance = 48 if suffix == ".mkv" else 0
    alone, placed = heard(dub, 0)[0], heard(out, 1)[0]
    lags = np.correlate(placed[MARK - 2000 : MARK + 2600], alone[MARK : MARK + 600], "valid")
    assert abs(int(np.argmax(lags)) - 2000) <= tolerance
    assert not [path for path in tmp_path.iterdir() if path != out]


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_every_channel_comes_back_where_it_was(tmp_path: Path, channels: int) -> None:
    at = np.arange(48_000)
    low = 3  # the LFE, where the encoder keeps only low tones
    tones = [60 if n == low and channels > 3 else 400 + 150 * n for n in range(channels)]
    sound = 0.2 * np.sin(2 * np.pi * np.array(tones)[:, None] * at / 48000)
    kind = "WAVEX" if channels > 2 else "WAV"
    soundfile.write(tmp_path / "x.wav", sound.T, 48000, subtype="PCM_24", format=kind)
    encode_m4a(tmp_path / "x.wav", tmp_path / "x.m4a", bitrate=256_000)
    back = interleaved(tmp_path / "x.m4a", channels)
    assert back.shape[0] == channels and 48_000 <= back.shape[1] < 49_024
    part = slice(5000, 43_000)
    for channel in range(channels):
        likeness = np.corrcoef(back[channel, part], sound[channel, part])[0, 1]
        assert likeness > 0.99, channel


@pytest.mark.parametrize(("rate", "channels"), [(8000, 7), (50_000, 2)])
def test_what_aac_cannot_hold_is_refused(tmp_path: Path, rate: int, channels: int) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros((1000, channels)), rate, format="WAVEX")
    with pytest.raises(InvalidJob, match="AAC has no"):
        encode_m4a(tmp_path / "x.wav", tmp_path / "x.m4a", bitrate=256_000)
    assert not (tmp_path / "x.m4a").exists()


def test_bad_input_is_refused_and_leaves_nothing(tmp_path: Path, dub: Path, shared: Shared) -> None:
    source = shared("video/dropframe_2997_pcm24.mov")
    with pytest.raises(InvalidJob, match="no audio track 7"):
        mux(source, 7, dub, tmp_path / "x.mov")
    with pytest.raises(InvalidJob, match="not a film that can be written"):
        mux(source, 0, dub, tmp_path / "x.avi")
    with pytest.raises(ValidationError, match="no picture"):
        mux(dub, 0, dub, tmp_path / "x.mp4")
    with pytest.raises(ValidationError, match="there is no file"):
        mux(source, 0, tmp_path / "none.m4a", tmp_path / "x.mov")
    (tmp_path / "text.m4a").write_text("not sound")
    with pytest.raises(FFmpegError):
        mux(source, 0, tmp_path / "text.m4a", tmp_path / "x.mov")
    (tmp_path / "text.m4a").unlink()
    with pytest.raises((InvalidJob, FFmpegError)):
        mux(source, 0, dub, tmp_path / "nowhere/x.mov")
    assert not list(tmp_path.iterdir())


def test_a_source_is_never_written_over(tmp_path: Path, dub: Path, shared: Shared) -> None:
    copy = tmp_path / "film.mp4"
    copy.write_bytes(shared("video/audio_starts_late_750ms.mp4").read_bytes())
    before = copy.read_bytes()
    with pytest.raises(InvalidJob, match="source of this work"):
        mux(copy, 0, dub, copy)
    assert copy.read_bytes() == before


def test_a_stopped_film_leaves_nothing_and_keeps_what_was_there(
    tmp_path: Path, dub: Path, shared: Shared
) -> None:
    out = tmp_path / "x.mp4"
    out.write_bytes(b"from before")

    def stop(done: float, total: float) -> None:
        if done > total / 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        mux(shared("video/audio_starts_late_750ms.mp4"), 0, dub, out, report=stop)
    assert out.read_bytes() == b"from before"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("language", "code"),
    [("tr", "tur"), ("tr-TR", "tur"), ("EN_us", "eng"), ("ger", "ger"), ("", "und"), ("x1", "und")],
)
def test_languages_have_three_letters(language: str, code: str) -> None:
    assert container_language(language) == code


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on file sizes there")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, dub: Path) -> None:
    code = f"""
import resource, signal
from pathlib import Path
from dubline.errors import StorageFull
from dubline.mix.encode import encode_m4a
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    encode_m4a(Path({str(dub.with_name("noise.wav"))!r}), Path({str(tmp_path / "x.m4a")!r}), bitrate=256_000)
except StorageFull as error:
    print("told", bool(error.hint))
"""
    noise = np.random.default_rng(0).normal(size=(480_000, 2)) * 0.1
    soundfile.write(dub.with_name("noise.wav"), noise, 48000)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "told True\n"
    assert not list(tmp_path.iterdir())
