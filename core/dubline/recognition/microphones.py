"""Speakers by their microphones: everybody has a track of a video or a channel of a sound to himself.

    find_microphones        which they are, and what they are called
    diarize_microphones     who speaks when: voice activity on each, without what is heard through another
    recognize_microphones   the words of each, inside its own turns only

A microphone also hears the others, more quietly. It counts as speaking where the voice detector hears speech
on it and it is not clearly quieter than another on which it hears speech at that moment: so people who talk
at once keep a turn each. Levels are compared as recorded, in the band of speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from dubline.backends.choosing import opened
from dubline.errors import InvalidJob
from dubline.media.probing import as_sound, choose_track, probe
from dubline.media.speech import RATE, Speech
from dubline.recognition.stage import Diarized, Recognized, SpeechFile, WordsJob, named_in, passages
from dubline.recognition.stage import recognized as recognized_by
from dubline.recognition.stretches import true_runs
from dubline.report import part
from dubline.run import Work, step
from dubline.values.base import Choice, Value
from dubline.values.media import Media, Sound
from dubline.values.segment_ids import ids_of
from dubline.values.transcript import Engine, Turn

FRAME = 512
"""Samples at 16 kHz in a frame: what the voice detector judges at once."""
BLOCK = 1024 * FRAME
SMOOTH = 5
"""Frames (0.16 s) over which levels are averaged: sound reaches another microphone later, and rings there."""
BAND = (300.0, 4000.0)  # hertz; below lies handling noise, above little of a voice
BEGINS, GOES_ON = 0.5, 0.35
"""Chances of speech from which, and down to which, somebody speaks: those of Silero's own front end."""
ROOM = 0.2
"""Seconds around a turn in which its microphone stays open for the recognizer."""
MOST_CHANNELS = 2
"""A track with more than this is a mix for a cinema, no microphone."""


class Microphone(Value, frozen=True):
    """A channel (None: the mean of all) of a sound, or of a `track` of `media`. `name` is for people."""

    label: str
    name: str
    sound: Sound | None = None
    media: Media | None = None
    track: int = 0
    channel: int | None = None


class MicrophoneRules(Value, frozen=True):
    """`quieter`: decibels under the loudest at which a microphone hears somebody else's speech. `pause`
    seconds and shorter do not end a turn; turns under `shortest` are left out."""

    quieter: float = 6.0
    pause: float = 0.5
    shortest: float = 0.25


def find_microphones(media: Path, track: str = "", chosen: str = "") -> tuple[Microphone, ...]:
    """The microphones of a file: its audio tracks, or the channels of its only (or the named) track.

    `chosen` says which of them, counted from 1: "1,3-5"; "" takes all.

    Raises:
        InvalidJob: fewer than two, a track with more than two channels among several, no such number.
        ValidationError, FFmpegError: the file cannot be read.
    """
    sound = None if track else as_sound(media)
    if sound is not None:
        found = [Microphone(label="", name="", sound=sound, channel=n) for n in range(sound.channels)]
    else:
        video = probe(media)
        if track or len(video.audio) == 1:
            one = choose_track(video, track or None)
            found = [
                Microphone(label="", name="", media=video, track=one.index, channel=n)
                for n in range(one.channels)
            ]
        else:
            names = _names([(t.title, t.language) for t in video.audio])
            found = [
                Microphone(label="", name=name, media=video, track=t.index)
                for name, t in zip(names, video.audio, strict=True)
            ]
    what = "Track" if found and found[0].channel is None else "Channel"
    numbers = _numbers(chosen, len(found))
    if len(numbers) < 2:
        number = f"{len(numbers)} {what.lower()}{'s' * (len(numbers) != 1)}"
        raise InvalidJob(
            f"{media.name}: speakers cannot be told by {number}",
            hint="Leave out --speakers-from-tracks, and the voices are told apart by their sound.",
        )
    for n in numbers:
        mic = found[n]
        if mic.channel is None and mic.media and mic.media.audio[mic.track].channels > MOST_CHANNELS:
            raise InvalidJob(
                f"track {n + 1} has {mic.media.audio[mic.track].channels} channels: that is not a microphone",
                hint="Say which tracks are, such as --microphones 1-2, or take one track's channels "
                f"with --track {mic.track}.",
            )
    return tuple(
        structs.replace(found[n], label=f"{what.lower()} {n + 1}", name=found[n].name or f"{what} {n + 1}")
        for n in numbers
    )


