"""What kind of sound a sound is: talk, a film, music, on real media; and that a long one is only sampled."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from shared_media import Shared

from dubline.errors import BackendMissing
from dubline.media import speech
from dubline.media.sound import open_sound
from dubline.run import Run, read_manifest
from dubline.separation import content
from dubline.separation.content import MOST, STRETCH, Content, detector_identity, hear_content, stretches
from dubline.separation.way import separate_run, settle_separation
from dubline.values.media import Sound
from dubline.values.wishes import SeparateWish

RATE = 48000


def heard(path: Path, root: Path) -> Content:
    with Run(root) as run:
        return run.step(hear_content, open_sound(path), detector_identity())


def cut(source: Path, start: float, stop: float, target: Path) -> Path:
    samples, rate = soundfile.read(source, always_2d=True, dtype="float32")
    soundfile.write(target, samples[round(start * rate) : round(stop * rate)], rate)
    return target


@pytest.mark.parametrize(
    ("name", "start", "stop", "kind"),
    [
        ("scene/mix.flac", 48, 80, "cinematic"),
        ("scene/dialogue.flac", 48, 72, "dialogue"),
        ("diarization/trn05.wav", 0, 30, "dialogue"),
        ("diarization/sample.wav", 0, 30, "dialogue"),
        ("scene/music.flac", 64, 88, "music"),
    ],
)
def test_real_sounds_are_told_apart(
    name: str, start: float, stop: float, kind: str, shared: Shared, tmp_path: Path
) -> None:
    told = heard(cut(shared(name, real=True), start, stop, tmp_path / "clip.wav"), tmp_path / "run")
    assert told.kind == kind, told
    assert 0 <= told.speech <= 1 and 0 <= told.music <= 1
    assert kind in told.reason and f"{told.speech:.0%}" in told.reason and f"{told.music:.0%}" in told.reason
    if kind == "dialogue":
        assert told.under is not None and told.under < -20
    if kind == "music":
        assert told.speech < 0.2 and told.music > 0.8


@pytest.mark.parametrize("gains", [(1.0, -1.0), (1.0, 0.0)], ids=["inverted", "one side"])
def test_a_talk_is_one_however_its_channels_carry_it(
    gains: tuple[float, float], shared: Shared, tmp_path: Path
) -> None:
    talk, rate = soundfile.read(shared("scene/dialogue.flac", real=True), always_2d=True, dtype="float32")
    voice = talk[48 * rate : 72 * rate].mean(axis=1, keepdims=True)
    soundfile.write(tmp_path / "clip.wav", voice * gains, rate)
    told = heard(tmp_path / "clip.wav", tmp_path / "run")
    assert told.kind == "dialogue" and told.speech > 0.7, told


def test_stretches_of_a_long_sound_are_few_and_reach_from_end_to_end() -> None:
    def of(seconds: float) -> list[tuple[int, int]]:
        return stretches(Sound(path="x.wav", rate=RATE, channels=2, frames=round(seconds * RATE)))

    short = of(20.5)
    assert short[0][0] == 0 and short[-1][1] == round(20.5 * RATE)
    assert all(a[1] >= b[0] for a, b in pairwise(short)), "nothing is left out"
    assert of(0.5) == [(0, RATE // 2)]
    for hours in (1, 3, 24):
        long = of(hours * 3600)
        assert len(long) == MOST and all(stop - start == STRETCH * RATE for start, stop in long)
        assert long[0][0] == 0 and long[-1][1] == hours * 3600 * RATE
        gaps = np.diff([start for start, _ in long])
        assert gaps.max() - gaps.min() <= 1, "evenly"


def test_three_hours_are_read_in_parts(
    tmp_path: Path, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sparse file: nine minutes of talk are laid where it is listened to, all else would be silence."""
    talk, rate = soundfile.read(shared("diarization/trn05.wav", real=True), dtype="int16")
    frames = 3 * 3600 * rate
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(0, np.int16), rate, subtype="PCM_16")
    with path.open("r+b") as file:  # a hole of three hours, with the sizes in the header
        file.seek(4)
        file.write((36 + 2 * frames).to_bytes(4, "little"))
        file.seek(40)
        file.write((2 * frames).to_bytes(4, "little"))
        file.truncate(44 + 2 * frames)
        for start, stop in stretches(open_sound(path)):
            file.seek(44 + 2 * start)
            file.write(talk[: stop - start].tobytes())
    read: list[int] = []
    blocks = speech.read_blocks

    def counted(where: Path, *, start: int, stop: int) -> object:
        read.append(stop - start)
        return blocks(where, start=start, stop=stop)

    monkeypatch.setattr(speech, "read_blocks", counted)
    told = heard(path, tmp_path / "run")
    assert len(read) == MOST and sum(read) <= MOST * STRETCH * rate
    assert told.kind == "dialogue" and told.seconds <= MOST * STRETCH


def test_what_was_heard_is_kept_and_not_heard_again(tmp_path: Path, shared: Shared) -> None:
    path = cut(shared("scene/music.flac", real=True), 0, 6, tmp_path / "clip.wav")
    told: list[str] = []
    with Run(tmp_path / "run") as run:
        for _ in range(2):
            separating = settle_separation(SeparateWish(content="auto"))
            separate_run(run, open_sound(path), separating, hints={"threads": 1}, tell=told.append)
    manifest = read_manifest(tmp_path / "run")
    (record,) = [record for record in manifest.steps if record.name == "content"]
    assert {"speech", "music", "under", "kind", "reason"} <= record.facts.keys()
    assert manifest.wishes["separate"]["content"] == record.facts["kind"] == "music"
    assert record.facts["reason"] in told
    (separated,) = [record for record in manifest.steps if record.name == "separate"]
    assert record.facts["reason"] in separated.notes


def test_silence_is_no_reason_for_anything(tmp_path: Path) -> None:
    told = content.judge([content.Heard(np.full(250, -120.0), np.zeros(250), False)])
    assert told.kind == "dialogue" and "nothing sounds" in told.reason


def test_without_a_detector_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> tuple[str, ...]:
        raise BackendMissing("Silero VAD is not installed", hint="pip install silero-vad")

    monkeypatch.setattr(content, "detector_identity", missing)
    path = tmp_path / "x.wav"
    soundfile.write(path, np.random.default_rng(0).normal(size=(8000, 2)) * 0.1, 8000)
    told: list[str] = []
    with Run(tmp_path / "run") as run:
        separate_run(run, open_sound(path), settle_separation(SeparateWish()), hints={}, tell=told.append)
    assert "Silero" in told[0] and "pip install" in told[0] and "--content" in told[0]
