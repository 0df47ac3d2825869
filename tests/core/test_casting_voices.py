"""Who speaks with which voice: the cast file first, then the pitch; the same person the same voice."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline.backends.contract import VoiceInfo
from dubline.media.sound import SoundWriter, open_sound
from dubline.run import Run
from dubline.values.cast import read_cast
from dubline.values.dubbed import CastVoice
from dubline.values.media import Sound
from dubline.values.transcript import Segment, Speaker, Transcript
from dubline.voice.casting import Role, cast_speakers, roles_of, speaker_pitches, spoken_alone

VOICES = tuple(
    VoiceInfo(name=name, language="en", gender="male" if name[0] == "m" else "female", pitch=pitch)
    for name, pitch in [("m1", 92.0), ("m2", 101.0), ("f1", 175.0), ("f2", 188.0), ("f3", 203.0)]
)
NAMELESS = tuple(VoiceInfo(name=f"v{number}") for number in range(6))
OFFERED = {"espeak-ng": VOICES, "command": NAMELESS}


def people(*names: str) -> tuple[Speaker, ...]:
    return tuple(Speaker(id=f"SPEAKER_{number:02d}", name=name) for number, name in enumerate(names))


def test_the_nearest_in_pitch_is_taken_and_brought_nearer() -> None:
    high, low = cast_speakers(
        people("Ayşe", "Mehmet"), OFFERED, "espeak-ng", pitches={"SPEAKER_00": 210.0, "SPEAKER_01": 80.0}
    )
    assert (high.voice, high.basis) == ("espeak-ng:f3", "pitch") and high.pitch == 1.05
    assert low.voice == "espeak-ng:m1" and low.pitch == 0.85


def test_two_women_get_two_voices_and_a_crowd_is_spread() -> None:
    pitches = {f"SPEAKER_{number:02d}": 190.0 for number in range(6)}
    cast = cast_speakers(people(*"ABCDEF"), OFFERED, "espeak-ng", pitches=pitches)
    used = [voice.voice for voice in cast]
    assert len(set(used[:3])) == 3
    assert {"espeak-ng:f1", "espeak-ng:f2", "espeak-ng:f3"} <= set(used)


def test_the_cast_file_decides_first() -> None:
    roles = {
        "Ayşe": Role(voice="espeak-ng:f2", pitch=0.9),
        "Mehmet": Role(voice="command:anna"),
        "SPEAKER_02": Role(gender="female"),
        "Can": Role(voice="m2"),
    }
    cast = cast_speakers(
        people("Ayşe", "Mehmet", "Zeynep", "Can"),
        OFFERED,
        "espeak-ng",
        pitches={"SPEAKER_00": 90.0, "SPEAKER_02": 100.0},
        roles=roles,
    )
    assert (cast[0].voice, cast[0].pitch, cast[0].basis) == ("espeak-ng:f2", 0.9, "cast file")
    assert cast[1].voice == "command:anna"
    assert cast[2].voice.startswith("espeak-ng:f")
    assert cast[3].voice == "espeak-ng:m2"


def test_a_cast_file_names_voices_by_person_and_by_id(tmp_path: Path) -> None:
    (tmp_path / "cast.toml").write_text(
        '[cast."Mehmet"]\nspeaker = "SPEAKER_01"\nvoice = "espeak-ng:m1"\npitch = 0.9\n'
        '[cast."Ayşe"]\nclips = ["a.wav"]\ngender = "female"\n',
        encoding="utf-8",
    )
    roles = roles_of(read_cast(tmp_path / "cast.toml"))
    assert roles["Mehmet"] == roles["SPEAKER_01"] == Role(voice="espeak-ng:m1", pitch=0.9)
    assert roles["Ayşe"] == Role(gender="female")
    cast = cast_speakers(people("", ""), OFFERED, "espeak-ng", roles=roles)
    assert cast[1].voice == "espeak-ng:m1" and cast[0].basis == "default"


def test_the_same_person_has_the_voice_of_the_earlier_run() -> None:
    before = CastVoice(speaker="SPEAKER_07", voice="espeak-ng:m2", pitch=0.95, basis="pitch")
    (cast,) = cast_speakers(
        people("Ayşe"), OFFERED, "espeak-ng", pitches={"SPEAKER_00": 300.0}, earlier={"Ayşe": before}
    )
    assert (cast.speaker, cast.voice, cast.pitch, cast.basis) == (
        "SPEAKER_00", "espeak-ng:m2", 0.95, "earlier",
    )  # fmt: skip


@given(st.permutations(["Ayşe", "Mehmet", "Zeynep", "Can"]), st.booleans())
def test_the_order_of_the_speakers_changes_no_voice(names: list[str], measured: bool) -> None:
    hertz = {"Ayşe": 205.0, "Mehmet": 95.0, "Zeynep": 178.0, "Can": 120.0}

    def cast(order: list[str]) -> dict[str, tuple[str, float]]:
        speakers = people(*order)
        pitches = {who.id: hertz[who.name] for who in speakers} if measured else {}
        made = cast_speakers(speakers, OFFERED, "espeak-ng", pitches=pitches)
        return {who.name: (voice.voice, voice.pitch) for who, voice in zip(speakers, made, strict=True)}

    assert cast(names) == cast(sorted(names))


def test_without_any_pitch_the_name_decides_and_all_differ() -> None:
    names = ["Ayşe", "Mehmet", "Zeynep", "Can", "Deniz", "Ece"]
    cast = cast_speakers(people(*names), OFFERED, "command")
    assert len({voice.voice for voice in cast}) == 6
    assert {voice.basis for voice in cast} == {"default"}
    alone = [cast_speakers(people(name), OFFERED, "command")[0].voice for name in names]
    assert len(set(alone)) > 1  # not simply the first


def test_pitches_are_measured_on_the_sound(tmp_path: Path) -> None:
    pytest.importorskip("parselmouth", reason="pitch needs Parselmouth")
    rate, hertz = 16000, {"A": 110.0, "B": 220.0}
    segments, sound = [], np.zeros((2, 20 * rate), np.float32)
    for number in range(8):
        who, start = "AB"[number % 2], 2.5 * number
        time = np.arange(2 * rate) / rate
        buzz = sum(np.sin(2 * np.pi * hertz[who] * k * time) / k for k in range(1, 6))
        sound[:, round(start * rate) : round(start * rate) + 2 * rate] = 0.1 * buzz
        segments.append(Segment(id=number, start=start, end=start + 2, speaker=who, text="x"))
    segments.append(Segment(id=99, start=0, end=500.0, speaker="C", text="x", overlap=True))
    segments.append(Segment(id=100, start=700.0, end=701.0, speaker="D", text="x"))
    sound += random_noise(sound.shape)
    with SoundWriter(tmp_path / "vocals.wav", rate, 2, sound.shape[1]) as file:
        file.write(sound)
    transcript = Transcript(
        language="tr",
        duration=800.0,
        segments=tuple(segments),
        speakers=tuple(Speaker(id=who) for who in "ABCD"),
    )
    with Run(tmp_path / "run") as run:
        vocals: Sound = open_sound(tmp_path / "vocals.wav")
        found = run.step(speaker_pitches, vocals, transcript).hertz
    assert found.keys() == {"A", "B"}
    for who, pitch in found.items():
        assert pitch == pytest.approx(hertz[who], rel=0.02)


def test_pitch_is_measured_where_nobody_talks_over_a_line(tmp_path: Path) -> None:
    """Every line of two people, one an octave above the other, is talked over somewhere."""
    pytest.importorskip("parselmouth", reason="pitch needs Parselmouth")
    rate, hertz = 16000, {"A": 110.0, "B": 220.0}
    lines = [("A", 0.0, 4.0), ("B", 3.0, 7.5), ("A", 4.5, 5.5), ("A", 7.0, 9.0)]
    sound = np.zeros((2, 10 * rate), np.float32)
    for who, start, end in lines:
        time = np.arange(round((end - start) * rate)) / rate
        buzz = sum(np.sin(2 * np.pi * hertz[who] * k * time) / k for k in range(1, 6))
        # Who talks over another is much louder: measured there, both would be as high as one.
        sound[:, round(start * rate) : round(end * rate)] += (0.02 if end - start > 3 else 0.4) * buzz
    sound += random_noise(sound.shape)
    with SoundWriter(tmp_path / "vocals.wav", rate, 2, sound.shape[1]) as file:
        file.write(sound)
    segments = [
        Segment(id=k, start=start, end=end, speaker=who, text="x", overlap=True)
        for k, (who, start, end) in enumerate(lines)
    ]
    parts = [spoken_alone(segment, segments) for segment in segments]
    assert parts == [[(0.0, 3.0)], [(4.0, 4.5), (5.5, 7.0)], [], [(7.5, 9.0)]]
    transcript = Transcript(
        language="tr",
        duration=10.0,
        segments=tuple(segments),
        speakers=tuple(Speaker(id=who) for who in "AB"),
    )
    with Run(tmp_path / "run") as run:
        found = run.step(speaker_pitches, open_sound(tmp_path / "vocals.wav"), transcript).hertz
    assert found == {who: pytest.approx(pitch, rel=0.02) for who, pitch in hertz.items()}


def random_noise(shape: tuple[int, ...]) -> np.ndarray:
    draw = np.random.default_rng(random.Random(1).randrange(10**6))
    return (0.0005 * draw.standard_normal(shape)).astype(np.float32)
