"""The plan for Resolve: frames of the timeline, files that are there, names that are used once."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from localized_run import localized_run, put_words

from dubline.errors import InvalidJob
from dubline.programme import SubtitleCue
from dubline.resolve_plan import layers, make_plan, plan_json
from dubline.resolve_values import Plan, ResolveTimeline, Want
from dubline.subtitles import read_srt
from dubline.subtitles.roundtrip import LineNow, compare
from dubline.subtitles.sent import record_of

TIMELINE = ResolveTimeline(name="Reel 1", rate="25", start=90000, frames=75)
CLIP_COLOURS = {"Teal", "Violet", "Orange", "Olive", "Pink", "Navy"}
"""Those of the sixteen that are used; Violet, Orange, Olive and Teal are no marker's."""
MARKER_COLOURS = {"Red", "Fuchsia", "Cyan", "Yellow"}
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
    assert turkish.cues == ((28, 48, "Nerede?", 1), (60, 72, "Bekle!", 3))
    for track in plan.subtitles:
        data = Path(track.srt).read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        read = read_srt(data)
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
    assert [cue[:2] for track in plan.subtitles for cue in track.cues] == [(0, 13)]
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
    made = layers(cues, first, fps, length)
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
