"""AAF: what pyaaf2, and the compound file itself, say is in what was written."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import opentimelineio as otio
import pytest
import soundfile as sf
from small_programme import NAME, RATES, STARTS, STEMS, small_programme

from dubline.errors import AudioProcessingError, BackendMissing, InvalidJob, ValidationError
from dubline.subtitles.writing import read_subtitles
from dubline.timebase import Timecode, frame_rate, frames_to_samples, nominal
from dubline.weights.installation import extra_command
from otio_dubline.build import build
from otio_dubline.exporters import TARGETS, Exported, ExportOptions, export, target
from otio_dubline.exporters.aaf_sound import open_sound, pcm
from otio_dubline.loss_table import FEATURES

aaf2 = pytest.importorskip("aaf2", reason="pyaaf2 is not installed")
ALL = ("original", *STEMS)


def exported(timeline: otio.schema.Timeline, place: Path, **options: Any) -> Exported:
    (done,) = export(timeline, ["aaf"], place, ExportOptions(**options))
    return done


def slots(file: Any) -> list[Any]:
    (composition,) = file.content.toplevel()
    return list(composition.slots)


def sound_slots(file: Any) -> list[Any]:
    return [slot for slot in slots(file) if slot.segment.media_kind == "Sound"]


def source_of(clip: Any) -> Any:
    """Clip in a composition -> the file mob behind its master mob."""
    return clip.mob.slots[0].segment.mob


def samples_of(clip: Any) -> np.ndarray[Any, Any]:
    """The samples that a clip plays, as signed 24-bit numbers."""
    data = np.frombuffer(source_of(clip).essence.open("r").read(), np.uint8).reshape(-1, 3)
    wide = np.concatenate([np.zeros((len(data), 1), np.uint8), data], axis=1)
    numbers = np.ascontiguousarray(wide).view("<i4")[:, 0] >> 8
    return numbers[clip.start : clip.start + clip.length]


def stem(path: str) -> np.ndarray[Any, Any]:
    """(channels, samples), signed 24-bit numbers."""
    return sf.read(path, dtype="int32", always_2d=True)[0].T >> 8


def plain_timeline(path: Path, *, first: float = 0, frames: int = 25, gap: int = 0) -> otio.schema.Timeline:
    """As somebody else would make it: no word of Dubline's in it."""
    timeline = otio.schema.Timeline(name="plain")
    track = otio.schema.Track(name="A1", kind=otio.schema.TrackKind.Audio)
    timeline.tracks.append(track)

    def span(start: float, length: float) -> otio.opentime.TimeRange:
        return otio.opentime.TimeRange(
            otio.opentime.RationalTime(start, 25), otio.opentime.RationalTime(length, 25)
        )

    if gap:
        track.append(otio.schema.Gap(source_range=span(0, gap)))
    reference = otio.schema.ExternalReference(path.absolute().as_uri())
    track.append(otio.schema.Clip("one", reference, span(first, frames)))
    return timeline


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("rate", RATES)
def test_clock_and_lengths_are_exact_at_every_rate(tmp_path: Path, rate: str, start: str) -> None:
    programme = small_programme(tmp_path, rate, start, channels=1, seconds=2.0, sounds=("original", "vocals"))
    done = exported(build(programme), tmp_path / "out")
    fps = frame_rate(rate)
    with aaf2.open(str(done.files[0])) as file:
        clock, picture, *rest = slots(file)
        assert Fraction(clock.edit_rate) == Fraction(picture.edit_rate) == fps
        assert clock.segment.fps == nominal(fps)
        assert bool(clock.segment.drop) == programme.drop
        assert Timecode(clock.segment.start, fps, programme.drop) == programme.timecode
        assert clock.segment.length == picture.segment.length == programme.frames
        for slot in sound_slots(file):
            assert slot.edit_rate == 48000
            assert slot.segment.length == frames_to_samples(programme.frames, fps, 48000)
        (clip,) = picture.segment.components
        tape = source_of(clip).slots[0].segment.mob
        assert tape.slots[1].segment.start == programme.start, "the media's own timecode"
        assert (clip.start, clip.length) == (0, programme.frames)
        assert rest


