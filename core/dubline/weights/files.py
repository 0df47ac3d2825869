"""The folder of the user's models: what is in it, where it came from, and under which licence.

Dubline ships no weights. The user brings files in or asks for well-known ones by name (`intake_files`);
each model gets a folder of its own with a card beside the files:

    MODELS/htdemucs/htdemucs.yaml
    MODELS/htdemucs/955717e8.safetensors
    MODELS/htdemucs/htdemucs.card.json

Nothing here opens what is inside a model file: bytes are copied and hashed, never unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from dubline.errors import BackendMissing, WeightsError
from dubline.values.base import ModelIdentity, Value
from dubline.weights.installation import extra_command
from dubline.weights.kinds import folder_kind
from dubline.weights.known import KNOWN, Kind, KnownWeights
from dubline.weights.structure import check_structure

SUFFIXES: dict[Kind, tuple[str, ...]] = {"demucs": (".th", ".safetensors"), "mdx": (".onnx",)}
SIGNED = re.compile(r"(?P<signature>.+)-(?P<sha256>[0-9a-f]{8})\.th")
BLOCK = 1 << 20

FileName = Annotated[str, msgspec.Meta(pattern=r"^[^./\\:][^/\\:]*$")]


class CardFile(Value, frozen=True):
    """One file of a model: its name in the card's folder, the SHA-256 of its bytes, its size in bytes."""

    name: FileName
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(ge=0)]


class WeightsCard(Value, frozen=True):
    """What is known about a model. An empty `licence` or `origin` means: nobody said.

    `sources` names what the model returns, in order, where the files themselves don't say;
    `parameters` holds what the back end of that kind must know and the files don't tell.
    """

    name: FileName
    kind: Kind
    files: Annotated[tuple[CardFile, ...], msgspec.Meta(min_length=1)]
    licence: str = ""
    origin: str = ""
    note: str = ""
    sources: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}


@dataclass(frozen=True)
class Weights:
    """A model found on disk: its files in order (a bag's `.yaml` first) and its card if it has one."""

    name: str
    kind: Kind
    files: tuple[Path, ...]
    card: WeightsCard | None = None

    def identity(self) -> ModelIdentity:
        """Hash the files and say which weights these are.

        Raises:
            WeightsError: a file is not the one that its card or its own name promises.
        """
        promised = {file.name: file.sha256 for file in self.card.files} if self.card else {}
        sums = tuple(checksum(path) for path in self.files)
        for path, digest in zip(self.files, sums, strict=True):
            agree(path, digest, promised.get(path.name, ""))
        source = self.card or recognise({p.name: s for p, s in zip(self.files, sums, strict=True)})
        return ModelIdentity(
            name=self.name,
            files=tuple(path.name for path in self.files),
            sha256=sums,
            licence=source.licence if source else "",
            origin=source.origin if source else self.files[0].parent.as_posix(),
        )


def models_folder() -> Path:
    """Where models live: $DUBLINE_MODELS, else `models` in the user's data folder. It may not exist yet."""
    import platformdirs

    chosen = os.environ.get("DUBLINE_MODELS")
    return (
        Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("dubline", False), "models")
    )


