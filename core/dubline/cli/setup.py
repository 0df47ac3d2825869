"""`dubline setup`: the models and packages that this machine needs for a pair of languages, all at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dubline.cli.models import size_text
from dubline.cli.options import option
from dubline.cli.progress import stoppable
from dubline.cli.screen import as_typed, for_stream, screen_now
from dubline.errors import InvalidJob, NotSetUp

if TYPE_CHECKING:
    from dubline.backends.needs import Machine, Need, Plan, Wanted
    from dubline.errors import DublineError
    from dubline.pipeline import Decided
    from dubline.report import Report
    from dubline.values.wishes import LocalizeJob

KIND = 11
"""Characters of the table's first column."""
QUALITIES = ("draft", "good", "best")  # as in weights.recommended, which need not be loaded for --help


def setup(
    source: Annotated[str, option("The language of the film: Turkish, tr, ...", "--from")] = "",
    to: Annotated[list[str] | None, option("The language to dub in; several with commas.", "--to")] = None,
    voice: Annotated[
        str, option("The voice to set up: a back end's name. Default: the best for the language.")
    ] = "auto",
    quality: Annotated[
        str,
        option("draft (small models, quick), good, or best (large models, slow). Default: good."),
    ] = "good",
    ears: Annotated[
        str, option("seed: the pair pyannote + PaddleSpeech, in the place of the usual ones.")
    ] = "",
    yes: Annotated[bool, option("Fetch and install without asking.", "--yes", "-y")] = False,
) -> None:
    """Show what this machine and these languages need, and bring it once you say yes.

    One table: each model with its size, its licence and where it comes from, and the Python packages that
    are missing. What is here already is marked, and stays. All weights are checked by their SHA-256; what
    broke off goes on with the same command. Without a terminal, --yes says yes. Models whose makers ask for
    an account or restrict their use are never taken by themselves: the table names the command for each.

        dubline setup --from tr --to en

        dubline setup --from en --to pt --quality draft --yes
    """
    from dubline.backends.needs import Wanted, look_at_machine, plan_for
    from dubline.values.languages import language_code, language_codes

    if quality not in QUALITIES:
        raise InvalidJob(f"there is no quality {quality!r}", hint=f"Use {', '.join(QUALITIES)}.")
    source, targets = language_code(source) if source else "", language_codes(to or ())
    wanted: Any = Wanted(source, targets, quality, voice, ears)  # type: ignore[arg-type]
    machine = look_at_machine()
    plan = plan_for(wanted, machine)
    show(plan, machine)
    if not (source and targets):
        typer.echo("\nA translator and a voice are set up for languages that you name: --from tr --to en.")
    if not plan.missing:
        typer.echo("\nEverything is here.")
        return
    if not yes and not agreed(wanted):
        raise typer.Exit(1)
    if not carry_out(plan, machine):
        raise typer.Exit(1)


def show(plan: Plan, machine: Machine) -> None:
    """The table, on standard output."""
    for remark in plan.remarks:
        say(f"{remark}\n")
    gpu = machine.gpu or "no GPU"
    say(
        f"This machine: {machine.cores} cores, {size_text(machine.memory)} of memory, {gpu}; "
        f"{size_text(machine.free)} free in {machine.folder}\n"
    )
    for need in plan.needs:
        row = need.row
        size = size_text(row.size) if row.size else ""
        state = "here" if need.here else "to fetch"
        say(f"{row.kind:<{KIND}}{row.name or row.backend:<45} {size:>8}  {state}".rstrip())
        who = f"by {row.backend}, " if row.name else ""
        untold = ", which tells its size" if row.name and not row.size else ""
        note = "" if row.note in plan.remarks else row.note
        room = f"in an environment of its own: up to {size_text(need.room)}" if need.room else ""
        asked = "" if row.environment else row.asked
        for line in (f"{who}from {row.source}{untold}", note, asked, room, f"licence: {row.licence}"):
            if line:
                say(f"{'':<{KIND}}{line}")
    packages = dict.fromkeys(package for need in plan.needs for package in need.packages)
    if packages:
        say(f"\nPython packages, with what they need, into {sys.prefix}: {', '.join(packages)}")
    if plan.by_name:
        say("\nOnly where you name it:")
        for row in plan.by_name:
            say(f"  {row.command}\n      {row.kind}: {row.asked}.\n      licence: {row.licence}")
    if plan.missing:
        unknown = any(row.name and not row.size for row in (n.row for n in plan.missing if not n.here))
        parts = [size_text(plan.size)] if plan.size else []
        parts += ["what has no size here"] if unknown else []
        parts += ["the packages"] if packages else []
        say(f"\nTo fetch: {' and '.join(parts)}")


