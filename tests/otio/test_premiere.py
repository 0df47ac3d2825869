"""Final Cut Pro 7 XML: read back by the adapter that OTIO's authors wrote, and by OpenShot's importer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import opentimelineio as otio
import pytest
import soundfile
from cut_timeline import MEDIA_START, START, STRANGE, cut_timeline, media, span, with_strange_things
from defusedxml import ElementTree
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_media import Shared
from small_programme import NAME, RATES, STARTS, STEMS, small_programme

from dubline.errors import InvalidJob
from dubline.subtitles.writing import read_subtitles
from dubline.timebase import Timecode, frame_rate, seconds_to_frames
from dubline.values.programme import Programme
from otio_dubline.build import build
from otio_dubline.exporters import Exported, ExportOptions, export, target
from otio_dubline.exporters.markup import clean
from otio_dubline.exporters.premiere import COLOURS
from otio_dubline.reading import media_file

ROOT = Path(__file__).resolve().parents[2]
needs_openshot = pytest.mark.program("openshot-qt", "xvfb-run")
DROPS = (Fraction(30000, 1001), Fraction(60000, 1001))


def written(timeline: otio.schema.Timeline, folder: Path) -> tuple[Exported, Element]:
    """Exported, and the `<sequence>`."""
    done = export(timeline, ["premiere"], folder)[0]
    root = ElementTree.parse(done.files[0]).getroot()
    assert (root.tag, root.get("version")) == ("xmeml", "4")
    return done, root.find("sequence")


def text(element: Element, path: str) -> str:
    found = element.find(path)
    assert found is not None, path
    return found.text or ""


def number(element: Element, path: str) -> int:
    return int(text(element, path))


def rate_in(element: Element) -> Fraction:
    """The rate that an element tells."""
    timebase = number(element, "rate/timebase")
    return timebase * (Fraction(1000, 1001) if text(element, "rate/ntsc") == "TRUE" else Fraction(1))


def tracks(sequence: Element, kind: str) -> list[Element]:
    return sequence.findall(f"media/{kind}/track")


def again(done: Exported) -> otio.schema.Timeline:
    """The file as OTIO's own adapter for this format reads it; it joins the parts of a stereo track."""
    pytest.importorskip("otio_fcp_adapter", reason="OTIO's adapter otio-fcp-adapter is not installed")
    return otio.adapters.read_from_file(str(done.files[0]), "fcp_xml")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("rate", RATES)
def test_every_rate_and_start_is_exact(rate: str, start: str, tmp_path: Path) -> None:
    programme = small_programme(tmp_path, rate, start, seconds=0.5)
    done, sequence = written(build(programme), tmp_path / "out")
    fps = frame_rate(rate)
    clock = Timecode.parse(start if fps in DROPS else start.replace(";", ":"), fps)
    assert rate_in(sequence) == fps == rate_in(sequence.find("timecode"))
    assert number(sequence, "duration") == programme.frames
    assert text(sequence, "timecode/string") == str(clock)
    assert number(sequence, "timecode/frame") == clock.frame
    assert text(sequence, "timecode/displayformat") == ("DF" if clock.drop else "NDF")
    picture = tracks(sequence, "video")[0].find("clipitem")
    assert text(picture, "file/timecode/string") == str(clock)
    assert number(picture, "file/timecode/frame") == clock.frame
    for clip in sequence.iter("clipitem"):
        assert rate_in(clip) == fps
        assert [number(clip, tag) for tag in ("start", "end", "in", "out")] == [
            0,
            programme.frames,
            0,
            programme.frames,
        ]
    assert [note for note in done.notes if "OpenShot" in note] and not done.notes[3:]


@pytest.mark.parametrize("rate", RATES)
def test_another_reader_finds_everything_in_its_place(rate: str, tmp_path: Path) -> None:
    programme = small_programme(tmp_path, rate, "01:00:00:00", seconds=2.0)
    done, _ = written(build(programme), tmp_path / "out")
    read = again(done)
    fps = float(programme.fps)
    assert read.name == NAME
    assert read.global_start_time == otio.opentime.RationalTime(programme.start, fps)
    assert [track.kind for track in read.tracks] == ["Video"] + ["Audio"] * 5  # six, not eleven: joined
    clip = read.tracks[0][0]
    assert clip.media_reference.available_range == span(programme.start, programme.frames, fps)
    assert programme.picture is not None
    sources = [programme.picture.path, *(sound.path for sound in programme.sounds)]
    for track, source in zip(read.tracks, sources, strict=True):
        assert len(track) == 1
        assert track[0].duration() == otio.opentime.RationalTime(programme.frames, fps)
        assert media_file(track[0].media_reference.target_url) == Path(source)
    found = [(m.name, int(m.marked_range.start_time.value)) for m in read.tracks.markers]
    expected = [
        (f"{mark.kind.replace('_', ' ')} {mark.id}", seconds_to_frames(mark.start, programme.fps))
        for mark in programme.marks
    ]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(("channels", "kind"), [(1, "Mono"), (2, "Stereo"), (6, "5.1")])
