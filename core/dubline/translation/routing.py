"""Who translates when the user leaves it open, and why.

`auto` takes the first that is installed and has a model for the two languages on this machine:

    ctranslate2     the same models as transformers, several times faster on a processor
    transformers    Marian, NLLB and M2M100

A named translator is never replaced, and nothing is fetched. `llm`, `apertium` and `manual` are taken only
when they are named: the first sends the lines to a server, the second is a program with rules, the third
waits for a person. A translator with models tells where one is through the class method
`model_here(name, source, target)`: the folder of a model by name ("auto": the usual one for the pair), or
None.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from dubline.backends.choosing import available, find
from dubline.errors import InvalidJob, WeightsError
from dubline.values.base import Choice
from dubline.weights.kinds import folder_kind

ORDER = ("ctranslate2", "transformers")


class TranslationRoute(msgspec.Struct, frozen=True):
    """A decision: who translates, and the reasons in words. `folder`: where the model is, if it has one."""

    translator: Choice
    reasons: tuple[str, ...]
    folder: Path | None = None


def route_translation(
    *,
    source: str,
    target: str,
    translator: str = "auto",
    model: str = "",
    options: dict[str, Any] | None = None,
) -> TranslationRoute:
    """Decide who translates from `source` to `target`.

    Raises:
        InvalidJob: an unknown translator, one that takes no model, or a pair without a usual model.
        BackendMissing: a named translator is not installed.
        WeightsError: no translator has a model for the pair here; the hint says how to get one.
    """
    given = dict(options or {})
    if translator != "auto":
        backend = find("translator", translator)
        fields = backend.Options.__struct_fields__
        if model and "model" not in fields:
            raise InvalidJob(f"the translator {translator} takes no model", hint="Leave --model out.")
        if model:
            given["model"] = model
        folder = _model_here(backend, model or "auto", source, target) if "model" in fields else None
        return TranslationRoute(Choice(backend=translator, options=given), (), folder)
    known = available("translator")
    passed: list[str] = []
    for name in ORDER:
        info = known.get(name)
        if info is None or not info.installed:
            passed.append(f"{name} is not installed ({info.remedy if info else 'not declared'})")
            continue
        backend = find("translator", name)
        folder = _model_here(backend, model or "auto", source, target)
        if folder is None:
            passed.append(f"{name} has no model {model} here" if model else f"{name} has no model here")
            continue
        given["model"] = model or "auto"
        why = f"translator: {name} with {folder.name}" + (f"; {'; '.join(passed)}" if passed else "")
        return TranslationRoute(Choice(backend=name, options=given), (why,), folder)
    wanted = model or _usual(known, source, target)
    raise WeightsError(
        f"no translator can be used from {source} to {target}: {'; '.join(passed)}",
        hint=f"Fetch the model with `dubline models fetch {wanted}`, or name another translator: "
        "--translator llm with a server of your own, apertium, or manual.",
    )


def weights_of(decided: TranslationRoute) -> tuple[str, ...]:
    """The SHA-256 of the model's weights, so that another model under the same name translates anew.

    Raises:
        WeightsError: a file cannot be read.
    """
    from dubline.weights.folders import weight_sums

    folder = decided.folder
    return weight_sums(folder) if folder is not None and folder_kind(folder) is not None else ()


def _model_here(backend: Any, model: str, source: str, target: str) -> Path | None:
    look = getattr(backend, "model_here", None)
    found: Path | None = look(model, source, target) if look is not None else None
    return found


def _usual(known: dict[str, Any], source: str, target: str) -> str:
    """The name of the usual model for a pair; raises where there is none."""
    for name in ORDER:
        if name in known and known[name].installed:
            usual = getattr(find("translator", name), "usual_model", None)
            if usual is not None:
                return str(usual(source, target))
    return "OWNER/NAME"