def say(text: str) -> None:
    """A text on standard output, wrapped where that is a terminal."""
    typer.echo(for_stream(text, sys.stdout))


def agreed(wanted: Wanted) -> bool:
    """Whether the person at the terminal says yes; without a terminal they are told the command to give."""
    from dubline.backends.needs import command

    if watched():
        return bool(typer.confirm("\nFetch and install it?", default=True))
    say(f"\nTo fetch and install it: {command(wanted)} --yes")
    return False


def watched() -> bool:
    """Whether a person sits at a terminal who can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def decide_or_set_up(job: LocalizeJob, root: Path) -> Decided:
    """Settle a job. Where this machine lacks what it needs, a person at the terminal is offered the table of
    `setup` first, and the work goes on after yes.

    Raises:
        NotSetUp: nobody can be asked, or they said no.
        DublineError: what `pipeline.decide` raises.
    """
    from dubline.backends.lacks import wanted_by
    from dubline.backends.needs import look_at_machine, plan_for
    from dubline.pipeline import decide

    decided: Decided | None = None
    refusal: NotSetUp | None = None
    try:
        decided = decide(job, root)
        kinds: tuple[str, ...] = ("translator",) if decided.left else ()
    except NotSetUp as error:
        refusal, kinds = error, tuple(lack.kind for lack in error.errors)
    if kinds and watched():
        source = (job.transcribe.language if job.transcribe is not None else None) or ""
        wanted = wanted_by(job, source, kinds)
        if decided is not None:
            wanted = wanted._replace(targets=decided.by_hand)
        machine = look_at_machine()
        plan = plan_for(wanted, machine)
        if plan.missing:
            say("This job needs what is not here yet.\n")
            show(plan, machine)
            if agreed(wanted):
                carry_out(plan, machine)
                return decide(job, root)
    if decided is None:
        assert refusal is not None
        raise refusal
    return decided


def carry_out(plan: Plan, machine: Machine) -> bool:
    """Bring what is missing, in one display; tells what could not be had. True if nothing is missing then."""
    from dubline.backends.needs import bring, check_room
    from dubline.weights.recommended import HUB

    check_room(plan, machine)
    failed: list[tuple[str, DublineError]] = []
    with screen_now().lent(), stoppable("The same command goes on where it stopped."):
        display = _Display(plan)
        for name, error in bring(plan, say=display.say, report=display.report):
            display.say(f"{name}: not to be had")
            failed.append((name, error))
        for name, error in failed:
            typer.echo(as_typed(f"\n{name}: {error.message}\n  {error.hint}"), err=True)
        if failed:
            less = [need for need in plan.missing if need.row.source == HUB and need.row.name in dict(failed)]
            instead = " --quality draft takes what the Python package index has." if less else ""
            typer.echo(f"\nThe same command goes on with what is missing.{instead}", err=True)
        else:
            typer.echo("Everything is here.")
    return not failed


class _Display:
    """One line for all bytes, on standard error; lines of text go above it."""

    def __init__(self, plan: Plan) -> None:
        wanted = (need.row.size for need in plan.missing if need.row.name and not need.here)
        self._total = float(sum(wanted))
        self._done = 0.0  # of the models before
        self._now = self._size = 0.0  # bytes that came of the present one, and all that it has
        self._live = sys.stderr.isatty()
        self._width = 0
        self._told = -1

    def say(self, text: str) -> None:
        if self._live and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            self._width = 0
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def report(self, need: Need) -> Report:
        """The report of one model's bytes."""
        self.say(f"fetching {need.row.name}")
        self._total -= self._size - self._now  # what did not come of the one before
        self._done += self._now
        self._now, self._size = 0.0, float(need.row.size)

        def tell(done: float, total: float) -> None:
            self._total += max(0.0, total - self._size)
            self._now, self._size = done, max(self._size, total)
            known, count = max(self._total, 1.0), self._done + done
            share = count / known
            self._show(f"{share:4.0%}  {size_text(int(count))} of {size_text(int(known))}", share)

        return tell

    def _show(self, text: str, share: float) -> None:
        if self._live:
            sys.stderr.write("\r" + text.ljust(self._width))
            self._width = len(text)
        elif int(share * 10) != self._told:
            self._told = int(share * 10)
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
