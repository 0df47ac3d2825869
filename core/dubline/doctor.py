"""Trying what is installed: a back end that imports may still not work."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from dubline.backends.backend import Sought
    from dubline.errors import DublineError
    from dubline.values.base import Choice

State = Literal["ok", "not set up", "broken"]
"""Not set up is one that cannot run for a reason the user can see and mend: a library that is not installed,
a model that is not there. What is said of it then tells how."""
Tried = tuple[str, State]
"""What happened, and how it is."""

GREETINGS = {"tr": "Merhaba.", "es": "Buenos días.", "pt": "Bom dia.", "de": "Guten Tag.", "fr": "Bonjour."}
"""What a translator is asked to translate; "Hello." from other languages."""
LANGUAGES = (
    *("es", "pt", "tr", "de", "fr", "it", "ru", "uk", "pl", "cs", "nl"),
    *("ar", "hi", "zh", "ja", "ko", "ca"),
)
"""With which and English a translator's models are looked for."""
NO_MODEL = "no model here"
WORDS = {"zh": "你好。"}
"""What a voice is asked to say that cannot say hello."""


def try_all() -> Iterator[tuple[str, str, str, State]]:
    """Try each declared back end: (kind, name, what happened, how it is)."""
    for kind, tries in (
        ("separator", try_separators()),
        ("diarizer", try_listeners("diarizer")),
        ("recognizer", try_listeners("recognizer")),
        ("translator", try_translators()),
        ("voice", try_voices()),
    ):
        for tried in tries:
            yield kind, *tried


def try_voices() -> Iterator[tuple[str, str, State]]:
    """Let every declared voice say a word: (name, what happened, how it is).

    One that works with the user's own settings only is left alone.
    """
    from dubline.report import quantity
    from dubline.voice.fitting import usable

    def speak(name: str) -> Tried:
        with _opened("voice", name, _settled("voice", name).options) as voice:
            listed = voice.voices()
            word = WORDS.get(listed[0].language.partition("-")[0], "Hello.")
            usable(voice.speak(word, listed[0].name, speed=1.0, pitch=1.0, tick=_go_on))
            notes = "; ".join(voice.notes)
        more = f" and {quantity(len(listed) - 1, 'more voice')}" if len(listed) > 1 else ""
        return f"works with {listed[0].name}{more}: {notes}".rstrip(": "), "ok"

    yield from _each("voice", speak)


def try_translators() -> Iterator[tuple[str, str, State]]:
    """Let every declared translator that has a model here translate a greeting: (name, what happened, how it
    is)."""
    from dubline.backends.backend import Sought
    from dubline.backends.choosing import find, settle
    from dubline.errors import DublineError, WeightsError
    from dubline.report import silent
    from dubline.values.translated import SourceLine

    def settled(name: str) -> Choice:
        cls = find("translator", name)
        for sought in _pairs(cls):
            try:
                return settle("translator", name, sought).choice
            except DublineError:  # not this pair
                continue
        remedy = cls.how_to_get(Sought(language="tr", target="en"))
        raise WeightsError(NO_MODEL, hint=remedy or "`dubline models list` shows some.")

    def translate(name: str) -> Tried:
        if find("translator", name).by_hand:
            return "works: it leaves the lines to a person", "ok"
        choice = settled(name)
        source, target = choice.options["source"], choice.options["target"]
        line = SourceLine(key="1", text=GREETINGS.get(source.partition("-")[0], "Hello."), seconds=1.0)
        with _opened("translator", name, choice.options) as translator:
            answers = {k: a for batch in translator.translate([line], {}, silent) for k, a in batch.items()}
        answer = answers["1"]
        if not answer.candidates:
            return f"gave nothing for {line.text!r}: {answer.failure or 'no word'}", "broken"
        model = f" with {choice.options['model']}" if "model" in choice.options else ""
        return f"works{model}: {line.text} ({source}) is {answer.candidates[0].text} ({target})", "ok"

    yield from _each("translator", translate)


def _pairs(cls: Any) -> Iterator[Sought]:
    """What a translator may have a model for: the models here by name, then languages that people dub."""
    from dubline.backends.backend import Sought
    from dubline.weights.folders import folders_here

    for model in folders_here(*getattr(cls, "forms", ())):
        named = re.search(r"\b([a-z]{2,3})-([a-z]{2,3})$", model)
        source, target = named.groups() if named else ("tr", "en")
        yield Sought(model=model, language=source, target=target)
    for language in LANGUAGES:
        yield Sought(language=language, target="en")
        yield Sought(language="en", target=language)
    yield Sought(language="es", target="ca")


def _go_on() -> None:
    """A tick that nobody stops."""


def try_listeners(kind: Literal["diarizer", "recognizer"]) -> Iterator[tuple[str, str, State]]:
    """Let every declared diarizer or recognizer listen to two seconds of a humming voice: (name, what
    happened, how it is)."""
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
                    backend.diarize(speech, silent)
                else:
                    tuple(backend.recognize(speech, (Stretch(start=0.0, end=2.0),), silent))
                notes = "; ".join(backend.notes)
        model = f" with {options['model']}" if "model" in options else ""
        return f"works{model}: {notes}".rstrip(": "), "ok"

    yield from _each(kind, listen)


def try_separators() -> Iterator[tuple[str, str, State]]:
    """Run every declared separator over two seconds of sound: (name, what happened, how it is)."""
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
        if stems.quality is not None and stems.quality.residue_dbfs is None:
            return "works: its stems together are the source again", "ok"
        return "its stems together are NOT the source again", "broken"

    yield from _each("separator", take_apart)


def _settled(kind: str, name: str, *, content: str = "") -> Choice:
    from dubline.backends.backend import Sought
    from dubline.backends.choosing import find, settle

    return settle(kind, name, Sought(content=content), options=find(kind, name).trial_options()).choice


def _opened(kind: str, name: str, options: dict[str, Any]) -> Any:
    from dubline.backends.choosing import find, options_of

    cls = find(kind, name)
    return cls(options_of(cls, options))


def _in_short(name: str, error: DublineError) -> str:
    """What an error says, and the one command that mends it; all that it hints at where it names none."""
    command = re.search(r"`(dubline [^`]+)`", error.hint)
    message = NO_MODEL if error.message == f"{name} has no model on this machine" else error.message
    return f"{message}: {command[1]}" if command else f"{message}. {error.hint}"


def _each(kind: str, attempt: Callable[[str], Tried]) -> Iterator[tuple[str, str, State]]:
    """Try each that is installed; what an attempt raises becomes words."""
    from dubline.backends.choosing import available, find
    from dubline.errors import BackendMissing, DublineError, WeightsError

    for name, info in available(kind).items():
        if not info.installed:
            yield name, f"not installed: {info.remedy or ', '.join(info.missing)}", "not set up"
            continue
        try:
            if find(kind, name).trial_options() is None:
                yield name, f"needs settings of yours: --{kind} {name}", "not set up"
            else:
                yield name, *attempt(name)
        except DublineError as error:
            mendable = isinstance(error, BackendMissing | WeightsError)
            yield name, _in_short(name, error), "not set up" if mendable else "broken"
        except Exception as error:  # whatever a stranger's back end or a library raises
            yield name, f"{type(error).__name__}: {error}", "broken"