def test_a_track_for_each_channel_marked_as_one(channels: int, kind: str, tmp_path: Path) -> None:
    programme = small_programme(tmp_path, channels=channels, seconds=1.0)
    _, sequence = written(build(programme), tmp_path / "out")
    audio = tracks(sequence, "audio")
    assert len(audio) == channels * len(programme.sounds)
    assert number(sequence, "media/audio/numOutputChannels") == max(channels, 2)
    seen: dict[str, Element] = {}
    for place, track in enumerate(audio):
        sound, channel = programme.sounds[place // channels], place % channels
        assert track.get("MZ.TrackName") == sound.name
        assert track.get("premiereTrackType") == kind
        assert track.get("currentExplodedTrackIndex") == str(channel)
        assert track.get("totalExplodedTrackCount") == str(channels)
        clip = track.find("clipitem")
        assert clip is not None
        assert clip.get("premiereChannelType") == kind.lower()
        assert number(clip, "sourcetrack/trackindex") == channel + 1
        links = [text(link, "linkclipref") for link in clip.findall("link")]
        assert len(links) == (channels if channels > 1 else 0)
        seen[clip.get("id") or ""] = clip
        for link in clip.findall("link"):
            assert number(link, "trackindex") - 1 in range(place - channel, place - channel + channels)
    assert len(seen) == len(audio)  # no id twice
    files = [file for file in sequence.iter("file") if len(file)]
    assert len({file.get("id") for file in files}) == len(files) == len(programme.sounds) + 1
    for file in files[1:]:
        assert number(file, "media/audio/channelcount") == channels
        assert number(file, "media/audio/samplecharacteristics/samplerate") == 48000
        assert number(file, "media/audio/samplecharacteristics/depth") == 24


def test_every_link_names_a_clip_at_the_place_it_tells(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, channels=2, seconds=1.0)
    _, sequence = written(build(programme), tmp_path / "out")
    audio = tracks(sequence, "audio")
    for link in sequence.iter("link"):
        track = audio[number(link, "trackindex") - 1]
        assert track.findall("clipitem")[number(link, "clipindex") - 1].get("id") == text(link, "linkclipref")


def test_levels_are_factors_and_what_is_too_loud_is_said(tmp_path: Path) -> None:
    levels = {"music": -6.0, "sfx": 3.5, "ambient": 20.0}
    programme = small_programme(tmp_path, seconds=1.0, levels=levels)
    done, sequence = written(build(programme), tmp_path / "out")
    for track in tracks(sequence, "audio"):
        value = track.find("clipitem/filter/effect/parameter/value")
        db = min(levels.get(track.get("MZ.TrackName") or "", 0.0), 12.0)
        if db:
            assert value is not None
            assert float(value.text or "") == pytest.approx(10 ** (db / 20), abs=1e-6)
        else:
            assert value is None
    assert [line for line in done.lost if "ambient" in line and "+12" in line and "+20" in line]
    assert not [line for line in done.lost if "music" in line]


def test_tracks_and_clips_that_are_off_stay_off(tmp_path: Path) -> None:
    _, sequence = written(build(small_programme(tmp_path, seconds=1.0)), tmp_path / "out")
    found = {track.get("MZ.TrackName"): text(track, "enabled") for track in tracks(sequence, "audio")}
    assert found == {"original": "FALSE"} | dict.fromkeys(STEMS, "TRUE")
    _, cut = written(cut_timeline(tmp_path), tmp_path / "cut")
    assert [text(clip, "enabled") for clip in tracks(cut, "video")[0].findall("clipitem")] == [
        "TRUE",
        "FALSE",
    ]
    assert text(tracks(cut, "audio")[1], "enabled") == "FALSE"


def test_markers_have_texts_lengths_and_colours(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, "25", "00:00:00:00")
    timeline = build(programme)
    done, sequence = written(timeline, tmp_path / "out")
    made = sequence.findall("marker")
    assert len(made) == len(programme.marks)
    for marker, mark in zip(made, programme.marks, strict=True):
        assert text(marker, "comment") == mark.text
        assert number(marker, "in") == seconds_to_frames(mark.start, programme.fps)
        assert number(marker, "out") == seconds_to_frames(mark.end, programme.fps)
    told = {str(m.name): COLOURS[m.color] for m in timeline.tracks.markers}
    assert {text(m, "name"): number(m, "pproColor") for m in made} == told
    assert len(set(told.values())) == 4
    assert not [line for line in done.lost if "marker" in line]


def test_subtitles_lie_beside_it(tmp_path: Path) -> None:
    programme = small_programme(tmp_path)
    done, sequence = written(build(programme), tmp_path / "out")
    beside = {
        path.name.split(".")[-2]: path for path in done.files[1:] if path.parent == done.files[0].parent
    }
    assert set(beside) == {"tr", "en"}
    for language, path in beside.items():
        cues = sorted(
            (cue for track in programme.subtitles if track.language == language for cue in track.cues),
            key=lambda cue: cue.start,
        )
        found = read_subtitles(path, strict=True).cues
        assert [(c.start_ms, c.end_ms, c.text) for c in found] == [
            (round(c.start * 1000), round(c.end * 1000), c.text) for c in cues
        ]
    assert len(done.files) == 7
    assert any("SRT" in line for line in done.lost)
    assert not list(sequence.iter("generatoritem"))


# --- timelines of other programs ------------------------------------------------------------------


def clips_of(track: Element) -> list[tuple[str, int, int, int, int]]:
    return [
        (text(c, "name"), *(number(c, tag) for tag in ("start", "end", "in", "out")))
        for c in track.findall("clipitem")
    ]


def test_cuts_and_gaps_of_another_program(tmp_path: Path) -> None:
    done, sequence = written(cut_timeline(tmp_path), tmp_path / "out")
    assert number(sequence, "timecode/frame") == START
    low, high = tracks(sequence, "video")
    assert clips_of(low) == [("one", 10, 100, 50, 140), ("two", 100, 130, 400, 430)]
    assert clips_of(high) == [("over", 20, 60, 0, 40)]
    sound, off = tracks(sequence, "audio")
    assert clips_of(sound) == [("m1", 7, 100, 11, 104), ("m2", 100, 300, 200, 400)]
    assert clips_of(off) == [("all", 0, 300, 0, 300)]
    files = {text(file, "name"): file for file in sequence.iter("file") if len(file)}
    assert number(files["a film & <more>.mov"], "timecode/frame") == MEDIA_START
    assert number(files["a film & <more>.mov"], "duration") == 1000
    own = low.find("clipitem/marker")
    assert own is not None
    assert number(own, "in") == 60
    whole = {text(m, "name"): (number(m, "in"), number(m, "out")) for m in sequence.findall("marker")}
    assert whole == {"in gap": (3, 8), "on track": (120, -1), "whole": (250, 254)}
    assert any("black" in line for line in done.lost)
    assert sum("is not there" in line for line in done.notes) == 3


def test_markers_come_after_in_and_out(tmp_path: Path) -> None:
    _, sequence = written(cut_timeline(tmp_path), tmp_path / "out")
    for clip in sequence.iter("clipitem"):
        order = [child.tag for child in clip]
        wanted = ["name", "enabled", "duration", "rate", "start", "end", "in", "out", "file", "sourcetrack"]
        wanted += ["filter", "link", "marker"]
        places = [wanted.index(tag) for tag in order if tag in wanted]
        assert places == sorted(places)


def test_what_cannot_be_carried_is_named(tmp_path: Path) -> None:
    done, sequence = written(with_strange_things(cut_timeline(tmp_path)), tmp_path / "out")
    for word in STRANGE:
        assert [line for line in done.lost if word in line], word
    names = {text(clip, "name") for clip in sequence.iter("clipitem")}
    assert not names & {"a title", "nowhere"}
    # "late" begins ten frames before its file and would end past it: only what is there is shown.
    last = clips_of(tracks(sequence, "video")[0])[-1]
    assert last[0] == "late"
    assert last[3:] == (0, 50)
    assert last[2] - last[1] == 50


@pytest.mark.parametrize(
    "name", ["multitrack", "nested_example", "new_project_move_cut", "resolve_transitions"]
)
@pytest.mark.parametrize("to", ["premiere", "fcpx"])
def test_timelines_of_others_are_written_or_refused(
    name: str, to: str, tmp_path: Path, shared: Shared
) -> None:
    path = shared(f"otio/{name}.otio")
    timeline = otio.adapters.read_from_file(str(path))
    try:
        done = export(timeline, [to], tmp_path)[0]
    except InvalidJob as refused:
        assert refused.hint
    else:
        assert len(list(ElementTree.parse(done.files[0]).iter())) > 10


@pytest.mark.parametrize("rate", [12.5, 23.5, 1000.0 / 3])
def test_rates_that_the_format_cannot_say_are_refused(rate: float, tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="frames a second"):
        written(cut_timeline(tmp_path, rate), tmp_path / "out")
    assert not (tmp_path / "out" / "premiere").exists()


def test_media_elsewhere_are_refused(tmp_path: Path) -> None:
    timeline = cut_timeline(tmp_path)
    timeline.tracks[0][1].media_reference.target_url = "https://example.com/film.mov"
    with pytest.raises(InvalidJob, match="not a file of this machine"):
        written(timeline, tmp_path / "out")
    timeline.tracks[0][1].media_reference.target_url = "file:film.mov"
    with pytest.raises(InvalidJob, match="whole path"):
        written(timeline, tmp_path / "out")


def test_a_path_of_windows_stays_one(tmp_path: Path) -> None:
    timeline = cut_timeline(tmp_path)
    for clip in timeline.find_clips():
        clip.media_reference.target_url = r"D:\Çekim & more\film.mov"
    _, sequence = written(timeline, tmp_path / "out")
    found = {text(file, "pathurl") for file in sequence.iter("file") if len(file)}
    assert found == {"file://localhost/D:/%C3%87ekim%20%26%20more/film.mov"}


def test_a_trimmed_track_shows_its_part(tmp_path: Path) -> None:
    timeline = cut_timeline(tmp_path)
    rate = timeline.global_start_time.rate
    timeline.tracks[0].source_range = span(40, 80, rate)
    done, sequence = written(timeline, tmp_path / "out")
    assert clips_of(tracks(sequence, "video")[0]) == [("one", 0, 60, 80, 140), ("two", 60, 80, 400, 420)]
    places = {text(m, "name"): number(m, "in") for m in sequence.findall("marker")}
    assert places == {"on track": 80, "whole": 250}  # the gap with its marker is cut away
    assert not [line for line in done.lost if "trimmed" in line]


def test_markers_outside_and_subtitles_that_are_off_are_named(tmp_path: Path) -> None:
    timeline = cut_timeline(tmp_path)
    rate = timeline.global_start_time.rate
    timeline.tracks.markers.append(otio.schema.Marker("far", span(5000, 1, rate)))
    line = otio.schema.Clip("a line", source_range=span(0, 20, rate))
    off = otio.schema.Track("lines", [line], kind="Subtitle")
    off.enabled = False
    timeline.tracks.append(off)
    done, sequence = written(timeline, tmp_path / "out")
    assert "far" not in {text(m, "name") for m in sequence.findall("marker")}
    assert any("Markers" in line and line.endswith(": 1.") for line in done.lost)
    assert any("lines" in line and "off" in line for line in done.lost)
    assert len(done.files) == 1


def test_an_empty_timeline_is_refused(tmp_path: Path) -> None:
    empty = otio.schema.Timeline("none", global_start_time=otio.opentime.RationalTime(0, 25))
    with pytest.raises(InvalidJob, match="nothing on the timeline"):
        written(empty, tmp_path / "out")


def test_mono_and_stereo_on_one_track(tmp_path: Path) -> None:
    wide, narrow = media(tmp_path / "w.wav", 0, 50, 25), media(tmp_path / "n.wav", 0, 50, 25)
    wide.metadata["dubline"] = {"channels": 2}
    narrow.metadata["dubline"] = {"channels": 1}
    clips = [otio.schema.Clip("n", narrow, span(0, 50, 25)), otio.schema.Clip("w", wide, span(0, 50, 25))]
    timeline = otio.schema.Timeline("mixed", global_start_time=otio.opentime.RationalTime(0, 25))
    timeline.tracks.append(otio.schema.Track("A", clips, kind="Audio"))
    _, sequence = written(timeline, tmp_path / "out")
    sources = [
        [number(clip, "sourcetrack/trackindex") for clip in track.findall("clipitem")]
        for track in tracks(sequence, "audio")
    ]
    assert sources == [[1, 1], [1, 2]]  # the mono clip sounds on both sides


def test_the_same_timeline_gives_the_same_bytes(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=1.0))
    first = written(timeline, tmp_path / "out")[0].files[0].read_bytes()
    assert written(timeline, tmp_path / "out")[0].files[0].read_bytes() == first


