"""DeepFilterNet in the built-in separator's place of an ear.

The network hears one channel: the middle of the stereo picture, turned until the voice stands there
(`placement`). What it left of each bin is then weighed with the built-in separator's own witnesses, RNNoise
among them where it is installed, and the gain that comes of it is that of both channels. Half the network's
time is saved, and the stems come apart better than by the network on each channel (docs/separation.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from dubline.backends.contract import SeparationStream, Survey, Tick
from dubline.backends.separators import rnnoise
from dubline.backends.separators.builtin_stream import TURN, BuiltinStream
from dubline.backends.separators.deepfilternet import DeepFilterStream

if TYPE_CHECKING:
    from dubline.backends.separators.deepfilternet import DeepFilterNet, Sound


class MiddleStream(BuiltinStream):
    """What stands in the middle once the picture is turned, (1, 1, m): what an ear is to hear whose voice is
    then given to `BuiltinStream`."""

    stages: tuple[tuple[str, int], ...] = (("turn", TURN),)

    def __init__(self, survey: Survey, tick: Tick) -> None:
        super().__init__(survey, tick, rnnoise=False)

    def _turn(self, index: int) -> Sound:  # type: ignore[override]
        patch = self._patch(index)
        assert patch is not None
        self._place(patch, index)
        assert patch.middle is not None
        sound = self._trimmed(self._synthesis["middle"].add(patch.middle[None]), index)
        self._at["out"] += sound.shape[1]
        self._patches.pop(0)
        self._at["dropped"] += 1
        return sound


class JudgedStream:
    """The middle of the picture through the network, and then the built-in separator's verdict, which hears
    what the network left of it."""

    def __init__(self, separator: DeepFilterNet, survey: Survey, tick: Tick, least: float = 0.0) -> None:
        second = rnnoise.library_path() is not None
        self._middle = MiddleStream(survey, tick)
        self._voice = DeepFilterStream(separator, msgspec.structs.replace(survey, mean=0.0), tick)
        self._verdict = BuiltinStream(survey, tick, rnnoise=second, given=True, least=least)
        self._held: Sound = np.zeros((2, 0), np.float32)  # what waits for its voice

    def push(self, block: Sound) -> Sound:
        """Give (2, n) at 48 kHz; get (1, 2, m).

        Raises:
            ValidationError: a sample is not a number, or beyond any loudness.
        """
        middle = self._middle.push(block)
        self._held = np.concatenate([self._held, block], axis=1)
        return self._judged(self._voice.push(_twice(middle[0])))

    def flush(self) -> Sound:
        """The sound has ended; get the rest, (1, 2, m)."""
        voices = [self._voice.push(_twice(self._middle.flush()[0])), self._voice.flush()]
        return np.concatenate([*map(self._judged, voices), self._verdict.flush()], axis=-1)

    def _judged(self, voice: Sound) -> Sound:
        count = voice.shape[-1]
        known, self._held = self._held[:, :count], self._held[:, count:].copy()
        return self._verdict.push(np.concatenate([known, voice[0, :1]]))

    def state(self) -> dict[str, Any]:
        """That of the three on the way, and the sound between them: some 40 s."""
        parts: dict[str, SeparationStream] = {
            "middle": self._middle,
            "voice": self._voice,
            "verdict": self._verdict,
        }
        state = {
            f"{name}/{key}": value for name, part in parts.items() for key, value in part.state().items()
        }
        return {**state, "held": self._held}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state; what follows is what would have followed, to the last bit."""
        self._held = np.array(state["held"], np.float32)
        for name, part in (("middle", self._middle), ("voice", self._voice), ("verdict", self._verdict)):
            own = f"{name}/"
            part.restore(
                {key.removeprefix(own): value for key, value in state.items() if key.startswith(own)}
            )


def _twice(sound: Sound) -> Sound:
    """One channel (1, n) as two: the network hears it once."""
    return sound.repeat(2, axis=0)
