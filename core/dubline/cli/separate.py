"""`dubline separate`: four stems of a film or a sound file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dubline.cli.progress import Bar
    from dubline.run import Run, StepRecord
    from dubline.values.media import Media, Sound
    from dubline.values.stems import Stems

CONTENT = (
    "dialogue: voices and one bed, split by a film model if there is one. "
    "cinematic: voices, then music and effects by a film model. "
    "music: songs and concerts. auto: cinematic where a film model is in your models folder, else dialogue."
)


def separate(
    media: Annotated[
        Path,
        typer.Argument(
            help="A video, or a sound file. It is only read. Put -- before a name that begins with -.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The run folder. Default: beside the media, NAME.dubline."),
    ] = None,
    content: Annotated[str, typer.Option(help=CONTENT)] = "auto",
    separator: Annotated[
        str, typer.Option(help="auto, demucs, uvr or builtin (`dubline backends` lists them).")
    ] = "auto",
    model: Annotated[
        str, typer.Option(help="A model by name (`dubline models list`) or path.", show_default=False)
    ] = "",
    film_model: Annotated[
        str,
        typer.Option(
            "--film-model", help="The model for music and effects, by name or path.", show_default=False
        ),
    ] = "",
    background: Annotated[
        str,
        typer.Option(
            help="residual: the bed is source minus voices, and nulls. sum: the model's own other sources as "
            "music, what is left over in sfx."
        ),
    ] = "residual",
    lines: Annotated[
        Path | None,
        typer.Option(
            help="When somebody speaks: .srt, .rttm or transcript .json. Helps the built-in separator."
        ),
    ] = None,
    track: Annotated[
        str,
        typer.Option(help="Which audio track of a video: number from 0, or language.", show_default=False),
    ] = "",
    depth: Annotated[
        str, typer.Option(help="24, float, or auto: 24 bit unless the source goes over full scale.")
    ] = "auto",
    ambient: Annotated[
        bool, typer.Option(help="Estimate ambience from the effects stem, where there is one.")
    ] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(help="CPU threads. Default: physical cores less one.", min=1)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Chunks at once. Default: by the GPU's free memory.", min=1)
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            help="auto, fp32, bf16, fp16 (Demucs). auto: bf16 where the hardware has it and a trial chunk "
            "agrees with fp32 to 40 dB."
        ),
    ] = "auto",
    shifts: Annotated[
        int, typer.Option(help="Hear the sound this often with small delays and average (Demucs).", min=0)
    ] = 0,
    overlap: Annotated[
        float | None, typer.Option(help="Share of a chunk that the next repeats.", show_default="0.25")
    ] = None,
) -> None:
    """Take a film's sound apart into vocals, music, sfx and ambient.

    The stems have the source's sample rate, channels and length to the sample, and sum to it.
    They lie in EPISODE.dubline/stems/, with a picture (stems.png) and a report of levels and null test.

        dubline separate EPISODE.mov

        dubline separate EPISODE.mov --content cinematic --film-model cdx23

        dubline separate mix.wav --separator builtin --lines lines.srt
    """
    from dubline.cli.progress import watched
    from dubline.errors import InvalidJob
    from dubline.run import Run
    from dubline.separation import separate as separating
    from dubline.separation.routing import job_of, route
    from dubline.subtitles.line_times import read_lines

    check_media(media)
    for name, value, known in (
        ("content", content, ("auto", "dialogue", "music", "cinematic")),
        ("background", background, ("residual", "sum")),
        ("depth", depth, ("auto", "24", "float")),
    ):
        if value not in known:
            raise InvalidJob(f"there is no {name} {value!r}", hint=f"Use {', '.join(known)}.")
    options: dict[str, Any] = {"overlap": overlap, "shifts": shifts or None}
    if precision != "auto":
        options["precision"] = precision
    decided = route(
        content=content,  # type: ignore[arg-type]
        separator=separator,
        model=model,
        film_model_name=film_model,
        options={k: v for k, v in options.items() if v is not None},
    )
    job = job_of(
        decided,
        background=background,
        depth=depth,
        ambient=ambient,
        lines=read_lines(lines) if lines else None,
    )
    hints = {"device": device, "threads": threads, "batch": batch, "reasons": decided.reasons}
    found = find_sound(media, track)
    media = media.absolute()
    root = out or media.with_name(f"{media.stem or media.name}.dubline")
    with watched() as (progress, bar):
        for reason in decided.reasons:
            bar.say(reason)
        with Run(root, report=progress.stage, tell=bar.say, said=lambda r: said_kept(r, bar)) as run:
            sound = source_of(found, run)
            stems = run.step(separating, sound, job, hints=hints)
            publish(stems, run)
    _tell(stems, root)


def check_media(media: Path) -> None:
    """Refuse what is no media file before anything is loaded or made.

    Raises:
        ValidationError: missing, a folder, empty, or not readable.
        InvalidJob: its name is not text, so that no manifest and no timeline could name it.
    """
    from dubline.errors import InvalidJob
    from dubline.media.sound import check_readable

    check_readable(media)
    try:
        str(media.absolute()).encode()
    except UnicodeEncodeError:
        raise InvalidJob(
            f"the name {str(media)!r} is not valid text", hint="Rename the file or its folder."
        ) from None


def said_kept(record: StepRecord, bar: Bar) -> None:
    """Tell that a step was kept from before."""
    if record.state == "kept":
        bar.say(f"{record.name}: kept from before")


def find_sound(media: Path, track: str) -> Sound | tuple[Media, int]:
    """The file itself where soundfile reads it, else a video and the number of its audio track."""
    from dubline.media.probing import as_sound, choose_track, probe

    sound = as_sound(media)
    if sound is not None and not track:
        return sound
    found = probe(media)
    return found, choose_track(found, track or None).index


def source_of(found: Sound | tuple[Media, int], run: Run) -> Sound:
    """The sound to work on, extracted where it lies in a video."""
    from dubline.media.extraction import extract_sound

    return run.step(extract_sound, *found) if isinstance(found, tuple) else found


def publish(stems: Stems, run: Run) -> None:
    """Put the stems and their picture where a person looks."""
    for stem in stems.stems:
        run.publish(stem.path, f"stems/{stem.name}.wav")
    run.publish(f"{stems.vocals.path.rpartition('/')[0]}/stems.png", "stems.png")


def _tell(stems: Stems, root: Path) -> None:
    from dubline.separation.quality import table

    for stem in stems.stems:
        typer.echo(f"{stem.name:<8} {stem.label}")
    typer.echo()
    if stems.quality is not None:
        for line in table(stems.quality):
            typer.echo(line)
    typer.echo(f"\n{root / 'stems'}")
