"""From sound to stretches of single voices, and back from voices to turns.

Two ways to hear, with one result (`Heard`):

    several_at_once   PyanNet: up to three voices in each 5 s window, overlaps told apart
    one_at_a_time     Silero VAD and sliding windows of 1.6 s: one voice at any time

Both put a GE2E vector to each stretch. With PyanNet, a voice of one window and a voice of the next that speak
at the same time are one: these make tracks through the windows, and a track is cut at its pauses. So a vector
comes from all of an utterance that nobody talks over, however the windows fall.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from dubline.backends.diarizers import ge2e, pyannet, silero
from dubline.backends.diarizers.tracks import runs, stretches_of, tracks_of
from dubline.values.transcript import Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dubline.media.speech import Speech

    Floats = NDArray[np.float32]
    Cut = tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]

RATE = 16000
SILENCE = 10 ** (-80 / 20)  # a window that never passes -80 dBFS holds nothing to hear
CHUNK_FRAMES = 40
CHUNK_STEP = CHUNK_FRAMES * pyannet.STRIDE  # 0.675 s: whole frames, so that windows add up frame by frame
BATCH = 8  # windows that are heard together
EDGE = 0.25  # share of a window on each side in which it counts less: what is beyond is not heard
VOICE = 0.6  # of a voice, summed chances, make a voice: half a voice is as often a noise
LEAST_MEL = 20  # 0.2 s of mel frames make a vector
PART_STEP = 20  # mel frames between the 1.6 s that the encoder hears
GROUP = 16  # stretches that are described together
SLIDE_STEP = 12  # Silero frames between sliding windows: 0.384 s
SLIDE_LENGTH = 50  # and their length: 1.6 s
HEARING = 0.8  # share of the work that the windows are, the vectors being the rest

Tick = Callable[[float], None]
Given = TypeVar("Given")
Made = TypeVar("Made")


class Stretch(NamedTuple):
    """Frames `first` .. `stop` of the grid, in which one voice speaks; `track` is where it was heard.

    `seconds` of speech in it; `clear`: how many of them nobody talks over, from which the vector was made.
    """

    track: int
    first: int
    stop: int
    seconds: float
    clear: float
    vector: Floats


class Heard(NamedTuple):
    """What was heard, on a grid of frames.

    `activity`: of each voice in each window its track, the grid's frame that its first is, and how active it
    is (0..1 each, with the window's weight). `step` seconds between frames; `middle` of frame 0, in seconds
    from the start. `voices` (frames,) is how many voices are active: the mean over the windows.
    """

    stretches: list[Stretch]
    activity: list[tuple[int, int, Floats]]
    step: float
    middle: float
    voices: NDArray[np.float64]


def window_weight(frames: int) -> Floats:
    """(frames,) how much each frame of a window counts: 1, falling at both ends."""
    distance = (np.minimum(np.arange(frames), np.arange(frames)[::-1]) + 1) / (EDGE * frames)
    weight: Floats = np.clip(distance, 0.05, 1).astype(np.float32)
    return weight


def several_at_once(
    speech: Speech,
    start: int,
    stop: int,
    network: pyannet.PyanNet,
    encoder: ge2e.Ge2e,
    tick: Tick,
    threads: int = 1,
) -> Heard:
    """Samples start..stop with the segmentation network. `tick` is given samples done.

    `threads` batches of windows are heard at the same time, each by one thread: a network that shares its
    sums among threads adds them up in another order, and near a limit that decides differently.
    """
    length = stop - start
    count = max(1, -(-max(0, length - pyannet.WINDOW) // CHUNK_STEP) + 1)
    answers = np.zeros((count, pyannet.FRAMES, pyannet.SPEAKERS), np.float32)

    def batch(at: int) -> Floats:
        """The sound of the windows from number `at`."""
        first, size = start + at * CHUNK_STEP, (min(BATCH, count - at) - 1) * CHUNK_STEP + pyannet.WINDOW
        sound = speech.read(first, min(first + size, stop))
        return np.pad(sound, (0, size - len(sound)))

    places = range(0, count, BATCH)
    made = in_order(lambda sound: _activities(sound, network), map(batch, places), threads)
    for at, some in zip(places, made, strict=True):
        answers[at : at + len(some)] = some
        tick(HEARING * min(length, (at + BATCH) * CHUNK_STEP))
    weight = window_weight(pyannet.FRAMES)
    frames = (count - 1) * CHUNK_FRAMES + pyannet.FRAMES
    sums, heard = np.zeros(frames), np.zeros(frames)
    for window, answer in enumerate(answers):
        own = slice(window * CHUNK_FRAMES, window * CHUNK_FRAMES + pyannet.FRAMES)
        sums[own] += weight * answer.sum(axis=1)  # chances add up to the number of voices to be expected
        heard[own] += weight
    tracks = tracks_of(answers, CHUNK_FRAMES, weight, heard)
    crowd = np.zeros(frames, np.int64)
    for track in tracks:
        crowd[track.first : track.first + len(track.on)] += track.on
    places_of = stretches_of(tracks)
    groups = [places_of[at : at + GROUP] for at in range(0, len(places_of), GROUP)]

    def cut(number: int, first: int, last: int) -> Cut:
        """The sound of a stretch, and the frames in which its voice speaks, and speaks alone."""
        edges = [round(pyannet.frame_middle(0) * RATE) + at * pyannet.STRIDE for at in (first, last)]
        on = tracks[number].on[first - tracks[number].first : last - tracks[number].first]
        sound = speech.read(start + edges[0], min(start + edges[1], stop))
        return sound, on, on & (crowd[first:last] == 1)

    stretches: list[Stretch] = []
    cuts = ([cut(*place) for place in group] for group in groups)
    described = in_order(lambda some: _described(some, encoder), cuts, threads)
    for done, (group, vectors) in enumerate(zip(groups, described, strict=True), 1):
        for (number, first, last), (vector, spoken, clear) in zip(group, vectors, strict=True):
            if vector is not None:
                stretches.append(Stretch(number, first, last, spoken, clear, vector))
        tick(length * (HEARING + (1 - HEARING) * done / len(groups)))
    activity = [
        (number, window * CHUNK_FRAMES, answers[window, :, slot] * weight)
        for number, track in enumerate(tracks)
        for window, slot in track.heard
    ]
    return Heard(stretches, activity, pyannet.STRIDE / RATE, pyannet.frame_middle(0), sums / heard)


def _activities(sound: Floats, network: pyannet.PyanNet) -> Floats:
    """(windows, frames, slots) of windows that begin CHUNK_STEP samples apart; 0 in silent ones."""
    many = (len(sound) - pyannet.WINDOW) // CHUNK_STEP + 1
    loud = [np.abs(sound[k * CHUNK_STEP :][: pyannet.WINDOW]).max() > SILENCE for k in range(many)]
    if not any(loud):
        return np.zeros((many, pyannet.FRAMES, pyannet.SPEAKERS), np.float32)
    answers = network.activities(sound, CHUNK_STEP, many)
    answers[~np.array(loud)] = 0
    return answers


def _described(cuts: list[Cut], encoder: ge2e.Ge2e) -> list[tuple[Floats | None, float, float]]:
    """Of each stretch its vector, seconds of speech, and seconds of it that the vector was made from.

    The last are those in which its voice is alone. Where it hardly ever is, all of it is taken, and counts as
    0 s.
    """
    mels, seconds = [], []
    for sound, on, alone in cuts:
        mel, power = ge2e.mel_power(sound), ge2e.frame_power(sound)
        frame = (np.arange(len(mel)) * ge2e.HOP + pyannet.STRIDE // 2) // pyannet.STRIDE
        frame = frame.clip(0, len(on) - 1)
        clear = int(alone[frame].sum())
        taken = (alone if clear >= LEAST_MEL else on)[frame]
        mels.append(mel[taken] * ge2e.gain(float(power[taken].mean())) if taken.any() else mel[:0])
        seconds.append(
            (float(on.sum()) * pyannet.STRIDE / RATE, clear * ge2e.HOP / RATE * (clear >= LEAST_MEL))
        )
    vectors = _vectors(mels, encoder)
    return [(vector, *both) for vector, both in zip(vectors, seconds, strict=True)]


def in_order(work: Callable[[Given], Made], items: Iterable[Given], threads: int) -> Iterator[Made]:
    """What `work` gives for each item, in their order, by so many threads; few items are held at a time."""
    if threads < 2:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _vectors(voices: list[Floats], encoder: ge2e.Ge2e) -> list[Floats | None]:
    """One unit vector for the mel frames of each voice; None where there are too few."""
    cut = [ge2e.partials(mel, PART_STEP) if len(mel) >= LEAST_MEL else [] for mel in voices]
    flat = [piece for pieces in cut for piece in pieces]
    if not flat:
        return [None] * len(voices)
    made = iter(encoder.embed(np.stack(flat)))
    out: list[Floats | None] = []
    for pieces in cut:
        total = sum((next(made) for _ in pieces), np.zeros(ge2e.SIZE, np.float32))
        norm = float(np.linalg.norm(total))
        out.append(total / np.float32(norm) if norm > 0 else None)
    return out


def one_at_a_time(
    speech: Speech, start: int, stop: int, detector: silero.Silero, encoder: ge2e.Ge2e, tick: Tick
) -> Heard:
    """Samples start..stop with the voice activity detector. `tick` is given samples done."""
    detector.reset()
    block = 4 * SLIDE_LENGTH * silero.FRAME
    chances = []
    for at in range(start, stop, block):
        sound = speech.read(at, min(at + block, stop))
        quiet = len(sound) == 0 or float(np.abs(sound).max()) <= SILENCE
        chances.append(
            np.zeros(-(-len(sound) // silero.FRAME), np.float32) if quiet else detector.chances(sound)
        )
        tick((at + len(sound) - start) / 2)
    speaking = _steady(np.concatenate(chances) if chances else np.zeros(0, np.float32))
    stretches: list[Stretch] = []
    activity: list[tuple[int, int, Floats]] = []
    step = silero.FRAME / RATE
    for a, b in runs(speaking):
        last = max(a, b - SLIDE_LENGTH)
        places = sorted({*range(a, last + 1, SLIDE_STEP), last})
        voices = []
        for place in places:
            first = start + place * silero.FRAME
            sound = speech.read(first, start + min(b, place + SLIDE_LENGTH) * silero.FRAME)
            voices.append(ge2e.mel_power(sound) * ge2e.gain(float((sound**2).mean())))
        share = (b - a) / sum(min(b, p + SLIDE_LENGTH) - p for p in places)
        for place, vector in zip(places, _vectors(voices, encoder), strict=True):
            size = min(b, place + SLIDE_LENGTH) - place
            # The middle of a window says more about its voice than the ends do.
            weight = np.hanning(size + 2)[1:-1].astype(np.float32) + np.float32(0.01)
            if vector is not None:
                track = len(stretches)
                stretches.append(
                    Stretch(track, place, place + size, size * step * share, size * step, vector)
                )
                activity.append((track, place, weight))
        tick((stop - start + b * silero.FRAME) / 2)
    return Heard(stretches, activity, step, step / 2, speaking.astype(np.float64))


def _steady(chances: Floats) -> NDArray[np.bool_]:
    """Speech begins at a chance of 0.5 and ends below 0.35; 0.1 s of pause and 0.15 s of speech at least.

    These are the settings of Silero's own front end.
    """
    on = np.zeros(len(chances), bool)
    speaking = False
    for i, chance in enumerate(chances):
        speaking = bool(chance >= (0.35 if speaking else 0.5))
        on[i] = speaking
    for a, b in runs(~on):
        if b - a <= 3 and a > 0 and b < len(on):
            on[a:b] = True
    for a, b in runs(on):
        if b - a < 5:
            on[a:b] = False
    return on


def turns_of(
    heard: Heard, labels: list[int], *, pause: float, shortest: float, length: float
) -> tuple[list[Turn], list[Turn]]:
    """Turns and exclusive turns of stretches with their voices, in seconds from the start, within 0..length.

    At each frame as many voices speak as `heard.voices` says (`VOICE`); those with the most activity do
    (the aggregation of Bredin, "pyannote.audio 2.1 speaker diarization pipeline", 2023). A pause of one voice
    under `pause` seconds is filled, turns under `shortest` are dropped. Labels become "0", "1" ...
    """
    count = max(labels, default=-1) + 1
    frames = len(heard.voices)
    score = np.zeros((count, frames), np.float32)
    for label, first, row in _voiced(heard, labels):
        score[label, first : first + len(row)] += row
    wanted = np.floor(heard.voices + 1 - VOICE)
    rank = np.argsort(np.argsort(-score, axis=0, kind="stable"), axis=0)
    on = (rank < wanted) & (score > 0)
    top = np.where(on.any(axis=0), np.where(on, score, -1).argmax(axis=0), -1) if count else np.zeros(0, int)
    turns: list[Turn] = []
    for label in range(count):
        for a, b in runs(on[label]):
            turns.append(_turn(heard, a, b, label, length))
    exclusive = [_turn(heard, a, b, label, length) for label in range(count) for a, b in runs(top == label)]
    full = [t for t in filled(turns, pause) if t.end - t.start >= shortest]
    # A pause is filled in the exclusive turns only where nobody else speaks.
    alone = [t for t in filled(exclusive, pause, others=exclusive) if t.end - t.start >= shortest]
    return full, alone


def _voiced(heard: Heard, labels: list[int]) -> Iterator[tuple[int, int, Floats]]:
    """Voice, first frame, activity: each window's, cut where its track goes over to another voice.

    What lies between two stretches of a track goes to the nearer one.
    """
    of_track: dict[int, list[tuple[int, int, int]]] = {}
    for stretch, label in zip(heard.stretches, labels, strict=True):
        of_track.setdefault(stretch.track, []).append((stretch.first, stretch.stop, label))
    for track, first, row in heard.activity:
        own = of_track.get(track, [])
        edges = [0, *((a[1] + b[0]) // 2 - first for a, b in pairwise(own)), len(row)]
        for (begin, end), (_, _, label) in zip(pairwise(np.clip(edges, 0, len(row))), own, strict=False):
            if begin < end:
                yield label, first + int(begin), row[begin:end]


def _turn(heard: Heard, first: int, stop: int, label: int, length: float) -> Turn:
    start = heard.middle + (first - 0.5) * heard.step
    end = heard.middle + (stop - 0.5) * heard.step
    return Turn(start=min(max(0.0, start), length), end=min(max(0.0, end), length), speaker=str(label))


def filled(turns: list[Turn], pause: float, others: list[Turn] | None = None) -> list[Turn]:
    """Turns by start; those of one speaker are joined over pauses in which none of `others` speaks."""
    foreign = sorted(others or (), key=lambda t: t.start)
    out: list[Turn] = []
    last: dict[str, int] = {}
    for turn in sorted(turns, key=lambda t: (t.start, t.end)):
        index = last.get(turn.speaker)
        if index is not None and turn.start - out[index].end < pause:
            a, b = out[index].end, turn.start
            if not any(t.speaker != turn.speaker and t.start < b and t.end > a for t in foreign):
                out[index] = Turn(
                    start=out[index].start, end=max(out[index].end, turn.end), speaker=turn.speaker
                )
                continue
        last[turn.speaker] = len(out)
        out.append(turn)
    return out
