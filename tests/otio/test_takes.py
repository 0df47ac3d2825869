"""A dub on the timeline: where each spoken line lies, to the sample, and what every target makes of it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import melt
import numpy as np
import opentimelineio as otio
import pytest
import soundfile as sf
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from small_programme import GAINS, RATES, STEMS, burst, small_programme

from dubline.errors import InvalidJob
from dubline.programme.dub_tracks import dub_marks
from dubline.timebase import frame_rate, frames_to_samples, samples_to_frames
from dubline.values.dubbed import Dub, Take, Takes
from dubline.values.programme import Programme, TakeClip, TakeTrack
from otio_dubline.build import build, take_layers
from otio_dubline.exporters import Exported, ExportOptions, export, for_remix, in_languages, without_takes
from otio_dubline.exporters.takes import is_takes, on_whole_frames, padded
from otio_dubline.reading import facts_of, placed

needs_melt = pytest.mark.program("melt")


def of_takes(timeline: otio.schema.Timeline) -> list[otio.schema.Track]:
    return [track for track in timeline.tracks if is_takes(track)]


def takes_of(programme: Programme) -> dict[int, TakeClip]:
    return {take.id: take for track in programme.takes for take in track.clips}


def only_takes(programme: Programme) -> Programme:
    """Of which nothing else is heard."""
    return replace(
        programme,
        sounds=tuple(replace(sound, enabled=False) for sound in programme.sounds),
        takes=tuple(replace(track, enabled=True) for track in programme.takes),
    )


def path_of(clip: otio.schema.Clip) -> Path:
    return Path(unquote(urlsplit(clip.media_reference.target_url).path))


def exported(timeline: otio.schema.Timeline, place: Path, name: str, **options: Any) -> Exported:
    (done,) = export(timeline, [name], place, ExportOptions(**options))
    return done


def heard(timeline: otio.schema.Timeline) -> list[str]:
    return [track.name for track in timeline.tracks if track.kind == "Audio" and track.enabled]


@pytest.mark.parametrize("rate", RATES)
def test_a_clip_for_each_line_on_the_nearest_frame(tmp_path: Path, rate: str) -> None:
    programme = small_programme(tmp_path, rate, seconds=4, takes=True, video=False)
    fps, known = frame_rate(rate), takes_of(programme)
    timeline = build(programme)
    assert heard(timeline) == ["dub"], "the dub is heard alone"
    tracks = of_takes(timeline)
    assert [track.name for track in tracks] == ["takes en Ayşe", "takes en Tom & <Co>"]
    found = []
    for track in tracks:
        assert not track.enabled and track.duration() == timeline.duration()
        for at, frames, item in placed(track, fps):
            if isinstance(item, otio.schema.Gap):
                continue
            told = facts_of(item)
            take = known[told["id"]]
            found.append(take.id)
            assert at == samples_to_frames(take.start, take.rate, fps)
            assert frames * Fraction(take.rate) / fps >= take.frames, "nothing of it is cut"
            assert (frames - 1) * Fraction(take.rate) / fps < take.frames
            assert (told["sample_start"], told["samples"]) == (take.start, take.frames)
            assert told["level_db"] == GAINS[take.id] and item.name.startswith(f"{take.id} ")
            assert path_of(item) == Path(take.path)
    assert sorted(found) == [1, 2, 3, 4]


TAKES = st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 90_000)), min_size=1, max_size=25)


@given(spans=TAKES, rate=st.sampled_from(RATES))
def test_frames_never_run_into_each_other(spans: list[tuple[int, int]], rate: str) -> None:
    """However close the takes of a speaker are, none is lost and none overlaps, on the nearest frames and on
    all the frames in which it sounds; a second track is there only for what shares a frame."""
    fps, at, clips = frame_rate(rate), 0, []
    for number, (pause, frames) in enumerate(spans):
        clips.append(TakeClip(id=number, path="/t.wav", rate=48000, start=at + pause, frames=frames))
        at += pause + frames
    track = TakeTrack(name="t", language="en", speaker="", speaker_name="", clips=tuple(clips))
    layers = take_layers(track, fps)
    assert sorted(take.id for layer in layers for _, _, take in layer) == list(range(len(spans)))
    for layer in layers:
        behind, last = 0, 0
        for start, end, take in layer:
            first = samples_to_frames(take.start, 48000, fps, "floor")
            assert start >= behind and first >= last
            behind = end
            last = max(end, samples_to_frames(take.start + take.frames, 48000, fps, "ceil"))
    if all(pause * fps >= 2 * 48000 for pause, _ in spans[1:]):
        assert len(layers) == 1


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "60000/1001"])
def test_copies_put_each_line_on_its_sample(tmp_path: Path, rate: str) -> None:
    programme = small_programme(tmp_path, rate, seconds=4, takes=True, video=False)
    fps, known = frame_rate(rate), takes_of(programme)
    made = on_whole_frames(build(programme), tmp_path / "takes")
    seen = 0
    for track in of_takes(made):
        for at, frames, clip in placed(track, fps):
            if isinstance(clip, otio.schema.Gap):
                continue
            take, path = known[facts_of(clip)["id"]], path_of(clip)
            assert path.parent == tmp_path / "takes" and f" {take.id:05d} " in path.name
            sound, source = (sf.read(each, dtype="int32")[0] for each in (path, take.path))
            begin = take.start - frames_to_samples(at, fps, 48000)
            assert 0 <= begin < 48000 / fps, "it begins in its first frame"
            np.testing.assert_array_equal(sound[begin : begin + take.frames], source)
            assert not sound[:begin].any() and not sound[begin + take.frames :].any()
            assert len(sound) >= frames * Fraction(48000) / fps, "the clip does not run past its file"
            assert sf.info(path).subtype == "PCM_24"
            seen += 1
    assert seen == 4
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "takes").iterdir()}
    again = on_whole_frames(build(programme), tmp_path / "takes")
    assert again.is_equivalent_to(made)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "takes").iterdir()} == before


def test_what_somebody_moved_stays(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, "25", seconds=4, takes=True, video=False))
    track = of_takes(timeline)[0]
    gap = track[0].source_range
    track[0].source_range = otio.opentime.TimeRange(
        gap.start_time, gap.duration + otio.opentime.RationalTime(3, 25)
    )
    moved = path_of(next(iter(track.find_clips())))
    made = of_takes(on_whole_frames(timeline, tmp_path / "takes"))[0]
    items = list(placed(made, Fraction(25)))
    assert [at for at, _, _ in items] == [at for at, _, _ in placed(track, Fraction(25))]
    assert path_of(items[1][2]) == moved
    assert not any((tmp_path / "takes").glob(f"* {facts_of(items[1][2])['id']:05d} *"))


def test_a_missing_take_stays_and_is_refused_by_who_needs_it(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, "25", seconds=4, takes=True, video=False)
    Path(programme.takes[0].clips[0].path).unlink()
    assert len(of_takes(on_whole_frames(build(programme), tmp_path / "t"))) == 2
    with pytest.raises(InvalidJob, match=r"00001\.wav"):
        exported(build(programme), tmp_path / "x", "resolve")
    assert exported(build(programme), tmp_path / "x", "resolve", takes=False).files


def test_what_runs_past_the_end(tmp_path: Path) -> None:
    """The clip ends with the programme; the copy holds as much of the take as that."""
    path = tmp_path / "00001.wav"
    sf.write(path, burst(1, 48000)[0], 48000, subtype="PCM_24")
    clips = tuple(
        TakeClip(id=n, path=str(path), rate=48000, start=start, frames=48000)
        for n, start in ((1, 24_500), (2, 96_000))
    )
    track = TakeTrack(name="t", language="en", speaker="", speaker_name="", clips=clips)
    timeline = build(Programme(name="x", rate="25", frames=25, takes=(track,)))
    assert timeline.duration().value == 25
    (clip,) = of_takes(on_whole_frames(timeline, tmp_path))[0].find_clips()
    assert clip.source_range.duration.value == 13
    copy, source = (sf.read(each, dtype="int32")[0] for each in (path_of(clip), path))
    np.testing.assert_array_equal(copy, np.r_[np.zeros(1460), source[:23_500]])


def test_a_copy_is_whole_or_not_there(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", burst(1, 200_000)[0], 48000, subtype="FLOAT")
    padded(tmp_path / "a.wav", tmp_path / "b.wav", 70_000, 300_000)
    sound = sf.read(tmp_path / "b.wav", dtype="float32")[0]
    assert len(sound) == 300_000 and not sound[:70_000].any() and not sound[270_000:].any()
    np.testing.assert_array_equal(sound[70_000:270_000], burst(1, 200_000)[0])
    data = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "c.wav").write_bytes(data[:20])
    with pytest.raises(sf.SoundFileError):
        padded(tmp_path / "c.wav", tmp_path / "d.wav", 0, 100)
    assert not (tmp_path / "d.wav").exists()


# --- the targets ---------------------------------------------------------------------------------


@needs_melt
@pytest.mark.parametrize("target", ["kdenlive", "shotcut"])
@pytest.mark.parametrize(("rate", "channels"), [("24000/1001", 2), ("25", 6)])
def test_what_plays_is_every_line_on_its_sample(
    tmp_path: Path, target: str, rate: str, channels: int
) -> None:
    programme = only_takes(small_programme(tmp_path, rate, channels=channels, seconds=3.3, takes=True))
    sound = melt.render(
        exported(build(programme), tmp_path / "x", target).files[0], tmp_path / "o.wav", channels
    )
    wanted = melt.expected(programme, channels)
    assert sound.shape == wanted.shape and np.abs(wanted).max() > 0.1
    assert np.abs(sound - wanted).max() < 0.01 * melt.LSB


@needs_melt
def test_at_29_97_a_line_is_within_a_sample(tmp_path: Path) -> None:
    """MLT has an order of its own of 1601 and 1602 samples a frame."""
    programme = only_takes(small_programme(tmp_path, "30000/1001", seconds=3.3, takes=True))
    done = exported(build(programme), tmp_path / "x", "shotcut")
    sound = np.abs(melt.render(done.files[0], tmp_path / "o.wav")[0])
    first = min(takes_of(programme).values(), key=lambda take: take.start)
    assert abs(int(np.argmax(sound > 1e-4)) - first.start) <= 1


@needs_melt
def test_a_new_mix_of_parts(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, "24", seconds=3.3, takes=True)
    timeline = for_remix(build(programme))
    assert heard(timeline) == ["music", "sfx", "ambient", "takes en Ayşe", "takes en Tom & <Co>"]
    parts = only_takes(programme)
    background = tuple(replace(s, enabled=s.role in STEMS[1:]) for s in parts.sounds)
    wanted = melt.expected(replace(parts, sounds=background))
    sound = melt.render(exported(timeline, tmp_path / "x", "kdenlive").files[0], tmp_path / "o.wav")
    assert np.abs(sound - wanted).max() < 0.01 * melt.LSB
    with pytest.raises(InvalidJob, match="no takes"):
        for_remix(build(small_programme(tmp_path, "24", seconds=1)))


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001"])
def test_aaf_holds_them_on_their_samples(tmp_path: Path, rate: str) -> None:
    aaf2 = pytest.importorskip("aaf2", reason="pyaaf2 is not installed")
    programme = only_takes(small_programme(tmp_path, rate, seconds=3.3, takes=True, video=False))
    known = takes_of(programme)
    found: dict[int, tuple[int, int, float]] = {}
    with aaf2.open(str(exported(build(programme), tmp_path / "x", "aaf").files[0]), "r") as file:
        (composition,) = file.content.toplevel()
        total = set()
        for slot in composition.slots:
            if slot.segment.media_kind != "Sound":
                continue
            total.add(slot.segment.length)
            at = 0
            for part in slot.segment.components:
                if slot.name.startswith("takes") and type(part).__name__ != "Filler":
                    gain = 1.0
                    clip = part
                    if type(part).__name__ == "OperationGroup":
                        clip = part.segments[0]
                        gain = float(next(iter(part.parameters.value)).value)
                    data = clip.mob.slots[0].segment.mob.essence.open("r").read()
                    assert len(data) == 3 * clip.length and clip.start == 0, (
                        "all of the take, from its first sample"
                    )
                    found[int(clip.mob.name)] = (at, clip.length, gain)
                at += part.length
            assert at == slot.segment.length
    assert len(total) == 1
    for number, take in known.items():
        at, length, gain = found[number]
        assert (at, length) == (take.start, take.frames)
        assert gain == pytest.approx(10 ** (GAINS[number] / 20), rel=1e-5)


def test_final_cut_and_premiere_have_their_levels_and_frames(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, "25", start="00:00:00:00", seconds=4, takes=True)
    known = takes_of(programme)
    timeline = build(programme)
    root = ElementTree.parse(exported(timeline, tmp_path / "x", "fcpx").files[0]).getroot()
    clips = [c for c in root.iter("asset-clip") if c.get("audioRole", "").startswith("dialogue.takes")]
    assert {c.get("audioRole") for c in clips} == {"dialogue.takes en Ayşe", "dialogue.takes en Tom & <Co>"}
    told = {int(c.get("name", "").split()[0]): c for c in clips}
    assert sorted(told) == [1, 2, 3, 4] and {c.get("enabled") for c in clips} == {"0"}
    for number, clip in told.items():
        first = samples_to_frames(known[number].start, 48000, Fraction(25), "floor")
        assert Fraction(clip.get("offset", "").rstrip("s")) == Fraction(first, 25)
        volume = clip.find("adjust-volume")
        assert (volume.get("amount") if volume is not None else "0dB") == f"{GAINS[number]:g}dB"
    root = ElementTree.parse(exported(timeline, tmp_path / "x", "premiere").files[0]).getroot()
    tracks = [t for t in root.iter("track") if t.get("MZ.TrackName", "").startswith("takes")]
    assert [t.findtext("enabled") for t in tracks] == ["FALSE", "FALSE"]
    for clip in (c for t in tracks for c in t.findall("clipitem")):
        number = int(clip.findtext("name", "").split()[0])
        assert int(clip.findtext("start", "")) == samples_to_frames(
            known[number].start, 48000, Fraction(25), "floor"
        )
        level = clip.findtext("filter/effect/parameter/value")
        assert float(level or 1) == pytest.approx(10 ** (GAINS[number] / 20), rel=1e-5)


def test_resolve_gets_mono_tracks_levels_and_a_word_about_them(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, seconds=4, takes=True)
    done = exported(build(programme), tmp_path / "x", "resolve")
    told = json.loads(done.files[0].read_text(encoding="utf-8"))
    tracks = [t for t in told["tracks"]["children"] if t["name"].startswith("takes")]
    assert [t["metadata"]["Resolve_OTIO"]["Audio Type"] for t in tracks] == ["Mono", "Mono"]
    names = []
    for clip in (c for t in tracks for c in t["children"] if c["OTIO_SCHEMA"].startswith("Clip")):
        media = clip["media_references"]["DEFAULT_MEDIA"]
        path = Path(media["target_url"])
        names.append(path.name)
        assert clip["name"] == path.name and path.is_file()
        length = Fraction(int(clip["source_range"]["duration"]["value"]) * 1001, 24000)
        assert Fraction(sf.info(path).frames, 48000) >= length, (
            "Resolve refuses a clip that runs past its file"
        )
        volume = [e["metadata"]["Resolve_OTIO"]["Parameters"] for e in clip["effects"]]
        level = GAINS[clip["metadata"]["dubline"]["id"]]
        assert [p["Parameter Value"] for p in volume[0]] == ([level] if level else [])
    assert len(set(names)) == 4
    marks = [m["marked_range"]["start_time"]["value"] for m in told["tracks"]["markers"]]
    assert len(set(marks)) == len(marks) == 4, "Resolve has one marker a frame"
    assert {m["metadata"]["dubline"]["key"] for m in told["tracks"]["markers"]} >= {"dubline:4:failed"}
    howto = next(f for f in done.files if f.name == "HOWTO.txt").read_text(encoding="utf-8")
    assert "Heard is dub:" in howto and "takes on" in howto and "5. Subtitles" in howto


def test_bundles_and_lists(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=3, takes=True))
    with zipfile.ZipFile(exported(timeline, tmp_path / "x", "otioz").files[0]) as bundle:
        inside = bundle.namelist()
    assert len([name for name in inside if name.startswith("media/en 0000")]) == 4
    listed = exported(timeline, tmp_path / "x", "edl").files[0].read_text()
    assert "dub.wav" in listed and "vocals.wav" not in listed, "what is heard goes into the list"


# --- languages -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("languages", "sounding"), [(("en",), ["dub"]), (("tr",), list(STEMS)), (("tr", "en"), ["dub"])]
)
def test_a_dub_goes_with_its_language(tmp_path: Path, languages: Sequence[str], sounding: list[str]) -> None:
    timeline = build(small_programme(tmp_path, seconds=1, takes=True, video=False))
    chosen = in_languages(timeline, languages)
    assert heard(chosen) == sounding
    assert bool(of_takes(chosen)) == ("en" in languages)
    assert len(of_takes(timeline)) == 2, "the timeline given is as it was"
    assert not of_takes(without_takes(timeline))


def test_marks_of_takes() -> None:
    takes = (
        Take(
            id=1,
            speaker="a",
            state="too_long",
            path="x",
            frames=48000,
            start=24000,
            slot=0.5,
            reasons=("over",),
        ),
        Take(id=2, speaker="a", state="failed", text="Come.", reasons=("the voice is gone",)),
        Take(id=3, speaker="a", state="spoken", path="x", frames=48000),
    )
    dub = Dub(takes=Takes(language="en", takes=takes))
    marks = list(dub_marks([dub], {("en", 2): (3.0, 4.0)}))
    assert [(m.id, m.kind, m.start, m.end) for m in marks] == [
        (1, "take_too_long", 0.5, 1.5), (2, "take_failed", 3.0, 4.0),
    ]  # fmt: skip
    assert marks[0].text == "en: over" and marks[1].text == "en: the voice is gone: Come."
    timeline = build(Programme(name="x", rate="25", frames=200, marks=tuple(marks)))
    assert [m.color for m in timeline.tracks.markers] == ["ORANGE", "PURPLE"]
