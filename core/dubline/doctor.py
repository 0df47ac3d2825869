"""Trying what is installed: a back end that imports may still not work."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from dubline.values.base import Choice

Tried = tuple[str, bool]
"""What happened, and whether that is good."""

WORDS = {"zh": "你好。"}
"""What a voice is asked to say that cannot say hello."""


def try_all() -> Iterator[tuple[str, str, str, bool]]:
    """Try every declared separator, diarizer, recognizer and voice: (kind, name, what happened, good).

    Good is also one that cannot run for a reason the user can see and mend: a library that is not installed,
    a model that is not there. The words then tell how to mend it.
    """
    for kind, tried in (
        ("separator", try_separators()),
        ("diarizer", try_listeners("diarizer")),
        ("recognizer", try_listeners("recognizer")),
        ("voice", try_voices()),
    ):
        for name, words, good in tried:
            yield kind, name, words, good


def try_voices() -> Iterator[tuple[str, str, bool]]:
    """Let every declared voice say a word: (name, what happened, good), as in `try_all`.

    One that works with the user's own settings only is left alone.
    """
    from dubline.voice.fitting import usable

    def speak(name: str) -> Tried:
        with _opened("voice", name, _settled("voice", name).options) as voice:
            listed = voice.voices()
            word = WORDS.get(listed[0].language.partition("-")[0], "Hello.")
            spoken = usable(voice.speak(word, listed[0].name, speed=1.0, pitch=1.0, tick=_go_on))
            notes = "; ".join(voice.notes)
        seconds = spoken.sound.shape[1] / spoken.rate
        more = f" and {len(listed) - 1} more" if len(listed) > 1 else ""
        said = f"works with {listed[0].name}{more}: {seconds:.2f} s of speech at {spoken.rate} Hz"
        return f"{said}; {notes}".rstrip("; "), True

    yield from _each("voice", speak)


def _go_on() -> None:
    """A tick that nobody stops."""


def try_listeners(kind: Literal["diarizer", "recognizer"]) -> Iterator[tuple[str, str, bool]]:
    """Let every declared diarizer or recognizer listen to two seconds of a humming voice: (name, what
    happened, good), as in `try_all`."""
    import numpy as np

    from dubline.backends.contract import Stretch
    from dubline.media.sound import FloatFile
    from dubline.media.speech import RATE, Speech
    from dubline.report import silent

    time = np.arange(2 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12))
    voice = (0.1 * tones * (1 + np.sin(2 * np.pi * 4 * time))).astype(np.float32)

    def listen(name: str) -> Tried:
        options = _settled(kind, name).options
        with tempfile.TemporaryDirectory(prefix="dubline-doctor-") as place:
            path = Path(place) / "voice.raw"
            with FloatFile(path, 1) as file:
                file.append(voice[None])
            with _opened(kind, name, options) as backend, Speech(path) as speech:
                if kind == "diarizer":
                    count = len(backend.diarize(speech, silent).embeddings)
                    heard = f"{count} speaker{'' if count == 1 else 's'}"
                else:
                    (answer,) = backend.recognize(speech, (Stretch(start=0.0, end=2.0),), silent)
                    count = len(answer.words)
                    heard = f"{count} word{'' if count == 1 else 's'}"
                notes = "; ".join(backend.notes)
        model = f" with {options['model']}" if "model" in options else ""
        return f"works{model}: {heard} in two seconds of hum; {notes}".rstrip("; "), True

    yield from _each(kind, listen)


def try_separators() -> Iterator[tuple[str, str, bool]]:
    """Run every declared separator over two seconds of sound: (name, what happened, good).

    Good is also a separator that cannot run for a reason the user can see and mend: a library that is not
    installed, a model that is not there. The words then tell how to mend it.
    """
    import numpy as np

    from dubline.media.sound import SoundWriter, open_sound
    from dubline.run import Run
    from dubline.separation import separate
    from dubline.separation.plan import SeparationJob

    time = np.arange(96000) / 48000
    tone = (0.1 * np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * 3 * time)).astype(np.float32)

    def take_apart(name: str) -> Tried:
        with tempfile.TemporaryDirectory(prefix="dubline-doctor-") as place:
            folder = Path(place)
            with SoundWriter(folder / "tone.wav", 48000, 2, 96000) as writer:
                writer.write(np.stack([tone, tone]))
            job = SeparationJob(separator=_settled("separator", name, content="dialogue"))
            with Run(folder / "run") as run:
                stems = run.step(separate, open_sound(folder / "tone.wav"), job)
        exact = stems.quality is not None and stems.quality.residue_dbfs is None
        words = "stems sum to the source" if exact else "stems do NOT sum to the source"
        return f"{words}; {'; '.join(stems.notes)}", exact

    yield from _each("separator", take_apart)


def _settled(kind: str, name: str, *, content: str = "") -> Choice:
    from dubline.backends.backend import Sought
    from dubline.backends.choosing import find, settle

    return settle(kind, name, Sought(content=content), options=find(kind, name).trial_options()).choice


def _opened(kind: str, name: str, options: dict[str, Any]) -> Any:
    from dubline.backends.choosing import find, options_of

    cls = find(kind, name)
    return cls(options_of(cls, options))


def _each(kind: str, attempt: Callable[[str], Tried]) -> Iterator[tuple[str, str, bool]]:
    """Try each that is installed; what an attempt raises becomes words."""
    from dubline.backends.choosing import available, find
    from dubline.errors import BackendMissing, DublineError, WeightsError

    for name, info in available(kind).items():
        if not info.installed:
            yield name, f"not installed: {info.remedy or ', '.join(info.missing)}", True
            continue
        try:
            if find(kind, name).trial_options() is None:
                words, good = f"not tried: it needs your own settings, given with --{kind} {name}", True
            else:
                words, good = attempt(name)
        except DublineError as error:
            words = f"{error.message}. {error.hint}"
            good = isinstance(error, BackendMissing | WeightsError)
        except Exception as error:  # whatever a stranger's back end or a library raises
            words, good = f"{type(error).__name__}: {error}", False
        yield name, words, good
