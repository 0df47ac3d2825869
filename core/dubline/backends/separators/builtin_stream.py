"""The built-in separator's way over one sound: six stages, each trailing the one before it.

cut (spectra) > turn (the picture, so that a voice far off its middle stands there; and what an ear hears in
that middle) > weigh (where there surely is no voice) > learn (what the rest looks like around here) > aim
(where the voice stands) > mask (the verdict on every bin, the picture as it was, and sound again). The
arithmetic is in `dubline.backends.separators.classical`.

The ear is RNNoise, or a voice that another separator has found in the middle (`middle_stream`), and that is
given along with the sound; or both.

Work is done in patches of 16 frames on a grid fixed to the sound, so it does not matter how the sound was cut
into blocks. A stage looks ahead by as many patches as the next one trails it: `LATENCY` samples in all.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dubline.backends.contract import Survey, Tick
from dubline.backends.separators import classical, placement, witnesses
from dubline.backends.separators.patch import PATCH, Patch
from dubline.backends.separators.rnnoise import FRAME, Denoiser
from dubline.errors import ValidationError

Real = NDArray[np.float32]

# How many patches each stage trails the one before it, and so how far it looks ahead.
# Weighing trails turning by what RNNoise is behind (a window, its own delay, a frame) and a patch more.
TURN, WEIGH, LEARN, AIM, MASK = 3, 2, 9, 3, 4
LATENCY = ((TURN + WEIGH + LEARN + AIM + MASK + 1) * PATCH * 1024) + 3072
UNKNOWN_MONO = 0.8  # chance of speech where nothing tells, so that a floor can be learnt at all
LOUDEST = 1e6  # more than this is no sound: squares would leave the range of float32

# Seconds over which things are remembered, to both sides; a patch is 16 * 1024 / 48000 s.
_SECOND = 48000 / (PATCH * 1024)
REST_MEMORY, LEVEL_MEMORY = 1 - 1 / (6 * _SECOND), 1 - 1 / (24 * _SECOND)
AIM_MEMORY, FLOOR_MEMORY = 1 - 1 / (0.5 * _SECOND), 1 - 1 / (2 * _SECOND)
KEPT_MEMORY = 1 - 1 / (4 * _SECOND)
TURN_MEMORY = AIM_MEMORY
REST_PRIOR = 0.02  # share of equal unrelated channels that the learnt rest starts from


class BuiltinStream:
    """One sound on its way through the built-in separator.

    `given`: the voice in the middle comes along with it. `least`: the gain goes no lower.
    """

    stages: tuple[tuple[str, int], ...] = (
        ("turn", TURN),
        ("weigh", WEIGH),
        ("learn", LEARN),
        ("aim", AIM),
        ("mask", MASK),
    )
    """Each stage behind `cut`, and how many patches it trails the one before it."""

    def __init__(
        self, survey: Survey, tick: Tick, *, rnnoise: bool, given: bool = False, least: float = 0.0
    ) -> None:
        self._tick, self._mono, self._given, self._least = tick, survey.mono, given, least
        self._ears = (*(("given",) if given else ()), *(("rnnoise",) if rnnoise else ()))
        self._gate = classical.LineGate(survey.lines) if survey.lines is not None else None
        self._listener = Denoiser() if rnnoise else None
        self._synthesis = {"middle": classical.Overlap(1), "out": classical.Overlap(2)}
        empty = np.zeros(0, np.float32)
        self._sounds = {  # samples not yet used; the first LEAD lie before the beginning
            "mix": np.zeros((3 if given else 2, classical.LEAD), np.float32),
            "heard": np.zeros((1, classical.LEAD), np.float32),
            "chance": empty,
        }
        bins = classical.BINS.stop - classical.BINS.start
        self._past = {  # what earlier patches left behind, fading
            "cross": np.zeros((3, bins), np.complex64),
            "rest": np.zeros((3, bins), np.float32),
            "level": np.zeros(bins, np.float32),
            "scores": np.zeros(classical.ANGLES.size),
            "floor": np.zeros((2, bins), np.float32),
            "kept": np.zeros(2),
            "pointed": np.zeros(2),
        }
        self._patches: list[Patch] = []
        # Counts: samples in, samples out, end of the sound (-1: not yet known), patches dropped at the front,
        # patches the ear has finished, chances of speech that have left `chance`.
        self._at = {"in": 0, "out": 0, "end": -1, "dropped": 0, "listened": 0, "chance": 0}
        self._done = {"cut": 0, "turn": 0, "weigh": 0, "learn": 0, "aim": 0, "mask": 0}

    def push(self, block: Real) -> Real:
        """Give (2, n) at 48 kHz, or (3, n) with the given voice below; get (1, 2, m).

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
        pieces = [self._advance(self._sounds["mix"][:, :0])]
        silence = np.zeros((len(self._sounds["mix"]), PATCH * 1024), np.float32)
        while self._at["out"] < self._at["end"]:
            pieces.append(self._advance(silence))
        return np.concatenate(pieces, axis=1)[None]

    def _advance(self, block: Real) -> Real:
        """Take samples in, do all work that has become possible, hand out what is finished."""
        sounds, step = self._sounds, PATCH * classical.HOP
        sounds["mix"] = np.concatenate([sounds["mix"], block.astype(np.float32, copy=False)], axis=1)
        made = [np.zeros((1 if self.stages[-1][0] == "turn" else 2, 0), np.float32)]
        while sounds["mix"].shape[1] >= classical.LEAD + step:
            self._tick()
            self._cut()
            cut = self._done["cut"]
            for stage, behind in self.stages:
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
        """Stage 1: the next patch of spectra."""
        sounds, step = self._sounds, PATCH * classical.HOP
        centres = self._centres(self._done["cut"])
        alive = np.ones(PATCH, np.float32)
        if self._at["end"] >= 0:
            alive = (centres < self._at["end"]).astype(np.float32)
        spectra = classical.analyse(sounds["mix"][:, : classical.LEAD + step])
        mix = spectra[:2]
        patch = Patch(mix, alive, placement.products(mix))
        if self._given:
            patch.given = spectra[2]
        sounds["mix"] = sounds["mix"][:, step:].copy()
        self._patches.append(patch)
        self._done["cut"] += 1

    def _centres(self, index: int) -> NDArray[np.int64]:
        """The samples in the middle of a patch's frames."""
        first = index * PATCH * classical.HOP - classical.LEAD + classical.WINDOW // 2
        return first + np.arange(PATCH) * classical.HOP

    def _turn(self, index: int) -> None:
        """Stage 2: the voice's place, and what the ear hears when that is in the middle."""
        patch = self._patch(index)
        assert patch is not None
        self._place(patch, index)
        assert patch.middle is not None
        patch.chance = np.full(PATCH, UNKNOWN_MONO if self._mono else 1.0, np.float32)
        if self._gate is not None:
            patch.chance = self._gate.at(self._centres(index))
        if patch.given is not None:
            patch.heard = _share(patch.given, patch.middle)
        if self._listener is not None:
            sound = self._synthesis["middle"].add(patch.middle[None])
            self._listen(sound[0, classical.LEAD if index == 0 else 0 :])
        elif patch.heard is None:
            patch.heard = np.ones(patch.mix.shape[1:], np.float32)

    def _place(self, patch: Patch, index: int) -> None:
        """Find where the voice stands, and turn the patch until that is the middle."""
        delay, angle = 0.0, np.pi / 4
        if not self._mono:
            delay, angle = placement.place(self._remember(index, "cross", TURN_MEMORY, TURN))
        patch.place = np.array([delay, angle])
        patch.mix = placement.turned(patch.mix, delay, angle)
        patch.middle = patch.mix.mean(axis=0)

    def _listen(self, sound: Real) -> None:
        """The ear's next samples; what it left of every patch it has finished, and when somebody spoke."""
        assert self._listener is not None
        sounds, step = self._sounds, PATCH * classical.HOP
        clean, speech = self._listener.push(sound)
        sounds["heard"] = np.concatenate([sounds["heard"], clean[None]], axis=1)
        sounds["chance"] = np.concatenate([sounds["chance"], speech])
        while sounds["heard"].shape[1] >= classical.LEAD + step:
            index = self._at["listened"]
            patch = self._patch(index)
            assert patch is not None and patch.middle is not None
            clear = classical.analyse(sounds["heard"][:, : classical.LEAD + step])[0]
            patch.second = _share(clear, patch.middle)
            if not self._given:
                patch.heard = patch.second
            sounds["heard"] = sounds["heard"][:, step:].copy()
            if self._gate is None:
                centres = self._centres(index)
                frames = self._at["chance"] + np.arange(sounds["chance"].size)
                patch.chance = np.interp(centres / FRAME, frames, sounds["chance"]).astype(np.float32)
                used = max(0, int(centres[-1] // FRAME) - self._at["chance"] - 1)
                sounds["chance"] = sounds["chance"][used:]
                self._at["chance"] += used
            self._at["listened"] += 1

    def _speaking(self, index: int) -> Real:
        """The chance of speech per frame, 0..1; RNNoise's is spread over 0.16 s to both sides."""
        patch = self._patch(index)
        assert patch is not None and patch.chance is not None
        if self._listener is None or self._gate is not None:
            return patch.chance
        near = [self._patch(index + i) for i in (-1, 0, 1)]
        chance = np.concatenate([np.zeros(PATCH) if p is None else p.chance for p in near])
        mean = np.convolve(chance, np.full(5, 0.2), "same")
        wide = np.lib.stride_tricks.sliding_window_view(mean, 15).max(axis=-1)
        return np.asarray(wide[PATCH - 7 : 2 * PATCH - 7], np.float32)

    def _weigh(self, index: int) -> None:
        """Stage 3: where there surely is no voice, and what sounds there."""
        patch = self._patch(index)
        assert patch is not None and patch.heard is not None and patch.place is not None
        patch.speaking = self._speaking(index)
        patch.cov = classical.box(classical.covariance(self._around(index, "mix")), 3, 3)
        straight = classical.centredness(patch.cov)
        left = _power(patch.mix) * patch.heard**2 * patch.speaking[:, None]
        patch.pointed = np.array([(left * straight).sum(), left.sum()], np.float64)
        if self._ears:
            stood, all_ = self._remember(index, "pointed", TURN_MEMORY, 0)
            patch.points = witnesses.trust(stood, all_, witnesses.ASTRAY)
        straight = patch.points * straight + np.float32(1 - patch.points)
        likely = patch.speaking[:, None] * straight * patch.heard**0.25
        patch.free = (patch.alive[:, None] * (1 - likely) ** 2).astype("float32")
        plain = classical.covariance(patch.mix)
        # Kept as the picture stands, for patches that are turned otherwise.
        patch.rest = placement.turned_covariance((plain * patch.free).sum(axis=1), patch.place[1], back=True)
        patch.level = (plain[0] + plain[1]).sum(axis=0) / 2

    def _learn(self, index: int) -> None:
        """Stage 4: the room as it is around here, and how well each direction explains the voice."""
        patch = self._patch(index)
        assert patch is not None and patch.cov is not None and patch.speaking is not None
        assert patch.heard is not None and patch.place is not None
        rest = placement.turned_covariance(self._remember(index, "rest", REST_MEMORY, LEARN), patch.place[1])
        prior = REST_PRIOR * self._remember(index, "level", LEVEL_MEMORY, LEARN)
        rest[:2] += prior * np.float32((1 - LEVEL_MEMORY) / (1 - REST_MEMORY))
        if self._mono:
            rest = np.stack([np.ones_like(prior), np.ones_like(prior), np.zeros_like(prior)])
        patch.white = classical.whitener(rest)
        likely = (patch.alive * patch.speaking)[:, None] * patch.heard
        if not self._ears:
            likely = likely * classical.centredness(patch.cov)
        plain = classical.covariance(patch.mix)
        patch.scores = classical.direction_scores(plain, patch.white, likely)

    def _aim(self, index: int) -> None:
        """Stage 5: the voice's direction, and what comes from there."""
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
        assert patch.heard is not None and patch.speaking is not None
        before = np.maximum(patch.along - patch.across, 0) * patch.speaking[:, None]
        patch.kept = np.array([(before * patch.heard**2).sum(), before.sum()], np.float64)

    def _mask(self, index: int) -> Real:
        """Stage 6: the verdict on every bin, and the voice as sound."""
        patch = self._patch(index)
        assert patch is not None and patch.white is not None and patch.angle is not None
        assert patch.voice is not None and patch.place is not None
        gain = self._gain(index, self._witnesses(index))
        angle = float(patch.angle[0])
        along = np.array([np.cos(angle), np.sin(angle)], np.float32)[:, None, None] * np.float32(2**0.5)
        # Half as it stands in the mix, with its room; half as it comes from its direction, if it has one.
        # Where the gain has a floor, the rest is to stay as it is.
        half = np.float32(0 if self._least else patch.points / 2)
        spectrum = gain * ((1 - half) * patch.mix + half * along * patch.voice)
        spectrum = placement.turned(spectrum, patch.place[0], patch.place[1], back=True)
        sound = self._trimmed(self._synthesis["out"].add(spectrum), index)
        if self._gate is not None:
            sound = sound * self._gate.at(self._at["out"] + np.arange(sound.shape[1]))
        self._at["out"] += sound.shape[1]
        while self._at["dropped"] < index:  # the patch before this one is needed no more
            self._patches.pop(0)
            self._at["dropped"] += 1
        return np.asarray(sound, np.float32)

    def _trimmed(self, sound: Real, index: int) -> Real:
        """A patch's sound less what lies before the beginning and behind the end."""
        first = index * PATCH * classical.HOP - classical.LEAD
        sound, first = sound[:, max(0, -first) :], max(0, first)
        return sound if self._at["end"] < 0 else sound[:, : max(0, self._at["end"] - first)]

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
        said.append(classical.evidence(1 - floor / np.maximum(power, classical.TINY)))
        for ear in self._ears:
            field = "heard" if ear == self._ears[0] else "second"
            said.append(classical.evidence(getattr(patch, field)))
            said.append(classical.evidence(classical.box(self._around(index, field), 3, 5)))
        return said

    def _gain(self, index: int, said: list[Real]) -> Real:
        patch = self._patch(index)
        assert patch is not None
        kept = self._remember(index, "kept", KEPT_MEMORY, MASK) if self._gate is not None else None
        gain = witnesses.gain(said, self._ears, self._mono, patch.points, kept)
        return np.asarray(np.maximum(gain, self._least), np.float32)

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
        if self._listener is not None:
            state |= {f"listener.{k}": v for k, v in self._listener.state().items()}
        for i, patch in enumerate(self._patches):
            for field in fields(Patch):
                value = getattr(patch, field.name)
                if value is not None:
                    state[f"patch.{i}.{field.name}"] = np.array(value)
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
        if self._listener is not None:
            self._listener.restore(groups["listener"])
        patches: dict[int, dict[str, Any]] = {}
        for key, value in groups.get("patch", {}).items():
            number, field = key.split(".")
            patches.setdefault(int(number), {})[field] = np.array(value)
        self._patches = [Patch(**patches[i]) for i in sorted(patches)]


def _power(spectra: NDArray[np.complex64]) -> Real:
    """Of all channels: (channels, f, b) -> (f, b)."""
    return np.asarray((spectra.real**2 + spectra.imag**2).sum(axis=0), np.float32)


def _share(clean: NDArray[Any], given: NDArray[Any]) -> Real:
    """How much of each bin the ear left, 0..1."""
    return np.asarray(np.minimum(np.abs(clean) / np.maximum(np.abs(given), 1e-9), 1), np.float32)
