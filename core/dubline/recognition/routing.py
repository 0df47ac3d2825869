"""Who finds the speakers and who the words when the user leaves it open, and why.

`auto` takes the first that is installed *and* has a model on this machine, in this order:

    recognizer    faster-whisper, transformers, paddlespeech, pocketsphinx (English, or no language named)
    diarizer      pyannote, builtin

A named back end is never replaced. Nothing is fetched: where a model is missing the error says which command
brings it. A back end tells what it has through two class methods, both optional: `models_here(language)`,
a mapping of names to folders, best first, and `model_here(name)`, the folder of one or None. One without
them needs no model, and its options are passed on as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from dubline.backends.choosing import available, find
from dubline.errors import DublineError, InvalidJob, WeightsError
from dubline.values.base import Choice
from dubline.weights.kinds import folder_kind

RECOGNIZERS = ("faster-whisper", "transformers", "paddlespeech", "pocketsphinx")
DIARIZERS = ("pyannote", "builtin")
COST = {
    # benchmarks/recognition.py and benchmarks/diarization.py, on the scene; docs/recognition.md
    "pocketsphinx": "it hears English only and gets many words wrong: 39.4 % on the clean dialogue of the "
    "test scene, 82.7 % on its mix",
    "builtin": "its error on the test scene is 5.1 % of the speech on the dialogue, 29.4 % on the mix",
    "paddlespeech": "word times are estimates",
    "transformers": "it decodes greedily, where faster-whisper searches with a beam",
}
BETTER = {
    "recognizer": "For better words: `dubline models fetch Systran/faster-whisper-small`",
    "diarizer": "Another: `dubline models fetch pyannote/speaker-diarization-community-1`",
}

Kind = Literal["diarizer", "recognizer"]


class SpeechRoute(msgspec.Struct, frozen=True):
    """A decision: who finds the speakers, who the words, and the reasons in words.

    `diarizer_folder` and `recognizer_folder` are where their models are; None: they need none, or it is not
    known.
    """

    diarizer: Choice
    recognizer: Choice
    reasons: tuple[str, ...]
    diarizer_folder: Path | None = None
    recognizer_folder: Path | None = None


def route_speech(
    *,
    diarizer: str = "auto",
    diarizer_model: str = "",
    recognizer: str = "auto",
    model: str = "",
    language: str = "",
    on: str = "vocals",
    voices: bool = True,
    words: bool = True,
) -> SpeechRoute:
    """Decide who listens.

    `model` and `diarizer_model` are names or folders, "" leaves them open. `language` is a code such as "tr";
    "" leaves it to the recognizer. `on` is the sound that is listened to: "vocals" or "mix". Without `voices`
    or `words` no diarizer, or no recognizer, is needed: its choice has no name then.

    Raises:
        InvalidJob: an unknown back end, one that takes no model, or one that does not know the language.
        BackendMissing: a named back end is not installed, or none that could do it.
        WeightsError: the model is not on this machine, or damaged; the hint says how to get it.
    """
    if on not in ("vocals", "mix"):
        raise InvalidJob(f"there is no sound {on!r}", hint="Use vocals or mix.")
    reasons = [f"passed over: {told}" for told in _damaged()]
    nobody: tuple[Choice, Path | None] = (Choice(backend=""), None)
    diarizing = _choose("diarizer", diarizer, diarizer_model, "", reasons) if voices else nobody
    hearing = _choose("recognizer", recognizer, model, language, reasons) if words else nobody
    if on == "mix" and voices:
        reasons.append(
            "sound: the mix, as asked; music and effects cost words and speakers, the voices alone would not"
        )
    if words and not language and hearing[0].backend != "pocketsphinx":
        reasons.append("language: not named, so it is detected in every stretch; naming it is safer")
    return SpeechRoute(diarizing[0], hearing[0], tuple(reasons), diarizing[1], hearing[1])


def weights_of(decided: SpeechRoute) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The SHA-256 of the diarizer's and of the recognizer's weights, for the `models` of their jobs.

    With them in the job, other weights under the same name redo the step. Taken from the models' cards and
    the hub's cache where they tell, else computed; empty where nothing is known. No weights are loaded.

    Raises:
        WeightsError: a file cannot be read.
    """
    return _sums(decided.diarizer_folder), _sums(decided.recognizer_folder)


def _sums(folder: Path | None) -> tuple[str, ...]:
    from dubline.weights.folders import weight_sums

    return weight_sums(folder) if folder is not None and folder_kind(folder) is not None else ()


def _choose(
    kind: Kind, asked: str, model: str, language: str, reasons: list[str]
) -> tuple[Choice, Path | None]:
    """The choice and the folder of its model."""
    given = {"language": language} if language else {}
    if asked != "auto":
        name, folder, why = _named(kind, asked, model, language)
        backend = asked
    else:
        backend, name, folder, why = _first(kind, model, language)
    reasons.append(why)
    options: dict[str, Any] = {**given, **({"model": name} if name else {})}
    return Choice(backend=backend, options=options), folder


