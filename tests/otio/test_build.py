"""The neutral timeline: what lies on it, where to the frame, at every rate; and a run read as a programme."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import msgspec
import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_programme import RATES, SPANS, STARTS, STEMS, small_programme

from dubline.errors import InvalidJob
from dubline.media.original import ORIGINAL, keep_original
from dubline.programme.frames import sound_frames
from dubline.programme.reading import programme_of_text, read_programme
from dubline.run import Run, Work, step
from dubline.timebase import frame_rate, frames_to_samples, seconds_to_frames
from dubline.values.base import Choice
from dubline.values.media import Media, Original, Sound, VideoTrack
from dubline.values.programme import Programme, SoundTrack, SubtitleCue, SubtitleTrack
from dubline.values.stems import Stem, Stems
from dubline.values.transcript import Segment, Speaker, Transcript, Word, write_transcript
from dubline.values.translated import Fit, TranslatedSegment, Translation, translation_json
from otio_dubline.build import COLOURS, build

SMALL = {rate: frame_rate(rate) for rate in RATES}


def span_of(item: otio.core.Item) -> tuple[int, int, float]:
    """(first frame, length, rate) of a source range; whole frames or the test fails."""
    found = item.source_range
    assert found.start_time.rate == found.duration.rate
    assert found.start_time.value == int(found.start_time.value)
    assert found.duration.value == int(found.duration.value)
    return int(found.start_time.value), int(found.duration.value), found.duration.rate


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("rate", RATES)
def test_every_frame_is_in_its_place(tmp_path: Path, rate: str, start: str) -> None:
    programme = small_programme(tmp_path, rate=rate, start=start, seconds=2)
    fps = SMALL[rate]
    timeline = build(programme)
    length = programme.frames
    assert timeline.global_start_time == otio.opentime.RationalTime(programme.start, float(fps))
    assert timeline.duration().value == length and timeline.duration().rate == float(fps)
    names = [(track.kind, track.name, track.enabled) for track in timeline.tracks]
    assert names[:2] == [("Video", "picture", True), ("Audio", "original", False)]
    assert names[2:6] == [("Audio", name, True) for name in STEMS]
    assert [kind for kind, _, _ in names[6:]] == ["Subtitle"] * 4

    picture = timeline.tracks[0][0]
    assert span_of(picture) == (programme.start, length, float(fps))
    assert picture.media_reference.available_range == picture.source_range
    for track in timeline.tracks[1:6]:
        assert [span_of(item) for item in track] == [(0, length, float(fps))]
    for number, track in enumerate(timeline.tracks[6:]):
        assert sum(span_of(item)[1] for item in track) == length
        found = [
            (int(track.range_of_child(clip).start_time.value), span_of(clip)[1])
            for clip in track.find_clips()
        ]
        wanted = []
        for begin, end in SPANS[number % 2]:
            first = seconds_to_frames(Fraction(round(begin * 0.2, 3)), fps)
            last = seconds_to_frames(Fraction(round(end * 0.2, 3)), fps)
            wanted.append((first, max(last - first, 1)))
        assert found == wanted
    for marker, mark in zip(timeline.tracks.markers, programme.marks, strict=True):
        assert marker.marked_range.start_time.value == seconds_to_frames(mark.start, fps)
        assert marker.marked_range.end_time_exclusive().value == seconds_to_frames(mark.end, fps)
        assert marker.marked_range.duration.rate == float(fps)
        assert marker.color == COLOURS[mark.kind] and marker.comment == mark.text
    if rate in ("30000/1001", "60000/1001"):
        label = otio.opentime.to_timecode(timeline.global_start_time, float(fps), programme.drop)
        assert label == start
    assert timeline.metadata["dubline"]["start_timecode"] == str(programme.timecode)


def test_what_only_we_know_is_kept(tmp_path: Path) -> None:
    programme = small_programme(tmp_path, levels={"music": -6.0})
    timeline = build(programme)
    clip = timeline.tracks[8].find_clips()[0]
    assert clip.name == "Where have you been?"
    assert dict(clip.metadata["dubline"]) == {
        "id": 1,
        "speaker": "SPEAKER_00",
        "text": "Where have you been?",
        "source_text": "Nerede kaldın?",  # noqa: RUF001
        "start": 0.5,
        "end": 1.752,
    }
    assert timeline.tracks[3].metadata["dubline"]["level_db"] == -6.0
    assert timeline.tracks[8].metadata["dubline"]["speaker_name"] == "Ayşe"
    url = timeline.tracks[1][0].media_reference.target_url
    assert url.startswith("file:///") and " " not in url and "ö" not in url
    assert otio.url_utils.filepath_from_url(url) == programme.sounds[0].path


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_tracks_tell_their_width(tmp_path: Path, channels: int) -> None:
    timeline = build(small_programme(tmp_path, channels=channels, seconds=1, video=False))
    assert [t.kind for t in timeline.tracks].count("Video") == 0
    assert {t.metadata["dubline"]["channels"] for t in timeline.audio_tracks()} == {channels}


def test_a_dub_has_a_track(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, seconds=1, sounds=("original", *STEMS, "dub")))
    assert timeline.tracks[6].name == "dub"
    assert timeline.tracks[6].metadata["dubline"]["language"] == "en"


def test_plain_otio_reads_it(tmp_path: Path) -> None:
    otio.adapters.write_to_file(build(small_programme(tmp_path)), str(tmp_path / "t.otio"), "otio_json")
    code = (
        "import sys, opentimelineio as o\n"
        "t = o.adapters.read_from_file(sys.argv[1])\n"
        "assert 'dubline' not in [a.name for a in o.plugins.ActiveManifest().adapters]\n"
        "print(len(list(t.find_clips())), t.duration().value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "t.otio")],
        env={**os.environ, "OTIO_DISABLE_ENTRYPOINTS_PLUGINS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["14", "240.0"]
    assert done.stderr == ""


def test_past_midnight_frames_go_on(tmp_path: Path) -> None:
    timeline = build(small_programme(tmp_path, rate="25", start="23:59:59:00", seconds=2))
    assert span_of(timeline.tracks[0][0])[0] == 86399 * 25
    assert timeline.tracks[0][0].source_range.end_time_exclusive().value == 86401 * 25


@given(
    frames=st.integers(1, 400_000), rate=st.sampled_from(RATES), hertz=st.sampled_from((44100, 48000, 96000))
)
def test_a_stem_is_as_long_as_its_picture(frames: int, rate: str, hertz: int) -> None:
    samples = frames_to_samples(frames, SMALL[rate], hertz)
    assert sound_frames(samples, hertz, SMALL[rate]) == frames
    assert sound_frames(samples - 1, hertz, SMALL[rate]) in (frames - 1, frames)
    assert sound_frames(0, hertz, SMALL[rate]) == 0


CUES = st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 3_000)), min_size=1, max_size=30)


@given(cues=CUES, rate=st.sampled_from(RATES))
def test_no_cue_is_lost_and_none_overlap(cues: list[tuple[int, int]], rate: str) -> None:
    told = tuple(
        SubtitleCue(id=n, start=a / 1000, end=(a + b) / 1000, text=f"cue {n}")
        for n, (a, b) in enumerate(sorted(cues))
    )
    track = SubtitleTrack(name="x", language="tr", speaker="", speaker_name="", cues=told)
    timeline = build(Programme(name="x", rate=rate, frames=0, subtitles=(track,)))
    found = {}
    for one in timeline.tracks:
        assert one.duration() == timeline.duration()
        for clip in one.find_clips():
            start = int(one.range_of_child(clip).start_time.value)
            found[clip.metadata["dubline"]["id"]] = (start, start + span_of(clip)[1])
    assert sorted(found) == [cue.id for cue in told]
    for cue in told:
        start, end = found[cue.id]
        assert start == seconds_to_frames(cue.start, SMALL[rate]) and end > start
        assert abs(end - max(seconds_to_frames(cue.end, SMALL[rate]), start + 1)) <= 1


# --- a run as a programme ------------------------------------------------------------------------

VIDEO = Media(
    path="/films/Bölüm.mov",
    fingerprint="f",
    duration=2.0,
    audio=(),
    video=VideoTrack(rate="24000/1001", width=64, height=36, frames=48),
    timecode="01:00:00:00",
)


def run_with(root: Path, media: Media | None, rate: int = 48000) -> None:
    """A run folder as the stages leave it: real steps, whose work is to write silence."""
    sound = Sound(path="", rate=rate, channels=2, frames=2 * rate, layout="stereo")

    @step("extract", version=1)
    def extract(work: Work, media: Media, track: int) -> Sound:
        (work.folder / "source.wav").write_bytes(b"sound")
        return msgspec.structs.replace(sound, path=work.result("source.wav"))

    @step("separate", version=1)
    def separate(work: Work, sound: Sound) -> Stems:
        for name in STEMS:
            (work.folder / f"{name}.wav").write_bytes(b"sound")
        stems = tuple(
            Stem(name=name, path=work.result(f"{name}.wav"), rate=rate, channels=2, frames=2 * rate)  # type: ignore[arg-type]
            for name in STEMS
        )
        return Stems(source=sound, stems=stems, separator=Choice(backend="builtin"))

    with Run(root) as run:
        if media is not None:
            source = run.step(extract, media, 0)
        else:
            source = msgspec.structs.replace(sound, path="/sounds/mix.wav", fingerprint="s")
        run.step(keep_original, Original(sound=source, media=media), stands=ORIGINAL)
        run.step(separate, source, stands="stems")
    segment = Segment(
        id=1, start=0.5, end=1.0, speaker="SPEAKER_00", text="Gel.", confidence=0.31,
        words=(Word(start=0.5, end=1.0, text="Gel."),),
    )  # fmt: skip
    other = Segment(id=2, start=1.0, end=1.5, speaker="SPEAKER_01", text="Tamam.", confidence=0.9)
    speakers = (Speaker(id="SPEAKER_00", name="Ayşe"), Speaker(id="SPEAKER_01"))
    write_transcript(
        Transcript(language="tr", duration=2.0, segments=(segment, other), speakers=speakers),
        root / "transcript.json",
    )
    fit = Fit(slot=0.5, borrowed=0.0, natural=0.8, speed=1.6, status="too_long")
    lines = (
        TranslatedSegment(
            id=1, start=0.5, end=1.0, speaker="SPEAKER_00", text="Come here.", source_text="Gel.",
            state="translated", fit=fit,
        ).with_text("Come here."),
        TranslatedSegment(
            id=2, start=1.0, end=1.5, speaker="SPEAKER_01", text=None, source_text="Tamam.", state="failed",
            reasons=("empty",),
        ),
    )  # fmt: skip
    translation = Translation(
        source_language="tr", target_language="en", duration=2.0, segments=lines, speakers=speakers
    )
    (root / "translated.json").write_bytes(translation_json(translation))


def test_a_run_is_read(tmp_path: Path) -> None:
    root = tmp_path / "EPISODE.dubline"
    run_with(root, VIDEO)
    programme = read_programme(root)
    assert (programme.name, programme.rate, programme.frames, programme.start) == (
        "EPISODE", "24000/1001", 48, 86400,
    )  # fmt: skip
    assert [(s.name, s.enabled) for s in programme.sounds] == [
        ("original", False), *((name, True) for name in STEMS),
    ]  # fmt: skip
    assert all(Path(s.path).is_absolute() and Path(s.path).is_file() for s in programme.sounds)
    assert [(t.name, [c.text for c in t.cues]) for t in programme.subtitles] == [
        ("tr Ayşe", ["Gel."]), ("tr SPEAKER_01", ["Tamam."]), ("en Ayşe", ["Come here."]),
    ]  # fmt: skip
    assert [(m.id, m.kind) for m in programme.marks] == [
        (1, "low_confidence"), (1, "too_long"), (2, "failed"),
    ]  # fmt: skip
    assert programme.subtitles[2].cues[0].source_text == "Gel."
    build(programme)


def test_a_sound_without_picture_has_the_rate_asked_for(tmp_path: Path) -> None:
    run_with(tmp_path / "a", None)
    assert read_programme(tmp_path / "a").rate == "25"
    programme = read_programme(tmp_path / "a", rate="23.976")
    assert (programme.rate, programme.frames, programme.picture) == ("24000/1001", 48, None)
    assert programme.sounds[0].path == "/sounds/mix.wav"


def test_what_cannot_be_a_timeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="no run folder"):
        read_programme(tmp_path / "nowhere")
    with pytest.raises(InvalidJob, match="nothing in"):
        read_programme(tmp_path)
    run_with(tmp_path / "a", VIDEO)
    with pytest.raises(InvalidJob, match="24000/1001 frames a second, not at 25"):
        read_programme(tmp_path / "a", rate="25")
    assert read_programme(tmp_path / "a", rate="23.98").frames == 48


def test_a_timecode_that_is_none_is_told(tmp_path: Path) -> None:
    run_with(tmp_path / "a", msgspec.structs.replace(VIDEO, timecode="00:59:58;00"))
    programme = read_programme(tmp_path / "a")
    assert programme.start == 0
    assert "timecode of Bölüm.mov is not used" in programme.notes[0]
    timeline = build(programme)
    assert list(timeline.metadata["dubline"]["notes"]) == list(programme.notes)
    run_with(tmp_path / "b", msgspec.structs.replace(VIDEO, video=VideoTrack(
        rate="24000/1001", width=64, height=36, frames=48, variable=True)))  # fmt: skip
    assert "unevenly spaced" in read_programme(tmp_path / "b").notes[0]


def test_words_alone_make_a_programme() -> None:
    transcript = Transcript(
        language="tr", duration=1.99, segments=(Segment(id=1, start=0, end=1, speaker="", text="Gel."),)
    )
    programme = programme_of_text("x", transcript, (), rate="30000/1001")
    assert (programme.frames, len(programme.subtitles), programme.sounds) == (60, 1, ())
    assert json.loads(build(programme).to_json_string())["OTIO_SCHEMA"].startswith("Timeline")


def test_sound_that_ends_within_a_frame(tmp_path: Path) -> None:
    sound = SoundTrack(name="a", role="original", path="/a.wav", rate=48000, channels=1, frames=1919)
    timeline = build(Programme(name="x", rate="25", frames=1, sounds=(sound,)))
    assert [type(item).__name__ for item in timeline.tracks[0]] == ["Gap"]
