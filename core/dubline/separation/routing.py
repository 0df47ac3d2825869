"""Which separator to use when the user leaves it open, and why.

`auto` takes the first that is installed *and* has a model in the user's folder, in this order:

    dialogue    uvr, demucs, builtin      voices over everything: the MDX voice models are made for it;
                                          one bed, unless a film model is there to split it
    music       demucs, uvr, builtin      a song or a concert
    cinematic   demucs, uvr               then a film model on what is left, for music and effects

A named separator is never replaced. `cinematic` needs a film model; `auto` content is cinematic where one
is there, else dialogue.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dubline.backends.choosing import available, find, options_of
from dubline.errors import InvalidJob, WeightsError
from dubline.separation.plan import Content, SeparationJob, film_model
from dubline.values.base import Choice

ORDER: dict[str, tuple[str, ...]] = {
    "dialogue": ("uvr", "demucs", "builtin"),
    "music": ("demucs", "uvr", "builtin"),
    "cinematic": ("demucs", "uvr"),
}
KIND_OF = {"demucs": "demucs", "uvr": "mdx"}
COST = {
    "builtin": "the built-in separator needs no weights; voices stay faintly audible in the background "
    "and the background loses some level under them. For better stems: `dubline models fetch htdemucs`",
}


class Route(msgspec.Struct, frozen=True):
    """A decision: the job's choices, and the reasons in words."""

    separator: Choice
    film: Choice | None
    content: Content
    reasons: tuple[str, ...]


def route(
    *,
    content: Literal["auto", "dialogue", "music", "cinematic"] = "auto",
    separator: str = "auto",
    model: str = "",
    film_model_name: str = "",
    options: dict[str, Any] | None = None,
) -> Route:
    """Decide who separates.

    `model` and `options` go to the separator; `film_model_name` names a film model for the second pass.

    Raises:
        InvalidJob: an unknown separator, or settings that contradict each other.
        BackendMissing: a named separator is not installed.
        WeightsError: cinematic was asked for and there is no film model, or the named model cannot be used.
    """
    reasons: list[str] = []
    if separator != "auto":
        find("separator", separator)
    if film_model_name and content == "music":
        raise InvalidJob(
            "a film model was named, and music content does without",
            hint="Leave --film-model out, or use --content cinematic or dialogue.",
        )
    film = _film(film_model_name)
    if content == "auto":
        content = "cinematic" if film and (film_model_name or separator != "builtin") else "dialogue"
        reasons.append(
            "content: cinematic, since a film model is there"
            if content == "cinematic"
            else "content: dialogue (voices and one bed); a film model would split music from effects"
        )
    if content == "cinematic" and film is None:
        raise WeightsError(
            "cinematic content needs a film model (music, sfx, speech), and there is none",
            hint="Import one with `dubline models import PATH`, name it with --film-model, or use "
            "--content dialogue.",
        )
    chosen = separator
    if separator == "auto":
        chosen, name, why = _named(ORDER[content], model) if model else _first(ORDER[content], film)
        model = model or name
        reasons.append(why)
    elif separator != "builtin" and not model:
        model = _a_model(separator, film) or ""
        if model:
            reasons.append(f"model: {model}, the first for {separator} in your models folder")
    given = dict(options or {})
    if model:
        if "model" not in _fields(chosen):
            raise InvalidJob(f"the separator {chosen} takes no model", hint="Leave --model out.")
        given["model"] = model
    second = None
    # The built-in separator is a preview: unless asked, no large model runs after it.
    wanted = content == "cinematic" or (content == "dialogue" and (film_model_name or chosen != "builtin"))
    if film and wanted and given.get("model") != film:
        second = Choice(backend="demucs", options={**_shared(given), "model": film})
        reasons.append(f"film model: {film}, for music and effects in what the voices leave")
    return Route(Choice(backend=chosen, options=given), second, content, tuple(reasons))


def job_of(decided: Route, **settings: Any) -> SeparationJob:
    """The job of a route, with the identity of the weights in it. Weights are hashed, not loaded.

    Raises:
        InvalidJob: an option that the separator does not know.
        WeightsError: a model is missing or damaged.
    """
    from dubline.weights.files import resolve

    sums: list[str] = []
    for choice in (decided.separator, decided.film):
        if choice is None:
            continue
        options = options_of(find("separator", choice.backend), choice.options)
        kind = KIND_OF.get(choice.backend)
        if kind:
            sums.extend(resolve(options.model, kind).identity().sha256)  # type: ignore[arg-type]
    return SeparationJob(separator=decided.separator, film=decided.film, models=tuple(sums), **settings)


def _named(order: tuple[str, ...], model: str) -> tuple[str, str, str]:
    """The separator that can use a model."""
    from dubline.weights.files import resolve

    known = available("separator")
    wrong: dict[str, WeightsError] = {}
    for name in order:
        kind = KIND_OF.get(name)
        if kind and name in known and known[name].installed:
            try:
                resolve(model, kind)  # type: ignore[arg-type]
            except WeightsError as error:
                wrong.setdefault(error.message, error)
            else:
                return name, model, f"separator: {name} with {model}"
    if not wrong:
        raise InvalidJob(
            "no separator that takes a model is installed", hint="`dubline backends` tells more."
        )
    raise WeightsError("; ".join(wrong), hint=next(iter(wrong.values())).hint)


def _first(order: tuple[str, ...], film: str | None) -> tuple[str, str, str]:
    known = available("separator")
    passed: list[str] = []
    for name in order:
        info = known.get(name)
        if info is None or not info.installed:
            passed.append(f"{name} is not installed")
            continue
        if name == "builtin":
            why = f"separator: builtin, since {'; '.join(passed)}. {COST['builtin']}"
            return name, "", why
        found = _a_model(name, film)
        if found:
            return (
                name,
                found,
                f"separator: {name} with {found}" + (f" ({'; '.join(passed)})" if passed else ""),
            )
        passed.append(f"{name} has no voice model in your models folder")
    if film and "builtin" not in order:
        why = f"separator: demucs with the film model {film} alone ({'; '.join(passed)})"
        return "demucs", film, f"{why}. A voice model before it would leave less dialogue in the music"
    raise WeightsError(
        f"no separator can be used: {'; '.join(passed)}",
        hint='Install one (`pip install "dubline[demucs]"`) and fetch a model '
        "(`dubline models fetch htdemucs`), or use --separator builtin.",
    )


def _a_model(backend: str, film: str | None) -> str | None:
    """The first voice model for a back end in the models folder, by name; never the film model."""
    from dubline.weights.files import Weights, installed

    for _, found in installed():
        if not isinstance(found, Weights) or found.kind != KIND_OF.get(backend):
            continue
        if not _is_film(found) and found.name != film:
            return found.name
    return None


def _film(name: str) -> str | None:
    """A film model by name, or the first in the models folder."""
    if name:
        return name
    from dubline.weights.files import Weights, installed

    for _, found in installed():
        if isinstance(found, Weights) and found.kind == "demucs" and _is_film(found):
            return found.name
    return None


def _is_film(found: Any) -> bool:
    return bool(found.card and film_model(found.card.sources))


def _fields(backend: str) -> tuple[str, ...]:
    fields: tuple[str, ...] = find("separator", backend).Options.__struct_fields__
    return fields


def _shared(options: dict[str, Any]) -> dict[str, Any]:
    """Options of the first model that hold for a second Demucs model as well."""
    return {k: v for k, v in options.items() if k in ("overlap", "shifts", "seed", "precision")}
