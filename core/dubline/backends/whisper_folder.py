"""Where a Whisper's files are: a folder the user names, the models folder, Hugging Face's cache or hub."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dubline.errors import WeightsError
from dubline.model import ModelIdentity
from dubline.weights import checksum, models_folder


def quiet_hub() -> None:
    """Turn off what Hugging Face's libraries report home; call it before they are imported."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DISABLE_TELEMETRY", "1")


def find_whisper(name: str, repository: str, needed: tuple[str, ...], patterns: tuple[str, ...]) -> Path:
    """The folder that holds a model's files.

    `name` is what the user said: a path, or a name. A name is looked for in the models folder, then in the
    hub's cache under `repository` ("" if the hub has none), then on the hub. Each entry of `needed` is a
    file, or several of which one is enough, parted by "|"; only files that fit `patterns` are fetched.

    Raises:
        WeightsError: it is not there and cannot be fetched, or a file is missing. The hint says which files
            belong where.
    """
    kept = models_folder() / name if re.fullmatch(r"[^./\\:~][^/\\:]*", name) else None
    for place in (kept, Path(name).expanduser()):
        if place is not None and place.is_dir():
            _complete(place, needed)
            return place
    files = ", ".join(n.replace("|", " or ") for n in needed)
    where = kept or models_folder() / "NAME"
    if not repository or name.startswith((".", "/", "~")) or "\\" in name:
        raise WeightsError(
            f"there is no Whisper model {name!r}",
            hint=f"Put its files ({files}) into {where}, or name the folder.",
        )
    found = _from_hub(repository, patterns, needed)
    if isinstance(found, Path):
        return found
    raise WeightsError(
        f"the Whisper model {name!r} is not on this machine, and {repository} could not be fetched: {found}",
        hint=f"Put its files ({files}) into {where}, or name the folder they are in, or run it once with the "
        f"network on. They are at https://huggingface.co/{repository}",
    )


def _from_hub(repository: str, patterns: tuple[str, ...], needed: tuple[str, ...]) -> Path | str:
    """The folder in the cache, fetched if need be; else in a few words why not."""
    quiet_hub()
    from huggingface_hub import snapshot_download

    reason = ""
    for cached in (True, False):
        try:
            folder = Path(
                snapshot_download(repository, allow_patterns=list(patterns), local_files_only=cached)
            )
            _complete(folder, needed)
            return folder
        except WeightsError as error:
            reason = error.message
        except Exception as error:  # the hub's errors share no class: network, rights, no such repository
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return reason


def _complete(folder: Path, needed: tuple[str, ...]) -> None:
    for choice in needed:
        if not any((folder / name).is_file() for name in choice.split("|")):
            hint = f"Put it into {folder}; it belongs to the model that the other files there are from."
            if any(folder.glob("pytorch_model*.bin")) and "safetensors" in choice:
                hint = (
                    "Only safetensors are loaded: pytorch_model.bin can hold programs. Take the model's "
                    "model.safetensors, or convert it with transformers' save_pretrained."
                )
            raise WeightsError(f"{choice.replace('|', ' or ')} is missing in {folder}", hint=hint)


def whisper_identity(name: str, folder: Path, files: tuple[Path, ...], repository: str) -> ModelIdentity:
    """Which weights these are: their files' checksums, and the licence that the card beside them names."""
    fetched = "snapshots" in folder.parts
    return ModelIdentity(
        name=name,
        files=tuple(path.name for path in files),
        sha256=tuple(checksum(path) for path in files),
        licence=_licence(folder / "README.md"),
        origin=f"https://huggingface.co/{repository}" if fetched else folder.as_posix(),
    )


def _licence(card: Path) -> str:
    """The `license` in the head of a Hugging Face model card; "" where none is named."""
    try:
        head = re.match(r"---\n(.*?)\n---", card.read_text(encoding="utf-8"), re.DOTALL)
    except (OSError, UnicodeDecodeError):
        return ""
    named = re.search(r"^license:[ \t]*([\w.+-]+)[ \t]*$", head[1], re.MULTILINE) if head else None
    return named[1] if named else ""
