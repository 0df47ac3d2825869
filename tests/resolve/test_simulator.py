# ruff: noqa: RUF001 - Turkish has a dotless i
"""The simulated Resolve itself: arithmetic against other implementations, media against real files."""

from __future__ import annotations

import ast
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from resolve_simulator import PROFILES, NotModelled, ResolveCrashed, Simulator, build, facts_from, profile
from resolve_simulator.documented import TABLES
from resolve_simulator.listening import hear, probe, table, write_mix
from resolve_simulator.media import read_srt, read_wav
from resolve_simulator.rates import Rate
from shared_media import Shared

from dubline.timebase import Timecode

PACKAGE = Path(__file__).resolve().parents[1] / "resolve_simulator"
RATES = ("23.976", "24", "25", "29.97", "29.97 DF", "30", "48", "50", "59.94", "59.94 DF", "60")


def project_of(world: Simulator) -> tuple[Any, Any, Any]:
    """Project, media pool and current timeline, as a script gets them."""
    assert world.resolve is not None
    project = world.resolve.GetProjectManager().GetCurrentProject()
    return project, project.GetMediaPool(), project.GetCurrentTimeline()


def click(path: Path, at: int, samples: int = 96000, channels: int = 2) -> str:
    """A WAV that is silent but for sample ``at``; the level tells the channel: 0.5, 0.25."""
    sound = np.zeros((samples, channels), np.float32)
    for channel in range(channels):
        sound[at, channel] = 0.5 / (channel + 1)
    soundfile.write(path, sound, 48000, subtype="FLOAT")
    return str(path)


# Arithmetic.


@given(st.sampled_from(RATES), st.integers(0, 24 * 3600 * 23))
def test_timecode_is_the_one_of_the_engine(text: str, frame: int) -> None:
    rate = Rate(text)
    label = rate.timecode(frame)
    assert rate.frame_of(label) == frame
    assert Timecode.parse(label, rate.exact).frame == frame


@pytest.mark.parametrize(
    ("text", "start"), [("24", 86400), ("25", 90000), ("29.97 DF", 107892), ("30", 108000)]
)
def test_a_timeline_starts_at_one_hour(text: str, start: int) -> None:
    world = Simulator(rate=text)
    build(world, {"timelines": [{"name": "Cut"}]})
    timeline = project_of(world)[2]
    assert timeline.GetStartFrame() == timeline.GetEndFrame() == start
    assert timeline.GetStartTimecode().replace(";", ":") == "01:00:00:00"
    assert timeline.SetStartTimecode("10:00:00:00") is True
    assert timeline.GetStartTimecode().replace(";", ":") == "10:00:00:00"
    assert timeline.SetStartTimecode("ten") is False


# The surface.


def test_every_method_that_is_played_is_documented() -> None:
    world = Simulator()
    build(world, {"timelines": [{"name": "Cut"}]})
    timeline = world.timeline()
    things = [world._resolve, world.manager, world.project, world.storage, world.project.pool, timeline]
    things += [world.project.pool.root, timeline.pool_item]
    assert len({thing.kind for thing in things}) == len(things)
    for thing in things:
        played = {name for name in dir(thing) if name[0].isupper() and callable(getattr(thing, name))}
        # Things have an id of their own; the tables say which of them hand it out.
        assert played - {"GetUniqueId"} <= set(TABLES[thing.kind]), thing.kind


def test_dir_is_the_only_evidence() -> None:
    world = Simulator("studio-19.1")
    assert "GetFairlightPresets" not in dir(world.resolve)
    assert world.resolve.GetFairlightPresets is None
    assert world.resolve.getattr_of_nothing is None
    assert world.unknown == ["Resolve.GetFairlightPresets", "Resolve.getattr_of_nothing"]
    assert "GetFairlightPresets" in dir(Simulator("studio-20.2").resolve)
    with pytest.raises(AttributeError):
        world.resolve.mine = 1


