"""Where a Whisper's files are: a folder the user names, the models folder, Hugging Face's cache or hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from dubline.backends.backend import Backend, Sought
from dubline.errors import DublineError, WeightsError
from dubline.values.base import ModelIdentity
from dubline.weights.files import checksum, models_folder
from dubline.weights.folders import (
    cached_folder,
    damaged_folders,
    folder_card,
    kept_folder,
    weight_sums,
    whispers_here,
)
from dubline.weights.hub import failure, find_token, import_hub, is_offline, quiet_hub, require_network
from dubline.weights.kinds import NEEDED, FolderKind, look, read_licence

__all__ = ["WhisperBackend", "find_whisper", "quiet_hub", "whisper_here", "whisper_identity"]


class WhisperBackend(Backend):
    """What the back ends with Whisper tell about its models; they differ in the form of the files."""

    form: ClassVar[FolderKind]

    @classmethod
    def repository(cls, name: str) -> str:
        """Where a model is on the hub; "" if the hub has none of that name."""
        raise NotImplementedError

    @classmethod
    def weights_here(cls, sought: Sought) -> Mapping[str, Path]:
        """The models that may be asked for the language, the user's own first."""
        if not sought.model:
            return whispers_here(cls.form, sought.language)
        found = whisper_here(sought.model, cls.repository(sought.model), cls.form)
        return {sought.model: found} if found else {}

    @classmethod
    def damaged(cls) -> tuple[str, ...]:
        """What is wrong with models of this form."""
        return damaged_folders(cls.form)

    @classmethod
    def how_to_get(cls, sought: Sought) -> str:
        """The command that brings a model here."""
        name = cls.repository(sought.model or "small") or "OWNER/NAME"
        return f"`dubline models fetch {name}` brings it, or `dubline models import FOLDER`."

    @classmethod
    def sums(cls, name: str) -> tuple[str, ...]:
        """The SHA-256 of a model's weights.

        Raises:
            WeightsError: it is not on this machine, or cannot be read.
        """
        found = whisper_here(name, cls.repository(name), cls.form)
        if found is None:
            raise WeightsError(
                f"the Whisper model {name!r} is not on this machine", hint=cls.how_to_get(Sought(model=name))
            )
        return weight_sums(found)


def whisper_here(name: str, repository: str, kind: FolderKind) -> Path | None:
    """The folder that holds a Whisper, if it is on this machine.

    `name` is what the user said: a path, or a name. A name is looked for in the models folder, then as what
    was fetched from `repository` ("" if the hub has none): there or in the hub's cache.

    Raises:
        WeightsError: it is there, but of another kind, or a file of it is missing or cut off.
    """
    for place in (_kept(name), Path(name).expanduser()):
        if place is not None and place.is_dir():
            return Path(look(place, kind).path)
    if repository:
        found = kept_folder(repository, kind)
        return Path(look(found, kind).path) if found else cached_folder(repository, kind)
    return None


def find_whisper(name: str, repository: str, kind: FolderKind, patterns: tuple[str, ...]) -> Path:
    """The folder that holds a Whisper's files: `whisper_here`, else fetched from the hub.

    Only files that fit `patterns` are fetched, into the hub's own cache.

    Raises:
        WeightsError: it is not there and cannot be fetched, or a file is missing. The hint says which files
            belong where.
    """
    found = whisper_here(name, repository, kind)
    if found is not None:
        return found
    files = ", ".join(n.replace("|", " or ") for n in NEEDED[kind])
    where = _kept(name) or models_folder() / "NAME"
    if not repository or name.startswith((".", "/", "~")) or "\\" in name:
        raise WeightsError(
            f"there is no Whisper model {name!r}",
            hint=f"Put its files ({files}) into {where}, or name the folder.",
        )
    try:
        return _from_hub(repository, patterns, kind)
    except WeightsError as error:
        raise WeightsError(
            f"the Whisper model {name!r} is not on this machine: {error.message}",
            hint=f"`dubline models fetch {repository}` with the network on brings it. Or put its files "
            f"({files}) into {where}, or name the folder they are in. {error.hint}",
        ) from None


def whisper_identity(name: str, folder: Path, files: tuple[Path, ...], repository: str) -> ModelIdentity:
    """Which weights these are: their files' checksums, and the licence that the card beside them names."""
    fetched = "snapshots" in folder.parts
    card = folder_card(folder)
    return ModelIdentity(
        name=name,
        files=tuple(path.name for path in files),
        sha256=tuple(checksum(path) for path in files),
        licence=(card.licence if card else "") or read_licence(folder / "README.md"),
        origin=f"https://huggingface.co/{repository}"
        if fetched
        else (card.origin if card and card.origin else folder.as_posix()),
    )


def _kept(name: str) -> Path | None:
    return models_folder() / name if re.fullmatch(r"[^./\\:~][^/\\:]*", name) else None


def _from_hub(repository: str, patterns: tuple[str, ...], kind: FolderKind) -> Path:
    hub = import_hub()
    if is_offline():
        raise WeightsError(f"HF_HUB_OFFLINE forbids fetching {repository}", hint="Unset HF_HUB_OFFLINE once.")
    require_network(repository, hub.constants.ENDPOINT)
    token = find_token()
    problem: DublineError
    try:
        got = hub.snapshot_download(repository, allow_patterns=list(patterns), token=token or False)
    except Exception as error:  # the client's own network library, whichever release brings which
        problem = failure(error, repository, token)
    else:
        return Path(look(Path(got), kind).path)
    raise problem from None