def _names(tags: list[tuple[str, str]]) -> list[str]:
    """Titles, where all differ; else languages, where all differ; else nothing."""
    for kind in zip(*tags, strict=True):
        names = [" ".join(name.split()) for name in kind]
        if all(names) and len(set(names)) == len(names):
            return names
    titles = [" ".join(title.split()) for title, _ in tags]
    return [title if titles.count(title) == 1 else "" for title in titles]


def _numbers(chosen: str, count: int) -> list[int]:
    """ "1,3-5" -> [0, 2, 3, 4]; all for ""."""
    if not chosen.strip():
        return list(range(count))
    numbers = sorted(ids_of(chosen, "microphone"))
    if numbers[0] < 1 or numbers[-1] > count:
        raise InvalidJob(f"microphones {chosen!r}, of {count}", hint=f"They are numbered 1 to {count}.")
    return [number - 1 for number in numbers]


# --- who speaks when -------------------------------------------------------------------------------


@step("microphones", version=1)
def diarize_microphones(
    work: Work,
    heard: tuple[SpeechFile, ...],
    labels: tuple[str, ...],
    names: dict[str, str],
    rules: MicrophoneRules,
) -> Diarized:
    """Voice activity of each microphone, without what it hears of the others.

    Kept in memory are a level and a chance for each 32 ms of each: 22 MB for eight of three hours.

    Raises:
        BackendMissing: the voice detector is not installed.
        Cancelled: the report asked to stop.
    """
    from dubline.backends.diarizers.silero import Silero
    from dubline.weights.wheels import SILERO, identity, require_file

    path = require_file(SILERO)
    detector = Silero(path)
    frames = max(file.frames for file in heard)
    count = -(-frames // FRAME)
    chances = np.zeros((len(heard), count), np.float32)
    levels = np.zeros((len(heard), count), np.float32)
    for number, file in enumerate(heard):
        report = part(work.report, number / len(heard), 1 / len(heard), frames / RATE)
        detector.reset()
        with Speech(work.open(file.path)) as speech:
            for at in range(0, speech.frames, BLOCK):
                block = speech.read(at, min(at + BLOCK, speech.frames))
                first, size = at // FRAME, -(-len(block) // FRAME)
                if block.any():
                    chances[number, first : first + size] = detector.chances(block)
                    levels[number, first : first + size] = band_power(block)
                report(min(at + BLOCK, speech.frames), speech.frames)
    on, loudness = own_speech(chances, levels, rules)
    turns = _turns(on, labels, frames / RATE)
    alone = on & (np.where(on, loudness, -np.inf).argmax(axis=0) == np.arange(len(heard))[:, None])
    if not turns:
        work.note("nobody speaks in this sound")
    for number, label in enumerate(labels):
        if not on[number].any():
            work.note(f"{names.get(label, label)}: nobody speaks on it")
    return Diarized(
        turns=turns,
        exclusive=_turns(alone, labels, frames / RATE),
        engine=Engine(
            choice=Choice(backend="microphones", options={"quieter": rules.quieter}),
            models=(identity(SILERO, path),),
        ),
        notes=tuple(work.notes),
        names=names,
    )


def band_power(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) samples at 16 kHz -> (ceil(n / 512),) mean power in the band of speech; the end filled up."""
    count = -(-len(sound) // FRAME)
    frames = np.zeros((count, FRAME), np.float32)
    frames.reshape(-1)[: len(sound)] = sound
    window = np.hanning(FRAME).astype(np.float32)
    low, high = (round(edge * FRAME / RATE) for edge in BAND)
    spectrum = np.fft.rfft(frames * window, axis=1)[:, low:high]
    # Parseval: twice the one-sided sum over the length and the window's power is the mean square.
    power = 2 * (np.abs(spectrum) ** 2).sum(axis=1) / (FRAME * float((window**2).sum()))
    return np.asarray(power, np.float32)


def own_speech(
    chances: NDArray[np.float32], power: NDArray[np.float32], rules: MicrophoneRules
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """(microphones, frames) chances of speech and powers -> who speaks on his own one, and levels in dB."""
    speech = np.stack([spoken(row) for row in chances])
    kernel = np.ones(SMOOTH) / SMOOTH
    smooth = np.stack([np.convolve(row, kernel, mode="same") for row in power])
    level = (10 * np.log10(np.maximum(smooth, 1e-10))).astype(np.float32)
    loudest = np.where(speech, level, -np.inf).max(axis=0)
    bleed = level < loudest - rules.quieter
    on = speech & ~bleed
    pause, shortest = (round(seconds * RATE / FRAME) for seconds in (rules.pause, rules.shortest))
    for row, foreign in zip(on, bleed, strict=True):
        # In the stops of somebody else's words all microphones are alike for a moment: such bursts go first,
        # or they would be joined to a turn.
        for first, stop in true_runs(row):
            if stop - first < shortest:
                row[first:stop] = False
        for first, stop in true_runs(~row):
            inside = first > 0 and stop < len(row)
            if inside and stop - first <= pause and 2 * foreign[first:stop].sum() <= stop - first:
                row[first:stop] = True
    return on, level


def spoken(chances: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(frames,) chances of speech -> in which somebody speaks."""
    on = np.zeros(len(chances), bool)
    speaking = False
    for frame, chance in enumerate(chances.tolist()):
        speaking = on[frame] = chance >= (GOES_ON if speaking else BEGINS)
    return on


def _turns(on: NDArray[np.bool_], labels: Sequence[str], duration: float) -> tuple[Turn, ...]:
    seconds = FRAME / RATE
    turns = [
        Turn(start=first * seconds, end=min(stop * seconds, duration), speaker=label)
        for label, row in zip(labels, on, strict=True)
        for first, stop in true_runs(row)
    ]
    return tuple(sorted(turns, key=lambda t: (t.start, t.end, t.speaker)))


# --- words -----------------------------------------------------------------------------------------


class OwnSpeech(Speech):
    """A microphone's sound inside its own turns (in order); outside, but for `ROOM`, it is silent."""

    def __init__(self, path: Path, turns: Sequence[Turn]) -> None:
        super().__init__(path)
        at: list[float] = [-1.0]
        open_: list[float] = [0.0]
        for turn in turns:
            if turn.start - ROOM <= at[-1]:  # no time to close
                at[-2:], open_[-2:] = [turn.end + ROOM / 2, turn.end + ROOM], [1.0, 0.0]
                continue
            at += [turn.start - ROOM, turn.start - ROOM / 2, turn.end + ROOM / 2, turn.end + ROOM]
            open_ += [0.0, 1.0, 1.0, 0.0]
        self._at, self._open = np.array(at), np.array(open_)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples start..stop as (n,) float32."""
        times = np.arange(start, max(start, stop)) / RATE
        gain = np.interp(times, self._at, self._open, right=0.0).astype(np.float32)
        return np.asarray(super().read(start, stop) * gain, np.float32)


@step("recognize", version=4)
def recognize_microphones(
    work: Work,
    heard: tuple[SpeechFile, ...],
    labels: tuple[str, ...],
    speakers: Diarized,
    job: WordsJob,
) -> Recognized:
    """The words of each microphone inside its own turns, by one recognizer that is opened once.

    Raises:
        BackendMissing, WeightsError, InvalidJob: the recognizer cannot be used as asked.
        Cancelled: the report asked to stop.
    """
    all_passages = []
    spoken = [[turn for turn in speakers.turns if turn.speaker == label] for label in labels]
    sizes = [sum(turn.end - turn.start for turn in turns) for turns in spoken]
    completed_seconds, total = 0.0, sum(sizes) or 1.0
    with opened("recognizer", job.recognizer, work.hints, work.note) as recognizer:
        for file, label, turns, size in zip(heard, labels, spoken, sizes, strict=True):
            report = part(work.report, completed_seconds / total, size / total, total)
            with OwnSpeech(work.open(file.path), turns) as speech:
                all_passages += passages(
                    recognizer, speech, turns, report, speaker=label, named=named_in(job)
                )
            completed_seconds += size
        return recognized_by(all_passages, recognizer, job, work)
