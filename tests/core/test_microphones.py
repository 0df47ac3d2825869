"""Speakers by their microphones, on real speech that is parted by its truth, with bleed and noise."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command import dubline, kept
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.recognition.microphones import (
    Microphone,
    MicrophoneRules,
    diarize_microphones,
    find_microphones,
    own_speech,
)
from dubline.recognition.stage import listen
from dubline.run import Run
from dubline.subtitles.line_times import rttm_rows
from dubline.values.transcript import Turn, read_transcript

BLEED, NOISE = -15, -55  # dB
needs_silero = pytest.mark.skipif(find_spec("silero_vad") is None, reason="silero-vad is not installed")
Truth = list[tuple[float, float, str]]


def parted(shared: Shared, sound: str, rttm: str, target: Path, *, seconds: float) -> tuple[list[str], Truth]:
    """A channel for each speaker: his own turns, the others 15 dB lower and 6 ms later, and noise."""
    source = shared(sound)
    samples, rate = soundfile.read(source, dtype="float32", always_2d=True)
    mono = samples[: int(seconds * rate)].mean(axis=1)
    truth = [
        (start, end, speaker)
        for _, start, end, speaker in rttm_rows(shared(rttm).read_text(encoding="utf-8"))
        if end < seconds + 0.5
    ]
    names = sorted({speaker for *_, speaker in truth})
    times, noise = np.arange(len(mono)) / rate, np.random.default_rng(1)
    ramp = np.ones(int(0.02 * rate)) / int(0.02 * rate)
    channels = []
    for name in names:
        gate = np.zeros(len(mono))
        for start, end, speaker in truth:
            if speaker == name:
                gate[(times >= start - 0.03) & (times < end + 0.03)] = 1
        own = mono * np.convolve(gate, ramp, "same")
        others = np.roll(mono - own, int(0.006 * rate)) * 10 ** (BLEED / 20)
        channels.append(own + others + noise.normal(size=len(mono)) * 10 ** (NOISE / 20))
    soundfile.write(target, np.array(channels).T, rate, subtype="PCM_24")
    return names, truth


def error_rate(truth: Truth, turns: tuple[Turn, ...], seconds: float) -> float:
    """NIST's diarization error rate with a collar of 0.25 s, overlaps counted; labels are the truth's."""
    times = np.arange(0.005, seconds, 0.01)
    scored = np.ones(len(times), bool)
    for start, end, _ in truth:
        scored &= (abs(times - start) > 0.25) & (abs(times - end) > 0.25)

    def rows(spans: Truth) -> np.ndarray:
        on = np.zeros((len(names), len(times)), bool)
        for start, end, name in spans:
            on[names.index(name)] |= (times >= start) & (times < end)
        return on[:, scored]

    names = sorted({name for *_, name in truth})
    wanted, found = rows(truth), rows([(t.start, t.end, t.speaker) for t in turns])
    right = (wanted & found).sum(axis=0)
    return float((np.maximum(wanted.sum(axis=0), found.sum(axis=0)) - right).sum() / wanted.sum())


@needs_silero
@pytest.mark.parametrize(
    ("sound", "rttm", "seconds"),
    [
        ("scene/dialogue.flac", "scene/truth.rttm", 28.0),
        ("diarization/sample.wav", "diarization/sample.rttm", 30.0),
    ],
)
def test_who_speaks_in_spite_of_bleed(
    shared: Shared, tmp_path: Path, sound: str, rttm: str, seconds: float
) -> None:
    names, truth = parted(shared, sound, rttm, tmp_path / "talk.wav", seconds=seconds)
    found = find_microphones(tmp_path / "talk.wav")
    with Run(tmp_path / "run") as run:
        heard = tuple(run.step(listen, one.sound, one.channel) for one in found)
        voices = run.step(diarize_microphones, heard, tuple(names), {}, MicrophoneRules())
        open_ = run.step(diarize_microphones, heard, tuple(names), {}, MicrophoneRules(quieter=60))
    assert error_rate(truth, voices.turns, seconds) < 0.03
    assert error_rate(truth, open_.turns, seconds) > 0.3, "without the comparison of levels bleed is speech"
    alone = sorted(voices.exclusive, key=lambda t: t.start)
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(alone))


def test_two_who_talk_at_once_are_both_kept() -> None:
    chances = np.zeros((3, 200), np.float32)
    power = np.full((3, 200), 1e-7, np.float32)
    chances[0, 20:120], power[0, 20:120] = 0.9, 1e-3
    chances[1, 80:160], power[1, 80:160] = 0.9, 0.5e-3  # 3 dB lower
    chances[2, 20:160], power[2, 20:160] = 0.9, 1e-5  # an open microphone that only hears the two
    on, _ = own_speech(chances, power, MicrophoneRules())
    assert on[0, 25:115].all() and on[1, 85:155].all() and on[:2, 85:115].all()
    assert not on[2].any()


def test_a_knock_on_a_microphone_silences_nobody() -> None:
    chances = np.zeros((2, 200), np.float32)
    power = np.full((2, 200), 1e-7, np.float32)
    chances[0, 20:180], power[0, 20:180] = 0.9, 1e-3
    power[1, 90:110] = 0.5  # loud, but no speech
    on, _ = own_speech(chances, power, MicrophoneRules())
    assert on[0, 25:175].all() and not on[1].any()


# --- which they are --------------------------------------------------------------------------------


def film(path: Path, tracks: list[tuple[np.ndarray, dict[str, str]]], rate: int = 16000) -> Path:
    """A file with an audio track for each (n,) sound, and its title or language."""
    import av

    with av.open(str(path), "w") as container:
        streams = []
        for _, told in tracks:
            stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
            stream.metadata.update(told)
            streams.append(stream)
        for stream, (sound, _) in zip(streams, tracks, strict=True):
            data = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16).reshape(1, -1)
            for at in range(0, data.shape[1], 1024):
                frame = av.AudioFrame.from_ndarray(data[:, at : at + 1024].copy(), "s16", "mono")
                frame.sample_rate, frame.pts = rate, at
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def names(found: tuple[Microphone, ...]) -> list[str]:
    return [one.name for one in found]


def test_tracks_have_the_names_that_tell_them_apart(tmp_path: Path) -> None:
    hum = 0.1 * np.sin(np.arange(8000) / 10)
    titled = [(hum, {"title": "Ayşe"}), (hum, {"title": "Can"}), (hum, {"title": "Boom"})]
    assert names(find_microphones(film(tmp_path / "a.mkv", titled))) == ["Ayşe", "Can", "Boom"]
    assert names(find_microphones(tmp_path / "a.mkv", chosen="1-2")) == ["Ayşe", "Can"]
    spoken = [(hum, {"language": "tur"}), (hum, {"language": "eng"})]
    assert names(find_microphones(film(tmp_path / "b.mkv", spoken))) == ["tur", "eng"]
    same = [(hum, {"language": "tur"}), (hum, {"language": "tur"})]
    assert names(find_microphones(film(tmp_path / "c.mkv", same))) == ["Track 1", "Track 2"]
    for chosen, said in (("9", "numbered 1 to 3"), ("x", "like this"), ("2", "--speakers-from-tracks")):
        with pytest.raises(InvalidJob) as error:
            find_microphones(tmp_path / "a.mkv", chosen=chosen)
        assert said in error.value.hint


def test_a_mix_for_the_cinema_is_no_microphone(shared: Shared) -> None:
    path = shared("video/multi_audio_4tracks_51_default.mkv")
    with pytest.raises(InvalidJob, match="track 4 has 6 channels"):
        find_microphones(path)
    assert names(find_microphones(path, chosen="1-3")) == ["Full mix", "Dialogue", "M&E"]
    assert len(find_microphones(shared("audio/lhotse_real_8ch.wav"))) == 8


@needs_silero
@pytest.mark.skipif(find_spec("pocketsphinx") is None, reason="pocketsphinx is not installed")
def test_right_words_at_the_right_speaker(shared: Shared, tmp_path: Path) -> None:
    """Two readers in two tracks of a film: LJ at 6.0 s, S3005 from 12.14 s on."""
    shared("scene/dialogue.flac", real=True)
    _, truth = parted(shared, "scene/dialogue.flac", "scene/truth.rttm", tmp_path / "four.wav", seconds=16.5)
    sound, rate = soundfile.read(tmp_path / "four.wav", always_2d=True)
    who = sorted({speaker for *_, speaker in truth})
    picked = [
        (sound[::3, who.index(name)], {"title": title}) for name, title in (("LJ", "Linda"), ("S3005", "Tom"))
    ]
    film(tmp_path / "talk.mkv", picked, rate // 3)
    words = ("--speakers-from-tracks", "--recognizer", "pocketsphinx", "--threads", "1")
    answer = dubline("transcribe", tmp_path / "talk.mkv", *words)
    assert answer.status == 0, answer.err
    found = read_transcript(tmp_path / "talk.dubline/transcript.json")
    said = {s.name: " ".join(x.text for x in found.segments if x.speaker == s.id) for s in found.speakers}
    assert set(said) == {"Linda", "Tom"}
    assert "worth" in said["Linda"] and "passing" in said["Linda"]
    assert "worth" not in said["Tom"] and "passing" not in said["Tom"]
    assert all(s.end < 12 for s in found.segments if found.name_of(s.speaker) == "Linda")
    assert all(s.start > 11.9 for s in found.segments if found.name_of(s.speaker) == "Tom")
    again = dubline("transcribe", tmp_path / "talk.mkv", *words, "--subtitles")
    assert "recognize" in kept(again), "other rules for cutting need no recognizer"
