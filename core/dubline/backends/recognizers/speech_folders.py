"""Which speech models of transformers are here, Whisper apart, and what each can hear."""

from __future__ import annotations

from pathlib import Path

from dubline.errors import InvalidJob, WeightsError
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
        if family and (language in model_languages(family, folder) if language else family.tells):
            found.append((ORDER.index(family.hearing), name, folder))
    return {name: folder for _, name, folder in sorted(found)}


def refuse_request(name: str, folder: Path, language: str) -> str:
    """The language in which a model will hear: the one asked for, or the only one it knows. "" leaves it to
    the model.

    Raises:
        InvalidJob: it does not know the language, or must be told one.
    """
    family = family_of(folder)
    if family is None:
        return language
    known = model_languages(family, folder)
    if language and known and language not in known:
        raise InvalidJob(
            f"the model {name!r} does not know the language {language!r}",
            hint=f"It knows {', '.join(known)}. For others use another model: `dubline models list`.",
        )
    if not language and family.must_be_told:
        raise InvalidJob(
            f"{family.name} does not find out by itself which language is spoken",
            hint=f"Say it with --language. It knows {', '.join(known)}.",
        )
    return language or (known[0] if len(known) == 1 else "")


def aligner_for(family: SpeechModel, language: str, asked: str) -> tuple[str, Path] | None:
    """(name, folder) of the CTC model that finds the times of a family's words; None where it needs none or
    there is none. `asked`: "auto", "none", or a model.

    Raises:
        WeightsError: the one asked for is not here, or is no CTC model.
    """
    if family.times or asked == "none":
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
    if not language:
        return None
    here = {name: folder for name, folder in fitting(language).items()}
    return next(
        ((name, folder) for name, folder in here.items() if _is_ctc(folder)),
        None,
    )


def _is_ctc(folder: Path) -> bool:
    family = family_of(folder)
    return family is not None and family.hearing == "ctc"
