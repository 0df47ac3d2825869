"""How models come into the user's models folder: files brought in, or known ones fetched by name.

A model is put together in a hidden folder and renamed into place, so that it is there whole or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from dubline.errors import DublineError, InvalidJob, StorageFull, WeightsError
from dubline.report import Report, part, silent
from dubline.values.base import to_json
from dubline.weights import downloads, hub
from dubline.weights.files import (
    BLOCK,
    CardFile,
    WeightsCard,
    agree,
    bag_signatures,
    checksum,
    gather,
    kind_of,
    models_folder,
    recognise,
)
from dubline.weights.known import KNOWN, KnownWeights
from dubline.weights.structure import check_loads


def import_model(
    source: Path,
    *,
    name: str | None = None,
    licence: str | None = None,
    report: Report = silent,
) -> WeightsCard:
    """Copy a model file, a bag's `.yaml` or a folder of model files into the models folder; write its card.

    The source stays as it is. A `.json` of the same stem (parameters of an MDX-Net model) goes along.
    Bringing in the same bytes under the same name again changes nothing. `report` counts bytes.

    Raises:
        WeightsError: not a model, a checksum in a file's name is not that of its bytes, or another model
            has that name.
        InvalidJob: `name` cannot be a folder's name.
        StorageFull: the disk is full.
    """
    source = source.expanduser().absolute()
    if not source.exists():
        raise WeightsError(f"there is no {source}", hint="Check the path of the file or folder.")
    model = gather(source, kind_of(source))
    known = recognise({file.name: checksum(file) for file in model.files})
    alone = model.files[0].suffix != ".yaml" and len(model.files) > 1
    if alone and (known is None or len(known.files) != len(model.files)):
        raise WeightsError(
            f"{source} holds {len(model.files)} models, and nothing says that they belong together",
            hint="Bring them in one by one, or write a bag: NAME.yaml with `models: [SIGNATURE, ...]`.",
        )
    for file in model.files:
        agree(file, checksum(file))
        check_loads(file)
    sidecars = [file.with_suffix(".json") for file in model.files]
    files = [*model.files, *(file for file in sidecars if file.is_file())]
    sizes = [file.stat().st_size for file in files]
    with writing(models_folder()) as folder, staged(folder) as staging:
        entries: list[CardFile] = []
        for index, file in enumerate(files):
            digest = copy_hashed(file, staging / file.name, report, sum(sizes[:index]), sum(sizes))
            agree(file, digest)
            entries.append(CardFile(name=file.name, sha256=digest, size=sizes[index]))
        final = folder_name(name, known.name if known else model.name)
        if alone:
            entries.insert(0, _write_bag(staging, final, [entry.name for entry in entries]))
        facts = {"origin": source.name, **_facts(model.card or known)}
        if licence is not None:
            facts["licence"] = licence
        return _settle(staging, WeightsCard(name=final, kind=model.kind, files=tuple(entries), **facts))


def fetch(name: str, report: Report = silent) -> WeightsCard:
    """Download a known model into the models folder. `report` counts bytes, or files where they come from
    several addresses.

    A file that broke off goes on where it stopped when asked again. What is there already stays.

    Raises:
        WeightsError: the name is not known, there is no network, or what came is damaged.
        BackendMissing: huggingface_hub or PyYAML, which hub models need, is not installed.
        StorageFull: the disk is full.
    """
    from filelock import FileLock, Timeout

    known = KNOWN.get(name)
    if known is None:
        raise WeightsError(
            f"no public model named {name!r} is known",
            hint=f"Known: {', '.join(KNOWN)}. Other models come in with `dubline models import FILE`.",
        )
    with writing(models_folder()) as folder:
        if (folder / name).exists():
            card = gather(folder / name, known.kind).card
            if card is not None:
                return card
        staging = folder / f".fetch-{name}"
        staging.mkdir(exist_ok=True)
        try:
            with FileLock(folder / f".fetch-{name}.lock", timeout=0):
                names = _download(known, staging, report)
                paths = [staging / file for file in names]
                entries = [CardFile(name=p.name, sha256=checksum(p), size=p.stat().st_size) for p in paths]
                card = WeightsCard(name=name, kind=known.kind, files=tuple(entries), **_facts(known))
                return _settle(staging, card)
        except Timeout:
            raise WeightsError(f"{name} is being fetched already", hint="Wait for it to end.") from None
        except downloads.Unreachable as error:
            with suppress(OSError):
                staging.rmdir()  # only if nothing came; parts of files stay for the next time
            raise WeightsError(f"{name} could not be fetched: {error}", hint=by_hand(known)) from error


def by_hand(known: KnownWeights) -> str:
    """What to download with a browser, and the command that then brings it in."""
    if known.hub:
        names = f"{known.name}.yaml and the .safetensors files it names ({', '.join(known.signatures)})"
        return (
            f"Without a network here: download {names} from {known.page} into one folder, then "
            f"`dubline models import FOLDER --name {known.name}`."
        )
    urls = ", ".join(file.url or f"{file.name} from {known.page}" for file in known.files)
    one = len(known.files) == 1
    into, what = ("", known.files[0].name) if one else (" into one folder", "FOLDER")
    return (
        f"Without a network here: download {urls}{into}, then "
        f"`dubline models import {what} --name {known.name}`."
    )


def _download(known: KnownWeights, staging: Path, report: Report) -> list[str]:
    if known.hub:
        try:
            return _from_hub(known, staging, report)
        except WeightsError as error:  # where a person finds the files is the better hint
            raise downloads.Unreachable(error.message) from error
    count = len(known.files)
    for index, file in enumerate(known.files):
        tell = report if count == 1 else part(report, index / count, 1 / count)
        downloads.from_url(file.url, staging / file.name, file.sha256, tell)
    names = [file.name for file in known.files]
    return names if count == 1 else [_write_bag(staging, known.name, names).name, *names]


def _from_hub(known: KnownWeights, staging: Path, report: Report) -> list[str]:
    """A bag and its models; returns the file names, the bag first.

    Raises:
        WeightsError: as `hub.download`, or the repository lacks a file.
    """
    revision, there = hub.list_files(known.hub)
    mark = hub.keep_only(revision, staging)

    def get(names: list[str], report: Report = silent) -> None:
        for name in names:
            if name not in there:
                raise WeightsError(f"{known.hub} has no file {name}")
        hub.download(known.hub, revision, {name: there[name] for name in names}, staging, report)

    bag = f"{known.name}.yaml"
    get([bag])
    names = [bag, *(f"{signature}.safetensors" for signature in dict.fromkeys(bag_signatures(staging / bag)))]
    get(names, report)
    mark.unlink()
    return names


def _write_bag(staging: Path, name: str, models: list[str]) -> CardFile:
    """Say in Demucs' own way that these models are heard together."""
    path = staging / f"{name}.yaml"
    signatures = ", ".join(f"'{Path(model).stem}'" for model in models)
    path.write_text(f"models: [{signatures}]\n", encoding="utf-8", newline="\n")
    return CardFile(name=path.name, sha256=checksum(path), size=path.stat().st_size)


