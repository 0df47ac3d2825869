"""The built-in separator's way over one sound: five stages, each trailing the one before it.

cut (spectra, and when somebody speaks) > weigh (where there surely is no voice) > learn (what the rest looks
like around here) > aim (where the voice stands, and what RNNoise leaves of it) > mask (the verdict on every
bin, and sound again). The arithmetic is in `dubline.backends.separators.classical`.

Work is done in patches of 16 frames on a grid fixed to the sound, so it does not matter how the sound was cut
into blocks. A stage looks ahead by as many patches as the next one trails it: `LATENCY` samples in all.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.backends.contract import Survey, Tick
from dubline.backends.separators import classical
from dubline.backends.separators.rnnoise import FRAME, Denoiser
from dubline.errors import ValidationError

Real = NDArray[np.float32]

PATCH = 16  # frames: 0.34 s
# How many patches each stage trails the one before it, and so how far it looks ahead.
WEIGH, LEARN, AIM, MASK = 1, 9, 3, 4
SPARE = 5 * FRAME  # samples RNNoise may be behind: its own delay, up to 4 frames, and a frame not yet full
LATENCY = ((WEIGH + LEARN + AIM + MASK + 1) * PATCH * 1024) + SPARE + 3072
UNKNOWN_MONO = 0.8  # chance of speech where nothing tells, so that a floor can be learnt at all
LOUDEST = 1e6  # more than this is no sound: squares would leave the range of float32

# Seconds over which things are remembered, to both sides; a patch is 16 * 1024 / 48000 s.
_SECOND = 48000 / (PATCH * 1024)
REST_MEMORY, LEVEL_MEMORY = 1 - 1 / (6 * _SECOND), 1 - 1 / (24 * _SECOND)
AIM_MEMORY, FLOOR_MEMORY = 1 - 1 / (0.5 * _SECOND), 1 - 1 / (2 * _SECOND)
KEPT_MEMORY = 1 - 1 / (4 * _SECOND)
# Where lines say that somebody speaks and RNNoise lets less than this share of the energy through, it has
# taken the voice for noise (far microphones, loud scenes) and is not listened to; from twice this share on
# it is trusted in full. Medians over time on six mixes where it worked: 0.54 to 0.75. On a far-field
# recording under loud music it fell to 0.001; the threshold was set with that one in view.
DISTRUST = 0.1
REST_PRIOR = 0.02  # share of equal unrelated channels that the learnt rest starts from

# The verdict's weights for (direction, direction over a wider area, RNNoise, RNNoise over a wider area,
# floor where nobody speaks, bias), by (one channel only, RNNoise heard). Fitted to the ideal gain, bins
# weighted by energy, on mixes of recorded speech, music and ambience: five in stereo, four of one channel
# (six and five without RNNoise, whose stereo row lies between two such fits). The first row, fitted again
# without a mix and all that share its speech, lost at most 0.5 dB on that mix (three tried; on the scene of
# the benchmark it then reaches 9.0 and 9.4 dB with line times). Everything else here was chosen with those
# mixes in view, so expect less elsewhere.
WEIGHTS = {
    (False, True): np.array([3.24, 2.96, 1.81, -1.02, 0.48, 2.64]),
    (True, True): np.array([0.0, 0.0, 1.32, 0.0, 0.69, 2.33]),
    (False, False): np.array([5.0, 5.2, 0.0, 0.0, 3.2, 1.65]),
    (True, False): np.array([0.0, 0.0, 0.0, 0.0, 3.79, 1.48]),
}


@dataclass
class Patch:
    """Sixteen frames on their way; what a stage has not yet found out is None.

    Shapes, with f frames and b bins: `mix` (2, f, b) complex; `alive` (f,), 0 behind the end of the sound;
    `chance` (f,) of speech, and `speaking`, the same spread out; `heard` (f, b), the share RNNoise leaves of
    the middle; `cov` (3, f, b); `free` (f, b), how surely no voice is there; `rest` (3, b) summed covariance
    and `level` (b,) summed power; `white` (3, b); `scores` (angles,); `angle` radians (1,); `voice` (f, b)
    complex, what comes from that angle; `along`, `across` (f, b); `floor` (2, b), summed power and weight;
    `cleaned` (f, b), the share RNNoise leaves of the voice; `kept` (2,), energy it left in speech, and had.
    """

    mix: NDArray[np.complex64]
    alive: Real
    chance: Real
    heard: Real
    speaking: Real | None = None
    cov: Real | None = None
    free: Real | None = None
    rest: Real | None = None
    level: Real | None = None
    white: Real | None = None
    scores: NDArray[np.float64] | None = None
    angle: NDArray[np.float64] | None = None
    voice: NDArray[np.complex64] | None = None
    along: Real | None = None
    across: Real | None = None
    floor: Real | None = None
    cleaned: Real | None = None
    kept: NDArray[np.float64] | None = None


class BuiltinStream:
    """One sound on its way through the built-in separator."""

    def __init__(self, survey: Survey, tick: Tick, *, rnnoise: bool) -> None:
        self._tick, self._mono, self._rnnoise = tick, survey.mono, rnnoise
        self._gate = classical.LineGate(survey.lines) if survey.lines is not None else None
        # Two passes: over the mix, for when somebody speaks (where no lines say it); over the voice found.
        self._listener = Denoiser() if rnnoise else None
        self._cleaner = Denoiser() if rnnoise else None
        self._synthesis = {"voice": classical.Overlap(1), "out": classical.Overlap(2)}
        empty = np.zeros(0, np.float32)
        self._sounds = {  # samples not yet used; the first LEAD lie before the beginning
            "mix": np.zeros((2, classical.LEAD), np.float32),
            "heard": np.zeros((1, classical.LEAD), np.float32),
            "cleaned": np.zeros((1, classical.LEAD), np.float32),
            "chance": empty,
        }
        bins = classical.BINS.stop - classical.BINS.start
        self._past = {  # what earlier patches left behind, fading
            "rest": np.zeros((3, bins), np.float32),
            "level": np.zeros(bins, np.float32),
            "scores": np.zeros(classical.ANGLES.size),
            "floor": np.zeros((2, bins), np.float32),
            "kept": np.zeros(2),
        }
        self._patches: list[Patch] = []
        # Counts: samples in, samples out, end of the sound (-1: not yet known), patches dropped at the front,
        # samples of the found voice to skip, chances of speech that have left `chance`.
        self._at = {"in": 0, "out": 0, "end": -1, "dropped": 0, "heard": 0}
        self._done = {"cut": 0, "weigh": 0, "learn": 0, "aim": 0, "mask": 0}

    def push(self, block: Real) -> Real:
        """Give (2, n) at 48 kHz; get (1, 2, m).

        Raises:
            ValidationError: a sample is not a number, or beyond any loudness.
        """
        if block.size and not float(np.abs(block).max()) <= LOUDEST:
            raise ValidationError(
                "the sound holds samples that are not numbers or far beyond full scale",
                hint="Export it again, as 24-bit or as float with 1.0 as full scale.",
            )
        self._at["in"] += block.shape[1]
        return self._advance(block)[None]

    def flush(self) -> Real:
        """The sound has ended; get the rest, (1, 2, m)."""
        self._at["end"] = self._at["in"]
        pieces = [np.zeros((2, 0), np.float32)]
        silence = np.zeros((2, PATCH * 1024), np.float32)
        while self._at["out"] < self._at["end"]:
            pieces.append(self._advance(silence))
        return np.concatenate(pieces, axis=1)[None]

    def _advance(self, block: Real) -> Real:
        """Take samples in, do all work that has become possible, hand out what is finished."""
        sounds, step = self._sounds, PATCH * classical.HOP
        sounds["mix"] = np.concatenate([sounds["mix"], block.astype(np.float32, copy=False)], axis=1)
        made = [np.zeros((2, 0), np.float32)]
        while sounds["mix"].shape[1] >= classical.LEAD + step + SPARE:
            self._tick()
            self._cut()
            cut = self._done["cut"]
            for stage, behind in (("weigh", WEIGH), ("learn", LEARN), ("aim", AIM), ("mask", MASK)):
                cut -= behind
                if self._done[stage] < cut:
                    piece = getattr(self, f"_{stage}")(self._done[stage])
                    self._done[stage] += 1
                    if piece is not None:
                        made.append(piece)
        return np.concatenate(made, axis=1)

    def _patch(self, index: int) -> Patch | None:
        at = index - self._at["dropped"]
        return self._patches[at] if 0 <= at < len(self._patches) else None

    def _around(self, index: int, field: str) -> Any:
        """A field of a patch with one frame more on either side; zeros where the sound has not begun."""
        here = getattr(self._patch(index), field)
        before, after = self._patch(index - 1), self._patch(index + 1)
        left = np.zeros_like(here[..., :1, :]) if before is None else getattr(before, field)[..., -1:, :]
        return np.concatenate([left, here, getattr(after, field)[..., :1, :]], axis=-2)

    def _cut(self) -> None:
        """Stage 1: the next patch of spectra, and when somebody speaks in it."""
        sounds, step = self._sounds, PATCH * classical.HOP
        begin = self._done["cut"] * step
        centres = begin + np.arange(PATCH) * classical.HOP - classical.LEAD + classical.WINDOW // 2
        alive = np.ones(PATCH, np.float32)
        if self._at["end"] >= 0:
            alive = (centres < self._at["end"]).astype(np.float32)
        chance = np.full(PATCH, UNKNOWN_MONO if self._mono else 1.0, np.float32)
        mix = classical.analyse(sounds["mix"][:, : classical.LEAD + step])
        heard = np.ones(mix.shape[1:], np.float32)
        if self._listener is not None:
            ahead = classical.LEAD + (SPARE if begin else 0)
            middle = sounds["mix"][:, ahead : classical.LEAD + step + SPARE].mean(axis=0)
            clean, speech = self._listener.push(middle)
            sounds["heard"] = np.concatenate([sounds["heard"], clean[None]], axis=1)
            heard = _share(
                classical.analyse(sounds["heard"][:, : classical.LEAD + step])[0], mix.mean(axis=0)
            )
            sounds["heard"] = sounds["heard"][:, step:].copy()
            sounds["chance"] = np.concatenate([sounds["chance"], speech])
            frames = self._at["heard"] + np.arange(sounds["chance"].size)
            chance = np.interp(centres / FRAME, frames, sounds["chance"]).astype(np.float32)
            used = max(0, int(centres[-1] // FRAME) - self._at["heard"] - 1)
            sounds["chance"] = sounds["chance"][used:]
            self._at["heard"] += used
        if self._gate is not None:
            chance = self._gate.at(centres)
        sounds["mix"] = sounds["mix"][:, step:].copy()
        self._patches.append(Patch(mix, alive, chance, heard))
        self._done["cut"] += 1

    def _speaking(self, index: int) -> Real:
        """The chance of speech per frame, 0..1; RNNoise's is spread over 0.16 s to both sides."""
        patch = self._patch(index)
        assert patch is not None
        if self._listener is None or self._gate is not None:
            return patch.chance
        near = [self._patch(index + i) for i in (-1, 0, 1)]
        chance = np.concatenate([np.zeros(PATCH) if p is None else p.chance for p in near])
        mean = np.convolve(chance, np.full(5, 0.2), "same")
        wide = np.lib.stride_tricks.sliding_window_view(mean, 15).max(axis=-1)
        return np.asarray(wide[PATCH - 7 : 2 * PATCH - 7], np.float32)

    def _weigh(self, index: int) -> None:
        """Stage 2: where there surely is no voice, and what sounds there."""
        patch = self._patch(index)
        assert patch is not None
        patch.speaking = self._speaking(index)
        patch.cov = classical.box(classical.covariance(self._around(index, "mix")), 3, 3)
        likely = patch.speaking[:, None] * classical.centredness(patch.cov) * patch.heard**0.25
        patch.free = (patch.alive[:, None] * (1 - likely) ** 2).astype("float32")
        plain = classical.covariance(patch.mix)
        patch.rest = (plain * patch.free).sum(axis=1)
        patch.level = (plain[0] + plain[1]).sum(axis=0) / 2

    def _learn(self, index: int) -> None:
        """Stage 3: the room as it is around here, and how well each direction explains the voice."""
        patch = self._patch(index)
        assert patch is not None and patch.cov is not None and patch.speaking is not None
        rest = self._remember(index, "rest", REST_MEMORY, LEARN)
        prior = REST_PRIOR * self._remember(index, "level", LEVEL_MEMORY, LEARN)
        rest[:2] += prior * np.float32((1 - LEVEL_MEMORY) / (1 - REST_MEMORY))
        if self._mono:
            rest = np.stack([np.ones_like(prior), np.ones_like(prior), np.zeros_like(prior)])
        patch.white = classical.whitener(rest)
        likely = (patch.alive * patch.speaking)[:, None] * patch.heard
        if self._listener is None:
            likely = likely * classical.centredness(patch.cov)
        plain = classical.covariance(patch.mix)
        patch.scores = classical.direction_scores(plain, patch.white, likely)

    def _aim(self, index: int) -> None:
        """Stage 4: the voice's direction, what comes from there, and what RNNoise leaves of it."""
        patch = self._patch(index)
        assert patch is not None and patch.white is not None and patch.cov is not None
        scores = self._remember(index, "scores", AIM_MEMORY, AIM) * (1 - AIM_MEMORY) / (1 + AIM_MEMORY)
        angle = np.pi / 4 if self._mono else classical.direction(scores)
        patch.angle = np.array([angle])
        patch.voice = classical.beam(patch.mix, patch.white, angle)
        patch.along, patch.across = classical.powers(patch.cov, patch.white, angle)
        power = patch.voice.real**2 + patch.voice.imag**2
        patch.floor = np.stack([(power * patch.free).sum(axis=0), patch.free.sum(axis=0)])  # type: ignore[operator, union-attr]
        patch.cov = None
        if self._cleaner is None:
            return
        sound = self._synthesis["voice"].add(patch.voice[None])
        if index == 0:
            sound = sound[:, classical.LEAD :]
        clean = self._cleaner.push(sound[0])[0][None]
        self._sounds["cleaned"] = np.concatenate([self._sounds["cleaned"], clean], axis=1)
        self._compare()

    def _compare(self) -> None:
        """Hold RNNoise's sound against what it was given, for every patch it has finished."""
        sounds, step = self._sounds, PATCH * classical.HOP
        while sounds["cleaned"].shape[1] >= classical.LEAD + step:
            patch = next(p for p in self._patches if p.cleaned is None)
            clean = classical.analyse(sounds["cleaned"][:, : classical.LEAD + step])[0]
            assert patch.voice is not None and patch.along is not None and patch.across is not None
            patch.cleaned = _share(clean, patch.voice)
            before = np.maximum(patch.along - patch.across, 0) * patch.chance[:, None]
            patch.kept = np.array([(before * patch.cleaned**2).sum(), before.sum()], np.float64)
            sounds["cleaned"] = sounds["cleaned"][:, step:].copy()

    def _mask(self, index: int) -> Real:
        """Stage 5: the verdict on every bin, and the voice as sound."""
        patch = self._patch(index)
        assert patch is not None and patch.white is not None and patch.angle is not None
        assert patch.voice is not None
        gain = self._gain(index, self._witnesses(index))
        angle = float(patch.angle[0])
        along = np.array([np.cos(angle), np.sin(angle)], np.float32)[:, None, None] * np.float32(2**0.5)
        # Half as it stands in the mix, with its room; half as it comes from its direction.
        spectrum = gain * (patch.mix + along * patch.voice) / 2
        sound = self._synthesis["out"].add(spectrum)
        first = index * PATCH * classical.HOP - classical.LEAD
        if first < 0:
            sound, first = sound[:, -first:], 0
        last = first + sound.shape[1]
        if self._at["end"] >= 0:
            last = min(last, self._at["end"])
            sound = sound[:, : max(0, last - first)]
        if self._gate is not None:
            sound = sound * self._gate.at(np.arange(first, first + sound.shape[1]))
        self._at["out"] += sound.shape[1]
        while self._at["dropped"] < index:  # the patch before this one is needed no more
            self._patches.pop(0)
            self._at["dropped"] += 1
        return np.asarray(sound, np.float32)

    def _witnesses(self, index: int) -> list[Real]:
        patch = self._patch(index)
        assert patch is not None and patch.along is not None and patch.across is not None
        total, weight = self._remember(index, "floor", FLOOR_MEMORY, MASK)
        floor = total / np.maximum(weight, 1e-4)
        wide_along = classical.box(self._around(index, "along"), 3, 5)
        wide_across = classical.box(self._around(index, "across"), 3, 5)
        voice = self._around(index, "voice")
        power = classical.box(voice.real**2 + voice.imag**2, 3, 3)
        said = [
            classical.evidence(1 - patch.across / np.maximum(patch.along, classical.TINY)),
            classical.evidence(1 - wide_across / np.maximum(wide_along, classical.TINY)),
        ]
        if self._cleaner is None:
            said += [np.zeros_like(said[0])] * 2
        else:
            assert patch.cleaned is not None
            said.append(classical.evidence(patch.cleaned))
            said.append(classical.evidence(classical.box(self._around(index, "cleaned"), 3, 5)))
        said.append(classical.evidence(1 - floor / np.maximum(power, classical.TINY)))
        return said

    def _gain(self, index: int, witnesses: list[Real]) -> Real:
        trust = 1.0 if self._rnnoise else 0.0
        if self._rnnoise and self._gate is not None:
            left, had = self._remember(index, "kept", KEPT_MEMORY, 2)
            trust = float(np.clip(left / had / DISTRUST - 1, 0, 1)) if had > 0 else 1.0
        weights = trust * WEIGHTS[self._mono, True] + (1 - trust) * WEIGHTS[self._mono, False]
        return classical.verdict(witnesses, weights[:-1], float(weights[-1]))

    def _remember(self, index: int, field: str, keep: float, ahead: int) -> Any:
        """A field summed over the past and `ahead` patches to come, fading to both sides."""
        total = keep * self._past[field] + getattr(self._patch(index), field)
        self._past[field] = total.astype(self._past[field].dtype)
        for i in range(1, ahead + 1):
            coming = self._patch(index + i)
            if coming is not None and getattr(coming, field) is not None:
                total = total + keep**i * getattr(coming, field)
        return total.astype(self._past[field].dtype)

    def state(self) -> dict[str, Any]:
        """Everything that is under way: spectra of some 18 patches, memories, and RNNoise's own memory."""
        state: dict[str, Any] = {f"at.{k}": v for k, v in self._at.items()}
        state |= {f"done.{k}": v for k, v in self._done.items()}
        state |= {f"sound.{k}": v.copy() for k, v in self._sounds.items()}
        state |= {f"past.{k}": v.copy() for k, v in self._past.items()}
        state |= {f"tail.{k}": v.tail.copy() for k, v in self._synthesis.items()}
        for name, denoiser in (("listener", self._listener), ("cleaner", self._cleaner)):
            if denoiser is not None:
                state |= {f"{name}.{k}": v for k, v in denoiser.state().items()}
        for i, patch in enumerate(self._patches):
            for field in fields(Patch):
                value = getattr(patch, field.name)
                if value is not None:
                    state[f"patch.{i}.{field.name}"] = value.copy()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state; what follows is what would have followed, to the last bit."""
        groups: dict[str, dict[str, Any]] = {}
        for key, value in state.items():
            group, name = key.split(".", 1)
            groups.setdefault(group, {})[name] = value
        self._at = {k: int(groups["at"][k]) for k in self._at}
        self._done = {k: int(groups["done"][k]) for k in self._done}
        self._sounds = {k: np.array(groups["sound"][k]) for k in self._sounds}
        self._past = {k: np.array(groups["past"][k]) for k in self._past}
        for name, overlap in self._synthesis.items():
            overlap.tail = np.array(groups["tail"][name])
        for name, denoiser in (("listener", self._listener), ("cleaner", self._cleaner)):
            if denoiser is not None:
                denoiser.restore(groups[name])
        patches: dict[int, dict[str, Any]] = {}
        for key, value in groups.get("patch", {}).items():
            number, field = key.split(".")
            patches.setdefault(int(number), {})[field] = np.array(value)
        self._patches = [Patch(**patches[i]) for i in sorted(patches)]


def _share(clean: NDArray[np.complex64], given: NDArray[np.complex64]) -> Real:
    """How much of each bin RNNoise left, 0..1."""
    return np.minimum(np.abs(clean) / np.maximum(np.abs(given), 1e-9), 1).astype(np.float32)