@pytest.mark.parametrize(
    ("kind", "name", "first"),
    [
        ("Timeline", "GetMarkInOut", "studio-20.2"),
        ("Timeline", "GetVoiceIsolationState", "studio-20.2"),
        ("Timeline", "GetSelectedClips", "studio-21.0"),
        ("MediaPoolItem", "GetTimeline", "studio-21.0"),
        ("MediaPoolItem", "SetName", "studio-20.2"),
        ("TimelineItem", "SetName", "studio-20.2"),
        ("Project", "GenerateSpeech", "studio-21.0"),
        ("Project", "ApplyFairlightPresetToCurrentTimeline", "studio-20.2"),
        ("Timeline", "AddTrack", "studio-18.6"),
    ],
)
def test_methods_come_with_their_version(kind: str, name: str, first: str) -> None:
    order = ["studio-18.6", "studio-19.1", "studio-20.2", "studio-21.0", "studio-21.1"]
    has = [name in Simulator(one).methods(kind) for one in order]
    assert has == [place >= order.index(first) for place in range(len(order))]


def test_an_argument_may_come_with_a_version() -> None:
    assert Simulator("studio-20.2").methods("MediaPoolItem")["TranscribeAudio"].most == 0
    assert Simulator("studio-21.0").methods("MediaPoolItem")["TranscribeAudio"].most == 1


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_an_edition_gives_what_it_gives(name: str) -> None:
    world = Simulator(name)
    studio, version = name.startswith("studio"), PROFILES[name][1]
    assert (world.resolve is None) == (not studio and version >= (21, 1))
    assert (world.fusion.UIManager is None) == (not studio and version >= (19, 1))
    assert world.modal == (not studio and version >= (19, 1))
    if world.resolve is not None:
        assert world.resolve.GetProductName().endswith("Studio") == studio
        assert tuple(world.resolve.GetVersion()[:3]) == version
        assert world.resolve.GetVersionString().startswith("{}.{}.{}".format(*version))


def test_profiles_refuse_a_wrong_name_or_switch() -> None:
    with pytest.raises(ValueError, match="studio-20"):
        profile("studio-17")
    with pytest.raises(ValueError, match="nothing"):
        profile("studio-20.2", nothing=True)


def test_what_is_not_played_says_so() -> None:
    with pytest.raises(NotModelled):
        project_of(Simulator())[0].GetGallery()


# Media.


@pytest.mark.parametrize(
    ("container", "subtype", "channels"),
    [
        ("WAV", "PCM_16", 1),
        ("WAV", "PCM_24", 2),
        ("WAV", "FLOAT", 6),
        ("WAVEX", "PCM_32", 6),
        ("RF64", "DOUBLE", 2),
    ],
)
def test_a_wav_has_the_length_that_soundfile_says(
    tmp_path: Path, container: str, subtype: str, channels: int
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((12345, channels)), 44100, subtype=subtype, format=container)
    facts = read_wav(str(path))
    info = soundfile.info(str(path))
    assert facts == (None, 0, info.channels, info.frames, info.samplerate, 0)


def test_what_is_no_wav_is_no_clip(tmp_path: Path) -> None:
    for name, data in (("a.wav", b"RIFFxxxxWAVE"), ("b.wav", b""), ("c.wav", b"not a sound at all")):
        (tmp_path / name).write_bytes(data)
        assert read_wav(str(tmp_path / name)) is None
        assert project_of(Simulator())[1].ImportMedia([str(tmp_path / name)]) == []


def test_an_srt_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_bytes(
        "\ufeff1\r\n00:00:01,001 --> 00:00:02,500\r\nGünaydın\r\nTom\r\n\r\n"
        "2\r\n01:00:00,000 --> 01:00:01,000\r\nx\r\n".encode()
    )
    assert read_srt(str(path)) == [
        (Fraction(1001, 1000), Fraction(5, 2), "Günaydın\nTom"),
        (3600, 3601, "x"),
    ]
    path.write_bytes("1\n00:00:01,000 --> 00:00:02,000\nGünaydın\n".encode("cp1254"))
    assert read_srt(str(path)) is None


def test_a_video_is_probed_as_the_engine_probes_it(shared: Shared) -> None:
    from dubline.media.probing import probe as engine_probe

    for name in ("dropframe_2997_pcm24.mov", "moviepy_chaplin.mp4", "moviepy_fire2.mp4"):
        path = shared(f"video/{name}")
        facts, media = probe(path), engine_probe(path, need_sound=False)
        assert facts is not None and media.video is not None
        assert facts.frames / facts.rate == pytest.approx(media.duration, abs=0.1)
        if media.timecode:
            assert facts.start == Timecode.parse(media.timecode, facts.rate).seconds
        entry = table([path])[str(path)]
        assert facts_from(json.loads(json.dumps(entry))) == facts


