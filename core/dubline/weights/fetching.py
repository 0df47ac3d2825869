"""Every model that has a name, by that name: of the starter set, of Firefox, a known one, or OWNER/NAME."""

from __future__ import annotations

from collections.abc import Callable

from dubline.errors import InvalidJob, WeightsError
from dubline.report import Report, silent
from dubline.weights.files import WeightsCard
from dubline.weights.firefox_catalogue import NAME, fetch_firefox
from dubline.weights.folders import FolderCard
from dubline.weights.intake_files import fetch
from dubline.weights.intake_folders import fetch_folder
from dubline.weights.intake_starters import fetch_starter
from dubline.weights.known import KNOWN
from dubline.weights.starters import MOZILLA_LICENCE, STARTERS


def about(name: str) -> tuple[str, str]:
    """(from where, licence) of a model, as far as it is known before it is fetched.

    Raises:
        WeightsError: no model has that name.
    """
    if name.count("/") == 1:
        return f"https://huggingface.co/{name}", ""
    if starter := STARTERS.get(name):
        return starter.page, starter.licence
    if NAME.fullmatch(name):
        return "Mozilla", MOZILLA_LICENCE
    if known := KNOWN.get(name):
        return known.page, known.licence
    raise WeightsError(
        f"no public model named {name!r} is known",
        hint=f"Known: {', '.join([*STARTERS, *KNOWN])}, and firefox-FROM-TO, as firefox-tr-en. OWNER/NAME "
        "fetches a model from the Hugging Face hub, as Systran/faster-whisper-small. Others come in with "
        "`dubline models import FILE`.",
    )


def fetch_model(
    name: str,
    called: str | None = None,
    *,
    say: Callable[[str], None] = lambda line: None,
    report: Report = silent,
) -> WeightsCard | FolderCard:
    """Bring a model into the models folder; one that is there stays. `called`: a name for one from the hub.

    Raises:
        WeightsError: there is none of that name, it cannot be had, or what came is damaged.
        InvalidJob: another name is given to a model that keeps its own.
        BackendMissing: what fetching or converting it needs is not installed.
        StorageFull: the disk is full.
    """
    about(name)
    if name.count("/") == 1:
        return fetch_folder(name, name=called, report=report)
    if called is not None:
        raise InvalidJob("--name is for models from the hub", hint=f"{name} keeps its name.")
    if name in STARTERS:
        return fetch_starter(name, say=say, report=report)
    if NAME.fullmatch(name):
        return fetch_firefox(name, say=say, report=report)
    return fetch(name, report=report)