@given(
    # OTIO holds UTF-8, and ends a text at its first NUL.
    name=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30),
    comment=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30),
    level=st.one_of(st.floats(), st.text(max_size=3), st.none(), st.booleans()),
)
@settings(max_examples=25, deadline=None)
def test_any_text_and_any_metadata_come_through(
    name: str, comment: str, level: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    timeline = cut_timeline(Path("/media"))
    timeline.tracks[2].name = name
    timeline.tracks[2].metadata["dubline"] = {"level_db": level, "role": level}
    timeline.tracks.markers[0].comment = comment
    module = target("premiere")
    done = module.export(timeline, folder, ExportOptions(target="premiere"))
    sequence = ElementTree.parse(folder / done.files[0]).getroot().find("sequence")
    assert tracks(sequence, "audio")[0].get("MZ.TrackName") == (clean(name) or "Audio 3")
    told = {text(m, "name"): text(m, "comment") for m in sequence.findall("marker")}
    assert told["whole"] == clean(comment)


# --- OpenShot --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def openshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A function (file, rate) -> what OpenShot's importer made of it."""
    home = tmp_path_factory.mktemp("home")

    def imported(path: Path, rate: str) -> Any:
        own = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        command = [
            "xvfb-run",
            "-a",
            "/usr/bin/python3",
            str(ROOT / "tests/openshot_import.py"),
            str(path),
            rate,
        ]
        with (home / "said").open("wb") as said:
            done = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=said, env=own, start_new_session=True
            )
            try:
                out, _ = done.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(done.pid, signal.SIGKILL)
                pytest.fail("OpenShot did not end within a minute")
        assert done.returncode == 0, (home / "said").read_text(errors="replace")[-2000:]
        return json.loads(out.decode().strip().splitlines()[-1])

    yield imported


