"""`dubline export`: a run as timelines and subtitle files for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubline.cli.film import at_work, is_run, run_of
from dubline.cli.options import argument, languages, option
from dubline.cli.progress import stoppable
from dubline.cli.report import bring_up_to_date
from dubline.errors import BackendMissing, DublineError, InvalidJob, StorageFull
from dubline.files import typed
from dubline.values.layout import Layout

if TYPE_CHECKING:
    import opentimelineio as otio

    from dubline.programme.export_places import ExportPlace
    from dubline.values.programme import Programme
    from otio_dubline.exporters import Exported, ExportOptions


def export(
    run: Annotated[
        Path | None,
        argument("A run folder (EPISODE.dubline), the film it is of, or an .otio file from any program."),
    ] = None,
    to: Annotated[
        list[str] | None,
        option("Targets, with commas between them; --list names them.", "--to", "-t", panel="What"),
    ] = None,
    out: Annotated[
        Path | None,
        option(
            "The folder for the targets' folders. Default: RUN/exports.",
            "--out",
            "-o",
            panel="Where",
        ),
    ] = None,
    rate: Annotated[
        str,
        option(
            'Frames a second of a timeline without picture, such as 25 or "24000/1001". Default: 25.',
            panel="Where",
        ),
    ] = "",
    lang: Annotated[str, languages("Subtitles and dubs in these languages only, such as en,de.")] = "",
    bilingual: Annotated[
        bool,
        option("The film's own words in the line above the translation.", "--bilingual", panel="What"),
    ] = False,
    schema: Annotated[
        str,
        option(
            "OTIO's schemas as an older version wrote them, such as 0.14.0 (otio, otioz, resolve).",
            panel="Where",
        ),
    ] = "",
    takes: Annotated[
        bool,
        option(
            "The dub's lines one by one too, on a track for each speaker.",
            "--takes/--no-takes",
            panel="What",
            show_default=True,
        ),
    ] = True,
    remix: Annotated[
        bool,
        option(
            "Hear takes, music, sfx and ambient instead of the finished dub, for a new mix.",
            "--remix",
            panel="What",
        ),
    ] = False,
    linked: Annotated[
        bool,
        option(
            "An AAF that points to the sound files instead of holding them.",
            "--linked",
            panel="Where",
        ),
    ] = False,
    allow_outside: Annotated[
        bool,
        option(
            "Let an .otio file take along media that lie outside its folder (otioz, aaf, resolve).",
            "--allow-outside",
            panel="Where",
        ),
    ] = False,
    list_targets: Annotated[
        bool, option("List the targets and what each is for, and exit.", "--list", panel="What")
    ] = False,
) -> None:
    """Write a run's timeline for an editing program, or its subtitles.

    Each target gets a folder, RUN/exports/TARGET, replaced as a whole.
    For each the file to open first is named, and what of this timeline
    the target cannot carry. Timelines point to the run's sounds and to
    the video where they lie; only otioz and aaf hold copies. The takes of
    a dub go to RUN/exports/takes as copies that begin and end with a
    frame. Where there is a dub it is heard alone; stems, M&E and takes
    lie below it, switched off.

        dubline export EPISODE.dubline --to resolve

        dubline export EPISODE.dubline --to premiere,srt --lang en

        dubline export EPISODE.dubline --to aaf --remix

        dubline export edit.otio --to edl --out for_grading
    """
    from otio_dubline import exporters

    if list_targets:
        for name in exporters.TARGETS:
            try:
                typer.echo(f"{name:<9} {exporters.target(name).TITLE}")
            except BackendMissing as error:
                typer.echo(f"{name:<9} not installed: {error.hint}")
        return
    names = target_names(to or ())
    if run is None or not names:
        raise InvalidJob(
            "nothing to export" if run is None else "no target was named",
            hint="For example: dubline export EPISODE.dubline --to resolve. --list names the targets.",
        )
    if not run.suffix.lower().startswith(".otio") and is_run(run_of(run)):
        run = run_of(run)
    if linked and "aaf" not in names:
        raise InvalidJob("--linked is about an AAF", hint="Add aaf to --to, or leave out --linked.")
    if bilingual and not (run.is_dir() and {exporters.TARGETS[name] for name in names} & {"subtitles"}):
        raise InvalidJob(
            "--bilingual is about the subtitles of a run",
            hint="Give a run folder and --to srt, vtt or ass, or leave out --bilingual.",
        )
    if remix and not takes:
        raise InvalidJob(
            "--remix without takes would be a timeline without voices",
            hint="Leave out --no-takes, or switch the M&E track on in the editing program.",
        )
    wanted = tuple(filter(None, lang.split(",")))
    options = exporters.ExportOptions(schema=schema, embed=not linked, languages=wanted, takes=takes)
    place = out or (Layout(run).exports if run.is_dir() else run.with_name(f"{run.stem}.exports"))
    with stoppable("The target in work was left as it was; those told above are whole."):
        moved = _moved(run, place, names)
        try:
            write_targets(
                run,
                names,
                place,
                options,
                rate=rate,
                remix=remix,
                bilingual=bilingual,
                allow_outside=allow_outside,
            )
        except typer.Exit:  # some of them were written
            _write_moved(run, place, moved)
            raise
        _write_moved(run, place, moved)


def target_names(to: Iterable[str]) -> tuple[str, ...]:
    """The targets that are named, each of which may be a list with commas, each once.

    Raises:
        InvalidJob, BackendMissing: there is no such target, or what it needs is not installed.
    """
    from otio_dubline import exporters

    names = tuple(dict.fromkeys(name.strip() for text in to for name in text.split(",") if name.strip()))
    for name in names:  # before anything is read or written
        exporters.target(name)
    return names


def write_targets(
    run: Path,
    names: Sequence[str],
    place: Path,
    options: ExportOptions,
    *,
    rate: str = "",
    remix: bool = False,
    bilingual: bool = False,
    allow_outside: bool = False,
) -> None:
    """Write a folder in `place` for each target, and say what came out. Of several targets, those that cannot
    be do not keep the others back; the end tells them.

    Raises:
        typer.Exit: with status 1, where some of several could not be written.
        InvalidJob: there is nothing to export, or not what the options ask for.
        StorageFull.
    """
    from msgspec.structs import replace

    from dubline.files import full_disk_is_told
    from dubline.programme.export_places import keep_export
    from dubline.programme.publications import noted
    from otio_dubline import exporters
    from otio_dubline.exporters.named_sounds import FOLDER, under_the_films_name
    from otio_dubline.exporters.neutral import schema_versions
    from otio_dubline.outside import places_of
    from otio_dubline.reading import require_media

    pointing = [name for name in names if exporters.TARGETS[name] != "subtitles"]
    timeline = _timeline(run, rate, sounds=bool(pointing), bilingual=bilingual)
    if options.languages:
        timeline = exporters.in_languages(timeline, options.languages)
    if remix:
        timeline = exporters.for_remix(timeline)
    if not options.takes:
        timeline = exporters.without_takes(timeline)
    if options.schema:  # refused before anything is written
        schema_versions(options.schema)
    if not run.is_dir():
        own = places_of(timeline, run)
        options = replace(options, places=(run.absolute().anchor,) if allow_outside else own)
    failed: dict[str, DublineError] = {}
    if pointing:
        try:
            require_media(timeline, None if run.is_dir() else run.absolute().parent)
        except InvalidJob as error:
            if len(pointing) == len(names):
                raise
            failed = dict.fromkeys(pointing, error)
    if run.is_dir() and at_work(run):
        typer.echo(f"{run.name} is being worked on: this is what it has so far. Export again when it is done")
    for note in timeline.metadata.get("dubline", {}).get("notes", []):
        typer.echo(note)
    with full_disk_is_told(place), _alone(place):
        if set(pointing) - {"resolve"} and not failed:  # which takes them along
            timeline = under_the_films_name(timeline, place / FOLDER)
        for name in names:
            if name in failed:
                continue
            try:
                (done,) = exporters.export(timeline, [name], place, options)
            except StorageFull:
                raise
            except DublineError as error:
                if len(names) == 1:
                    raise
                failed[name] = error
                continue
            _tell(done)
            if run.is_dir() and place == Layout(run).exports:
                noted(run, f"export RUN --to {name}", (place / name).rglob("*"))
                if name in pointing:
                    keep_export(run, name, _asked(run, options, rate, remix))
    for name, refusal in failed.items():
        typer.echo(f"{name:<9} not written: {refusal.message}", err=True)
        if refusal.hint:
            typer.echo(f"  {refusal.hint}", err=True)
    if failed:
        raise typer.Exit(1)


def _asked(run: Path, options: ExportOptions, rate: str, remix: bool) -> ExportPlace:
    """Where a run lies, and what was asked of an export."""
    from msgspec.structs import replace

    from dubline.programme.export_places import place_now

    return replace(
        place_now(run),
        schema=options.schema,
        embed=options.embed,
        languages=options.languages,
        takes=options.takes,
        remix=remix,
        rate=rate,
    )


def _moved(run: Path, place: Path, names: Sequence[str]) -> dict[str, ExportPlace]:
    """The run's other exports that point to where it lay before; they are told."""
    from dubline.programme.export_places import moved_exports

    if not run.is_dir() or place != Layout(run).exports:
        return {}
    moved = {name: asked for name, asked in moved_exports(run).items() if name not in names}
    if moved:
        typer.echo(
            f"{run.name} or its film has been moved since {', '.join(moved)} "
            f"{'was' if len(moved) == 1 else 'were'} exported: written anew too"
        )
    return moved


