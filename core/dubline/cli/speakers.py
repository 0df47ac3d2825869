"""`dubline speakers`: the voices of a run, their samples, names and corrections."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dubline.cli.film import RunFolder, run_of
from dubline.cli.help import App, Group
from dubline.cli.options import DEVICE, THREADS, argument, option
from dubline.cli.report import bring_up_to_date
from dubline.errors import DublineError, InvalidJob
from dubline.values.layout import Layout

if TYPE_CHECKING:
    from dubline.values.transcript import Transcript


class _ListByDefault(Group):
    """`dubline speakers RUN` is `dubline speakers list RUN`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        verbs = {*args[:2]} & {*self.commands}
        meant = args and get_close_matches(args[0], self.commands) and not Path(args[0]).exists()
        if args and not verbs and not meant and not args[0].startswith("-"):
            args = ["list", *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


app = App(
    cls=_ListByDefault,
    help="See, hear, name and correct the voices that a run found.\n\n"
    "    dubline speakers EPISODE.dubline\n\n"
    "lists them and cuts a sample of each. Speakers are named by id (SPEAKER_00) or by name. Every "
    "correction is kept with the time of the speech it is about, and made again when the film is transcribed "
    "again.",
)

Device = Annotated[str, option(DEVICE.text)]
Threads = Annotated[int | None, option(THREADS.text, min=1)]
LeastAlike = Annotated[
    float,
    option(
        "Cosine from which two voices count as one.", "--least-alike", min=-1.0, max=1.0, show_default=True
    ),
]


@app.command("list")
def list_speakers(run: RunFolder) -> None:
    """Who speaks, for how long, and a sample of each voice in RUN/work/speakers.

    A sample is up to three clips in which nobody else speaks, as they sound in the film.
    """
    from dubline.recognition.speaker_log import read_log
    from dubline.values.transcript import read_transcript

    transcript, log = read_transcript(Layout(run).transcript), read_log(run)
    show(run, transcript)
    for note in log.notes:
        typer.echo(f"note: {note}")


def show(run: Path, transcript: Transcript) -> None:
    """The table of speakers; their samples are cut anew, or it is said why not. What else is made of the
    run's speakers follows."""
    from dubline.report import quantity

    counts = Counter(segment.speaker for segment in transcript.segments)
    for speaker in transcript.speakers:
        spoken = f"{speaker.seconds:7.1f} s in {quantity(counts[speaker.id], 'segment')}"
        typer.echo(f"{speaker.id}  {speaker.name or '-':<16} {spoken}")
    if counts[""]:
        typer.echo(f"{'nobody':<12}{'-':<16} {quantity(counts[''], 'segment')} in which no voice was told")
    if not transcript.speakers:
        typer.echo("nobody speaks")
    typer.echo(_samples(run, transcript))
    bring_up_to_date(run)


def _samples(run: Path, transcript: Transcript) -> str:
    from dubline.programme.publications import noted
    from dubline.recognition.origin import origin_of
    from dubline.recognition.samples import write_samples

    try:
        origin = origin_of(run)
        if origin.sound is None:
            return "\nno samples: the sound that was listened to is gone or has changed"
        folder = Layout(run).samples
        written = write_samples(transcript, Path(origin.sound.path), folder, origin.diarized.turns)
        noted(run, "speakers RUN", written.values())
    except (DublineError, OSError) as error:
        return f"\nno samples: {error}"
    if not written:
        return "\nno samples: nobody speaks alone for a whole word" if transcript.speakers else ""
    never = [s.id for s in transcript.speakers if s.id not in written]
    without = f" (none of {', '.join(never)}, who never speak alone)" if never else ""
    return f"\nsamples: {folder / 'SPEAKER_..wav'}{without}"


@app.command("rename")
def rename(
    run: RunFolder,
    speaker: Annotated[str, argument("SPEAKER_00, or the name it has.")],
    name: Annotated[str, argument("The person's or the part's name.")],
) -> None:
    """Give a voice a name.

    Example: dubline speakers rename EPISODE.dubline SPEAKER_00 Ayşe
    """
    from dubline.recognition.publish import rename_speaker

    transcript = rename_speaker(run, speaker, name)
    typer.echo(f"{speaker} is {' '.join(name.split())}\n")
    show(run, transcript)


@app.command("merge")
def merge(
    run: RunFolder,
    into: Annotated[str, argument("The speaker who stays.")],
    others: Annotated[list[str], argument("Speakers who are the same person.")],
) -> None:
    """Make several voices one. The first keeps its number and name; the others' numbers are not used again.

    Example: dubline speakers merge EPISODE.dubline SPEAKER_00 SPEAKER_03 SPEAKER_05
    """
    from dubline.recognition.publish import merge_speakers

    transcript = merge_speakers(run, into, others)
    typer.echo(f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} {into}\n")
    show(run, transcript)


@app.command("split")
def split(
    run: RunFolder,
    speaker: Annotated[str, argument("The speaker who is several people.")],
    segments: Annotated[str, option("Numbers of segments that are another's: 17,23-40.")] = "",
    into: Annotated[int | None, option("Into so many voices, by how they sound.", min=2)] = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Make two voices, or more, of one. The new ones get the next numbers.

        dubline speakers split EPISODE.dubline SPEAKER_00 --segments 17,23-40

        dubline speakers split EPISODE.dubline SPEAKER_00 --into 2

    Of a range, the segments of that speaker are taken. By voice, the largest part stays; segments too short
    to be told go with the nearest.
    """
    from dubline.cli.progress import watched
    from dubline.recognition.publish import split_speaker
    from dubline.recognition.voice_split import segments_by_voice, segments_named

    if bool(segments) == (into is not None):
        raise InvalidJob("how should it be split?", hint="Give --segments 17,23-40, or --into 2.")
    if into is None:
        transcript = split_speaker(run, speaker, segments_named(segments))
    else:
        hints = {"device": device, "threads": threads}
        with watched() as bar:
            by_voice = segments_by_voice(run, into, hints=hints, report=bar.progress.stage("voices"))
            transcript = split_speaker(run, speaker, by_voice)
    show(run, transcript)


@app.command("undo")
def undo(run: RunFolder) -> None:
    """Take the last rename, merge, split, link or cast back. Texts that were corrected stay."""
    from dubline.recognition.publish import undo_edit

    edit, transcript = undo_edit(run)
    typer.echo(f"undone: {type(edit).__name__.lower()}\n")
    show(run, transcript)


@app.command("name")
def name_by_cast(
    run: RunFolder,
    cast: Annotated[Path, option('A cast.toml: [cast], then "NAME" = ["clip.wav"].')],
    least_alike: LeastAlike = 0.75,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Name voices by clips of the people. A name given by hand stays.

    A clip is a sound file, or { file = "e01.wav", start = 12.0, end = 18.5 }; paths are from the cast file's
    folder. Some seconds in which the person speaks alone are enough.

    Example: dubline speakers name EPISODE.dubline --cast cast.toml
    """
    from dubline.cli.progress import watched
    from dubline.recognition.voice_names import name_run

    hints = {"device": device, "threads": threads}
    with watched() as bar:
        told = name_run(
            run, cast, least_alike=least_alike, hints=hints, report=bar.progress.stage, tell=bar.say
        )
    for speaker, (name, alike) in told.names.items():
        typer.echo(f"{speaker} is like {name} ({alike:.2f})")
    if not told.names:
        typer.echo("no voice is like anybody in the cast")
    typer.echo("")
    show(run, told.transcript)


@app.command("link")
def link(
    runs: Annotated[list[Path], argument("Two or more run folders, or their films, the oldest first.")],
    least_alike: LeastAlike = 0.75,
    dry_run: Annotated[bool, option("Only show who would be whom.", "--dry-run")] = False,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Give the same voice the same number and name in several runs: episodes, reels, takes.

    The first run keeps its numbers. A name given in one run goes to the others; where two contradict, both
    stay, and it is said. --dry-run changes nothing.

    Example: dubline speakers link E01.dubline E02.dubline E03.dubline
    """
    from dubline.cli.progress import watched
    from dubline.recognition.voice_links import find_links, write_links

    hints = {"device": device, "threads": threads}
    runs = [run_of(run) for run in runs]
    with watched():
        links = find_links(runs, least_alike=least_alike, hints=hints)
        changed = [] if dry_run else write_links(runs, links)
        for run in changed:
            bring_up_to_date(run)
    typer.echo(f"{'voice':<12} {'name':<16} {'seconds':>8} {'alike':>6}  in")
    for voice in links.voices:
        alike = "-" if voice.alike is None else f"{voice.alike:.2f}"
        places = ", ".join(f"{runs[r].name} ({was})" for r, was in voice.places.items())
        typer.echo(f"{voice.id:<12} {voice.name or '-':<16} {voice.seconds:8.1f} {alike:>6}  {places}")
    for note in links.notes:
        typer.echo(f"note: {note}")
    if dry_run:
        typer.echo("\nnothing was changed")
    else:
        told = ", ".join(root.name for root in changed)
        typer.echo(f"\nchanged: {told or 'nothing, all were so before'}")
