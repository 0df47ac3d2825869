"""The models in the user's models folder that are folders, and those in Hugging Face's own cache.

A name means a folder in the models folder; OWNER/NAME one that was fetched from that repository, into the
models folder or into the cache that Hugging Face's libraries share. Nothing here asks the network, and no
library of theirs is loaded. See `kinds` for what a folder can be.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec

from dubline.errors import WeightsError
from dubline.values.base import ModelIdentity, Value
from dubline.weights.files import FileName, checksum, models_folder
from dubline.weights.kinds import FolderKind, ModelFolder, folder_kind, look, read_licence, weight_files

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
HEX64 = re.compile(r"[0-9a-f]{64}")


class FolderFile(Value, frozen=True):
    """A file of a model: its name within the folder ("embedding/pytorch_model.bin"), SHA-256, bytes."""

    name: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(ge=0)]


class FolderCard(Value, frozen=True):
    """What is known about a model that is a folder. An empty `licence` or `origin` means: nobody said.

    `repository` is set if its files are those of that one on the Hugging Face hub; `revision` if they were
    fetched there.
    """

    name: FileName
    kind: FolderKind
    files: Annotated[tuple[FolderFile, ...], msgspec.Meta(min_length=1)]
    architecture: str = ""
    licence: str = ""
    origin: str = ""
    repository: str = ""
    revision: str = ""
    note: str = ""


def folder_card(path: Path) -> FolderCard | None:
    """The card of a folder; None if it has none, or one of a separator's model.

    Raises:
        WeightsError: it is damaged.
    """
    card = path / f"{path.name}.card.json"
    if not card.is_file():
        return None
    try:
        return msgspec.json.decode(card.read_bytes(), type=FolderCard)
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{card}: {error}", hint="Remove the card, or the folder, and bring the model in again."
        ) from error


def kept_folder(name: str, *kinds: FolderKind) -> Path | None:
    """The folder that a name or OWNER/NAME means in the models folder; None if there is none of those kinds.

    Whether it is whole is not looked at: `look` does that.
    """
    if REPOSITORY.fullmatch(name):
        for path in _entries(models_folder()):
            if _repository_of(path) == name and folder_kind(path) in kinds:
                return path
        return None
    if not re.fullmatch(r"[^./\\:~][^/\\:]*", name):
        return None
    path = models_folder() / name
    return path if path.is_dir() and folder_kind(path) in kinds else None


def hub_cache() -> Path:
    """Where Hugging Face's libraries keep what they fetched. It may not exist."""
    chosen = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    return Path(home).expanduser() / "hub"


def cached_folder(repository: str, *kinds: FolderKind) -> Path | None:
    """A repository's folder in the hub's cache, whole and of one of the kinds; None if there is none."""
    home = hub_cache() / f"models--{repository.replace('/', '--')}"
    try:
        newest = [home / "snapshots" / (home / "refs" / "main").read_text().strip()]
    except OSError:
        newest = []
    for path in (*newest, *_entries(home / "snapshots")):
        if _whole(path, kinds):
            return path
    return None


def find_folder(name: str, *kinds: FolderKind) -> Path | None:
    """Where a model is on this machine: in the models folder, at that path, or in the hub's cache."""
    if (kept := kept_folder(name, *kinds)) is not None:
        return kept
    path = Path(name).expanduser()
    if path.is_dir() and folder_kind(path) in kinds:
        return path.absolute()
    return cached_folder(name, *kinds) if REPOSITORY.fullmatch(name) else None


def folders_here(*kinds: FolderKind) -> dict[str, Path]:
    """The whole models of some kinds on this machine, by the name to call them by: the user's own first."""
    folders = {path.name: path for path in _entries(models_folder()) if _whole(path, kinds)}
    for home in _entries(hub_cache()):
        owner, _, name = home.name.removeprefix("models--").partition("--")
        if not name or not home.name.startswith("models--"):
            continue
        path = cached_folder(f"{owner}/{name}", *kinds)
        if path is not None:
            folders[f"{owner}/{name}"] = path
    return folders


