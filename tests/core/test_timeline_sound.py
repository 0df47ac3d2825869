"""The sound of a timeline: every clip on its sample, by what is really heard there."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared_media import Shared

from dubline.errors import Cancelled, DublineError, InvalidJob, ValidationError
from dubline.media.timeline_cut import CENTRE, cut_timeline
from dubline.media.timeline_sound import timeline_sound
from dubline.run import Run
from dubline.timebase import frames_to_samples
from dubline.values.layout import Layout
from dubline.values.timeline import TimelineClip, TimelineMedia

NTSC = Fraction(24000, 1001)


def ramp(path: Path, seconds: float, rate: int = 48000, channels: int = 2, seed: int = 0) -> np.ndarray:
    """A file of 16-bit noise, in which no two places are alike; (channels, samples) as written."""
    samples = np.random.default_rng(seed).integers(-8000, 8000, (int(seconds * rate), channels))
    soundfile.write(path, samples.astype(np.int16), rate, subtype="PCM_16")
    return (samples.T / 2**15).astype(np.float32)


def clip(path: Path, record: int, frames: int, start: Fraction | int = 0, **more: Any) -> TimelineClip:
    more.setdefault("channels", ((0, 0), (0, 1)))
    return TimelineClip(
        path=path.as_posix(), record=record, frames=frames, source_start=str(Fraction(start)), **more
    )


def heard(folder: Path, *clips: TimelineClip, frames: int = 48, **more: Any) -> np.ndarray:
    """The timeline's sound, (channels, samples)."""
    media = TimelineMedia(rate=more.pop("rate", str(NTSC)), frames=frames, clips=clips, **more)
    with Run(folder / "t.dubline") as run:
        sound = run.step(timeline_sound, cut_timeline(media))
        samples, rate = soundfile.read(Layout(run.root).file(sound.path), dtype="float32", always_2d=True)
    assert (sound.rate, sound.channels, sound.frames) == (rate, samples.shape[1], len(samples))
    assert not list((run.root / "work/steps").glob(".*"))
    return samples.T


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from(("24000/1001", "24", "25", "30000/1001", "50", "60000/1001")),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    gap=st.integers(0, 10),
    data=st.data(),
)
def test_clips_lie_on_the_sample_and_touch(
    tmp_path: Path, rate: str, cuts: list[int], gap: int, data: Any
) -> None:
    """Whatever the rate: each clip begins on the sample nearest its frame, lasts until the next, and is the
    file's own sound there, bit for bit; between clips is silence."""
    file = tmp_path / "a.wav"
    source = ramp(file, 4.0)
    fps = Fraction(rate)
    clips, at = [], gap
    for frames in cuts:
        start = data.draw(st.integers(0, 48000))
        clips.append((at, frames, start))
        at += frames
    made = heard(
        tmp_path,
        *(clip(file, record, frames, Fraction(start, 48000)) for record, frames, start in clips),
        frames=at,
        rate=rate,
    )
    expected = np.zeros((2, frames_to_samples(at, fps, 48000)), np.float32)
    for record, frames, start in clips:
        begin, end = (frames_to_samples(f, fps, 48000) for f in (record, record + frames))
        expected[:, begin:end] = source[:, start : start + end - begin]
    np.testing.assert_array_equal(made, expected)


