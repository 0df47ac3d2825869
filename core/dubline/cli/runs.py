"""`dubline runs`: whether what a run holds is as it was written."""

from __future__ import annotations

import typer

from dubline.cli.film import RunFolder, at_work
from dubline.cli.help import App
from dubline.cli.screen import result
from dubline.errors import InvalidJob

app = App(
    help="Look after runs.\n\n"
    "    dubline runs verify EPISODE.dubline\n\n"
    "Every command looks at the size and time of the files that it uses; this one reads them all.",
)


@app.callback()
def _group() -> None: ...


@app.command("verify")
def verify(run: RunFolder) -> None:
    """Read every file of a run, and say what is not as Dubline wrote it.

    The exit status is 1 where something is damaged. Each damaged file is named, with what makes it again; a
    text that a person may have changed is only named.

    Example: dubline runs verify EPISODE.dubline
    """
    from dubline.cli.progress import watched
    from dubline.exchange.verification import verify_run
    from dubline.report import quantity

    if at_work(run):
        raise InvalidJob(f"another Dubline is working in {run}", hint="Wait until it is done, or stop it.")
    with watched() as bar:
        found = verify_run(run, bar.stage("verify"))
    for finding in found.findings:
        result(f"{'damaged' if finding.damaged else 'changed'}  {finding.file}: {finding.remedy}", indent=9)
    if found.unknown:
        result(
            f"{quantity(found.unknown, 'step')} of an older version, which kept no digests: "
            "what they hold cannot be told"
        )
    damaged = sum(finding.damaged for finding in found.findings)
    told = f"{quantity(damaged, 'file')} damaged" if damaged else "nothing is damaged"
    result(f"{quantity(found.files, 'file')} read, {found.bytes / 1e6:.1f} MB: {told}")
    if damaged:
        raise typer.Exit(1)
