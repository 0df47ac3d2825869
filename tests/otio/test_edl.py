"""Edit decision lists, read back by the CMX 3600 adapter where it is installed, and line by line."""

from __future__ import annotations

import re
from pathlib import Path

import opentimelineio as otio
import pytest
from shared_media import Shared
from small_programme import RATES, STARTS, small_programme

from dubline.errors import InvalidJob
from dubline.timebase import Timecode, frame_rate
from otio_dubline.build import build
from otio_dubline.exporters import export

EVENT = re.compile(r"(\d{3})  (\S{1,8}) +(V|A2?) +C +(\S{11}) (\S{11}) (\S{11}) (\S{11})")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("rate", RATES)
def test_all_four_timecodes(tmp_path: Path, rate: str, start: str) -> None:
    programme = small_programme(tmp_path, rate=rate, start=start, seconds=2)
    (done,) = export(build(programme), ["edl"], tmp_path / "out")
    text = done.files[0].read_bytes().decode()
    assert "\r\n" in text and "\n" not in text.replace("\r\n", "")
    assert f"FCM: {'DROP FRAME' if programme.drop else 'NON-DROP FRAME'}" in text.splitlines()
    fps, length = frame_rate(rate), programme.frames
    events = [EVENT.fullmatch(line).groups() for line in text.splitlines() if line[:3].isdigit()]  # type: ignore[union-attr]
    record = [str(programme.timecode), str(programme.timecode + length)]
    sound = [str(Timecode(0, fps, programme.drop)), str(Timecode(length, fps, programme.drop))]
    assert [list(event[3:]) for event in events] == [record + record, sound + record, sound + record]
    assert [event[2] for event in events] == ["V", "A", "A2"]
    assert f"set the project to {rate} " in done.notes[0]


def test_what_does_not_go_is_told(tmp_path: Path) -> None:
    (done,) = export(build(small_programme(tmp_path, seconds=1)), ["edl"], tmp_path / "out")
    assert "audio tracks beyond the second: sfx, ambient" in done.lost
    assert "disabled tracks: original" in done.lost
    assert "4 markers" in done.lost
    assert any(text.startswith("subtitle tracks: tr Ayşe") for text in done.lost)


def test_reels_are_short_plain_and_different(tmp_path: Path) -> None:
    track = otio.schema.Track(kind="Video")
    for name in ("Bölüm bir.mov", "Bolum bir 2.mov", "日本.mov", "BOLUMBIR.mov"):
        span = otio.opentime.TimeRange(duration=otio.opentime.RationalTime(10, 25))
        track.append(
            otio.schema.Clip(
                name=name,
                media_reference=otio.schema.ExternalReference(target_url=f"/films/{name}"),
                source_range=span,
            )
        )
    timeline = otio.schema.Timeline(name="x", global_start_time=otio.opentime.RationalTime(0, 25))
    timeline.tracks.append(track)
    (done,) = export(timeline, ["edl"], tmp_path / "out")
    text = done.files[0].read_text(encoding="utf-8")
    reels = re.findall(r"^\d{3}  (\S+)", text, re.MULTILINE)
    assert reels == ["BOLUMBIR", "BOLUMBI2", "REEL", "BOLUMBI3"]
    assert "* FROM CLIP NAME: Bölüm bir.mov" in text
    assert done.lost == ()


def test_past_midnight_labels_wrap(tmp_path: Path) -> None:
    (done,) = export(
        build(small_programme(tmp_path, rate="25", start="23:59:59:00", seconds=2)), ["edl"], tmp_path / "out"
    )
    assert "23:59:59:00 00:00:01:00" in done.files[0].read_text(encoding="utf-8")


def test_a_timeline_of_another_program(tmp_path: Path, shared: Shared) -> None:
    from otio_dubline.reading import read_timeline

    timeline = read_timeline(shared("otio/resolve_transitions.otio"))
    timeline.tracks[0].enabled = False  # it holds nothing
    (done,) = export(timeline, ["edl"], tmp_path / "out")
    assert "effects and speed changes" in done.lost
    assert "transitions: they are cuts" in done.lost
    assert "01:00:04:06" in done.files[0].read_text(encoding="utf-8")  # 126 frames of 30 after the start


def test_an_empty_one_and_a_long_one_are_refused(tmp_path: Path) -> None:
    words = build(small_programme(tmp_path, seconds=1, video=False, sounds=()))
    with pytest.raises(InvalidJob, match="would be empty"):
        export(words, ["edl"], tmp_path / "out")
    track = otio.schema.Track(kind="Video")
    for _ in range(1000):
        span = otio.opentime.TimeRange(duration=otio.opentime.RationalTime(1, 25))
        media = otio.schema.ExternalReference(target_url="/a.mov")
        track.append(otio.schema.Clip(media_reference=media, source_range=span))
    timeline = otio.schema.Timeline(global_start_time=otio.opentime.RationalTime(0, 25))
    timeline.tracks.append(track)
    with pytest.raises(InvalidJob, match="1000 clips"):
        export(timeline, ["edl"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("rate", "start"),
    [
        ("24000/1001", "01:00:00:00"),
        ("25", "00:59:58:00"),
        ("30000/1001", "00:59:58;00"),
        ("24", "00:00:00:00"),
    ],
)
def test_another_reader_finds_the_same_cut(tmp_path: Path, rate: str, start: str) -> None:
    if "cmx_3600" not in [a.name for a in otio.plugins.ActiveManifest().adapters]:
        pytest.skip("otio-cmx3600-adapter is not installed: it reads edit decision lists")
    programme = small_programme(tmp_path, rate=rate, start=start, seconds=2)
    (done,) = export(build(programme), ["edl"], tmp_path / "out")
    read = otio.adapters.read_from_file(str(done.files[0]), rate=float(frame_rate(rate)))
    assert [(t.kind, len(t.find_clips())) for t in read.tracks] == [("Video", 1), ("Audio", 1), ("Audio", 1)]
    clip = read.tracks[0].find_clips()[0]
    assert clip.name == "Bölüm 1 & pilot.mov"
    assert clip.source_range.start_time.value == programme.start
    assert clip.source_range.duration.value == programme.frames
    assert read.tracks[1].find_clips()[0].name == "vocals.wav"