@pytest.mark.parametrize(
    ("channels", "called"), [(1, [""]), (2, ["L", "R"]), (6, ["L", "R", "C", "LFE", "Ls", "Rs"])]
)
def test_embedded_sound_is_the_stem_bit_for_bit(tmp_path: Path, channels: int, called: list[str]) -> None:
    programme = small_programme(tmp_path, "30000/1001", "00:59:58;00", channels=channels, seconds=2.0)
    done = exported(build(programme), tmp_path / "out")
    with aaf2.open(str(done.files[0])) as file:
        found = sound_slots(file)
        assert [s.name for s in found] == [f"{role} {c}".strip() for role in ALL for c in called]
        assert [s["PhysicalTrackNumber"].value for s in found] == list(range(1, len(found) + 1))
        for number, slot in enumerate(found):
            track, channel = divmod(number, channels)
            part = slot.segment.components[0]
            clip = part if track else part.segments[0]  # the original is turned down
            want = stem(programme.sounds[track].path)[channel]
            assert np.array_equal(samples_of(clip), want[: clip.length])
            assert abs(clip.length - len(want)) <= 1
            descriptor = source_of(clip).descriptor
            assert descriptor["Channels"].value == 1
            assert descriptor["QuantizationBits"].value == 24
            assert descriptor["AudioSamplingRate"].value == 48000
            assert descriptor.length == len(want)