def checksum(path: Path) -> str:
    """SHA-256 of a file as 64 hex digits, read 1 MiB at a time."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    return digest.hexdigest()


def agree(path: Path, digest: str, promised: str = "") -> None:
    """Check a SHA-256 against a promised one (whole or its beginning) and against the file's name.

    Demucs writes the first eight digits into the name: `<signature>-<sha256[:8]>.th`.

    Raises:
        WeightsError: the bytes are not those promised.
    """
    signed = SIGNED.fullmatch(path.name)
    for beginning in (promised, signed["sha256"] if signed else ""):
        if not digest.startswith(beginning):
            raise WeightsError(
                f"{path} is damaged or has been changed: its SHA-256 begins {digest[: len(beginning)][:16]}, "
                f"not {beginning[:16]}",
                hint="Get the file again from where it came, then `dubline models import FILE`.",
            )


def resolve(name_or_path: str, kind: Kind) -> Weights:
    """Find a model by its name in the models folder, or by the path of a file, a bag's `.yaml` or a folder.

    Raises:
        WeightsError: there is none, it is of another kind, or a file of it is missing.
    """
    kept = models_folder()
    if re.fullmatch(r"[^./\\:][^/\\:]*", name_or_path):
        endings = ("", ".yaml", *SUFFIXES[kind])
        places = [kept / (name_or_path + ending) for ending in endings]
    else:
        places = []
    places.append(Path(name_or_path).expanduser())
    path = next((place for place in places if place.exists()), None)
    if path is None:
        fetched = f" Or `dubline models fetch {name_or_path}`." if name_or_path in KNOWN else ""
        raise WeightsError(
            f"there is no model {name_or_path!r} in {kept}, and no such file",
            hint=f"Bring one in with `dubline models import FILE --name NAME`.{fetched} "
            "`dubline models list` shows what is there.",
        )
    weights = gather(path, kind)
    if len(weights.files) > 1 and weights.files[0].suffix != ".yaml":
        raise WeightsError(
            f"{path} holds {len(weights.files)} models, and nothing says that they belong together",
            hint="Name one of its files, or write a bag: NAME.yaml with `models: [SIGNATURE, ...]`.",
        )
    return weights


def installed() -> list[tuple[Path, Weights | WeightsError]]:
    """Separators' models in the models folder in the order of names; a damaged one is listed with its error.

    Those of other back ends, which are folders of other kinds, are left to `folders`.
    """
    folder = models_folder()
    models: list[tuple[Path, Weights | WeightsError]] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith(".") or path.name.endswith(".card.json") or folder_kind(path):
            continue
        try:
            found = gather(path, kind_of(path))
            for file in found.files:
                check_structure(file)
            models.append((path, found))
        except WeightsError as error:
            models.append((path, error))
        except ValueError as error:
            damaged = WeightsError(f"{path} is cut off or damaged: {error}", hint="Get it again.")
            models.append((path, damaged))
    return models


def licence_notice(identity: ModelIdentity) -> str | None:
    """What to tell the user at the first use of these weights; None when told before, or without weights.

    That it was told is remembered in the models folder, by checksum. If that cannot be written, it is
    told again the next time.
    """
    if not identity.sha256:
        return None
    key = hashlib.sha256("".join(identity.sha256).encode()).hexdigest()
    mark = models_folder() / ".told" / key
    if mark.exists():
        return None
    with contextlib.suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    licence = identity.licence or "Not stated. Ask where you got the files before you publish the result."
    return f"Weights of {identity.name} ({identity.origin or 'origin not stated'}). Licence: {licence}"


def recognise(sums: dict[str, str]) -> KnownWeights | None:
    """The known model that files (name -> SHA-256) belong to, by checksum or by Demucs' signature."""
    models = {n: s for n, s in sums.items() if not n.endswith((".yaml", ".json"))}

    def belongs(known: KnownWeights, name: str, digest: str) -> bool:
        signed = re.split(r"[-.]", name)[0] in known.signatures
        return signed or any(f.sha256 and digest.startswith(f.sha256) for f in known.files)

    candidates = [k for k in KNOWN.values() if all(belongs(k, n, s) for n, s in models.items())]
    return min(candidates, key=lambda k: len(k.files) + len(k.signatures), default=None) if models else None


def read_card(path: Path) -> WeightsCard:
    """A card from its file.

    Raises:
        WeightsError: it cannot be read or a field is wrong; the text names the file and the field.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=WeightsCard)
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: {error}", hint="Remove the card and import the model again, or fix that field."
        ) from error


def bag_signatures(path: Path) -> tuple[str, ...]:
    """The signatures of the models that a Demucs bag (`.yaml`) is made of, in order.

    Raises:
        WeightsError: the file is not a bag.
        BackendMissing: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise BackendMissing("reading a bag needs PyYAML", hint=extra_command("demucs")) from None
    try:
        bag = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise WeightsError(f"{path}: not readable as YAML: {error}") from error
    names = bag.get("models") if isinstance(bag, dict) else None
    if not isinstance(names, list) or not names or not all(re.fullmatch(r"\w[\w.-]*", str(n)) for n in names):
        raise WeightsError(f"{path}: field 'models' must list the signatures of at least one model")
    return tuple(str(n) for n in names)


