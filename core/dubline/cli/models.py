"""`dubline models`: the models that separators use. Dubline brings none along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dubline.report import Report
    from dubline.weights import WeightsCard

NOT_STATED = "not stated"

app = typer.Typer(
    no_args_is_help=True,
    help="""See, bring in and fetch the models that separators use.

    Dubline ships no weights: their licences differ, and some forbid commercial work. Models live in a
    folder of yours, $DUBLINE_MODELS if set. Each keeps a card with its checksums, origin and licence.
    """,
)


@app.command("list")
def list_models() -> None:
    """Show the models that are there, and the public ones that `fetch` knows.

    A model's name is what the separators take: `model=NAME`.
    """
    from dubline.errors import WeightsError
    from dubline.known_weights import KNOWN
    from dubline.weights import installed, models_folder

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
    if len(rows) > 1:
        _table(rows)
    else:
        typer.echo(f"No models in {models_folder()}.")
    for line in damaged:
        typer.echo(f"damaged: {line}")
    rest = [known for name, known in KNOWN.items() if name not in there]
    if rest:
        typer.echo("\nCan be fetched with `dubline models fetch NAME`:")
        _table([(known.name, known.kind, known.note, _short(known.licence)) for known in rest])


@app.command("import")
def import_command(
    path: Annotated[
        Path, typer.Argument(help="A .th, .safetensors or .onnx file, a bag's .yaml, or a folder of them.")
    ],
    name: Annotated[
        str | None, typer.Option(help="What to call it. Default: what it is known as, else the file's name.")
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--licence", "--license", help="What its maker says about its use, for the card."),
    ] = None,
) -> None:
    """Copy a model into the models folder, check it, and write its card.

    Your file stays where it is. If its name carries a checksum, as Demucs writes it
    (955717e8-8726e21a.th), it must be that of its bytes. For an MDX-Net model (.onnx) a .json of the same
    stem goes along; UVR's published models need none.

    Example: dubline models import ~/Downloads/UVR-MDX-NET-Voc_FT.onnx
    """
    from dubline.intake import import_model

    _tell(import_model(path, name=name, licence=licence, report=_bar()))


@app.command("fetch")
def fetch_command(
    name: Annotated[str, typer.Argument(help="A name that `dubline models list` shows as fetchable.")],
) -> None:
    """Download a public model into the models folder and write its card.

    Needs a network, no account. A download that broke off goes on where it stopped. Without a network,
    the message says which file to download elsewhere and how to bring it in.

    Example: dubline models fetch htdemucs
    """
    from dubline.errors import WeightsError
    from dubline.intake import fetch
    from dubline.known_weights import KNOWN

    if name not in KNOWN:
        raise WeightsError(
            f"no public model named {name!r} is known",
            hint=f"Known: {', '.join(KNOWN)}. Other models come in with `dubline models import FILE`.",
        )
    typer.echo(f"{name}, from {KNOWN[name].page}\nLicence: {KNOWN[name].licence}")
    _tell(fetch(name, report=_bar()))


def _tell(card: WeightsCard) -> None:
    from dubline.weights import models_folder

    typer.echo(f"{card.name} ({card.kind}) is in {models_folder() / card.name}")
    for file in card.files:
        typer.echo(f"  {file.name}  {_size(file.size)}  sha256 {file.sha256}")
    if card.origin:
        typer.echo(f"Origin:  {card.origin}")
    typer.echo(f"Licence: {card.licence or NOT_STATED + '; ask where you got it before you publish'}")
    if card.note:
        typer.echo(f"Note:    {card.note}")
    if card.kind == "mdx" and not _parameters_known(card):
        typer.echo(
            "Its parameters are not known: put a .json of the same stem beside the .onnx (its entry of UVR's "
            "model_data.json will do) and import it again under another --name.",
            err=True,
        )


def _parameters_known(card: WeightsCard) -> bool:
    from dubline.backends.mdxnet import published_parameters
    from dubline.weights import models_folder

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