def test_a_video_with_sound_lands_on_two_tracks_and_its_sound_alone_on_one(shared: Shared) -> None:
    path = str(shared("video/dropframe_2997_pcm24.mov").resolve())
    world = Simulator(rate="29.97 DF", prober=probe)
    build(world, {"timelines": [{"name": "Cut"}]})
    _, pool, timeline = project_of(world)
    clip = pool.ImportMedia([path])[0]
    assert clip.GetClipProperty("Audio Ch") == str(probe(path).channels)
    (item,) = pool.AppendToTimeline([clip])
    assert [timeline.GetTrackCount(sort) for sort in ("video", "audio")] == [1, 1]
    assert item.GetTrackTypeAndIndex() == ["video", 1]
    assert [other.GetTrackTypeAndIndex() for other in item.GetLinkedItems()] == [["audio", 1]]
    timeline.AddTrack("audio", "stereo")
    (alone,) = pool.AppendToTimeline([{"mediaPoolItem": clip, "mediaType": 2, "trackIndex": 2}])
    assert alone.GetTrackTypeAndIndex() == ["audio", 2]
    assert alone.GetStart() == item.GetEnd()
    assert alone.GetSourceStartTime() == float(probe(path).start)


# Sound.


@given(
    rate=st.sampled_from(["23.976", "24", "25", "29.97", "29.97 DF", "60"]),
    record=st.integers(0, 200),
    first=st.integers(0, 20),
    at=st.integers(48000, 60000),
)
def test_a_sample_sounds_where_the_frames_say(
    tmp_path_factory: pytest.TempPathFactory, rate: str, record: int, first: int, at: int
) -> None:
    """From frame to sample by exact fractions; start and source are rounded once each."""
    path = click(tmp_path_factory.mktemp("click") / "a.wav", at)
    world = Simulator(rate=rate)
    clips = [{"path": path, "record": record, "start": first, "end": 40}]
    build(world, {"timelines": [{"name": "Cut", "clips": clips}]})
    exact = Rate(rate).exact
    expected = at / Fraction(48000) + (record - first) / exact
    sound = hear(world)
    if at / Fraction(48000) < 40 / exact:
        assert sound.dtype == np.float32
        (place,) = np.flatnonzero(sound[0])
        assert abs(int(place) - expected * 48000) <= 1
    else:
        assert not sound.any()


def test_what_is_off_is_not_heard(tmp_path: Path) -> None:
    path = click(tmp_path / "a.wav", 100)
    world = Simulator()
    clips = [{"path": path, "track": track} for track in (1, 2)]
    build(world, {"timelines": [{"name": "Cut", "audio": ["mono"], "clips": clips}]})
    timeline = project_of(world)[2]
    assert [(heard.track, heard.channels) for heard in world.sound()] == [(1, 2), (2, 1)]
    assert hear(world)[:, 100].tolist() == [1.0, 0.75]  # a mono track lets the left channel through, to both
    timeline.SetTrackEnable("audio", 1, False)
    assert hear(world)[:, 100].tolist() == [0.5, 0.5]
    timeline.GetItemListInTrack("audio", 2)[0].SetClipEnabled(False)
    assert world.sound() == []


def test_a_render_writes_what_is_heard(tmp_path: Path) -> None:
    path = click(tmp_path / "a.wav", 24000)
    world = Simulator()
    world.renderer = write_mix
    build(world, {"timelines": [{"name": "Cut", "clips": [{"path": path, "record": 24}]}]})
    project, _, timeline = project_of(world)
    project.LoadRenderPreset("Audio Only")
    start = timeline.GetStartFrame()
    settings = {"TargetDir": str(tmp_path), "CustomName": "mix", "MarkIn": start + 24, "MarkOut": start + 47}
    assert project.SetRenderSettings(settings) is True
    job = project.AddRenderJob()
    assert project.StartRendering([job], False) is True
    assert project.DeleteRenderJob(job) is False  # it runs
    seen = []
    while project.IsRenderingInProgress():
        seen.append(project.GetRenderJobStatus(job)["CompletionPercentage"])
    assert seen[-1] == 100
    sound, rate = soundfile.read(tmp_path / "mix.wav", always_2d=True)
    assert (rate, sound.shape) == (48000, (48000, 2))
    assert np.flatnonzero(sound[:, 0]).tolist() == [24000]
    assert project.DeleteRenderJob(job) is True