def _facts(told: WeightsCard | KnownWeights | None) -> dict[str, Any]:
    """What a card says about a model besides its files."""
    names = ("licence", "origin", "note", "sources", "parameters")
    return {name: getattr(told, name) for name in names} if told else {}


def copy_hashed(source: Path, target: Path, report: Report, count: int, total: int) -> str:
    """Copy the bytes and hash the very bytes copied; `report` goes on from `count` after each block."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("xb") as write:
        while block := read.read(BLOCK):
            write.write(block)
            digest.update(block)
            count += len(block)
            report(count, total)
    return digest.hexdigest()


def folder_name(asked: str | None, default: str) -> str:
    """The name for a model's folder: the one asked for, else one made of a default.

    Raises:
        InvalidJob: the name asked for cannot be a folder's name.
    """
    name = asked if asked is not None else re.sub(r"[^\w.+]+", "-", default).strip("-.")
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise InvalidJob(
            f"{name!r} cannot be the name of a model",
            hint="Use letters, digits, and . + - _ after the first letter: --name NAME.",
        )
    return name


def _settle(staging: Path, card: WeightsCard) -> WeightsCard:
    """Write the card beside the files and give the folder its name; the same bytes may be there already."""
    place = staging.parent / card.name
    if place.exists():
        kept = gather(place, kind_of(place)).card
        if kept is not None and set(kept.files) == set(card.files):
            shutil.rmtree(staging, ignore_errors=True)
            return kept
        raise taken(place)
    try:
        written = to_json(card)
        msgspec.json.decode(written, type=WeightsCard)
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise WeightsError(
            f"the card of {card.name!r} could not be read back: {error}",
            hint="Rename the file, then import it.",
        ) from error
    (staging / f"{card.name}.card.json").write_bytes(written)
    staging.chmod(0o755)  # mkdtemp keeps others out; a models folder may be shared
    staging.replace(place)
    return card


def taken(place: Path) -> WeightsError:
    """The error for a name that another model has."""
    return WeightsError(
        f"another model is kept under the name {place.name!r}",
        hint=f"Give this one a name of its own with --name NAME, or remove {place}.",
    )


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A hidden folder in which a model is put together; what is not renamed into place goes."""
    with tempfile.TemporaryDirectory(prefix=".import-", dir=folder, ignore_cleanup_errors=True) as place:
        yield Path(place)


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Make a folder and write in it; the disk's complaints become errors with a remedy.

    Raises:
        StorageFull: the disk is full.
        WeightsError: it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except DublineError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(
                f"the disk is full while writing to {folder}",
                hint="Make room, or point $DUBLINE_MODELS at another disk.",
            ) from error
        raise WeightsError(
            f"cannot write to {folder}: {error}", hint="Point $DUBLINE_MODELS at a folder you may write to."
        ) from error
