"""Firefox Translations models from Mozilla itself, by Mozilla's own catalogue of them.

The catalogue lists every file with its address, length and SHA-256 (Firefox's Remote Settings, collection
translations-models; the record's form is `TranslationModelRecord` in toolkit/components/translations of its
source). A file is checked against what the catalogue says on the day; of `KNOWN` models the checksum is known
here too, and a version that has it goes first.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec

from dubline.errors import WeightsError
from dubline.report import Report, silent
from dubline.weights.downloads import Unreachable, from_url, read_page
from dubline.weights.files import models_folder
from dubline.weights.firefox_files import part_of
from dubline.weights.folders import FolderCard, files_of, folder_card
from dubline.weights.hub import keep_only
from dubline.weights.intake_files import taken, writing
from dubline.weights.intake_folders import check_room, settle
from dubline.weights.kinds import look
from dubline.weights.starters import FIREFOX_PAGE, MOZILLA_LICENCE

CATALOGUE = (
    "https://firefox.settings.services.mozilla.com/v1/buckets/main/collections/translations-models/records"
)
FILES = "https://firefox-settings-attachments.cdn.mozilla.net/"
NAME = re.compile(r"firefox-([a-z]{2,3}(?:-han[st])?)-([a-z]{2,3}(?:-han[st])?)")
KNOWN = {("tr", "en"): "bd18594ac5a7f1d9997e7ea5bd80272082219cf8b1ce604766e4f207eb86abbf"}
"""Pair -> SHA-256 of a model's network, as Mozilla's list says (models/tiny/tren/metadata.json in
mozilla/firefox-translations-models)."""
_TWINS = {"zh": "zh-hans", "no": "nb"}
_RELEASE = re.compile(r"\d+(\.\d+)*")  # 2.1a1 is one that is still tried


class _Attachment(msgspec.Struct):
    location: Annotated[str, msgspec.Meta(pattern=r"^[\w-]+(/[\w.-]*[\w-])+$")]
    hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(gt=0)]


class _Entry(msgspec.Struct):
    name: str
    version: str
    source: str = msgspec.field(name="fromLang")
    target: str = msgspec.field(name="toLang")
    part: str = msgspec.field(name="fileType")
    attachment: _Attachment


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]


def fetch_firefox(
    name: str, *, say: Callable[[str], None] = lambda line: None, report: Report = silent
) -> FolderCard:
    """Get the Firefox model that a name such as "firefox-tr-en" means, into the models folder; one that is
    there already stays. `report` counts bytes.

    What broke off goes on, unless Mozilla has brought out another version since.

    Raises:
        WeightsError: no network, Mozilla has no such model, what came is damaged, or another
            model has the name.
        StorageFull: there is not enough room.
    """
    from filelock import FileLock, Timeout

    match = NAME.fullmatch(name)
    if match is None:
        raise WeightsError(f"{name!r} is not a Firefox model", hint="Name one such as firefox-tr-en.")
    source, target = match.groups()
    place = models_folder() / name
    if place.exists():
        card = folder_card(place)
        if card is None or card.kind != "firefox" or not card.origin.startswith(CATALOGUE):
            raise taken(place)
        look(place, "firefox")
        return card
    by_hand = (
        "Ask again when there is a network: it goes on where it stopped. Or from another machine: the files "
        f"of the model, which {FIREFOX_PAGE} leads to, into one folder named {source}-{target}, then "
        f"`dubline models import FOLDER --name {name}`."
    )
    try:
        version, entries = _newest(source, target)
        say(f"From Mozilla, version {version}: checked against what its catalogue says of each file.")
        with writing(models_folder()) as folder:
            staging = folder / f".fetch-{name}"
            with FileLock(folder / f"{staging.name}.lock", timeout=0):
                staging.mkdir(exist_ok=True)
                try:
                    _download(entries, staging, report)
                    origin = f"{CATALOGUE}, version {version}"
                    return settle(staging, name, licence=MOZILLA_LICENCE, origin=origin)
                finally:
                    if staging.exists() and not files_of(staging):
                        shutil.rmtree(staging)
    except Timeout:
        raise WeightsError(f"{name} is being fetched already", hint="Wait for it to end.") from None
    except Unreachable as error:
        raise WeightsError(f"{name} could not be fetched from Mozilla: {error}", hint=by_hand) from error


def _download(entries: list[_Entry], staging: Path, report: Report) -> None:
    mark = keep_only(" ".join(entry.attachment.hash for entry in entries), staging)
    total, before = sum(entry.attachment.size for entry in entries), 0
    check_room(staging, total - sum(file.stat().st_size for file in staging.iterdir()))
    for entry in entries:

        def tell(count: float, _: float, before: int = before) -> None:
            report(before + count, total)

        file = entry.attachment
        from_url(FILES + file.location, staging / entry.name, file.hash, tell)
        before += file.size
    report(total, total)
    mark.unlink()


def _newest(source: str, target: str) -> tuple[str, list[_Entry]]:
    """The version of a pair to take, and its files: the one that is known here, else the newest whole one.

    Raises:
        Unreachable: the catalogue cannot be had.
        WeightsError: it has no such model.
    """
    body, _, _ = read_page(CATALOGUE, "application/json")
    try:
        records = msgspec.json.decode(body, type=_Page).data
    except msgspec.DecodeError as error:
        raise Unreachable(f"{CATALOGUE} does not answer as a catalogue does") from error
    versions: dict[str, dict[str, _Entry]] = {}
    for record in records:
        try:
            entry = msgspec.json.decode(record, type=_Entry)
        except msgspec.DecodeError:
            continue  # of another form, and none of the files that are known here
        if (_code(entry.source), _code(entry.target)) != (_code(source), _code(target)):
            continue
        if _RELEASE.fullmatch(entry.version) and part_of(entry.name):
            versions.setdefault(entry.version, {})[part_of(entry.name)] = entry
    whole = {
        version: found
        for version, found in versions.items()
        if "model" in found and ("vocabulary" in found or {"source", "target"} <= found.keys())
    }
    if not whole:
        raise WeightsError(
            f"Mozilla has no Firefox model from {source} to {target}",
            hint=f"Its models: {FIREFOX_PAGE}. Nearly all are from or into English: two of them lead from "
            "one language to another through it.",
        )
    known = KNOWN.get((source, target))
    version = max(
        whole,
        key=lambda v: (whole[v]["model"].attachment.hash == known, [int(n) for n in v.split(".")]),
    )
    return version, list(whole[version].values())


def _code(language: str) -> str:
    code = language.lower().replace("_", "-")
    return _TWINS.get(code, code)