def test_a_long_timeline_does_not_drift(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    source = ramp(file, 2.0)
    frames = 24 * 600
    made = heard(tmp_path, clip(file, frames - 24, 24), frames=frames)
    begin = round((frames - 24) * 1001 / 24000 * 48000)
    np.testing.assert_array_equal(made[:, begin:], source[:, : made.shape[1] - begin])
    assert not made[:, :begin].any()


def test_tracks_add_up_beyond_full_scale(tmp_path: Path) -> None:
    loud = tmp_path / "loud.wav"
    soundfile.write(loud, np.full((48000, 2), 0.75), 48000, subtype="PCM_16")
    made = heard(tmp_path, clip(loud, 0, 12, track=1), clip(loud, 6, 12, track=2))
    begin, end = (frames_to_samples(f, NTSC, 48000) for f in (6, 12))
    assert (made[:, begin:end] == 1.5).all() and (made[:, : begin - 1] == 0.75).all()


def test_only_what_is_enabled_and_in_the_range(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    source = ramp(file, 3.0)
    made = heard(
        tmp_path,
        clip(file, 0, 24),
        clip(file, 24, 24, 1),
        clip(file, 0, 48, track=2, enabled=False),
        clip(tmp_path / "offline.wav", 40, 8, track=3),
        first=12,
        stop=36,
    )
    middle = frames_to_samples(12, NTSC, 48000)
    assert made.shape == (2, frames_to_samples(24, NTSC, 48000))
    np.testing.assert_array_equal(made[:, :middle], source[:, middle : 2 * middle])
    np.testing.assert_array_equal(made[:, middle:], source[:, 48000 : 48000 + made.shape[1] - middle])


@pytest.mark.parametrize("rate", [44100, 96000, 22050])
def test_other_rates_stay_in_step(tmp_path: Path, rate: int) -> None:
    """A tone that goes on through two clips of another rate: no step, no shift, no ring at the seam."""
    times = np.arange(3 * rate) / rate
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * times), rate, subtype="FLOAT")
    ramp(tmp_path / "b.wav", 1.0, channels=1)
    one = {"channels": ((0, 0),)}
    made = heard(
        tmp_path,
        clip(tmp_path / "a.wav", 0, 25, Fraction(1, 2), **one),
        clip(tmp_path / "a.wav", 25, 25, Fraction(3, 2), **one),
        clip(tmp_path / "b.wav", 60, 5, **one),
        frames=80,
        rate="25",
    )
    truth = 0.5 * np.sin(2 * np.pi * 440 * (np.arange(96000) / 48000 + 0.5))
    np.testing.assert_allclose(made[0, :96000], truth, atol=2e-4)


def test_channels_go_where_they_belong(tmp_path: Path) -> None:
    mono, six = tmp_path / "mono.wav", tmp_path / "six.wav"
    voice = ramp(mono, 1.0, channels=1, seed=1)
    bed = ramp(six, 1.0, channels=6, seed=2)
    alone = heard(tmp_path, clip(mono, 0, 12, channels=((0, 0),)), frames=12)
    np.testing.assert_array_equal(alone, voice[:, : alone.shape[1]])
    stereo = heard(
        tmp_path, clip(mono, 0, 12, channels=((0, 0),)), clip(six, 12, 12, channels=((0, 4), (0, 1)))
    )
    middle = frames_to_samples(12, NTSC, 48000)
    np.testing.assert_allclose(stereo[:, :middle], np.repeat(voice[:, :middle], 2, 0) * CENTRE, rtol=1e-6)
    np.testing.assert_array_equal(stereo[:, middle : 2 * middle], bed[[4, 1], :middle])
    every = tuple((0, n) for n in range(6))
    wide = heard(tmp_path, clip(mono, 0, 12, channels=((0, 0),)), clip(six, 0, 12, channels=every), frames=12)
    np.testing.assert_allclose(wide[2], bed[2, :middle] + voice[0, :middle], atol=1e-7)
    np.testing.assert_array_equal(wide[[0, 1, 3]], bed[[0, 1, 3], :middle])


def test_a_clip_longer_than_its_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "short.wav"
    source = ramp(file, 0.5)
    told: list[str] = []
    media = TimelineMedia(rate="25", start=90000, frames=50, clips=(clip(file, 10, 25, name="Çöl"),))
    with Run(tmp_path / "r.dubline", tell=told.append) as run:
        sound = run.step(timeline_sound, cut_timeline(media))
        samples = soundfile.read(Layout(run.root).file(sound.path), dtype="float32")[0].T
    np.testing.assert_array_equal(samples[:, 19200 : 19200 + 24000], source)
    assert not samples[:, 19200 + 24000 :].any()
    assert len(told) == 1 and "'Çöl' at 01:00:00:10 on audio track 1" in told[0] and "0.50 s" in told[0]


