"""What every separator promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dubline.backends.contract import Survey
from dubline.errors import Cancelled
from dubline.testing.promises import GENERAL, Promises, Subject, cancellation, check, hold
from dubline.values.media import Line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

BLOCK = 1 << 16
SAME = 1e-5  # what the order of sums may change in float32


def check_separator(cls: Any, *, options: Mapping[str, Any] | None = None) -> None:
    """Try every promise of a separator that is loaded with these options.

    Raises:
        AssertionError: one is broken.
    """
    check(SEPARATOR_PROMISES, cls, options)


def _survey(sound: Array, rate: int, **more: Any) -> Survey:
    from dubline.signal.overlap import Statistics

    statistics = Statistics()
    statistics.push(sound)
    return Survey(frames=sound.shape[1], rate=rate, mean=statistics.mean, std=statistics.std, **more)


def _sound(separator: Any, seconds: float) -> Array:
    """(2, n): something with a voice-like centre and a wide rest."""
    import numpy as np

    frames = int(separator.rate * seconds)
    time = np.arange(frames) / separator.rate
    voice = 0.2 * np.sin(2 * np.pi * 180 * time) * (np.sin(2 * np.pi * 1.3 * time) > 0)
    mixed: Array = (voice + np.random.default_rng(0).normal(size=(2, frames)) * 0.05).astype(np.float32)
    return mixed


def _through(separator: Any, sound: Array, block: int = BLOCK, **more: Any) -> Array:
    import numpy as np

    stream = separator.stream(_survey(sound, separator.rate, **more), lambda: None)
    parts = [stream.push(sound[:, i : i + block]) for i in range(0, sound.shape[1], block)]
    whole: Array = np.concatenate([*parts, stream.flush()], axis=-1)
    return whole


def _numbers(result: Array, what: str) -> None:
    import numpy as np

    hold(bool(np.isfinite(result).all()), f"{what} comes out as values that are no numbers")


def _alike(one: Array, other: Array, what: str, most: float = SAME) -> None:
    import numpy as np

    hold(one.shape == other.shape, f"{what}: {one.shape}, not {other.shape}")
    apart = float(np.abs(one - other).max(initial=0))
    hold(apart <= most, f"{what}: samples differ by up to {apart:.2g}")


def _ends(subject: Subject) -> None:
    rate, sources = subject.opened.rate, subject.opened.sources
    hold(8000 <= rate <= 192000, f"it works at {rate} Hz")
    hold(len(set(sources)) == len(sources) >= 1, f"its sources are {sources}")


def _count(subject: Subject) -> None:
    import numpy as np

    separator = subject.opened
    whole = _sound(separator, 3.0)
    for frames in (1, 2, 479, 10007, 100003):
        sound = whole[:, :frames]
        result = _through(separator, sound, 40001)
        wanted = (len(separator.sources), *sound.shape)
        hold(result.shape == wanted, f"of {sound.shape} came {result.shape}, not {wanted}")
        hold(result.dtype == np.float32, f"it returns {result.dtype}, not float32")
        _numbers(result, f"a sound of {frames} samples")


def _blocks(subject: Subject) -> None:
    sound = _sound(subject.opened, 4.5)
    whole = _through(subject.opened, sound, sound.shape[1])
    for block in (997, BLOCK):
        _alike(_through(subject.opened, sound, block), whole, f"in blocks of {block} samples")


def _reproducible(subject: Subject) -> None:
    sound = _sound(subject.opened, 2.5)
    _alike(_through(subject.opened, sound), _through(subject.opened, sound), "the second time", 0)


def _silence(subject: Subject) -> None:
    import numpy as np

    loudest = float(np.abs(_through(subject.opened, np.zeros((2, 50000), np.float32))).max())
    hold(loudest <= 1e-6, f"of silence comes sound of up to {loudest:.2g}")


def _offset(subject: Subject) -> None:
    # Added back to each stem, as it commonly is, a constant would be there several times.
    import numpy as np

    sound = _sound(subject.opened, 4.0)
    change = _through(subject.opened, sound + np.float32(0.2)) - _through(subject.opened, sound)
    worst = float(np.abs(change.mean(axis=(1, 2))).max())
    hold(worst <= 0.1, f"of a constant of 0.2, {worst:.2g} is in a source")


def _extremes(subject: Subject) -> None:
    import numpy as np

    sound = _sound(subject.opened, 2.0)
    _numbers(_through(subject.opened, np.where(sound > 0, 1.0, -1.0).astype(np.float32)), "a square wave")
    _numbers(_through(subject.opened, np.stack([sound[0], 0 * sound[0]])), "a sound on the left alone")
    _numbers(_through(subject.opened, np.stack([sound[0], -sound[0]])), "a sound of opposite channels")


def _state(subject: Subject) -> None:
    """A state survives a file and another stream; what comes out is what would have come out."""
    import numpy as np

    sound = _sound(subject.opened, 7.0)
    survey = _survey(sound, subject.opened.rate)
    blocks = [sound[:, i : i + 30011] for i in range(0, sound.shape[1], 30011)]
    first = subject.opened.stream(survey, lambda: None)
    whole = np.concatenate([*[first.push(block) for block in blocks], first.flush()], axis=-1)
    for cut in (1, len(blocks) // 2, len(blocks)):
        before = subject.opened.stream(survey, lambda: None)
        parts = [before.push(block) for block in blocks[:cut]]
        state = {key: np.array(value) for key, value in before.state().items()}
        odd = [key for key, value in state.items() if value.dtype == object]
        hold(not odd, f"{odd} of its state is neither an array, a number nor text")
        after = subject.opened.stream(survey, lambda: None)
        after.restore({key: value if value.ndim else value.item() for key, value in state.items()})
        parts += [after.push(block) for block in blocks[cut:]]
        again = np.concatenate([*parts, after.flush()], axis=-1)
        _alike(again, whole, f"gone on after {cut} of {len(blocks)} blocks")


def _lines(subject: Subject) -> None:
    sound = _sound(subject.opened, 3.0)
    sound[1] = sound[0]
    lines = (Line(start=0.5, end=1.0), Line(start=1.8, end=2.2))
    result = _through(subject.opened, sound, lines=lines, mono=True)
    wanted = (len(subject.opened.sources), *sound.shape)
    hold(result.shape == wanted, f"came {result.shape}, not {wanted}")
    _numbers(result, "it")


def _stop(subject: Subject) -> None:
    """Every piece of work asks first."""
    sound = _sound(subject.opened, 12.0)
    asked = 0

    def tick() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Cancelled("stopped")

    stream = subject.opened.stream(_survey(sound, subject.opened.rate), tick)
    with cancellation():
        for start in range(0, sound.shape[1], BLOCK):
            stream.push(sound[:, start : start + BLOCK])
        stream.flush()
    hold(asked == 2, f"it asked {asked - 2} times more after it was told to stop")


def _given(subject: Subject) -> None:
    import numpy as np

    sound = _sound(subject.opened, 2.0)
    before = sound.copy()
    _through(subject.opened, sound)
    hold(np.array_equal(sound, before), "the array it was given has other values afterwards")


SEPARATOR_PROMISES: Promises = {
    **GENERAL,
    "its rate and its sources make sense": _ends,
    "it returns as many samples as it was given": _count,
    "the result does not depend on the blocks": _blocks,
    "the same sound gives the same result": _reproducible,
    "silence stays silent": _silence,
    "a constant is no voice": _offset,
    "extreme sounds stay numbers": _extremes,
    "it goes on from a saved state": _state,
    "known lines and doubled mono are understood": _lines,
    "it stops when it is told to": _stop,
    "the sound it is given stays as it is": _given,
}
