"""What a plug-in must not believe: for each rule, the obvious code meets the simulated Resolve and loses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from resolve_simulator import ResolveCrashed, Simulator, build, profile
from resolve_simulator.runner import run_menu_script
from resolve_simulator.window import LoopNeverEnded

SRT = "1\n00:00:00,500 --> 00:00:01,000\nGood evening.\n\n2\n00:00:01,000 --> 00:00:01,500\nCome in.\n"


class Scene:
    """A project with an empty timeline "Cut" at 24 frames, and files of two seconds."""

    def __init__(self, folder: Path, name: str = "studio-20.2", **switches: Any) -> None:
        self.folder = folder
        self.world = Simulator(profile(name, **switches))
        build(self.world, {"timelines": [{"name": "Cut"}]})
        assert self.world.resolve is not None
        self.resolve = self.world.resolve
        self.project = self.resolve.GetProjectManager().GetCurrentProject()
        self.pool = self.project.GetMediaPool()
        self.timeline = self.project.GetCurrentTimeline()

    def wav(self, name: str = "vocals.wav", seconds: float = 2.0, channels: int = 2) -> str:
        path = self.folder / name
        soundfile.write(path, np.zeros((int(seconds * 48000), channels)), 48000, subtype="FLOAT")
        return str(path)

    def srt(self, name: str = "en.srt", text: str = SRT) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8-sig")
        return str(path)

    def clip(self, *args: Any, **kwargs: Any) -> Any:
        return self.pool.ImportMedia([self.wav(*args, **kwargs)])[0]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_rule_1_hasattr_proves_nothing(scene: Scene) -> None:
    assert hasattr(scene.timeline, "ImportSubtitles")
    assert "ImportSubtitles" not in dir(scene.timeline)
    with pytest.raises(TypeError, match="NoneType"):
        scene.timeline.ImportSubtitles("x.srt")


def test_rule_1_keyword_arguments_raise(scene: Scene) -> None:
    with pytest.raises(TypeError, match="keyword"):
        scene.timeline.AddTrack(trackType="audio")
    with pytest.raises(AssertionError, match="rule 1"):
        scene.world.check()


def test_rule_1_wrong_arguments_raise_nothing(scene: Scene) -> None:
    assert scene.timeline.AddTrack() is False
    assert scene.timeline.AddTrack("dialogue") is False
    assert scene.timeline.AddMarker("ten", "Red", "a", "b", 1) is False
    with pytest.raises(AssertionError, match="0 arguments"):
        scene.world.check()


def test_rule_2_a_new_method_is_missing_in_an_old_version(tmp_path: Path) -> None:
    old, new = Scene(tmp_path, "studio-18.6"), Scene(tmp_path, "studio-20.2")
    assert new.timeline.GetMarkInOut() == {}
    with pytest.raises(TypeError):
        old.timeline.GetMarkInOut()


def test_rule_3_a_studio_call_on_free_blocks_later_calls(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "free-21.0")
    assert scene.timeline.DetectSceneCuts() is False
    manager = scene.resolve.GetProjectManager()
    assert manager.SaveProject() is False  # unrelated, and yet
    assert scene.timeline.AddTrack("audio") is False
    scene.world.dismiss_modal()
    assert manager.SaveProject() is True
    with pytest.raises(AssertionError, match="rule 3"):
        scene.world.check()


def test_rule_3_uimanager_is_none_on_free(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "free-19.1")
    with pytest.raises(TypeError):
        scene.resolve.Fusion().UIManager()
    assert scene.world.modal


def test_rule_4_words_are_no_constants(scene: Scene, tmp_path: Path) -> None:
    target = tmp_path / "cut.otio"
    assert scene.timeline.Export(str(target), "EXPORT_OTIO") is False
    assert not target.exists()
    assert scene.timeline.CreateSubtitlesFromAudio({"SUBTITLE_LANGUAGE": "ENGLISH"}) is False


def test_rule_5_handles_are_never_the_same(scene: Scene) -> None:
    again = scene.project.GetCurrentTimeline()
    assert again is not scene.timeline
    assert again != scene.timeline
    assert again.GetUniqueId() == scene.timeline.GetUniqueId()


def test_rule_5_handles_go_stale_with_the_project(scene: Scene) -> None:
    scene.resolve.GetProjectManager().CreateProject("Another")
    with pytest.raises(TypeError):
        scene.timeline.GetStartFrame() + 24
    assert scene.world.stale == ["Timeline.GetStartFrame"]


def test_rule_6_the_timeline_does_not_start_at_zero(scene: Scene) -> None:
    assert scene.timeline.GetStartFrame() == 86400
    assert scene.timeline.GetEndFrame() == 86400  # empty, not 0 long
    fast = Simulator(rate="29.97 DF")
    build(fast, {"timelines": [{"name": "Cut"}]})
    assert fast.timeline().start == 107892  # not 108000


def test_rule_7_a_marker_counts_from_the_start_and_only_one_fits(scene: Scene) -> None:
    start = scene.timeline.GetStartFrame()
    assert scene.timeline.AddMarker(start + 10, "Red", "far", "", 1, "a") is True
    assert list(scene.timeline.GetMarkers()) == [start + 10]  # an hour late
    assert scene.timeline.AddMarker(start + 10, "Blue", "lost", "", 1, "b") is False
    assert scene.timeline.AddMarker(5, "Orange", "a clip's colour", "", 1, "c") is False


def test_rule_8_a_record_frame_from_zero_is_silent(scene: Scene) -> None:
    info = {"mediaPoolItem": scene.clip(), "recordFrame": 0}
    (item,) = scene.pool.AppendToTimeline([info])
    assert item.GetStart() == 0  # reads back as if all were well
    assert scene.world.sound() == []
    assert scene.timeline.GetEndFrame() == scene.timeline.GetStartFrame()


@pytest.mark.parametrize(("name", "frames"), [("studio-19.1", 48), ("studio-21.0", 47)])
def test_rule_9_end_frame_means_two_things(tmp_path: Path, name: str, frames: int) -> None:
    scene = Scene(tmp_path, name)
    (item,) = scene.pool.AppendToTimeline([{"mediaPoolItem": scene.clip(), "startFrame": 0, "endFrame": 47}])
    assert item.GetDuration() == frames


def test_rule_9_an_end_beyond_the_file_places_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "studio-19.1")
    assert (
        scene.pool.AppendToTimeline([{"mediaPoolItem": scene.clip(), "startFrame": 0, "endFrame": 48}]) == []
    )


def test_rule_10_a_wav_keeps_the_rate_of_the_import(scene: Scene) -> None:
    world = Simulator(rate="24")
    pool = world.resolve.GetProjectManager().GetCurrentProject().GetMediaPool()
    clip = pool.ImportMedia(scene.wav())[0]
    world.resolve.GetProjectManager().GetCurrentProject().SetSetting("timelineFrameRate", "25")
    timeline = pool.CreateEmptyTimeline("25 fps")
    assert (timeline.GetSetting("timelineFrameRate"), clip.GetClipProperty("FPS")) == ("25", "24")
    (item,) = pool.AppendToTimeline([{"mediaPoolItem": clip, "startFrame": 0, "endFrame": 25}])
    assert item.GetDuration() == 26  # 25 frames at 24 are not 25 frames at 25


def test_rule_11_a_new_audio_track_is_mono(scene: Scene) -> None:
    scene.timeline.AddTrack("audio")
    scene.pool.AppendToTimeline(
        [{"mediaPoolItem": scene.clip(), "trackIndex": 2, "recordFrame": scene.timeline.GetStartFrame()}]
    )
    assert scene.world.sound()[0].channels == 1  # the right channel is gone
    assert scene.timeline.AddTrack("audio", "Stereo") is False


def test_rule_11_indices_start_at_one_and_shift(scene: Scene) -> None:
    assert scene.timeline.GetItemListInTrack("audio", 0) is None
    with pytest.raises(TypeError):
        len(scene.timeline.GetItemListInTrack("audio", 2))
    for name in ("second", "third"):
        scene.timeline.AddTrack("audio", "stereo")
        scene.timeline.SetTrackName("audio", scene.timeline.GetTrackCount("audio"), name)
    scene.timeline.DeleteTrack("audio", 2)
    assert scene.timeline.GetTrackName("audio", 2) == "third"


def test_rule_12_a_missing_track_is_not_made(scene: Scene) -> None:
    assert scene.pool.AppendToTimeline([{"mediaPoolItem": scene.clip(), "trackIndex": 2}]) == []
    assert scene.timeline.GetTrackCount("audio") == 1


def test_rule_12_what_overlaps_is_dropped_in_silence(scene: Scene) -> None:
    start = scene.timeline.GetStartFrame()
    infos = [
        {"mediaPoolItem": scene.clip(), "trackIndex": 1, "recordFrame": start},
        {"mediaPoolItem": scene.clip("music.wav"), "trackIndex": 1, "recordFrame": start + 24},
    ]
    made = scene.pool.AppendToTimeline(infos)
    assert [item is None for item in made] == [False, True]
    assert scene.world.dropped == [("Cut", "music.wav", start + 24)]


def test_rule_12_a_locked_track_takes_nothing(scene: Scene) -> None:
    scene.timeline.SetTrackLock("audio", 1, True)
    assert scene.pool.AppendToTimeline([{"mediaPoolItem": scene.clip()}]) == []


def test_rule_13_answers_lie_in_both_directions(scene: Scene) -> None:
    clip = scene.clip()
    scene.world.faults.append_returns_none = True
    assert scene.pool.AppendToTimeline([{"mediaPoolItem": clip}]) == [None]
    assert len(scene.timeline.GetItemListInTrack("audio", 1)) == 1
    scene.world.faults.append_returns_none = False
    scene.world.faults.append_lost_at_save = True
    assert scene.pool.AppendToTimeline([{"mediaPoolItem": clip}]) != []
    assert scene.resolve.GetProjectManager().SaveProject() is True
    assert len(scene.timeline.GetItemListInTrack("audio", 1)) == 1


def test_rule_13_new_items_may_show_late(scene: Scene) -> None:
    scene.world.faults.visible_after = 2
    scene.pool.AppendToTimeline([{"mediaPoolItem": scene.clip()}])
    seen = [len(scene.timeline.GetItemListInTrack("audio", 1)) for _ in range(4)]
    assert seen == [0, 0, 1, 1]


def test_rule_14_subtitles_land_on_whichever_track_is_enabled(scene: Scene) -> None:
    for name in ("the user's", "ours"):
        scene.timeline.AddTrack("subtitle")
        scene.timeline.SetTrackName("subtitle", scene.timeline.GetTrackCount("subtitle"), name)
    scene.pool.AppendToTimeline(scene.pool.ImportMedia([scene.srt()]))
    assert [(track.name, len(track.cues)) for track in scene.world.subtitles()] == [
        ("the user's", 2),
        ("ours", 0),
    ]


def test_rule_14_clip_info_puts_cues_behind_the_end(scene: Scene) -> None:
    scene.pool.AppendToTimeline([{"mediaPoolItem": scene.clip()}])  # 48 frames
    scene.timeline.AddTrack("subtitle")
    info = {"mediaPoolItem": scene.pool.ImportMedia([scene.srt()])[0], "trackIndex": 1}
    scene.pool.AppendToTimeline([{**info, "recordFrame": scene.timeline.GetStartFrame()}])
    assert scene.world.subtitles()[0].cues[0][:2] == (60, 72)  # 48 too late


def test_rule_14_a_second_file_moves_behind_the_first(scene: Scene) -> None:
    scene.timeline.AddTrack("subtitle")
    for name in ("a.srt", "b.srt"):
        scene.pool.AppendToTimeline(scene.pool.ImportMedia([scene.srt(name)]))
    starts = [cue[0] for cue in scene.world.subtitles()[0].cues]
    assert starts == [12, 24, 36 + 12, 36 + 24]


def test_rule_14_the_two_calls_that_kill_resolve(tmp_path: Path) -> None:
    for deadly in ("property", "range"):
        scene = Scene(tmp_path)
        item = scene.pool.ImportMedia([scene.srt()])[0]
        with pytest.raises(ResolveCrashed):
            if deadly == "property":
                item.GetClipProperty("Type")
            else:
                scene.pool.AppendToTimeline([{"mediaPoolItem": item, "startFrame": 0, "endFrame": 10}])
        with pytest.raises(ResolveCrashed):
            scene.resolve.GetVersion()  # nobody answers any more


def test_rule_14_the_beta_places_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "studio-21.0-beta")
    scene.timeline.AddTrack("subtitle")
    assert scene.pool.AppendToTimeline(scene.pool.ImportMedia([scene.srt()])) == [None]
    assert scene.world.subtitles()[0].cues == []


def test_rule_15_a_cue_cannot_be_changed(scene: Scene) -> None:
    scene.pool.AppendToTimeline(scene.pool.ImportMedia([scene.srt()]))
    (cue, _) = scene.timeline.GetItemListInTrack("subtitle", 1)
    assert cue.SetName("Good morning.") is False
    assert cue.GetName() == "Good evening."
    assert cue.GetMediaPoolItem() is None
    with pytest.raises(TypeError):
        cue.SetStart(86400)


def test_rule_15_deleting_needs_the_edit_page(scene: Scene) -> None:
    scene.pool.AppendToTimeline([{"mediaPoolItem": scene.clip()}])
    items = scene.timeline.GetItemListInTrack("audio", 1)
    scene.resolve.OpenPage("fairlight")
    assert scene.timeline.DeleteClips(items) is False
    scene.resolve.OpenPage("edit")
    assert scene.timeline.DeleteClips(items) is True


def test_rule_16_a_changed_subtitle_file_is_not_read_again(scene: Scene) -> None:
    (first,) = scene.pool.ImportMedia([scene.srt()])
    scene.srt(text=SRT.replace("Good evening.", "Good morning."))
    scene.pool.DeleteClips([first])
    scene.pool.AppendToTimeline(scene.pool.ImportMedia([scene.srt(text=SRT.replace("Good", "Bad"))]))
    assert scene.world.subtitles()[0].cues[0][2] == "Good evening."


def test_rule_16_files_go_into_the_open_bin_and_missing_ones_nowhere(scene: Scene) -> None:
    ours = scene.pool.AddSubFolder(scene.pool.GetRootFolder(), "Dubline")
    scene.pool.SetCurrentFolder(scene.pool.GetRootFolder())
    scene.clip()
    assert ours.GetClipList() == []
    assert scene.pool.ImportMedia([str(scene.folder / "none.wav")]) == []


def test_rule_17_an_import_fails_without_a_word(scene: Scene) -> None:
    path = scene.folder / "cut.otio"
    assert scene.pool.ImportTimelineFromFile("cut.otio", {}) is None
    scene.pool.AppendToTimeline([{"mediaPoolItem": scene.clip()}])
    assert scene.timeline.Export(str(path), scene.resolve.EXPORT_OTIO) is True
    assert scene.pool.ImportTimelineFromFile(str(path)) is None  # "Cut" is taken
    made = scene.pool.ImportTimelineFromFile(str(path), {"timelineName": "Cut 2"})
    assert scene.project.GetCurrentTimeline().GetName() == "Cut"  # not the new one
    assert made.GetName() == "Cut 2"
    (scene.folder / "vocals.wav").unlink()
    assert scene.pool.ImportTimelineFromFile(str(path), {"timelineName": "Cut 3"}) is None


def test_rule_18_an_fcpxml_is_a_folder(scene: Scene, tmp_path: Path) -> None:
    target = tmp_path / "cut.fcpxml"
    assert scene.timeline.Export(str(target), scene.resolve.EXPORT_FCPXML_1_10) is True
    with pytest.raises(IsADirectoryError):
        target.read_text()
    assert scene.timeline.Export(str(tmp_path / "cut.aaf"), scene.resolve.EXPORT_AAF) is False


def test_rule_19_settings_are_text_and_the_rate_is_fixed(scene: Scene) -> None:
    assert scene.project.GetSetting("timelineFrameRate") == "24"
    with pytest.raises(TypeError):
        scene.project.GetSetting("timelineFrameRate") / 2
    assert scene.project.SetSetting("timelineFrameRate", "25") is False
    assert scene.project.SetSetting("timelinePlaybackFrameRate", "24") is False
    world = Simulator(rate="29.97 DF")
    with pytest.raises(ValueError):
        float(
            world.resolve.GetProjectManager().GetCurrentProject().GetSetting("timelineFrameRate")
        )  # "29.97 DF"


def test_rule_20_a_render_speaks_the_users_language(scene: Scene, tmp_path: Path) -> None:
    scene.pool.AppendToTimeline([{"mediaPoolItem": scene.clip()}])
    project = scene.project
    assert project.SetCurrentRenderFormatAndCodec("wav", "lpcm") is False
    assert project.LoadRenderPreset("Audio Only") is True
    project.SetRenderSettings({"TargetDir": str(tmp_path), "CustomName": "mix", "SelectAllFrames": True})
    job = project.AddRenderJob()
    assert project.GetRenderJobList() == []  # not yet
    assert project.StartRendering(job) is True
    assert project.StartRendering(job) is False
    assert not (tmp_path / "mix.wav").exists()
    while project.IsRenderingInProgress():
        pass
    assert project.GetRenderJobStatus(job)["JobStatus"] != "Complete"
    assert project.GetRenderJobStatus(job)["CompletionPercentage"] == 100
    assert soundfile.info(str(tmp_path / "mix.wav")).frames == 96000


def test_rule_20_the_deliver_page_overwrites_the_marks(scene: Scene) -> None:
    scene.timeline.SetMarkInOut(3, 9)
    scene.resolve.OpenPage("deliver")
    assert scene.timeline.GetMarkInOut()["audio"] != {"in": 3, "out": 9}


def test_rule_21_an_untitled_project_cannot_be_saved() -> None:
    world = Simulator(project=None)
    assert world.resolve.GetProjectManager().SaveProject() is False


def test_rule_21_a_deletion_may_fail_once(scene: Scene) -> None:
    clip = scene.clip()
    scene.world.faults.delete_flaky = 1
    assert scene.pool.DeleteClips([clip]) is False
    assert scene.pool.DeleteClips([clip]) is True


def test_rule_22_a_closed_window_must_end_the_loop(scene: Scene) -> None:
    ui = scene.world.fusion.UIManager
    dispatcher = scene.world.bmd.UIDispatcher(ui)
    window = dispatcher.AddWindow({"ID": "Main"}, [ui.VGroup([ui.Label({"ID": "State", "Text": "idle"})])])
    window.On.Main.Close = lambda event: None
    window.Show()
    scene.world.ui.steps = [("close", "Main")]
    with pytest.raises(LoopNeverEnded):
        dispatcher.RunLoop()
    with pytest.raises(AssertionError, match="rule 22"):
        scene.world.check()


def test_rule_22_an_invented_widget_or_event(scene: Scene) -> None:
    ui = scene.world.fusion.UIManager
    dispatcher = scene.world.bmd.UIDispatcher(ui)
    with pytest.raises(TypeError):
        ui.ProgressBar({"ID": "Bar"})
    window = dispatcher.AddWindow({"ID": "Main"}, [ui.Button({"ID": "Go", "Label": "Go"})])
    window.On.Go.Click = print
    window.On.Stop.Clicked = print
    texts = [text for rule, text in scene.world.violations if rule == 22]
    assert len(texts) == 3  # the attribute Label, the event Click, the element Stop


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("open(__file__)", "NameError"),
        ("import sys; sys.argv[0]", "IndexError"),
        ("import sys, subprocess; subprocess.check_call([sys.executable, '-V'])", "FileNotFoundError"),
        ("import numpy", "ImportError"),
        ("import dubline", "ImportError"),
        ("import resolve_simulator", "ImportError"),
        ("resolve.GetProduct()", "TypeError"),
    ],
)
def test_rule_23_the_host_is_bare(tmp_path: Path, line: str, complaint: str) -> None:
    script = tmp_path / "naive.py"
    script.write_text(line + "\n", encoding="utf-8")
    run = run_menu_script(script)
    assert complaint in run.failure.replace("ModuleNotFoundError", "ImportError")
    with pytest.raises(AssertionError):
        run.check()


def test_rule_23_the_free_edition_shows_no_python_script(tmp_path: Path) -> None:
    script = tmp_path / "naive.py"
    script.write_text("print('here')\n", encoding="utf-8")
    assert run_menu_script(script, "free-21.1").listed is False
    assert run_menu_script(script, "free-21.0").stdout == "here\n"


def test_a_stem_with_a_time_reference_is_refused_where_it_is_taken_from_zero(scene: Scene) -> None:
    """The file's own timecode counts in a timeline file: a range from zero lies outside of it (6)."""
    import json
    import struct

    path = Path(scene.wav())
    body = bytearray(602)
    body[338:346] = struct.pack("<II", 48000 * 3600 % 2**32, 0)
    data = path.read_bytes()
    chunk = b"bext" + struct.pack("<I", len(body)) + bytes(body)
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8 + len(chunk)) + b"WAVE" + chunk + data[12:])
    assert scene.world.facts(str(path)).start == Fraction(3600)

    def time(value: int) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": 24.0, "value": float(value)}

    def timeline(start: int) -> str:
        span = {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start), "duration": time(48)}
        reference = {
            "OTIO_SCHEMA": "ExternalReference.1",
            "target_url": path.as_uri(),
            "available_range": span,
        }
        clip = {"OTIO_SCHEMA": "Clip.1", "source_range": span, "media_reference": reference}
        track = {"OTIO_SCHEMA": "Track.1", "kind": "Audio", "children": [clip]}
        stack = {"OTIO_SCHEMA": "Stack.1", "children": [track]}
        target = scene.folder / f"from_{start}.otio"
        target.write_text(
            json.dumps({"OTIO_SCHEMA": "Timeline.1", "name": f"From {start}", "tracks": stack}),
            encoding="utf-8",
        )
        return str(target)

    assert scene.pool.ImportTimelineFromFile(timeline(0)) is None
    assert scene.pool.ImportTimelineFromFile(timeline(86400)).GetName() == "From 86400"