def test_a_failed_render_leaves_no_file(tmp_path: Path) -> None:
    world = Simulator()
    world.faults.render_fails = "Die Platte ist voll"
    build(world, {"timelines": [{"name": "Cut", "clips": [{"path": click(tmp_path / "a.wav", 0)}]}]})
    project = project_of(world)[0]
    project.LoadRenderPreset("Audio Only")
    project.SetRenderSettings({"TargetDir": str(tmp_path), "CustomName": "mix"})
    job = project.AddRenderJob()
    project.StartRendering(job)
    while project.IsRenderingInProgress():
        pass
    status = project.GetRenderJobStatus(job)
    assert status["Error"] == "Die Platte ist voll"
    assert status["CompletionPercentage"] < 100
    assert not (tmp_path / "mix.wav").exists()


# Timeline files.


def stems_timeline(paths: list[str], rate: float, frames: int) -> otio.schema.Timeline:
    timeline = otio.schema.Timeline("Stems", global_start_time=otio.opentime.RationalTime(86400, rate))
    for path in paths:
        span = otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, rate), otio.opentime.RationalTime(frames, rate)
        )
        gap = otio.schema.Gap(
            source_range=otio.opentime.TimeRange(span.start_time, otio.opentime.RationalTime(12, rate))
        )
        reference = otio.schema.ExternalReference(Path(path).as_uri(), span)
        track = otio.schema.Track(Path(path).stem, kind="Audio")
        track.extend([gap, otio.schema.Clip(Path(path).name, reference, span)])
        timeline.tracks.append(track)
    return timeline


def test_a_timeline_file_arrives_as_the_library_writes_it_and_leaves_as_it_reads_it(tmp_path: Path) -> None:
    paths = [click(tmp_path / f"a b {n}.wav", 100 * n) for n in (1, 2)]
    written = tmp_path / "in.otio"
    timeline = stems_timeline(paths, 24.0, 48)
    effect = otio.schema.Effect(effect_name="Resolve Effect")
    volume = {"Parameter ID": "volume", "Parameter Value": -6.0}
    effect.metadata["Resolve_OTIO"] = {
        "Effect Name": "Fairlight Clip Volume and Fades",
        "Parameters": [volume],
    }
    timeline.tracks[1][1].effects.append(effect)
    otio.adapters.write_to_file(timeline, str(written))
    world = Simulator()
    _, pool, _ = project_of(world)
    made = pool.ImportTimelineFromFile(str(written), {"importSourceClips": True})
    assert made.GetName() == "Stems"
    sounds = world.sound("Stems")
    assert [(heard.name, heard.start, heard.length, heard.gain) for heard in sounds] == [
        ("a b 1", Fraction(1, 2), 2, None),
        ("a b 2", Fraction(1, 2), 2, -6.0),
    ]
    mix = hear(world, "Stems")[0]
    assert np.flatnonzero(mix).tolist() == [24100, 24200]
    assert mix[24200] == pytest.approx(0.5 * 10 ** (-6 / 20))
    target = tmp_path / "out.otio"
    assert made.Export(str(target), world.resolve.EXPORT_OTIO) is True
    back = otio.adapters.read_from_file(str(target))
    clips = [clip for clip in back.find_clips() if clip.parent().kind == "Audio"]
    assert [clip.range_in_parent().start_time.value for clip in clips] == [12, 12]
    assert back.global_start_time.value == 86400
    again = pool.ImportTimelineFromFile(str(target), {"timelineName": "Again"})
    assert [heard[:6] for heard in world.sound(again.GetName())] == [heard[:6] for heard in sounds]