def _write_moved(run: Path, place: Path, moved: dict[str, ExportPlace]) -> None:
    """Write exports anew as they were asked for; one that cannot be is told."""
    from otio_dubline.exporters import TARGETS, ExportOptions

    for name, asked in moved.items():
        options = ExportOptions(
            schema=asked.schema, embed=asked.embed, languages=asked.languages, takes=asked.takes
        )
        try:
            if name in TARGETS:
                write_targets(run, [name], place, options, rate=asked.rate, remix=asked.remix)
        except (BackendMissing, InvalidJob) as error:
            typer.echo(f"{name:<9} still points to the old place: {error.message}", err=True)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """The folder of exports, to one process at a time."""
    from filelock import FileLock, Timeout

    place.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place / ".lock", timeout=0):
            yield
    except Timeout:
        raise InvalidJob(
            f"another Dubline is exporting to {place}", hint="Wait until it is done, or give --out."
        ) from None


def _texts(run: Path) -> Programme:
    """The words of a run, whose sounds are damaged."""
    from dubline.programme.reading import programme_of_text, programme_rate, read_translations
    from dubline.timebase import rate_text
    from dubline.values.transcript import read_transcript

    heard = Layout(run).transcript
    return programme_of_text(
        run.absolute().name.removesuffix(".dubline"),
        read_transcript(heard) if heard.is_file() else None,
        read_translations(run),
        rate=rate_text(programme_rate(run)),
    )