def _named(kind: Kind, backend: str, model: str, language: str) -> tuple[str, Path | None, str]:
    """(model, its folder, reason) for a back end that the user named."""
    cls = find(kind, backend)
    _check_environment(kind, backend)
    _check_language(backend, language)
    if model and "model" not in cls.Options.__struct_fields__:
        raise InvalidJob(f"the {kind} {backend} takes no model", hint="Leave the model out.")
    if not hasattr(cls, "models_here"):
        return model, None, f"{kind}: {backend}, as asked"
    if model:
        folder = cls.model_here(model)
        if folder is None:
            raise WeightsError(
                f"the model {model!r} of {backend} is not on this machine",
                hint=f"{_how(cls, model)} `dubline models list` shows what is here.",
            )
        return model, folder, f"{kind}: {backend} with {model}, as asked"
    here = cls.models_here(language)
    if not here:
        raise WeightsError(f"{backend} has no model {_for(language)}on this machine", hint=_how(cls))
    name, folder = next(iter(here.items()))
    if "model" not in cls.Options.__struct_fields__:
        return "", folder, f"{kind}: {backend}, as asked{_costs(backend)}"
    others = f" of {len(here)} here" if len(here) > 1 else ""
    return name, folder, f"{kind}: {backend}, as asked, with {name}, the first{others}{_costs(backend)}"


def _first(kind: Kind, model: str, language: str) -> tuple[str, str, Path | None, str]:
    """(back end, model, its folder, reason): the first in order that can do it."""
    known = available(kind)
    passed: list[str] = []
    remedies: list[str] = []
    for backend in RECOGNIZERS if kind == "recognizer" else DIARIZERS:
        info = known.get(backend)
        if info is None or not info.installed:
            passed.append(f"{backend} is not installed")
            if info is not None and info.remedy:
                remedies.append(info.remedy)
            continue
        cls = find(kind, backend)
        try:
            _check_environment(kind, backend)
            _check_language(backend, language)
            folder, name = None, model
            if model:
                takes = "model" in cls.Options.__struct_fields__ and hasattr(cls, "model_here")
                folder = cls.model_here(model) if takes else None
                if folder is None:
                    passed.append(f"{backend} has no model {model!r} here")
                    if takes:
                        remedies.append(_how(cls, model))
                    continue
            elif hasattr(cls, "models_here"):
                here = cls.models_here(language)
                if not here:
                    passed.append(f"{backend} has no model {_for(language)}here")
                    remedies.append(_how(cls))
                    continue
                name, folder = next(iter(here.items()))
                name = name if "model" in cls.Options.__struct_fields__ else ""
        except DublineError as error:
            passed.append(error.message)
            if error.hint and not isinstance(error, InvalidJob):
                remedies.append(error.hint)
            continue
        since = f", since {'; '.join(passed)}" if passed else ""
        better = (
            f". {BETTER[kind]}" if passed and not model and backend in ("pocketsphinx", "builtin") else ""
        )
        what = f"{backend} with {name}" if name else backend
        return backend, name, folder, f"{kind}: {what}{since}{_costs(backend)}{better}"
    what = f"the model {model!r}" if model else f"a {kind} {_for(language)}".rstrip()
    raise WeightsError(
        f"{what} cannot be had: {'; '.join(passed)}",
        hint=" Or: ".join(dict.fromkeys(remedies))
        or "`dubline backends` and `dubline models list` tell more.",
    )


def _damaged() -> list[str]:
    """What is wrong with models of the models folder that cannot be taken."""
    from dubline.weights.folders import installed_folders

    kinds = ("whisper", "whisper-ct2", "pyannote")
    return [
        f"{found.message}. {found.hint}"
        for path, found, _ in installed_folders()
        if isinstance(found, WeightsError) and folder_kind(path) in kinds
    ]


def _check_environment(kind: Kind, backend: str) -> None:
    """Raise `BackendMissing` for a back end whose own environment is not there."""
    from dubline.workers.environments import RECIPES, command

    if kind == "recognizer" and backend in RECIPES:
        command(backend)


def _check_language(backend: str, language: str) -> None:
    if backend == "pocketsphinx" and language not in ("", "en"):
        raise InvalidJob(
            f"pocketsphinx hears English only, not {language!r}",
            hint="Take the recognizer faster-whisper or transformers for other languages: "
            "`dubline models fetch Systran/faster-whisper-small`.",
        )


def _for(language: str) -> str:
    return f"for {language!r} " if language else ""


def _costs(backend: str) -> str:
    return f". What it costs: {COST[backend]}" if backend in COST else ""


def _how(cls: Any, model: str = "") -> str:
    """How to get a model of a back end, as a sentence."""
    told = str(cls.how_to_get(model)) if hasattr(cls, "how_to_get") else ""
    if told.startswith("dubline "):
        return f"`{told}` brings it, or `dubline models import FOLDER`."
    return told or "`dubline models import FOLDER` brings one in."
