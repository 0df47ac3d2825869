"""What learned translators have in common: where a model's files are, which one is usual for a pair of
languages, its licence, and the way through its batches."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dubline.backends.backend import Backend, Sought
from dubline.backends.translators.seq2seq_batches import BatchWork, planned
from dubline.backends.translators.seq2seq_languages import Codec, flores, short_code
from dubline.errors import InvalidJob, WeightsError
from dubline.values.base import ModelIdentity
from dubline.values.languages import language_name
from dubline.weights.files import models_folder
from dubline.weights.folders import find_folder
from dubline.weights.kinds import FolderKind, folder_kind, look, non_commercial
from dubline.weights.recommended import MANY, USUAL

if TYPE_CHECKING:
    from dubline.report import Report
    from dubline.values.translated import Answer, SourceLine


def usual_model(source: str, target: str) -> str:
    """The model that "auto" means for two languages.

    Raises:
        InvalidJob: a language is missing.
        WeightsError: there is no usual one; the hint names models that could do it.
    """
    pair = f"{short_code(source)}-{short_code(target)}"
    if pair in USUAL:
        return USUAL[pair]
    if not source or not target:
        raise InvalidJob("this translator needs to know both languages", hint="Name them, such as tr and en.")
    able = "; ".join(f"{row.name} ({row.licence})" for row in MANY if flores(source) and flores(target))
    raise WeightsError(
        f"no ready-made model from {language_name(source)} to {language_name(target)} is known",
        hint=f"Name one that can do it: {able}." if able else "Name a model's folder, or use an LLM.",
    )


class Seq2SeqBackend(Backend):
    """A learned translator. They differ in the forms of models that they can read, and in how they search.

    A back end sets `_options`, `_codec`, `_work` and `identities`, and is the `Searching` of its work.
    """

    forms: ClassVar[tuple[FolderKind, ...]]
    whole_sentences: ClassVar[bool] = True
    in_context: ClassVar[bool] = False
    varies: ClassVar[bool] = True
    by_hand: ClassVar[bool] = False

    _options: Any
    _codec: Codec
    _work: BatchWork

    class Options(Backend.Options, frozen=True, kw_only=True):
        """`source`, `target`: "tr", "pt-BR" or FLORES codes. `model`: a folder, a name in the models folder
        or OWNER/NAME; "auto" is the OPUS-MT model for the pair. `candidates`: how many translations of a line
        at most. `beams`: width of the search, at least `candidates`. `threads`: of the processor. `budget`:
        source tokens in a batch."""

        source: str = ""
        target: str = ""
        model: str = "auto"
        candidates: int = 4
        beams: int = 4
        device: str = "auto"
        precision: str = "auto"
        threads: int | None = None
        budget: int = 384

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path]:
        """The named model, or the usual one of the pair of languages.

        Raises:
            InvalidJob: a language is missing.
            WeightsError: the model is damaged, or the pair has no usual one.
        """
        name = sought.model or usual_model(sought.language, sought.target)
        found = find_folder(name, *cls.forms)
        if found is None:
            return {}
        look(found)
        return {name: found}

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        name = sought.model or usual_model(sought.language, sought.target)
        fetch = (
            f"Fetch the model with `dubline models fetch {name}`"
            if name.count("/") == 1
            else ("Bring the model in with `dubline models import FOLDER`")
        )
        return (
            f"{fetch}, or name another translator: --translator llm with a server of your own, apertium, or "
            "manual."
        )

    @classmethod
    def chosen(cls, options: Any) -> tuple[str, Path]:
        """The model's name, of the usual one for "auto", and its folder.

        Raises:
            InvalidJob: "auto", and a language is missing.
            WeightsError: it is not on this machine, or damaged.
        """
        usual = options.model == "auto"
        name = usual_model(options.source, options.target) if usual else options.model
        return name, find_model(name, *cls.forms)

    @property
    def _beams(self) -> int:
        return int(max(self._options.beams, self._options.candidates))

    def _remarks(self) -> Iterator[str]:
        """What the user should know about the text, the licence and how the work went."""
        if self._codec.family == "marian" and importlib.util.find_spec("sacremoses") is None:
            yield "sacremoses is not installed: quotation marks and dashes reach the model as they are"
        if licence := licence_note(self.identities[0], self._codec.family):
            yield licence
        yield from self._work.notes()

    def translate(
        self, lines: Sequence[SourceLine], known: Mapping[str, Answer], report: Report
    ) -> Iterator[dict[str, Answer]]:
        """See `Translator`. Lines beyond what the model can hold are translated in parts.

        Raises:
            BackendFailed: the model failed, or a single line does not fit into memory.
        """
        codec = self._codec
        plan = planned(
            lines, lambda t: len(codec.ids(t)), codec.limit, self._options.budget, self._options.target
        )
        return self._work.translate(lines, known, report, plan)


def find_model(name: str, *kinds: FolderKind) -> Path:
    """A whole model's folder by its path, its name in the models folder, or OWNER/NAME.

    Nothing is downloaded: a repository is looked for in the models folder and in the hub's cache.

    Raises:
        WeightsError: it is not on this machine, damaged, or another kind of model.
    """
    found = find_folder(name, *kinds)
    if found is not None:
        look(found)
        return found
    for place in (Path(name).expanduser(), models_folder() / name):
        if place.is_dir():
            what = folder_kind(place)
            raise WeightsError(
                f"{place} is {f'a {what} model' if what else 'no model that Dubline knows'}, "
                f"not {' or '.join(kinds)}",
                hint="Give the folder that holds the model's config.json, with all files of it.",
            )
    fetch = f"Get it with `dubline models fetch {name}`, or" if name.count("/") == 1 else "Bring it in with"
    raise WeightsError(
        f"the translation model {name!r} is not on this machine",
        hint=f"{fetch} `dubline models import FOLDER`, or name its folder.",
    )


def check_numbers(options: Seq2SeqBackend.Options) -> None:
    """Raises `InvalidJob` for a number that is below 1."""
    for name in ("candidates", "beams", "budget", "threads"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise InvalidJob(f"{name} must be 1 or more", hint="Leave it out to take the default.")


def called(name: str, folder: Path) -> str:
    """What to call a model that was asked for by `name`: a path is told by its folder's name."""
    return name if name.count("/") <= 1 and not name.startswith((".", "/", "~")) else folder.name


def licence_note(identity: ModelIdentity, family: str) -> str | None:
    """What has to be said about a model's licence; None where nothing has."""
    if identity.licence and non_commercial(identity.licence):
        return f"{identity.name} is licensed {identity.licence}: not for commercial use"
    if family == "nllb" and not identity.licence:
        return (
            f"the licence of {identity.name} is not stated; Meta's NLLB-200 models are CC-BY-NC-4.0, not for "
            "commercial use"
        )
    return None
