"""Which speech models of transformers are here, Whisper apart, and what each can hear."""

from __future__ import annotations

from pathlib import Path

from dubline.backends.recognizers.whisper_folder import its_language
from dubline.errors import InvalidJob, WeightsError
from dubline.language.script import base_language
from dubline.weights.folders import find_folder, folders_here
from dubline.weights.kinds import folder_kind, read_settings
from dubline.weights.speech_models import SpeechModel, model_languages, speech_model

ORDER = ("transducer", "request", "ctc")
"""Of models that know a language, first those that time their words and punctuate, last those without
punctuation."""


def family_of(folder: Path) -> SpeechModel | None:
    """What a folder's model is; None of a Whisper."""
    return speech_model(read_settings(folder)) if folder_kind(folder) == "asr" else None


def kind_of(folder: Path) -> str:
    """`model_type` of a folder's model."""
    return str(read_settings(folder).get("model_type", ""))


def fitting(language: str) -> dict[str, Path]:
    """The whole models here that hear a language for sure, by name, the best first.

    Without a language, those that say which one they heard: what comes after needs to know it.
    """
    found = []
    for name, folder in folders_here("asr").items():
        family = family_of(folder)
        known = model_languages(family, folder) if family else ()
        if family and (its_language(language, known) if language else family.tells):
            found.append((ORDER.index(family.hearing), name, folder))
    return {name: folder for _, name, folder in sorted(found)}


def refuse_request(name: str, folder: Path, language: str) -> str:
    """The code of the language in which a model will hear: the one asked for, or the only one it knows. ""
    leaves it to the model.

    Raises:
        InvalidJob: it does not know the language, or must be told one.
    """
    family = family_of(folder)
    if family is None:
        return language
    known = model_languages(family, folder)
    code = its_language(language, known or (base_language(language),))
    if language and not code:
        raise InvalidJob(
            f"the model {name!r} does not know the language {language!r}",
            hint=f"It knows {', '.join(known)}. For others use another model: `dubline models list`.",
        )
    if not language and family.must_be_told:
        raise InvalidJob(
            f"{family.name} does not find out by itself which language is spoken",
            hint=f"Say it with --language. It knows {', '.join(known)}.",
        )
    return code or (known[0] if len(known) == 1 else "")


def aligner_for(model: Path, language: str, asked: str) -> tuple[str, Path] | None:
    """(name, folder) of the CTC model that finds the times of the words of the model in a folder; None where
    it needs none or there is none. `asked`: "auto", "none", or a model.

    Raises:
        WeightsError: the one asked for is not here, or is no CTC model.
    """
    family = family_of(model)
    if family is None or family.times or asked == "none":
        return None
    if asked != "auto":
        folder = find_folder(asked, "asr")
        found = family_of(folder) if folder else None
        if folder is None or found is None or found.hearing != "ctc":
            raise WeightsError(
                f"the aligner {asked!r} is no CTC model on this machine",
                hint="Name one that `dubline models list` shows, such as a wav2vec 2.0, or leave it out.",
            )
        return asked, folder
    known = model_languages(family, model)
    language = language or (known[0] if len(known) == 1 else "")
    if not language:
        return None
    return next(((name, folder) for name, folder in fitting(language).items() if _is_ctc(folder)), None)


def _is_ctc(folder: Path) -> bool:
    family = family_of(folder)
    return family is not None and family.hearing == "ctc"