@pytest.mark.parametrize("switches", [True, False])
def test_an_imported_timeline_is_current_only_where_the_profile_says_so(
    tmp_path: Path, switches: bool
) -> None:
    written = tmp_path / "in.otio"
    otio.adapters.write_to_file(stems_timeline([click(tmp_path / "a.wav", 1)], 24.0, 48), str(written))
    world = Simulator(profile("studio-21.0", import_switches=switches))
    build(world, {"timelines": [{"name": "Cut"}]})
    project, pool, _ = project_of(world)
    assert pool.ImportTimelineFromFile(str(written)) is not None
    assert project.GetCurrentTimeline().GetName() == ("Stems" if switches else "Cut")


@pytest.mark.parametrize(("start", "frames", "arrives"), [(0, 48, True), (1, 48, False), (-1, 24, False)])
def test_a_range_outside_the_file_is_refused(tmp_path: Path, start: int, frames: int, arrives: bool) -> None:
    timeline = stems_timeline([click(tmp_path / "a.wav", 1)], 24.0, 48)
    clip = timeline.tracks[0][1]
    clip.source_range = otio.opentime.TimeRange(
        otio.opentime.RationalTime(start, 24), otio.opentime.RationalTime(frames, 24)
    )
    otio.adapters.write_to_file(timeline, str(tmp_path / "in.otio"))
    made = project_of(Simulator())[1].ImportTimelineFromFile(str(tmp_path / "in.otio"))
    assert (made is not None) == arrives


def test_without_source_clips_everything_is_offline(tmp_path: Path) -> None:
    written = tmp_path / "in.otio"
    otio.adapters.write_to_file(stems_timeline([click(tmp_path / "a.wav", 1)], 24.0, 48), str(written))
    world = Simulator()
    made = project_of(world)[1].ImportTimelineFromFile(str(written), {"importSourceClips": False})
    assert made.GetItemListInTrack("audio", 1)[0].GetMediaPoolItem() is None
    assert world.sound("Stems") == []


# Faults.


def test_a_crash_is_no_exception_that_a_script_could_swallow() -> None:
    world = Simulator()
    world.faults.crash_at = {"MediaPool.AddSubFolder": 2}
    pool = project_of(world)[1]
    pool.AddSubFolder(pool.GetRootFolder(), "one")
    with pytest.raises(ResolveCrashed):
        try:
            pool.AddSubFolder(pool.GetRootFolder(), "two")
        except Exception:
            pytest.fail("a handler of the script caught the crash")
    with pytest.raises(ResolveCrashed):
        pool.GetRootFolder()
    assert [folder.name for folder in world.project.pool.root.folders] == ["one"]


def test_calls_are_counted_refused_and_preceded() -> None:
    world = Simulator()
    build(world, {"timelines": [{"name": "Cut"}]})
    timeline = project_of(world)[2]
    world.calls.clear()
    world.faults.refuse = {"Timeline.AddTrack": 1}
    world.faults.before = {"Timeline.AddTrack": lambda: world.timeline().add_track("audio", "mono")}
    assert [timeline.AddTrack("audio", "stereo") for _ in range(2)] == [False, True]
    assert [track.sub_type for track in world.timeline().tracks["audio"]] == [
        "stereo",
        "mono",
        "mono",
        "stereo",
    ]
    assert world.count("AddTrack") == world.calls["Timeline.AddTrack"] == 2


def test_a_snapshot_is_the_same_again_once_all_is_undone(tmp_path: Path) -> None:
    world = Simulator()
    scene = {
        "bins": ["Rushes"],
        "timelines": [{"name": "Cut", "clips": [{"path": click(tmp_path / "a.wav", 1)}]}],
    }
    build(world, scene)
    _, pool, timeline = project_of(world)
    before = world.snapshot()
    assert json.loads(json.dumps(before)) == before
    timeline.AddTrack("audio", "stereo")
    timeline.AddMarker(3, "Red", "x", "", 1, "dubline:1")
    made = pool.ImportMedia([click(tmp_path / "b.wav", 1)])
    pool.AppendToTimeline([{"mediaPoolItem": made[0], "trackIndex": 2}])
    assert world.snapshot() != before
    timeline.DeleteTrack("audio", 2)
    timeline.DeleteMarkerByCustomData("dubline:1")
    pool.DeleteClips(made)
    assert world.snapshot() == before


