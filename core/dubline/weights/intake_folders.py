"""How models that are folders come into the models folder: brought in, or fetched from the Hugging Face hub.

A model is put together in a hidden folder and renamed into place, so that it is there whole or not at all.
Only files that the model needs come along. Weights that are there as pickles alone, as most of Marian's, are
read with torch's `weights_only` and written as safetensors; one that would need more than that is refused.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dubline.errors import BackendMissing, InvalidJob, StorageFull, WeightsError, first_line
from dubline.report import Report, silent
from dubline.values.base import to_json
from dubline.weights import hub
from dubline.weights.files import checksum, models_folder
from dubline.weights.firefox_files import part_of
from dubline.weights.folders import REPOSITORY, FolderCard, FolderFile, files_of, folder_card
from dubline.weights.installation import extra_command
from dubline.weights.intake_files import copy_hashed, folder_name, staged, taken, writing
from dubline.weights.kinds import (
    PART,
    FolderKind,
    check_whole,
    folder_kind,
    look,
    non_commercial,
    read_licence,
    read_settings,
)
from dubline.weights.speech_models import speech_model
from dubline.weights.structure import check_folder

TERMS = re.compile(r"(README|LICEN[SC]E|NOTICE)[^/]*", re.IGNORECASE)
SIDE = re.compile(rf"[^/]+\.(json|txt|spm|model|jinja)|{TERMS.pattern}", re.IGNORECASE)
SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
PICKLE = re.compile(r"pytorch_model(-\d{5}-of-\d{5})?\.bin")
NOT_LOADED = re.compile(r"(tf_model|flax_model|rust_model)\..*|.*\.index\.json")
CONVERTED = "Its pytorch_model.bin was read without running anything in it and written as safetensors."
NON_COMMERCIAL = "This licence does not allow commercial use."


def import_folder(
    source: Path,
    *,
    name: str | None = None,
    licence: str | None = None,
    report: Report = silent,
) -> FolderCard:
    """Copy a model's folder into the models folder and write its card. The source stays as it is.

    The same bytes under the same name again change nothing. `report` counts bytes.

    Raises:
        WeightsError: no model, a file of it is missing, cut off or unsafe, or another model has that name.
        InvalidJob: `name` cannot be a folder's name.
        BackendMissing: converting weights needs torch and transformers, which are not installed.
        StorageFull: the disk is full.
    """
    source = source.expanduser().absolute()
    if folder_kind(source) is None:
        raise WeightsError(
            f"{source} holds no model that Dubline knows",
            hint="Known are Whisper (transformers, CTranslate2), other speech models of transformers "
            "(Parakeet, Canary, Cohere Transcribe, Qwen3-ASR, Voxtral, Moonshine, wav2vec 2.0), pyannote "
            "pipelines, translation models (transformers, CTranslate2, Firefox), and voices (Piper, "
            "PaddleSpeech). Give the folder that has all files of it.",
        )
    final = folder_name(name, source.name)
    names = needed_files(files_of(source), str(source), folder_kind(source))
    pickled = any(PICKLE.fullmatch(file) for file in names)
    if not pickled:  # before anything is copied
        found = look(source)
        check_folder(source, found.kind, found.weights)
    sizes = {file: (source / file).stat().st_size for file in names}
    place = models_folder() / final
    if place.exists() and folder_card(place) is None:
        raise taken(place)
    before, total = 0, sum(sizes.values())
    with writing(models_folder()) as folder:
        check_room(folder, total)
        with staged(folder) as staging:
            for file in names:
                target = staging / file
                target.parent.mkdir(parents=True, exist_ok=True)
                copy_hashed(source / file, target, report, before, total)
                before += sizes[file]
            return settle(staging, final, licence=licence, origin=source.as_posix(), read=not pickled)


def fetch_folder(
    repository: str,
    *,
    name: str | None = None,
    only: tuple[str, ...] = (),
    licence: str | None = None,
    report: Report = silent,
) -> FolderCard:
    """Fetch a model from the hub's OWNER/NAME into the models folder. `report` counts bytes.

    `only` names the files where the repository holds many models; the card's `licence` is the README's where
    none is given. What an earlier call left there goes on where it broke off; a model that is there already
    stays.

    Raises:
        WeightsError: no such repository, not permitted, no network, no model that Dubline knows, or it is
            there under that name from elsewhere.
        InvalidJob: not OWNER/NAME, or `name` cannot be a folder's name.
        BackendMissing: huggingface_hub, or what converting weights needs, is not installed.
        StorageFull: the disk is full.
    """
    from filelock import FileLock, Timeout

    if not REPOSITORY.fullmatch(repository):
        raise InvalidJob(
            f"{repository!r} is not of the form OWNER/NAME", hint="For example Systran/faster-whisper-small."
        )
    final = folder_name(name, repository.partition("/")[2])
    place = models_folder() / final
    if place.exists():
        card = folder_card(place)
        if card is not None and card.repository == repository:
            look(place, card.kind)
            return card
        raise taken(place)
    revision, there = hub.list_files(repository)
    if lost := [file for file in only if file not in there]:
        raise WeightsError(
            f"{repository} has no file {lost[0]}", hint=f"See https://huggingface.co/{repository}"
        )
    chosen = only or needed_files(there, repository, None)
    with writing(models_folder()) as folder:
        staging = folder / f".fetch-{repository.replace('/', '--')}"
        staging.mkdir(exist_ok=True)
        files = {file: there[file] for file in chosen}
        try:
            with FileLock(folder / f"{staging.name}.lock", timeout=0):
                mark = hub.keep_only(revision, staging)
                have = sum(file.stat().st_size for file in staging.rglob("*") if file.is_file())
                check_room(folder, sum(file.size for file in files.values()) - have)
                hub.download(repository, revision, files, staging, report)
                _check_parts(staging, repository)
                mark.unlink()
                return settle(
                    staging,
                    final,
                    licence=licence,
                    origin=f"https://huggingface.co/{repository}",
                    repository=repository,
                    revision=revision,
                )
        except Timeout:
            raise WeightsError(f"{repository} is being fetched already", hint="Wait for it to end.") from None
        finally:
            if staging.exists() and not files_of(staging):
                shutil.rmtree(staging)


def needed_files(names: Iterable[str], where: str, kind: FolderKind | None) -> tuple[str, ...]:
    """Which of a model's files are needed, told by their names alone; pickles only where nothing else is.

    Raises:
        WeightsError: there are no weights among them that Dubline can use.
    """
    names = sorted(names)
    side = [name for name in names if SIDE.fullmatch(name) and not NOT_LOADED.fullmatch(name)]
    if kind in ("paddlespeech", "paddlespeech-voice", "piper"):
        return tuple(names)
    if kind == "firefox":
        return tuple(n for n in names if part_of(n) or n == "metadata.json" or TERMS.fullmatch(n))
    if "config.yaml" in names and "model.bin" not in names and "config.json" not in names:
        parts = [name for name in names if re.fullmatch(r"[\w.-]+/(pytorch_model\.bin|\w+\.npz)", name)]
        return ("config.yaml", *parts, *(name for name in side if not name.endswith(".json")))
    if "model.bin" in names and kind in (None, "whisper-ct2", "seq2seq-ct2"):
        return ("model.bin", *side)
    if "model.safetensors" in names:
        return ("model.safetensors", *side)
    if shards := [name for name in names if SHARD.fullmatch(name)]:
        return (*shards, "model.safetensors.index.json", *side)
    if pickles := [name for name in names if PICKLE.fullmatch(name)]:
        index = [name for name in names if name == "pytorch_model.bin.index.json"]
        return (*pickles, *index, *side)
    listing = ", ".join(name for name in names if "/" not in name and not name.startswith("."))
    raise WeightsError(
        f"{where} holds no weights that Dubline can use; it holds {listing[:200] or 'nothing'}",
        hint="Usable are model.safetensors, CTranslate2's model.bin, pyannote's config.yaml and its parts.",
    )


def _check_parts(staging: Path, repository: str) -> None:
    """Refuse a pyannote pipeline whose parts are in other repositories: a folder must hold all of it."""
    config = staging / "config.yaml"
    text = config.read_text(encoding="utf-8", errors="replace") if config.is_file() else ""
    elsewhere = [ref for _, ref in PART.findall(text) if not ref.startswith("$model/")]
    if elsewhere and not any((staging / ref).exists() for ref in elsewhere):
        raise WeightsError(
            f"{repository} is made of parts that are elsewhere: {', '.join(elsewhere)}",
            hint="Fetch pyannote/speaker-diarization-community-1, which holds all of its parts.",
        )


def settle(
    staging: Path,
    name: str,
    *,
    licence: str | None = None,
    origin: str = "",
    repository: str = "",
    revision: str = "",
    read: bool = False,
) -> FolderCard:
    """Check what was gathered, write its card, and give the folder its name: `name`, beside where it was.

    The other arguments are the card's; without a `licence` it is what the README.md says. `read`: its weights
    have been read already.

    Raises:
        WeightsError: it is no whole model, or another one has that name.
        BackendMissing: converting its weights needs torch and transformers, which are not installed.
    """
    note = CONVERTED if _convert(staging) else ""
    model = look(staging)
    if not read:
        check_folder(staging, model.kind, model.weights)
    terms = licence if licence is not None else read_licence(staging / "README.md")
    if non_commercial(terms):
        note = f"{NON_COMMERCIAL} {note}".strip()
    card = FolderCard(
        name=name,
        kind=model.kind,
        files=tuple(
            FolderFile(name=file, sha256=checksum(staging / file), size=(staging / file).stat().st_size)
            for file in files_of(staging)
        ),
        architecture=model.architecture,
        licence=terms,
        origin=origin,
        repository=repository,
        revision=revision,
        note=note,
    )
    place = staging.parent / name
    if place.exists():
        kept = folder_card(place)
        if kept is not None and set(kept.files) == set(card.files):
            shutil.rmtree(staging, ignore_errors=True)
            return kept
        raise taken(place)
    (staging / f"{name}.card.json").write_bytes(to_json(card))
    staging.chmod(0o755)  # mkdtemp keeps others out; a models folder may be shared
    staging.replace(place)
    return card


def _convert(folder: Path) -> bool:
    """Write the weights of a folder of pickles as safetensors, in place; tells whether it had to."""
    pickles = sorted(file for file in folder.iterdir() if PICKLE.fullmatch(file.name))
    kind = folder_kind(folder)
    if not pickles or kind not in ("whisper", "asr", "seq2seq"):
        return False
    try:
        import torch
        import transformers
    except ImportError:
        raise BackendMissing(
            f"{pickles[0].name} must be converted to safetensors, which needs torch and transformers",
            hint=f"Install them with: {extra_command('transformers')}",
        ) from None
    for file in pickles:
        check_whole(file)
        try:
            torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever unpickling a damaged file comes to
            raise WeightsError(
                f"{file.name} cannot be read safely: {first_line(error)}",
                hint="It is damaged, or holds programs. Take a model.safetensors of this model; or, if you "
                "trust its maker, write one elsewhere with transformers: from_pretrained, save_pretrained.",
            ) from None
    family = speech_model(read_settings(folder))
    cls: Any = transformers.AutoModelForSeq2SeqLM
    if kind == "whisper" or family:
        cls = (
            transformers.AutoModelForCTC
            if family and family.hearing == "ctc"
            else (transformers.AutoModelForSpeechSeq2Seq)
        )
    aside = folder / ".converted"
    try:
        model = cls.from_pretrained(
            folder, local_files_only=True, use_safetensors=False, weights_only=True, trust_remote_code=False
        )
        model.save_pretrained(aside)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{folder_kind(folder)} model could not be converted: {first_line(error)}",
            hint="Its files do not belong together: get them again.",
        ) from error
    for file in aside.iterdir():
        # The settings stay as their maker wrote them; only what is not there yet is added.
        if file.name.startswith("model") or not (folder / file.name).exists():
            file.replace(folder / file.name)
    shutil.rmtree(aside)
    for file in (*pickles, folder / "pytorch_model.bin.index.json"):
        file.unlink(missing_ok=True)
    return True


def check_room(folder: Path, needed: int) -> None:
    """Refuse what would fill the disk; `needed` is in bytes.

    Raises:
        StorageFull: there is less room.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageFull(
            f"the model takes {needed / 1e9:.1f} GB in {folder}; {free / 1e9:.1f} GB are free",
            hint="Make room, or point $DUBLINE_MODELS at another disk.",
        )
