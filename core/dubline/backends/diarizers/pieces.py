"""From sound to pieces of single voices, and back from clustered pieces to turns.

Two ways to hear, with one result (`Pieces`):

    several_at_once   PyanNet: up to three voices in each 5 s window, overlaps told apart
    one_at_a_time     Silero VAD and sliding windows of 1.6 s: one voice at any time

Both put a GE2E vector to each piece.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from dubline.backends.diarizers import ge2e, pyannet, silero
from dubline.values.transcript import Turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dubline.media.speech import Speech

    Floats = NDArray[np.float32]

RATE = 16000
SILENCE = 10 ** (-80 / 20)  # a window that never passes -80 dBFS holds nothing to hear
CHUNK_STEP = 40 * pyannet.STRIDE  # 0.675 s: whole frames, so that windows add up frame by frame
BATCH = 8
ON = 0.35  # chance from which a piece of a voice is taken
EDGE = 0.25  # share of a window on each side in which it counts less: what is beyond is not heard
VOICE = 0.6  # of a voice, summed chances, make a voice: half a voice is as often a noise
LEAST_FRAMES = 12  # 0.2 s of activity make a piece
LEAST_MEL = 20  # 0.2 s of mel frames make a vector
PART_STEP = 112  # mel frames between the 1.6 s that the encoder hears: four times in a full window
SLIDE_STEP = 12  # Silero frames between sliding windows: 0.384 s
SLIDE_LENGTH = 50  # and their length: 1.6 s

Tick = Callable[[float], None]
Given = TypeVar("Given")
Made = TypeVar("Made")


class Piece(NamedTuple):
    """One voice in one window: frames `first` .. `first + len(activity)` of the grid, activity 0..1 each."""

    window: int
    first: int
    activity: Floats
    seconds: float
    clear: float  # seconds of sound that the vector was made from
    vector: Floats | None


class Pieces(NamedTuple):
    """All pieces of a stretch, on a grid of frames.

    `step` seconds between frames; `middle` of frame 0, in seconds from the stretch's start. `voices`
    (frames,) is how many voices are active: the mean over the windows that heard the frame.
    """

    found: list[Piece]
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
) -> Pieces:
    """Samples start..stop with the segmentation network. `tick` is given samples done.

    `threads` batches of windows are heard at the same time, each by one thread: a network that shares its
    sums among threads adds them up in another order, and near a limit that decides differently.
    """
    length = stop - start
    count = max(1, -(-max(0, length - pyannet.WINDOW) // CHUNK_STEP) + 1)
    per_window = pyannet.FRAMES
    hop = CHUNK_STEP // pyannet.STRIDE
    frames = (count - 1) * hop + per_window
    active, heard = np.zeros(frames), np.zeros(frames)
    weight = window_weight(per_window)
    found: list[Piece] = []

    def batch(at: int) -> Floats:
        """The sound of the windows from number `at`."""
        first, size = start + at * CHUNK_STEP, (min(BATCH, count - at) - 1) * CHUNK_STEP + pyannet.WINDOW
        sound = speech.read(first, min(first + size, stop))
        return np.pad(sound, (0, size - len(sound)))

    places = range(0, count, BATCH)
    batches = in_order(lambda sound: _batch(sound, network, encoder), map(batch, places), threads)
    for at, answers in zip(places, batches, strict=True):
        for window, (activity, voices) in enumerate(answers, at):
            first = window * hop
            # Chances add up to the number of voices to be expected.
            active[first : first + per_window] += weight * activity.sum(axis=1)
            heard[first : first + per_window] += weight
            for own, clear, vector in voices:
                # Each second is heard by about seven windows: speech is counted once.
                seconds = float((own > ON).sum()) * pyannet.STRIDE / RATE * CHUNK_STEP / pyannet.WINDOW
                found.append(Piece(window, first, own * weight, seconds, clear, vector))
        tick(min(length, (at + BATCH) * CHUNK_STEP))
    return Pieces(found, pyannet.STRIDE / RATE, pyannet.frame_middle(0), active / heard)


Voice = tuple["Floats", float, "Floats | None"]
"""Activity (frames,), seconds of sound that the vector was made from, the vector (256,)."""


def _batch(sound: Floats, network: pyannet.PyanNet, encoder: ge2e.Ge2e) -> list[tuple[Floats, list[Voice]]]:
    """Windows that begin CHUNK_STEP samples apart: each with its activity (frames, slots), and its voices."""
    many = (len(sound) - pyannet.WINDOW) // CHUNK_STEP + 1
    silent = np.zeros((pyannet.FRAMES, pyannet.SPEAKERS), np.float32)
    loud = [np.abs(sound[k * CHUNK_STEP :][: pyannet.WINDOW]).max() > SILENCE for k in range(many)]
    if not any(loud):
        return [(silent, [])] * many
    answers = network.activities(sound, CHUNK_STEP, many)  # (windows, frames, voices)
    mel, power = ge2e.mel_power(sound), ge2e.frame_power(sound)
    voices = [
        _voices(answer, mel, power, k * CHUNK_STEP) if loud[k] else [] for k, answer in enumerate(answers)
    ]
    made = iter(_vectors([mels for some in voices for _, mels in some], encoder))
    return [
        (
            answer if loud[k] else silent,
            [(own, len(mels) * ge2e.HOP / RATE, next(made)) for own, mels in voices[k]],
        )
        for k, answer in enumerate(answers)
    ]


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


def _voices(activity: Floats, mel: Floats, power: Floats, offset: int) -> list[tuple[Floats, Floats]]:
    """The voices of the window that begins at sample `offset` of the sound that `mel` is of.

    Each with its activity and its mel frames: where it speaks alone, if that is long enough.
    """
    on = activity > ON
    slots = [s for s in range(on.shape[1]) if on[:, s].sum() >= LEAST_FRAMES]
    if not slots:
        return []
    first = -(-offset // ge2e.HOP)
    times = np.arange(first, min(len(mel), (offset + pyannet.WINDOW) // ge2e.HOP + 1))
    frame = np.rint((times * ge2e.HOP - offset - pyannet.frame_middle(0) * RATE) / pyannet.STRIDE).astype(int)
    frame = frame.clip(0, len(on) - 1)
    alone = on & (on.sum(axis=1, keepdims=True) == 1)
    voices = []
    for s in slots:
        own = alone[:, s] if alone[:, s].sum() >= LEAST_FRAMES else on[:, s]
        taken = times[own[frame]]
        voices.append((activity[:, s], mel[taken] * ge2e.gain(float(power[taken].mean()))))
    return voices


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
) -> Pieces:
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
    found: list[Piece] = []
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
            found.append(Piece(len(found), place, weight, size * step * share, size * step, vector))
        tick((stop - start + b * silero.FRAME) / 2)
    voices_on = speaking.astype(np.float64)
    return Pieces(found, step, step / 2, voices_on)


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


def runs(on: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where a row of truths is true: (start, stop) pairs."""
    edges = np.diff(np.concatenate([[0], on.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]


def turns_of(
    pieces: Pieces, labels: list[int], *, pause: float, shortest: float, length: float
) -> tuple[list[Turn], list[Turn]]:
    """Turns and exclusive turns of clustered pieces, in seconds from the stretch's start, within 0..length.

    At each frame as many voices speak as `pieces.voices` says (`VOICE`); those with the most activity do
    (the aggregation of Bredin, "pyannote.audio 2.1 speaker diarization pipeline", 2023). A pause of one voice
    under `pause` seconds is filled, turns under `shortest` are dropped. Labels become "0", "1" ...
    """
    count = max(labels, default=-1) + 1
    frames = len(pieces.voices)
    score = np.zeros((count, frames), np.float32)
    by_window: dict[tuple[int, int], list[Piece]] = {}
    for piece, label in zip(pieces.found, labels, strict=True):
        by_window.setdefault((piece.window, label), []).append(piece)
    for (_, label), same in by_window.items():
        rows = np.max([p.activity for p in same], axis=0)
        score[label, same[0].first : same[0].first + len(rows)] += rows
    wanted = np.floor(pieces.voices + 1 - VOICE)
    rank = np.argsort(np.argsort(-score, axis=0, kind="stable"), axis=0)
    on = (rank < wanted) & (score > 0)
    top = np.where(on.any(axis=0), np.where(on, score, -1).argmax(axis=0), -1) if count else np.zeros(0, int)
    turns: list[Turn] = []
    for label in range(count):
        for a, b in runs(on[label]):
            turns.append(_turn(pieces, a, b, label, length))
    exclusive = [_turn(pieces, a, b, label, length) for label in range(count) for a, b in runs(top == label)]
    full = [t for t in filled(turns, pause) if t.end - t.start >= shortest]
    # A pause is filled in the exclusive turns only where nobody else speaks.
    alone = [t for t in filled(exclusive, pause, others=exclusive) if t.end - t.start >= shortest]
    return full, alone


def _turn(pieces: Pieces, first: int, stop: int, label: int, length: float) -> Turn:
    start = pieces.middle + (first - 0.5) * pieces.step
    end = pieces.middle + (stop - 0.5) * pieces.step
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
