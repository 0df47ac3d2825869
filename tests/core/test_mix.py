"""The mix on real and made sound: nothing lost, voices where they belong, loudness on target."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from loudness_reading import integrated, true_peak
from shared_media import Shared

from dubline.errors import Cancelled, InvalidJob, ValidationError
from dubline.media.probing import decode, probe
from dubline.media.sound import open_sound
from dubline.mix import TARGETS, MixJob, remix
from dubline.mix.audition import audition
from dubline.mix.levels import ducking, fades, inside
from dubline.report import Report, silent
from dubline.run import Run
from dubline.timebase import merged
from dubline.values.base import Choice
from dubline.values.dubbed import Mix, Take, Takes
from dubline.values.layout import Layout
from dubline.values.stems import STEM_NAMES, Stem, Stems

AS_IT_IS: dict[str, Any] = {"bg_volume": 1.0, "original_volume": 1.0, "target": "off"}


def integers(path: Path) -> np.ndarray:
    """Samples of a 24-bit file in steps of 2**-23."""
    return soundfile.read(path, dtype="int32", always_2d=True)[0].T.astype(np.int64) >> 8


def save(path: Path, steps: np.ndarray, rate: int) -> Path:
    kind = "WAVEX" if len(steps) > 2 else "WAV"
    soundfile.write(path, (steps << 8).astype(np.int32).T, rate, subtype="PCM_24", format=kind)
    return path


def made(
    folder: Path,
    *,
    channels: int = 2,
    frames: int = 100_001,
    rate: int = 48000,
    seed: int = 0,
    **levels: float,
) -> Stems:
    """Stems of noise at a standard deviation each (0.0: silence), and their exact sum as the source."""
    rng = np.random.default_rng(seed)
    parts = {}
    for name in STEM_NAMES:
        noise = rng.normal(size=(channels, frames)) * levels.get(name, 0.02) * 2**23
        parts[name] = np.clip(np.rint(noise), -(2**21) + 1, 2**21 - 1).astype(np.int64)
        save(folder / f"{name}.wav", parts[name], rate)
    save(folder / "source.wav", sum(parts.values()), rate)  # type: ignore[arg-type]
    return stems_of({name: folder / f"{name}.wav" for name in STEM_NAMES}, folder / "source.wav")


def stems_of(paths: dict[str, Path], source: Path) -> Stems:
    facts = open_sound(source)
    shape = {"rate": facts.rate, "channels": facts.channels, "frames": facts.frames, "layout": facts.layout}
    return Stems(
        source=facts,
        stems=tuple(Stem(name=name, path=str(paths[name]), **shape) for name in STEM_NAMES),
        separator=Choice(backend="builtin"),
    )


def take(folder: Path, number: int, sound: np.ndarray, start: int, rate: int = 48000, **more: Any) -> Take:
    path = folder / f"take-{number}.wav"
    soundfile.write(path, sound.astype(np.float32), rate, subtype="FLOAT")
    facts = {"state": "spoken", "rate": rate, "frames": len(sound), "start": start, **more}
    return Take(id=number, speaker="A", path=str(path), **facts)


def mixed(root: Path, stems: Stems, *takes: Take, report: Report = silent, **job: Any) -> tuple[Mix, Path]:
    """The mix and its run folder."""
    with Run(root, report=lambda name: report) as run:
        return run.step(remix, stems, Takes(language="tr", takes=takes), MixJob(**job)), root


@pytest.mark.parametrize(
    ("channels", "rate", "frames"),
    [(1, 44100, 70_000), (2, 48000, 100_001), (6, 48000, 66_000), (8, 48000, 1), (3, 32000, 5000)],
)
def test_without_a_dub_the_source_comes_back(tmp_path: Path, channels: int, rate: int, frames: int) -> None:
    stems = made(tmp_path, channels=channels, rate=rate, frames=frames)
    mix, root = mixed(tmp_path / "run", stems, **AS_IT_IS)
    source = integers(tmp_path / "source.wav")
    assert np.abs(integers(Layout(root).file(mix.wav)) - source).max() <= 1
    bed = integers(Layout(root).file(mix.m_and_e)) + integers(tmp_path / "vocals.wav")
    assert np.abs(bed - source).max() <= 1
    assert (mix.rate, mix.channels, mix.frames) == (rate, channels, frames)
    info = soundfile.info(Layout(root).file(mix.wav))
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (rate, channels, frames, "PCM_24")


def test_a_scene_comes_back_and_is_brought_to_its_target(tmp_path: Path, shared: Shared) -> None:
    names = {"vocals": "dialogue", "music": "music", "sfx": "sfx", "ambient": "ambient", "source": "mix"}
    paths = {}
    for ours, theirs in names.items():
        steps = soundfile.read(
            shared(f"scene/{theirs}.flac"), 15 * 48000, 10 * 48000, dtype="int32", always_2d=True
        )[0]
        paths[ours] = save(tmp_path / f"{ours}.wav", steps.T.astype(np.int64) >> 8, 48000)
    stems = stems_of(paths, paths["source"])
    mix, root = mixed(tmp_path / "run", stems, **AS_IT_IS)
    assert np.abs(integers(Layout(root).file(mix.wav)) - integers(paths["source"])).max() <= 1
    mix, root = mixed(tmp_path / "run", stems, **{**AS_IT_IS, "target": "streaming-14"})
    assert integrated(Layout(root).file(mix.wav)) == pytest.approx(-14, abs=0.1)
    assert mix.after.integrated == pytest.approx(-14, abs=0.1)
    peak = true_peak(Layout(root).file(mix.wav))
    assert peak is None or peak <= -1


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_targets_are_met_also_with_the_limiter_at_work(tmp_path: Path, name: str) -> None:
    stems = made(tmp_path, frames=48000 * 6, music=0.02, vocals=0.0)
    rng = np.random.default_rng(1)
    voice = rng.normal(size=96000) * 0.05
    voice[::6000] = 0.9  # peaks far over the loudness
    takes = [take(tmp_path, n, voice, 20_000 + n * 130_000) for n in range(2)]
    mix, root = mixed(tmp_path / "run", stems, *takes, target=name, voice_level="as spoken")
    target = TARGETS[name]
    if target.gate == "programme":
        assert integrated(Layout(root).file(mix.wav)) == pytest.approx(target.loudness, abs=0.1)
    else:
        parts = [integrated(Layout(root).file(mix.wav), t.start, t.start + t.frames) for t in takes]
        assert np.mean([p for p in parts if p is not None]) == pytest.approx(target.loudness, abs=0.1)
    assert mix.after.true_peak is not None and mix.after.true_peak <= target.true_peak
    peak = true_peak(Layout(root).file(mix.wav))
    assert peak is None or peak <= target.true_peak
    assert mix.before.integrated is not None
    limited = any("limiter took" in note for note in mix.notes)
    assert limited == (name in ("streaming-14", "streaming-16"))


@pytest.mark.parametrize(("channels", "heard"), [(1, [0]), (2, [0, 1]), (6, [2]), (8, [2])])
def test_takes_sound_at_their_sample_in_the_channels_of_a_voice(
    tmp_path: Path, channels: int, heard: list[int]
) -> None:
    stems = made(tmp_path, channels=channels, frames=150_000)
    voice = np.full(3000, 0.25)
    first = take(tmp_path, 1, voice, 64_000)  # across the edge of a block
    second = take(tmp_path, 2, voice, 66_000, gain_db=-6.0205999)
    mix, root = mixed(
        tmp_path / "run", stems, first, second, target="off", voice_level="as spoken", bg_volume=0.5, fade=0.0
    )
    bed = 0.5 * integers(Layout(root).file(mix.m_and_e)) / 2**23
    alone = integers(Layout(root).file(mix.wav)) / 2**23 - bed
    wanted = np.zeros((channels, 150_000))
    wanted[heard, 64_000:67_000] += 0.25
    wanted[heard, 66_000:69_000] += 0.125
    np.testing.assert_allclose(alone, wanted, atol=2.0**-22)


def test_takes_are_as_loud_as_the_voices_they_replace(tmp_path: Path) -> None:
    stems = made(tmp_path, frames=240_000, music=0.0, sfx=0.0, ambient=0.0, vocals=0.05)
    voice = np.random.default_rng(2).normal(size=96_000) * 0.3
    mix, root = mixed(tmp_path / "run", stems, take(tmp_path, 1, voice, 48_000), target="off")
    there = slice(48_000, 144_000)
    dub = integrated(Layout(root).file(mix.wav), there.start, there.stop)
    assert dub == pytest.approx(integrated(tmp_path / "vocals.wav", there.start, there.stop), abs=0.1)
    assert not integers(Layout(root).file(mix.wav))[:, : there.start].any()


def test_a_voice_over_ducks_what_is_under_it(tmp_path: Path) -> None:
    stems = made(tmp_path, frames=200_000)
    silent_take = take(tmp_path, 1, np.zeros(48_000), 96_000)
    mix, root = mixed(tmp_path / "run", stems, silent_take, duck_db=12.0, **AS_IT_IS)
    source, out = integers(tmp_path / "source.wav"), integers(Layout(root).file(mix.wav))
    np.testing.assert_allclose(out[:, 96_000:144_000], source[:, 96_000:144_000] * 10 ** (-12 / 20), atol=1)
    attack, release = round(0.15 * 48000), round(0.4 * 48000)
    np.testing.assert_array_equal(out[:, : 96_000 - attack], source[:, : 96_000 - attack])
    np.testing.assert_array_equal(out[:, 144_000 + release :], source[:, 144_000 + release :])


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 200)), max_size=6),
    cut=st.integers(1, 999),
    attack=st.integers(0, 60),
    release=st.integers(0, 120),
)
def test_ducking_is_the_same_in_pieces_and_whole(
    pairs: list[tuple[int, int]], cut: int, attack: int, release: int
) -> None:
    spans = tuple(merged((start, start + length) for start, length in pairs))
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    slopes = {"depth": 10.0, "attack": attack, "release": release}

    def gains(start: int, stop: int) -> np.ndarray:
        found = ducking(spans, start, stop, **slopes)
        return np.ones(stop - start) if found is None else found

    whole = gains(0, 1000)
    np.testing.assert_array_equal(np.concatenate((gains(0, cut), gains(cut, 1000))), whole)
    covered = np.zeros(1000, np.bool_)
    for start, length in pairs:
        covered[start : start + length] = True
    np.testing.assert_array_equal(inside(spans, 0, 1000), covered)
    np.testing.assert_allclose(whole[covered], 10**-0.5)
    assert whole.min() >= 10**-0.5 - 1e-9 and whole.max() <= 1.0


@given(length=st.integers(1, 400), fade=st.integers(0, 300), cut=st.integers(0, 400))
def test_fades_are_smooth_and_leave_the_middle(length: int, fade: int, cut: int) -> None:
    cut = min(cut, length)
    gains = np.concatenate((fades(0, cut, length, fade), fades(cut, length, length, fade)))
    np.testing.assert_allclose(gains, gains[::-1], atol=1e-12)
    inner = min(fade, length // 2)
    assert (gains[inner : length - inner] == 1.0).all() and (gains > 0).all()
    assert inner < 2 or (np.diff(gains[:inner]) > 0).all()


def test_odd_takes_are_told(tmp_path: Path) -> None:
    stems = made(tmp_path, frames=50_000)
    voice = np.full(10_000, 0.1)
    late = take(tmp_path, 1, voice, 45_000)
    beyond = take(tmp_path, 2, voice, 50_000)
    empty = Take(id=3, speaker="A", state="spoken", path="nowhere.wav", frames=0)
    failed = Take(id=4, speaker="A", state="failed", reasons=("the voice gave nothing",))
    mix, root = mixed(tmp_path / "run", stems, late, beyond, empty, failed, target="off")
    notes = "\n".join(mix.notes)
    for told in ("take 1 at", "cut 0.104 s short", "take 2 would begin", "left out: 3", "no take", "mix: 4"):
        assert told in notes, told
    assert integers(Layout(root).file(mix.wav)).shape == (2, 50_000)
    assert abs(integers(Layout(root).file(mix.wav))[0, -1] / 2**23) < 0.2  # faded out, not broken off


@pytest.mark.parametrize("wrong", ["rate", "channels", "frames", "start", "file", "number"])
def test_takes_that_are_not_what_they_say_are_refused(tmp_path: Path, wrong: str) -> None:
    stems = made(tmp_path, frames=50_000)
    good = take(tmp_path, 1, np.full(1000, 0.1), 100)
    if wrong == "rate":
        good = take(tmp_path, 1, np.full(1000, 0.1), 100, rate=24000)
    elif wrong == "channels":
        soundfile.write(good.path, np.zeros((1000, 2)), 48000)
    elif wrong == "frames":
        good = msgspec.structs.replace(good, frames=1001)
    elif wrong == "start":
        good = msgspec.structs.replace(good, start=-1)
    elif wrong == "file":
        Path(good.path).unlink()
    else:
        good = take(tmp_path, 1, np.full(1000, np.nan), 100)
    with pytest.raises(ValidationError):
        mixed(tmp_path / "run", stems, good)
    assert not list((tmp_path / "run").rglob("*.wav"))


def test_stems_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    stems = made(tmp_path, frames=5000)
    save(tmp_path / "sfx.wav", np.zeros((2, 4999), np.int64), 48000)
    with pytest.raises(ValidationError, match="the sfx stem has 4999 samples"):
        mixed(tmp_path / "run", stems)
    three = msgspec.structs.replace(stems, stems=stems.stems[:2])
    with pytest.raises(ValidationError, match="there is no sfx stem"):
        mixed(tmp_path / "run", three)


def test_silence_stays_silence(tmp_path: Path) -> None:
    stems = made(tmp_path, vocals=0.0, music=0.0, sfx=0.0, ambient=0.0)
    mix, root = mixed(tmp_path / "run", stems)
    assert not integers(Layout(root).file(mix.wav)).any()
    assert mix.after.integrated is None and mix.after.true_peak is None
    assert any("too quiet to have a loudness" in note for note in mix.notes)


def test_the_aac_file_is_the_wav(tmp_path: Path) -> None:
    stems = made(tmp_path, frames=96_000, music=0.0, sfx=0.0, ambient=0.0, vocals=0.0)
    at = np.arange(30_000)
    voice = 0.3 * np.sin(2 * np.pi * (300 + at / 30) * at / 48000)
    mix, root = mixed(tmp_path / "run", stems, take(tmp_path, 1, voice, 30_000))
    track = probe(Layout(root).file(mix.m4a)).audio[0]
    assert (track.rate, track.channels, track.language, track.start) == (48000, 2, "tur", 0.0)
    heard = np.concatenate(list(decode(Layout(root).file(mix.m4a), track)), axis=1)
    assert 96_000 <= heard.shape[1] < 96_000 + 1024
    wav = integers(Layout(root).file(mix.wav))[0] / 2**23
    assert np.sqrt(np.mean((heard[0, :96_000] - wav) ** 2)) < 0.02 * np.sqrt(np.mean(wav**2))


def test_a_mix_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    stems = made(tmp_path, frames=200_000)
    ticks = 0

    def stop(done: float, total: float) -> None:
        nonlocal ticks
        assert 0 <= done <= total * 1.0001
        ticks += 1
        if ticks == 5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        mixed(tmp_path / "run", stems, report=stop)
    assert not [path for path in (tmp_path / "run/work/steps").rglob("*") if path.is_file()]


def test_only_a_changed_job_is_mixed_anew(tmp_path: Path) -> None:
    stems = made(tmp_path, frames=5000)
    first, root = mixed(tmp_path / "run", stems)
    stamp = Layout(root).file(first.wav).stat().st_mtime_ns
    assert mixed(tmp_path / "run", stems)[0] == first
    assert Layout(root).file(first.wav).stat().st_mtime_ns == stamp
    assert mixed(tmp_path / "run", stems, bg_volume=0.6)[0].wav != first.wav


@pytest.mark.parametrize(
    "wrong",
    [
        {"bg_volume": -0.1},
        {"voice_volume": float("nan")},
        {"target": "loud"},
        {"fade": 2.0},
        {"bitrate": 8},
        {"reverb": "hall"},
    ],
)
def test_impossible_jobs_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob) as told:
        MixJob(**wrong)
    assert told.value.hint


def several(tmp_path: Path) -> list[Take]:
    rng = np.random.default_rng(4)
    starts = (20_000, 70_000, 130_000)
    return [take(tmp_path, n, rng.normal(size=30_000) * 0.1, at) for n, at in enumerate(starts, 1)]


@pytest.mark.parametrize(
    "job", [{"target": "off"}, {"target": "ebu-r128", "duck_db": 9.0}, {"target": "off", "fade": 0.2}]
)
@pytest.mark.parametrize(("ident", "handles"), [(1, 1.0), (2, 0.25), (3, 0.0)])
def test_an_audition_is_that_stretch_of_the_mix(
    tmp_path: Path, job: dict[str, Any], ident: int, handles: float
) -> None:
    stems, takes = made(tmp_path, frames=180_000), several(tmp_path)
    mix, root = mixed(tmp_path / "run", stems, *takes, **job)
    out = tmp_path / "17.wav"
    more = {"voice_gain_db": mix.voice_gain_db, "gain_db": mix.gain_db}
    told = audition(
        root, stems, Takes(language="tr", takes=tuple(takes)), MixJob(**job), ident, out, handles, **more
    )
    first = max(0, takes[ident - 1].start - round(handles * 48000))
    last = min(180_000, takes[ident - 1].start + 30_000 + round(handles * 48000))
    np.testing.assert_allclose(
        integers(out), integers(Layout(root).file(mix.wav))[:, first:last], atol=3e-4 * 2**23
    )
    assert np.abs(integers(out) - integers(Layout(root).file(mix.wav))[:, first:last]).mean() < 3e-5 * 2**23
    assert told is not None and told.integrated == pytest.approx(integrated(out), abs=0.1)


def test_an_audition_alone_is_as_loud_as_the_line_it_replaces(tmp_path: Path) -> None:
    stems = made(tmp_path, frames=180_000, music=0.0, sfx=0.0, ambient=0.0, vocals=0.05)
    takes = Takes(language="tr", takes=tuple(several(tmp_path)))
    audition(tmp_path, stems, takes, MixJob(target="off"), 2, tmp_path / "a.wav", 0.0)
    source = integrated(tmp_path / "vocals.wav", 70_000, 100_000)
    assert integrated(tmp_path / "a.wav") == pytest.approx(source, abs=0.1)


def test_an_audition_that_cannot_be_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    stems = made(tmp_path, frames=180_000)
    failed = Take(id=9, speaker="A", state="failed", reasons=("the voice gave nothing",))
    takes = Takes(language="tr", takes=(*several(tmp_path), failed))
    out = tmp_path / "auditions.wav"
    assert audition(tmp_path, stems, takes, MixJob(), 9, out) is None
    with pytest.raises(InvalidJob, match="no line 4"):
        audition(tmp_path, stems, takes, MixJob(), 4, out)
    with pytest.raises(InvalidJob, match="handles"):
        audition(tmp_path, stems, takes, MixJob(), 1, out, -1.0)
    before = (tmp_path / "vocals.wav").read_bytes()
    with pytest.raises(InvalidJob, match="source of this work"):
        audition(tmp_path, stems, takes, MixJob(), 1, tmp_path / "vocals.wav")
    assert (tmp_path / "vocals.wav").read_bytes() == before

    def stop(done: float, total: float) -> None:
        if done:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        audition(tmp_path, stems, takes, MixJob(), 1, out, report=stop)
    assert not [path for path in tmp_path.iterdir() if "audition" in path.name]


def test_a_stop_at_any_block_leaves_nothing_and_the_next_mix_is_the_same(tmp_path: Path) -> None:
    stems, takes = made(tmp_path, frames=140_000), several(tmp_path)[:1]
    whole, root = mixed(tmp_path / "whole", stems, *takes)
    ticks: list[float] = []
    mixed(tmp_path / "count", stems, *takes, report=lambda done, total: ticks.append(done))
    assert ticks == sorted(ticks) and len(ticks) > 6
    for number in range(1, len(ticks) + 1):
        left = number

        def stop(done: float, total: float) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            mixed(tmp_path / "run", stems, *takes, report=stop)
        assert not [path for path in (tmp_path / "run/work/steps").rglob("*") if path.is_file()]
    again, other = mixed(tmp_path / "run", stems, *takes)
    assert again == whole
    for path in (whole.wav, whole.m_and_e):
        assert Layout(other).file(path).read_bytes() == Layout(root).file(path).read_bytes()


def test_a_source_without_a_room_gets_no_reverb(tmp_path: Path) -> None:
    stems, takes = made(tmp_path), several(tmp_path)[:1]
    plain, root = mixed(tmp_path / "run", stems, *takes)
    asked, _ = mixed(tmp_path / "run", stems, *takes, reverb="room")
    assert asked.room is None and any("no reverb" in note for note in asked.notes)
    assert Layout(root).file(asked.wav).read_bytes() == Layout(root).file(plain.wav).read_bytes()
