"""The plan for Resolve: frames of the timeline, files that are there, names that are used once."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from localized_run import SAID, localized_run, put_dub, put_words

from dubline.errors import InvalidJob
from dubline.programme.frames import cue_layers
from dubline.programme.resolve_plan import BIG, frame_ms, make_plan, plan_json
from dubline.subtitles.roundtrip import LineNow, compare
from dubline.subtitles.sent import record_of
from dubline.subtitles.srt import read_srt
from dubline.values.programme import SubtitleCue
from dubline.values.resolve import Plan, ResolveTimeline, Want

TIMELINE = ResolveTimeline(name="Reel 1", rate="25", start=90000, frames=75)
CLIP_COLOURS = {"Teal", "Violet", "Orange", "Olive", "Pink", "Navy", "Apricot"}
"""Those of the sixteen that are used; Violet, Orange, Olive and Teal are no marker's."""
MARKER_COLOURS = {"Red", "Fuchsia", "Cyan", "Yellow", "Rose", "Purple"}
"""Those of the sixteen that are used; Fuchsia, Red and Cyan are no clip's."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return localized_run(tmp_path_factory.mktemp("made"))


def test_sounds_lie_where_the_range_began(root: Path) -> None:
    plan = make_plan(root, TIMELINE, Want())
    assert plan.bin == "Dubline Bölüm 1" and plan.mute == ("original",)
    assert [sound.key for sound in plan.audio] == ["stem:vocals", "stem:music"]
    for sound in plan.audio:
        info = soundfile.info(sound.path)
        assert (sound.record, sound.frames) == (25, 50) and info.frames == 50 * 1920
        assert sound.subtype == "stereo" and sound.colour in CLIP_COLOURS and Path(sound.path).is_absolute()
        shown = root / "stems" / f"{sound.name}.wav"
        assert Path(sound.path).samefile(shown), "linked, not copied"
    assert len({Path(sound.path).name for sound in plan.audio}) == 2, "no two of one name in the media pool"
    assert any("sfx" in note and "silent" in note for note in plan.notes)
    assert msgspec.json.decode((root / "resolve/plan.json").read_bytes(), type=Plan) == plan


def test_a_track_for_each_speaker_and_language(root: Path) -> None:
    plan = make_plan(root, TIMELINE, Want())
    assert {track.name: track.key for track in plan.subtitles} == {
        "tr Ayşe": "sub:tr:SPEAKER_00",
        "tr Tom / Co": "sub:tr:SPEAKER_01",
        "en Ayşe": "sub:en:SPEAKER_00",
        "en Tom / Co": "sub:en:SPEAKER_01",
    }
    turkish = plan.subtitles[0]
    # The last stays on until the sound ends, for it is short.
    assert turkish.cues == ((28, 48, "Nerede?", 1), (60, 75, "Bekle!", 3))
    for track in plan.subtitles:
        data = Path(track.srt).read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        read = read_srt(data.decode())
        assert not read.problems
        assert [(c.start_ms, c.end_ms, c.text) for c in read.cues] == [
            (start * 40, end * 40, text) for start, end, text, _ in track.cues
        ]


def test_one_track_for_all_and_only_some_languages(root: Path) -> None:
    plan = make_plan(root, TIMELINE, Want(subtitles="mixed", languages=("tr",)))
    assert [(track.key, [cue[3] for cue in track.cues]) for track in plan.subtitles] == [
        ("sub:tr", [1, 2]),
        ("sub:tr:2", [3]),
    ], "what overlaps gets a track of its own"
    assert make_plan(root, TIMELINE, Want(subtitles="none")).subtitles == ()


def test_file_names_are_used_once(root: Path) -> None:
    first, second = (make_plan(root, TIMELINE, Want()) for _ in range(2))
    assert not {track.srt for track in first.subtitles} & {track.srt for track in second.subtitles}
    assert all(Path(track.srt).is_file() for track in first.subtitles), "the media pool still points there"
    assert [sound.path for sound in first.audio] == [sound.path for sound in second.audio]


def test_markers_have_frames_and_keys_of_their_own(root: Path) -> None:
    plan = make_plan(root, TIMELINE, Want())
    assert [(m.key, m.frame, m.colour) for m in plan.markers] == [
        ("dubline:1:too_long", 28, "Red"),
        ("dubline:3:failed", 60, "Fuchsia"),
    ]
    assert {m.colour for m in plan.markers} <= MARKER_COLOURS
    assert "lost a number" in plan.markers[1].note
    assert make_plan(root, TIMELINE, Want(markers=False)).markers == ()


def test_what_is_not_wanted_is_not_there(root: Path) -> None:
    plan = make_plan(root, TIMELINE, Want(stems=("music",), mute_original=False))
    assert [sound.name for sound in plan.audio] == ["music"] and plan.mute == ()
    assert make_plan(root, TIMELINE, Want(stems=())).mute == (), "nothing is muted when nothing replaces it"


def test_the_plan_is_flat_json(root: Path) -> None:
    plan = make_plan(root, TIMELINE, Want())
    told = json.loads(json.dumps(plan_json(plan), allow_nan=False))
    assert told["format"] == "dubline.plan.1" and told["subtitles"][0]["cues"][0] == [28, 48, "Nerede?", 1]
    assert msgspec.convert(told, Plan) == plan


def test_subtitles_are_known_when_they_come_back(root: Path) -> None:
    plan = make_plan(root, TIMELINE, Want(languages=("en",)))
    everything = sorted(cue for track in plan.subtitles for cue in track.cues)
    back = read_srt(
        "".join(
            f"{n}\n00:00:0{(a - 25) * 40 // 1000},{(a - 25) * 40 % 1000:03d} --> "
            f"00:00:0{(b - 25) * 40 // 1000},{(b - 25) * 40 % 1000:03d}\n{text}\n\n"
            for n, (a, b, text, _) in enumerate(everything, 1)
        )
    ).cues
    sent = record_of(back, root, language="en")
    assert sent is not None and not sent.source
    lines = [LineNow(id=c[3], start_ms=0, end_ms=1, text=c[2]) for c in everything]
    found = compare(sent, back, lines)
    assert found.unchanged == 2 and not found.texts


def test_an_otio_for_big_jobs(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="begins at frame 25"):
        make_plan(root, TIMELINE, Want(otio=True))
    otio = pytest.importorskip("opentimelineio")
    whole = localized_run(tmp_path, first=0)
    timeline = ResolveTimeline(rate="25", start=90000, frames=50)
    made = otio.adapters.read_from_file(make_plan(whole, timeline, Want(otio=True)).otio)
    assert made.global_start_time.value == 90000
    assert {t.name for t in made.audio_tracks()} >= {"vocals", "music"}


@pytest.fixture
def dubbed(root: Path, tmp_path: Path) -> Path:
    """A copy of the run with a dub in English."""
    copy = Path(shutil.copytree(root, tmp_path / root.name))
    put_dub(copy, SAID)
    return copy


def test_a_dub_is_heard_alone(dubbed: Path) -> None:
    root = dubbed
    plan = make_plan(root, TIMELINE, Want())
    assert [(sound.key, sound.name, sound.enabled) for sound in plan.audio] == [
        ("stem:vocals", "vocals", False),
        ("stem:music", "music", False),
        ("dub:en", "dub en", True),
        ("m_and_e", "M&E", False),
    ]
    dub = plan.audio[2]
    assert Path(dub.path).samefile(root / "work/steps/speak-en/final.wav")
    assert (dub.record, dub.frames) == (25, 50)
    assert [(s.key, s.enabled) for s in make_plan(root, TIMELINE, Want(dub=False)).audio] == [
        ("stem:vocals", True),
        ("stem:music", True),
    ]
    other = make_plan(root, TIMELINE, Want(languages=("tr",)))
    assert [(s.key, s.enabled) for s in other.audio] == [
        ("stem:vocals", True), ("stem:music", True), ("m_and_e", False),
    ], "a dub goes with its language"  # fmt: skip


def test_takes_are_clips_on_their_frames(dubbed: Path) -> None:
    root = dubbed
    plan = make_plan(root, TIMELINE, Want(takes=True))
    tracks = [sound for sound in plan.audio if sound.clips]
    assert [(t.key, t.name, t.subtype, t.enabled, t.path, t.frames) for t in tracks] == [
        ("takes:en:SPEAKER_00", "takes en Ayşe", "mono", False, "", 0),
        ("takes:en:SPEAKER_01", "takes en Tom / Co", "mono", False, "", 0),
    ]
    clips = [clip for track in tracks for clip in track.clips]
    assert [(c.id, c.record, c.frames) for c in clips] == [(1, 27, 9), (2, 47, 9)]
    for clip, start in zip(clips, (0.1, 0.9), strict=True):
        sound = soundfile.read(clip.path, dtype="int32")[0]
        lead = round(start * 48000) + 11 - (clip.record - 25) * 1920
        source = soundfile.read(root / f"work/steps/speak-en/takes/{clip.id:05d}.wav", dtype="int32")[0]
        assert (sound[lead : lead + len(source)] == source).all() and not sound[:lead].any()
        assert len(sound) == clip.frames * 1920 and Path(clip.path).parent == root / "resolve"
    assert msgspec.convert(json.loads(json.dumps(plan_json(plan))), Plan) == plan
    alone = make_plan(root, TIMELINE, Want(takes=True, dub=False))
    assert {s.key: s.enabled for s in alone.audio} == {
        "stem:vocals": False,
        "stem:music": True,
        "takes:en:SPEAKER_00": True,
        "takes:en:SPEAKER_01": True,
    }, "without the mix its parts are heard"
    short = make_plan(root, ResolveTimeline(rate="25", start=0, frames=40), Want(takes=True))
    assert [s.key for s in short.audio if s.clips] == ["takes:en:SPEAKER_00"]
    assert any("1 takes lie behind" in note for note in short.notes)
    (root / "work/steps/speak-en/takes/00002.wav").unlink()
    with pytest.raises(InvalidJob, match="take of line 2 is missing"):
        make_plan(root, TIMELINE, Want(takes=True))


def test_takes_have_marks_of_their_own(dubbed: Path) -> None:
    plan = make_plan(dubbed, TIMELINE, Want())
    assert [(m.key, m.frame, m.colour) for m in plan.markers] == [
        ("dubline:1:take_too_long", 28, "Rose"),
        ("dubline:3:failed", 60, "Fuchsia"),
        ("dubline:3:take_failed", 61, "Purple"),
    ], "what was spoken is measured, not estimated"
    assert "runs over by 0.20 s" in plan.markers[0].note and "gave no sound" in plan.markers[2].note
    assert {m.colour for m in plan.markers} <= MARKER_COLOURS


def test_a_big_job_gets_a_timeline_unasked(tmp_path: Path) -> None:
    otio = pytest.importorskip("opentimelineio")
    root = localized_run(tmp_path, first=0)
    spans = [(round(n * 0.006, 3), round(n * 0.006 + 0.004, 3)) for n in range(BIG)]
    said = [(start, end, f"S{n % 20}", "Ne?", "What?") for n, (start, end) in enumerate(spans)]
    put_words(root, said)
    put_dub(root, said[: BIG - 20], frames=2000)
    timeline = ResolveTimeline(rate="25", start=90000, frames=50)
    assert make_plan(root, timeline, Want(markers=False)).otio == "", "a few tracks are placed directly"
    plan = make_plan(root, timeline, Want(takes=True))
    made = otio.adapters.read_from_file(plan.otio)
    takes = {track.name: track for track in made.audio_tracks() if track.name.startswith("takes")}
    wanted = {sound.name: sound.clips for sound in plan.audio if sound.clips}
    assert takes.keys() == wanted.keys() and sum(map(len, wanted.values())) == BIG - 20
    for name, clips in wanted.items():
        found = []
        for clip in takes[name].find_clips():
            at = int(takes[name].range_of_child(clip).start_time.value)
            found.append((clip.media_reference.target_url, at, clip.metadata["dubline"]["id"]))
        assert found == [(clip.path, clip.record, clip.id) for clip in clips]
    markers = [(m.metadata["dubline"]["key"], m.marked_range.start_time.value) for m in made.tracks.markers]
    assert "dubline:1:take_too_long" in dict(markers)
    assert len({frame for _, frame in markers}) == len(markers)
    few = make_plan(root, timeline, Want(takes=True, stems=("music",), dub=False, otio=True))
    names = [track.name for track in otio.adapters.read_from_file(few.otio).audio_tracks()]
    assert names[:2] == ["original", "music"] and not {"vocals", "dub en", "M&E"} & set(names)


@settings(max_examples=300, deadline=None)
@given(
    frame=st.integers(0, 24 * 3600 * 60),
    fps=st.sampled_from(["24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60"]),
)
def test_subtitle_times_come_to_their_frame_however_they_are_rounded(frame: int, fps: str) -> None:
    ms, rate = frame_ms(frame, Fraction(fps)), Fraction(fps)
    assert ms * rate // 1000 == frame, "by the frame in which the time lies"
    assert (ms * rate / 1000 + Fraction(1, 2)) // 1 == frame, "by the nearest frame"
    assert 0 <= ms - frame * 1000 / rate < 1


@pytest.mark.parametrize(
    ("timeline", "want", "said"),
    [
        (ResolveTimeline(rate="24", start=0, frames=75), Want(), "25 frames a second, not 24"),
        (ResolveTimeline(rate="fast", start=0, frames=75), Want(), "frame rate"),
        (ResolveTimeline(rate="25", start=0, frames=0), Want(), "empty"),
        (TIMELINE, Want(languages=("de",)), "no text in de"),
    ],
)
def test_what_cannot_be(root: Path, timeline: ResolveTimeline, want: Want, said: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        make_plan(root, timeline, want)
    assert said in caught.value.message and caught.value.hint


def test_no_run_and_nothing_in_it(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(InvalidJob):
            make_plan(folder, TIMELINE, Want())


def test_words_without_sound(tmp_path: Path) -> None:
    put_words(tmp_path, ((0.0, 0.5, "SPEAKER_00", "Bir.", "One."), (3.2, 4.0, "SPEAKER_00", "İki.", "Two.")))
    plan = make_plan(tmp_path, TIMELINE, Want(languages=("en",)))
    assert plan.audio == () and plan.mute == ()
    assert [cue[:2] for track in plan.subtitles for cue in track.cues] == [(0, 21)]
    assert any("behind the timeline's end" in note for note in plan.notes)


RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50),
         Fraction(60000, 1001)]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 60_000), st.integers(1, 6_000)), max_size=25),
    fps=st.sampled_from(RATES),
    first=st.integers(0, 1000),
    length=st.integers(1, 4000),
)
def test_layers(spans: list[tuple[int, int]], fps: Fraction, first: int, length: int) -> None:
    """No cue overlaps another on its track, each has a frame, lies within half a frame of its start, and none
    but those behind the end is lost."""
    cues = [
        SubtitleCue(id=n, start=a / 1000, end=(a + d) / 1000, text=str(n)) for n, (a, d) in enumerate(spans)
    ]
    made = cue_layers(cues, fps, first, length)
    kept = []
    for layer in made:
        for (_, before, _), (after, _, _) in pairwise(layer):
            assert before <= after
        for start, end, cue in layer:
            assert 0 <= start < end <= length
            assert abs(start - first - Fraction(cue.start) * fps) <= Fraction(1, 2) + Fraction(1, 10_000)
            kept.append(cue.id)
    behind = [c.id for c in cues if first + round(Fraction(c.start) * fps) >= length + 1]
    assert len(set(kept)) == len(kept) and not set(behind) & set(kept)
    assert {c.id for c in cues if first + Fraction(c.start) * fps + 1 < length} <= set(kept)