def test_linked_sound_lies_beside_and_is_the_stem_bit_for_bit(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, channels=2, seconds=2.0)
    done = exported(build(programme), tmp_path / "Ö out & <x>".replace("<x>", "x"), embed=False)
    with aaf2.open(str(done.files[0])) as file:
        assert not list(file.content.essencedata)
        for number, slot in enumerate(sound_slots(file)[2:]):
            (clip,) = slot.segment.components
            descriptor = source_of(clip).descriptor
            (locator,) = descriptor["Locator"].value
            url = urlsplit(locator["URLString"].value)
            path = Path(unquote(url.path))
            assert url.scheme == "file" and path in done.files
            info = sf.info(path)
            assert (info.samplerate, info.channels, info.subtype) == (48000, 1, "PCM_24")
            assert np.array_equal(
                stem(str(path))[0], stem(programme.sounds[1 + number // 2].path)[number % 2]
            )
            assert bytes(descriptor["Summary"].value) == path.read_bytes()[:44]
            assert descriptor.length == info.frames


def test_names_levels_markers_and_subtitles(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, levels={"music": -6.0})
    timeline = build(programme)
    done = exported(timeline, tmp_path / "out")
    with aaf2.open(str(done.files[0])) as file:
        (composition,) = file.content.toplevel()
        assert composition.name == NAME
        by_name = {slot.name: slot for slot in composition.slots}
        gain = by_name["music R"].segment.components[0]
        assert gain.operation.name == "Audio Gain"
        (factor,) = gain.parameters.value
        assert float(Fraction(factor.value)) == pytest.approx(10 ** (-6 / 20), abs=1e-6)
        assert gain.length == gain.segments[0].length
        (off,) = by_name["original L"].segment.components[0].parameters.value
        assert Fraction(off.value) == 0
        assert isinstance(by_name["vocals L"].segment.components[0], aaf2.components.SourceClip)
        events = by_name["Markers"]
        assert Fraction(events.edit_rate) == Fraction(24000, 1001)
        seen = [
            (
                m["Position"].value,
                m.length,
                m["Comment"].value,
                {t.name: t.value for t in m["CommentMarkerAttributeList"].value}["_ATN_CRM_COLOR"],
            )
            for m in events.segment.components
        ]
        assert all(m["DescribedSlots"].value for m in events.segment.components)
    assert sorted(seen) == sorted(
        (
            int(m.marked_range.start_time.value),
            int(m.marked_range.duration.value),
            f"{m.name}: {m.comment}",
            m.color.capitalize(),
        )
        for m in timeline.tracks.markers
    )
    by_speaker = [path for path in done.files if path.parent.name == "speakers"]
    assert len(by_speaker) == 4
    texts = {cue.text for path in by_speaker for cue in read_subtitles(path).cues}
    assert texts == {cue.text for track in programme.subtitles for cue in track.cues}


def test_what_is_told_to_work_is_in_the_table() -> None:
    for name in TARGETS:
        features = target(name).TARGET_FEATURES
        assert features.keys() <= set(FEATURES)
        assert all(v in ("no", "sidecar") or v.startswith("part: ") for v in features.values())


def test_the_same_sound_has_the_same_ids(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=2.0))

    def ids(place: str, embed: bool) -> set[str]:
        done = exported(timeline, tmp_path / place, embed=embed)
        with aaf2.open(str(done.files[0])) as file:
            return {str(mob.mob_id) for mob in file.content.mobs}

    assert ids("one", True) == ids("two", True)
    path = tmp_path / "Bölüm 1 & pilot/stems/vocals.wav"
    before = ids("one", True)
    data, rate = sf.read(path, dtype="int32", always_2d=True)
    data[1000, 0] ^= 1 << 8  # one bit of one sample
    sf.write(path, data, rate, subtype="PCM_24")
    assert len(before - ids("three", True)) == 2, "the file and the master mob of that channel alone"


@pytest.mark.parametrize("rate", [44100, 96000, 32000])
def test_other_sample_rates_are_converted_to_their_exact_length(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "tone.wav"
    frames = 3 * rate + 17
    tone = 0.25 * np.sin(2 * np.pi * 997 * np.arange(frames) / rate)
    sf.write(path, tone, rate, subtype="PCM_24")
    done = exported(plain_timeline(path, frames=75), tmp_path / "out")
    assert any(f"{rate} Hz" in note for note in done.notes)
    with aaf2.open(str(done.files[0])) as file:
        (slot,) = sound_slots(file)
        (clip,) = slot.segment.components
        assert source_of(clip).descriptor.length == (2 * frames * 48000 + rate) // (2 * rate)
        heard = samples_of(clip) / 2**23
    want = 0.25 * np.sin(2 * np.pi * 997 * np.arange(len(heard)) / 48000)
    inner = slice(2000, -2000)  # at its ends a converter rings
    assert np.abs(heard[inner] - want[inner]).max() < 2**-20


def test_floats_become_24_bits_and_clipping_is_told(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    sf.write(path, np.array([0.0, 0.5, 1.25, -1.0, -1.5, 2**-23], dtype=np.float32), 48000, subtype="FLOAT")
    with open_sound(str(path)) as sound:
        (block,) = sound.blocks()
        assert (block[0] >> 8).tolist() == [0, 2**22, 2**23 - 1, -(2**23), -(2**23), 1]
        assert sound.changes[1].startswith("2 samples")
    sf.write(path, np.array([0.0, np.nan], dtype=np.float32), 48000, subtype="FLOAT")
    with pytest.raises(ValidationError, match="not numbers"), open_sound(str(path)) as sound:
        list(sound.blocks())


def test_16_bits_stay_16_bits(tmp_path: Path) -> None:
    path = tmp_path / "small.wav"
    numbers = np.array([0, 1, -1, 32767, -32768, 258], dtype=np.int16)
    sf.write(path, numbers, 48000, subtype="PCM_16")
    with open_sound(str(path)) as sound:
        assert sound.bits == 16
        assert b"".join(pcm(b[0], 16) for b in sound.blocks()) == numbers.astype("<i2").tobytes()


def test_a_foreign_timeline_with_gap_and_in_point(tmp_path: Path) -> None:
    path = tmp_path / "ramp.wav"
    ramp = np.arange(4 * 48000, dtype=np.int32)
    sf.write(path, ramp << 8, 48000, subtype="PCM_24")
    done = exported(plain_timeline(path, first=25, frames=50, gap=10), tmp_path / "out")
    with aaf2.open(str(done.files[0])) as file:
        (slot,) = sound_slots(file)
        filler, clip = slot.segment.components
        assert filler.length == 10 * 1920
        assert (clip.start, clip.length) == (48000, 96000)
        assert np.array_equal(samples_of(clip), ramp[48000:144000])


def test_a_clip_past_the_end_of_its_sound_stops_with_it(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    sf.write(path, np.zeros(1000, dtype=np.int32), 48000, subtype="PCM_24")
    done = exported(plain_timeline(path, frames=25), tmp_path / "out")
    with aaf2.open(str(done.files[0])) as file:
        (slot,) = sound_slots(file)
        clip, filler = slot.segment.components
        assert (clip.length, filler.length, slot.segment.length) == (1000, 47000, 48000)


def test_missing_and_damaged_sound_leave_no_folder(tmp_path: Path) -> None:
    gone = plain_timeline(tmp_path / "gone.wav")
    with pytest.raises(InvalidJob, match=r"gone\.wav"):
        exported(gone, tmp_path / "out")
    path = tmp_path / "torn.flac"
    rng = np.random.default_rng(1)
    sf.write(path, rng.integers(-(2**31), 2**31, 400_000, dtype=np.int64).astype(np.int32), 48000)
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.raises(AudioProcessingError):
        exported(plain_timeline(path), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_sound_of_a_video_is_told_and_left_out(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, seconds=1.0)
    assert programme.picture is not None
    done = exported(plain_timeline(Path(programme.picture.path)), tmp_path / "out")
    assert any("pilot.mov" in sentence and "left out" in sentence for sentence in done.lost)
    with aaf2.open(str(done.files[0])) as file:
        (slot,) = sound_slots(file)
        assert [type(part) for part in slot.segment.components] == [aaf2.components.Filler]
        assert slot.segment.length == 48000


def test_subtitles_alone_are_refused(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, video=False, sounds=(), seconds=2.0)
    with pytest.raises(InvalidJob, match="neither picture nor sound"):
        exported(build(programme), tmp_path / "out")


def test_without_pyaaf2_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "otio_dubline.exporters.aaf")
    monkeypatch.setitem(sys.modules, "aaf2", None)
    with pytest.raises(BackendMissing) as caught:
        exported(plain_timeline(tmp_path / "x.wav"), tmp_path / "out")
    assert caught.value.hint.endswith(extra_command("aaf"))


def test_the_compound_file_holds_the_stem(tmp_path: Path) -> None:
    """Read by its own format (MS-CFB), by a library that knows nothing of AAF."""
    olefile = pytest.importorskip("olefile", reason="olefile is not installed")
    programme = small_programme(tmp_path, channels=1, seconds=2.0, sounds=("vocals",))
    done = exported(build(programme), tmp_path / "out")
    with olefile.OleFileIO(str(done.files[0])) as file:
        (name,) = [entry for entry in file.listdir() if entry[-1].startswith("Data-")]
        data = file.openstream(name).read()
    assert data == pcm(sf.read(programme.sounds[0].path, dtype="int32", always_2d=True)[0][:, 0], 24)


def test_another_reader_of_aaf_sees_the_same(tmp_path: Path) -> None:
    """OpenTimelineIO's own adapter, where it is installed."""
    reader = pytest.importorskip(
        "otio_aaf_adapter.adapters.advanced_authoring_format", reason="otio-aaf-adapter is not installed"
    )
    programme = small_programme(tmp_path, seconds=4.0)
    timeline = build(programme)
    seen = reader.read_from_file(str(exported(timeline, tmp_path / "out").files[0]))
    assert seen.name == NAME
    assert seen.global_start_time.value == programme.start
    assert [t.name for t in seen.tracks if t.kind == "Audio"] == [f"{r} {c}" for r in ALL for c in "LR"]
    picture = next(clip for clip in seen.find_clips() if clip.name.endswith(".mov"))
    assert picture.source_range.start_time.value == programme.start
    assert [(m.marked_range.start_time.value - programme.start, m.color) for m in picture.markers] == [
        (m.marked_range.start_time.value, m.color) for m in timeline.tracks.markers
    ]