def installed_folders() -> list[tuple[Path, ModelFolder | WeightsError, FolderCard | None]]:
    """Every model in the models folder that is a folder, by name; a damaged one with its error."""
    folders: list[tuple[Path, ModelFolder | WeightsError, FolderCard | None]] = []
    for path in _entries(models_folder()):
        if folder_kind(path) is None:
            continue
        card: FolderCard | None = None
        entry: ModelFolder | WeightsError
        try:
            card = folder_card(path)
            entry = look(path)
        except WeightsError as error:
            entry = error
        folders.append((path, entry, card))
    return folders


def damaged_folders(*kinds: FolderKind) -> tuple[str, ...]:
    """What is wrong with models of some kinds in the models folder that cannot be taken, as sentences."""
    return tuple(
        f"{found.message}. {found.hint}"
        for path, found, _ in installed_folders()
        if isinstance(found, WeightsError) and folder_kind(path) in kinds
    )


def weight_sums(path: Path) -> tuple[str, ...]:
    """The SHA-256 of a folder's weights, in the order of `weight_files`.

    They are taken from where they are known (the card, if the files are as long as it says and not newer;
    the hub's cache, which calls its large files by them), else computed: some seconds for each GB.

    Raises:
        WeightsError: it is no model, or a file cannot be read.
    """
    kind = folder_kind(path)
    if kind is None:
        raise WeightsError(f"{path} is not a model that Dubline knows", hint="Get all files of it.")
    card_path = path / f"{path.name}.card.json"
    card = folder_card(path)
    listed = {file.name: file for file in card.files} if card else {}
    sums = []
    for name in weight_files(path, kind):
        file = path / name
        known = listed.get(name)
        if file.is_symlink() and HEX64.fullmatch(blob := file.readlink().name):
            sums.append(blob)
        elif known and _as_told(file, known.size, card_path):
            sums.append(known.sha256)
        else:
            sums.append(checksum(file))
    return tuple(sums)


def folder_identity(name: str, path: Path, repository: str) -> ModelIdentity:
    """Which weights a folder holds: files, checksums, licence and origin as the card or README.md tell them.

    `name` is what to call them; `repository` where they are from, if they lie in the hub's cache.
    """
    sums, kind, card = weight_sums(path), folder_kind(path), folder_card(path)
    fetched = f"https://huggingface.co/{repository}" if "snapshots" in path.parts else path.as_posix()
    return ModelIdentity(
        name=name,
        files=weight_files(path, kind) if kind else (),
        sha256=sums,
        licence=(card.licence if card else "") or read_licence(path / "README.md"),
        origin=(card.origin if card else "") or fetched,
    )


def files_of(path: Path) -> tuple[str, ...]:
    """Every file in a folder by its name within it, hidden ones and the card left out, in order."""
    names = (file.relative_to(path) for file in path.rglob("*") if file.is_file())
    return tuple(
        sorted(
            PurePosixPath(name).as_posix()
            for name in names
            if not any(part.startswith(".") for part in name.parts) and not name.name.endswith(".card.json")
        )
    )


def _as_told(file: Path, size: int, card: Path) -> bool:
    try:
        now = file.stat()
        return now.st_size == size and now.st_mtime <= card.stat().st_mtime
    except OSError:
        return False


def _repository_of(path: Path) -> str:
    try:
        card = folder_card(path)
    except WeightsError:
        return ""
    return card.repository if card else ""


def _whole(path: Path, kinds: tuple[FolderKind, ...]) -> bool:
    if folder_kind(path) not in kinds:
        return False
    try:
        look(path)
    except WeightsError:
        return False
    return True


def _entries(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    except OSError:
        return
    yield from (folder / name for name in names if not name.startswith("."))