def test_a_handle_stays_stale_when_its_project_is_opened_again() -> None:
    world = Simulator()
    manager = world.resolve.GetProjectManager()
    project, pool, _ = project_of(world)
    manager.CreateProject("Other")
    assert manager.LoadProject("Film").GetName() == "Film"
    assert (project.GetName(), pool.GetRootFolder()) == (None, None)
    world.faults.stale_raises = True
    with pytest.raises(AttributeError, match="stale"):
        project.GetName()
    assert project_of(world)[0].GetName() == "Film"


def test_deleting_a_clip_from_the_pool_leaves_it_on_the_timeline_silent(tmp_path: Path) -> None:
    world = Simulator()
    build(world, {"timelines": [{"name": "Cut", "clips": [{"path": click(tmp_path / "a.wav", 1)}]}]})
    _, pool, timeline = project_of(world)
    (item,) = timeline.GetItemListInTrack("audio", 1)
    assert pool.DeleteClips([item.GetMediaPoolItem()]) is True
    assert len(timeline.GetItemListInTrack("audio", 1)) == 1
    assert item.GetMediaPoolItem() is None
    assert world.sound() == []


def test_a_track_that_was_just_switched_is_not_yet_heeded(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:00,500 --> 00:00:01,000\nx\n", encoding="utf-8-sig")
    world = Simulator()
    build(world, {"timelines": [{"name": "Cut", "subtitles": [{"name": "theirs"}, {"name": "ours"}]}]})
    _, pool, timeline = project_of(world)
    for settle, expected in ((3600.0, [1, 0]), (0.0, [1, 1])):
        world.faults.settle = settle
        timeline.SetTrackEnable("subtitle", 1, False)
        pool.AppendToTimeline(pool.ImportMedia([str(path)]))
        assert [len(track.cues) for track in world.subtitles()] == expected


def test_an_old_reader_knows_only_the_first_clip_schema(tmp_path: Path) -> None:
    timeline = stems_timeline([click(tmp_path / "a.wav", 1)], 24.0, 48)
    for number, versions in ((1, {"Clip": 1}), (2, {})):
        path = tmp_path / f"clip_{number}.otio"
        otio.adapters.write_to_file(timeline, str(path), target_schema_versions=versions)
        pool = project_of(Simulator(profile("studio-18.6", reads_clip_2=False)))[1]
        assert (pool.ImportTimelineFromFile(str(path)) is None) == (number == 2)


def test_a_duplicate_is_a_timeline_of_its_own(tmp_path: Path) -> None:
    world = Simulator()
    build(world, {"timelines": [{"name": "Cut", "clips": [{"path": click(tmp_path / "a.wav", 1)}]}]})
    timeline = project_of(world)[2]
    twin = timeline.DuplicateTimeline("Cut before Dubline")
    assert timeline.DuplicateTimeline("Cut") is None
    assert world.sound("Cut before Dubline") == world.sound("Cut")
    timeline.DeleteTrack("audio", 1)
    assert len(twin.GetItemListInTrack("audio", 1)) == 1


@pytest.mark.parametrize(("rounding", "first"), [("nearest", 1), ("floor", 0)])
def test_the_rounding_of_cues_is_a_switch(tmp_path: Path, rounding: str, first: int) -> None:
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:00,041 --> 00:00:01,000\nx\n", encoding="utf-8-sig")
    world = Simulator(profile("studio-20.2", subtitle_rounding=rounding))
    build(world, {"timelines": [{"name": "Cut", "subtitles": [{"name": "en", "path": str(path)}]}]})
    assert world.subtitles()[0].cues[0][0] == first


# What the package may use.


def test_the_package_is_python_3_6_and_standard_library_alone() -> None:
    """It runs inside the oldest interpreter that a menu script may meet; only listening.py stays outside."""
    for path in sorted(PACKAGE.glob("*.py")):
        if path.name == "listening.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
        for node in ast.walk(tree):
            assert not isinstance(node, ast.NamedExpr)
            names = []
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "resolve_simulator"}, path.name
                assert name != "__future__", path.name
