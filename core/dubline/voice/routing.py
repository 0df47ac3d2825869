"""Which back end speaks where the user names none, and opening the one that speaks."""

from __future__ import annotations

from typing import Any

from dubline.backends.choosing import available, find, options_of
from dubline.errors import BackendMissing, DublineError, InvalidJob
from dubline.values.base import Choice

ORDER = ("piper", "flite", "espeak-ng")
"""Best first: neural, then small recorded voices (English only), then rules, which know most languages. The
user's own (`command`) is never chosen by itself."""
_COST = {
    "piper": "neural voices, on the processor",
    "flite": "small voices: a guide track, not a release",
    "espeak-ng": "a voice by rules: a guide track, not a release",
}


def choose_voice(language: str) -> tuple[Choice, tuple[str, ...]]:
    """The first back end of `ORDER` that has a voice for a language here, and sentences that say so.

    Raises:
        BackendMissing: none has; the hint says how to get one.
    """
    refused = []
    for name in ORDER:
        info = available("voice").get(name)
        if info is None or not info.installed:
            refused.append(f"{name} is not installed")
            continue
        cls = find("voice", name)
        try:
            with cls(options_of(cls, {"language": language})) as voice:
                found = len(voice.voices())
        except DublineError as error:
            refused.append(f"{name}: {error}")
            continue
        reason = f"voice: {name}, {_COST[name]} ({found} for {language!r})"
        passed = f"not taken: {'; '.join(refused)}" if refused else ""
        return Choice(backend=name), tuple(text for text in (reason, passed) if text)
    raise BackendMissing(
        f"no voice here speaks {language!r}: {'; '.join(refused)}",
        hint="Install espeak-ng (sudo apt install espeak-ng), or put a Piper voice into the models folder.",
    )


def opened(choice: Choice, language: str) -> Any:
    """The chosen back end for a language, as a context: its model is loaded inside.

    Raises:
        BackendMissing, WeightsError: it cannot be used.
        InvalidJob: one of its options is wrong; the message names the back end.
    """
    backend = find("voice", choice.backend)
    try:
        return backend(options_of(backend, {"language": language, **choice.options}))
    except InvalidJob as error:
        raise InvalidJob(f"{choice.backend}: {error.message}", hint=error.hint) from None