def _timeline(run: Path, rate: str, *, sounds: bool, bilingual: bool = False) -> otio.schema.Timeline:
    from dubline.programme.reading import read_programme
    from dubline.run import Damaged
    from otio_dubline.build import build
    from otio_dubline.reading import read_timeline

    if not run.exists():
        raise InvalidJob(
            f"there is no {run}", hint="Give a run folder, such as EPISODE.dubline, or an .otio file."
        )
    if run.is_dir():
        bring_up_to_date(run)  # a text may have been changed by hand, or the run have been moved
        try:
            return build(read_programme(run, rate=rate, bilingual=bilingual))
        except Damaged as error:
            if sounds:
                raise
            typer.echo(error.message)
            return build(_texts(run))
    if rate:
        raise InvalidJob(f"{run.name} has a rate of its own", hint="Leave out --rate.")
    if run.suffix.lower() != ".otio":
        raise InvalidJob(
            f"{run} is neither a run folder nor an .otio file, and has no run beside it",
            hint=f"For its run folder: dubline separate {typed(run)}, or dubline transcribe {typed(run)}.",
        )
    return read_timeline(run)


def _tell(done: Exported) -> None:
    typer.echo(f"{done.target:<9} {done.title}")
    typer.echo(f"  open         {done.files[0]}")
    if len(done.files) > 1:
        typer.echo(f"  beside it    {len(done.files) - 1} more {'file' if len(done.files) == 2 else 'files'}")
    for text in done.lost:
        typer.echo(f"  not carried  {text}")
    for text in done.notes:
        typer.echo(f"  note         {text}")