def bag_files(path: Path) -> tuple[Path, ...]:
    """A bag's `.yaml`, and the file beside it of each model that it names.

    Raises:
        WeightsError: the file is not a bag, or a model has no file or several.
    """
    files = [path]
    for signature in dict.fromkeys(bag_signatures(path)):
        names = (f"{signature}.th", f"{signature}.safetensors", f"{signature}-????????.th")
        fits = [file for name in names for file in sorted(path.parent.glob(name))]
        if len(fits) != 1:
            what = "no file" if not fits else f"{len(fits)} files"
            raise WeightsError(
                f"{path}: {what} beside it for the model {signature!r}",
                hint=f"Put one of {', '.join(names)} into {path.parent}.",
            )
        files.append(fits[0])
    return tuple(files)


def _covers(card: WeightsCard, files: tuple[Path, ...]) -> bool:
    return {file.name for file in files} <= {file.name for file in card.files}


def kind_of(path: Path) -> Kind:
    """Which kind of model a file or folder is, by the endings of its files.

    Raises:
        WeightsError: none that Dubline can use, or two kinds in one folder.
    """
    if (other := folder_kind(path)) is not None:
        raise WeightsError(f"{path} is a {other} model, not a separator's", hint="Name another model.")
    endings = {f.suffix for f in path.iterdir()} if path.is_dir() else {path.suffix}
    kinds = [kind for kind, own in SUFFIXES.items() if endings & set(own)]
    if not kinds and path.is_file() and path.suffix == ".yaml":
        return "demucs"
    if len(kinds) != 1:
        raise WeightsError(
            f"{path} holds " + ("models of two kinds" if kinds else "no model that Dubline can use"),
            hint="Usable are Demucs models (.th, .safetensors, or a bag's .yaml beside them) and "
            "MDX-Net models (.onnx). Each goes in by itself.",
        )
    return kinds[0]


def gather(path: Path, kind: Kind) -> Weights:
    """The model that a file or a folder is.

    Raises:
        WeightsError: it is no model of that kind, or more than one, or a file of it is missing.
    """
    if path.is_file():
        files = bag_files(path) if path.suffix == ".yaml" else (path,)
        cards = [path.with_name(f"{path.stem}.card.json"), *path.parent.glob("*.card.json")]
        card = next((c for p in cards if p.is_file() and _covers(c := read_card(p), files)), None)
        name = path.stem
    else:
        cards = sorted(path.glob("*.card.json"))
        bags = sorted(path.glob("*.yaml"))
        if len(cards) > 1 or (not cards and len(bags) > 1):
            raise WeightsError(f"{path} holds more than one model", hint="Name one of its files.")
        card = read_card(cards[0]) if cards else None
        name = card.name if card else path.name
        if card:
            files = tuple(path / f.name for f in card.files if not f.name.endswith(".json"))
        elif bags:
            files, name = bag_files(bags[0]), bags[0].stem
        else:
            files = tuple(sorted(f for f in path.iterdir() if f.suffix in SUFFIXES[kind]))
    wrong = [f for f in files if f.suffix not in (*SUFFIXES[kind], ".yaml")]
    if not files or wrong or (card and card.kind != kind):
        raise WeightsError(
            f"{path} is no {kind} model",
            hint=f"Such a model has files ending in {', '.join(SUFFIXES[kind])}.",
        )
    for file in files:
        if not file.is_file():
            raise WeightsError(f"{file} is missing", hint="Import the model again.")
    return Weights(name, kind, files, card)