@pytest.mark.parametrize(
    ("rate", "start", "channels"),
    [("24000/1001", "01:00:00:00", 2), ("30000/1001", "00:59:58;00", 1), ("25", "00:00:00:00", 6)],
)
@needs_openshot
def test_openshot_opens_it(openshot: Any, rate: str, start: str, channels: int, tmp_path: Path) -> None:
    programme: Programme = small_programme(tmp_path, rate, start, channels, seconds=2.0)
    done, _ = written(build(programme), tmp_path / "out")
    found = openshot(done.files[0], rate)
    assert programme.picture is not None
    sources = {programme.picture.path, *(sound.path for sound in programme.sounds)}
    assert {clip["path"] for clip in found["clips"]} == sources
    assert len(found["clips"]) == len(sources)  # each sound once, though it has a track for each channel
    for clip in found["clips"]:
        assert clip["position"] == clip["start"] == 0
        assert clip["end"] == pytest.approx(float(programme.frames / programme.fps), abs=1e-6)
        assert clip["title"] == Path(clip["path"]).name
    assert len({clip["layer"] for clip in found["clips"]}) == len(sources)


@needs_openshot
def test_openshot_finds_the_places_of_cuts(openshot: Any, tmp_path: Path) -> None:
    programme = small_programme(tmp_path, "30000/1001", "01:00:00:00", seconds=4.0)
    timeline = build(programme)
    fps = float(programme.fps)
    for place, track in enumerate([t for t in timeline.tracks if t.kind in ("Video", "Audio")]):
        clip = track[0]
        begin = clip.source_range.start_time.value
        clip.source_range = span(begin + 5 * place, 60, fps)
        track.insert(0, otio.schema.Gap(source_range=span(0, 3 * place + 1, fps)))
    done, _ = written(timeline, tmp_path / "out")
    found = {Path(clip["path"]).stem: clip for clip in openshot(done.files[0], "30000/1001")["clips"]}
    assert programme.picture is not None
    names = [Path(programme.picture.path).stem, *(Path(sound.path).stem for sound in programme.sounds)]
    for place, name in enumerate(names):
        clip = found[name]
        wanted = [(3 * place + 1) / fps, 5 * place / fps, (5 * place + 60) / fps]
        assert [clip[key] for key in ("position", "start", "end")] == pytest.approx(wanted, abs=1e-9)


@needs_openshot
def test_openshot_finds_every_take(openshot: Any, tmp_path: Path) -> None:
    programme = small_programme(tmp_path, "25", seconds=4.0, takes=True)
    done, _ = written(build(programme), tmp_path / "out")
    clips = [c for c in openshot(done.files[0], "25")["clips"] if "/takes/" in c["path"]]
    known = {take.id: take for track in programme.takes for take in track.clips}
    assert sorted(int(Path(clip["path"]).stem.split()[1]) for clip in clips) == sorted(known)
    for clip in clips:
        take = known[int(Path(clip["path"]).stem.split()[1])]
        begins = take.start / take.rate - clip["position"]
        assert 0 <= begins < 1 / 25, "in the frame in which the line begins"
        silence = soundfile.info(clip["path"]).frames / take.rate - take.frames / take.rate
        assert 0 <= silence < 2 / 25 and clip["start"] == 0