def test_video_files_are_decoded_on_their_own_clock(tmp_path: Path, shared: Shared) -> None:
    """Two pieces of a film out of order, and a second stream of a file that has four."""
    scene, several = shared("scene/scene.mp4"), shared("video/multi_audio_4tracks_51_default.mkv")
    from dubline.media.probing import decode, probe

    told = probe(scene)
    whole = np.concatenate(list(decode(scene, told.audio[0], notes=[])), axis=1)
    made = heard(tmp_path, clip(scene, 0, 24, Fraction(6)), clip(scene, 24, 24, Fraction(2)))
    middle, end = (frames_to_samples(f, NTSC, 48000) for f in (24, 48))
    np.testing.assert_array_equal(made[:, :middle], whole[:, 288000 : 288000 + middle])
    np.testing.assert_array_equal(made[:, middle:], whole[:, 96000 : 96000 + end - middle])
    track = probe(several).audio[1]
    if track.rate != 48000:
        pytest.skip("the second stream has another rate than is compared here")
    second = np.concatenate(list(decode(several, track, notes=[])), axis=1)
    before = probe(several).audio[0].channels
    for channel in ((1, 0), (0, before)):  # an editing program may count on from the first stream
        other = heard(tmp_path, clip(several, 0, 12, channels=(channel,)), frames=12)
        np.testing.assert_array_equal(other[0], second[0, : other.shape[1]])


def test_a_changed_file_is_heard_again_and_a_moved_one_is_not(tmp_path: Path) -> None:
    states: list[str] = []

    def made(path: Path) -> None:
        media = TimelineMedia(rate="25", frames=10, clips=(clip(path, 0, 10),))
        with Run(tmp_path / "r.dubline", said=lambda record: states.append(record.state)) as run:
            run.step(timeline_sound, cut_timeline(media))

    ramp(tmp_path / "a.wav", 1.0)
    made(tmp_path / "a.wav")
    elsewhere = tmp_path / "other disk"
    elsewhere.mkdir()
    (tmp_path / "a.wav").rename(elsewhere / "a.wav")
    made(elsewhere / "a.wav")
    ramp(elsewhere / "a.wav", 1.0, seed=5)
    made(elsewhere / "a.wav")
    assert states == ["done", "kept", "done"]


def test_stopped_in_the_middle_nothing_is_left(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    ramp(file, 10.0)

    def stop(done: float, total: float) -> None:
        if done > 4:
            raise Cancelled("stopped")

    media = TimelineMedia(rate="25", frames=250, clips=(clip(file, 0, 250),))
    with Run(tmp_path / "r.dubline", report=lambda name: stop) as run, pytest.raises(Cancelled):
        run.step(timeline_sound, cut_timeline(media))
    assert not list((tmp_path / "r.dubline/work/steps").iterdir())


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"path": "/nowhere/lost.mov"}, ValidationError, "'lost.mov' at 01:00:00:10"),
        ({"path": ""}, ValidationError, "has no file"),
        ({"channels": ((0, 7),)}, ValidationError, "no channel 8 in audio stream 1"),
        ({"channels": ((3, 0),)}, ValidationError, "audio stream 4"),
        ({"source_end": "4"}, InvalidJob, "is retimed"),
        ({"source_start": "1/0"}, InvalidJob, "not a time"),
        ({"source_start": "x"}, InvalidJob, "not a time"),
        ({"frames": 0}, InvalidJob, "lasts 0 frames"),
        ({"record": -3}, InvalidJob, "from frame -3"),
        ({"enabled": False}, InvalidJob, "no clip with sound"),
    ],
)
def test_what_cannot_be_is_told_with_the_clip(
    tmp_path: Path, change: dict[str, Any], kind: type[DublineError], said: str
) -> None:
    file = tmp_path / "a.wav"
    ramp(file, 1.0)
    told: dict[str, Any] = {"path": file.as_posix(), "record": 10, "frames": 12, **change}
    media = TimelineMedia(rate="24", start=86400, frames=48, clips=(TimelineClip(**told),))
    with pytest.raises(kind) as caught:
        cut_timeline(media)
    assert said in caught.value.message and caught.value.hint


@pytest.mark.parametrize(("first", "stop"), [(10, 10), (20, 10), (-1, 5), (0, 100)])
def test_impossible_ranges(tmp_path: Path, first: int, stop: int) -> None:
    with pytest.raises(InvalidJob, match="range"):
        cut_timeline(TimelineMedia(rate="25", frames=50, clips=(), first=first, stop=stop))
