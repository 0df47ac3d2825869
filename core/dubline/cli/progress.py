"""What a command that works shows: who does what, how far it is, and what it made.

    with working(root, separating.reasons, steps=("separate",)) as (run, bar): ...

Checksums, notes on single files and whatever libraries say are in the run's log; `--verbose` shows the notes.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from dubline.cli.heartbeat import Heartbeat
from dubline.cli.pace import Job, keep_pace, known_paces
from dubline.cli.screen import TOPIC, Line, Screen, no_output, quiet_here
from dubline.cli.steps import doing, made
from dubline.errors import Cancelled, InvalidJob
from dubline.report import UNITS, Progress, Report

if TYPE_CHECKING:
    from dubline.run import Run, StepRecord

STEPS = {
    "separator": "separate",
    "diarizer": "diarize",
    "recognizer": "recognize",
    "translator": "translate",
    "voice": "speak",
}
"""What a back end of a kind does."""

RESUMABLE = ("separate", "speak")
"""Steps that go on where they were stopped, and then tell no pace of the whole."""
RESUMED = 0.05
"""The share that a stage begins with from which on it counts as resumed."""

TOPICS = (*STEPS, "content", "film model")


class Bar:
    """Shows a job and its stages, in seconds of sound or in what the stage counts."""

    def __init__(self, screen: Screen, steps: Iterable[str] = ()) -> None:
        self.screen = screen
        self.progress = Progress(self.show)
        self.heartbeat = Heartbeat(lambda text: self.screen.still(text))
        self.film: float | None = None  # seconds of it
        self._steps = tuple(steps)
        self._who: dict[str, str] = {}
        self._job = Job((), {})
        self._kept: list[str] = []
        self._resumed: bool | None = None  # not known before the first tick
        self._whole = 0.0  # the share of the job that was shown
        self._since = (0.0, 0.0)  # what was shown, and what was true, when the stages were weighed

    def plan(self, reasons: Iterable[str]) -> None:
        """Say who does what and why, a line for each; more of it is in the log."""
        from dubline.backends.choosing import in_brief

        self._tell_kept()
        for reason in reasons:
            topic, _, rest = reason.partition(": ")
            if topic not in TOPICS:
                self.screen.say(reason)
                continue
            brief = rest
            if topic in STEPS:
                self._who[STEPS[topic]], brief = in_brief(rest)
            column = f"{topic:<{TOPIC}}" if self.screen.watched else f"{topic}: "
            self.screen.say(f"{column}{rest if self.screen.verbose else brief}", TOPIC)
            if self.screen.log is not None and not self.screen.verbose and brief != rest:
                self.screen.log.line(reason)
        stages = [(step, self._who.get(step, "")) for step in self._steps]
        self._job = Job(stages, known_paces(), self._job.now)
        self._since = (self._whole, self._job.share(0.0))

    def show(self, stage: str, done: float, total: float, left: float | None) -> None:
        """Called by `Progress`."""
        self._tell_kept()
        share = min(1.0, done / total) if total else 1.0
        if self._resumed is None:
            self._resumed = share >= RESUMED
        if stage in UNITS:
            amount = f"{done:.0f} of {total:.0f} {UNITS[stage]}"
        else:
            amount = f"{_clock(done)} of {_clock(total)}"
        part = Line(doing(stage), share, amount, _left(left if share < 1 else None))
        self.heartbeat.now(", ".join(filter(None, (part.name, part.amount, part.left))))
        if not self._job.stages:
            self.screen.bars(Line("", None), part)
            return
        mine = self._job.begin(stage)
        whole = self._job.left(left, self.film) if mine and share < 1 else None
        count = f"stage {min(self._job.now + 1, len(self._job.stages))} of {len(self._job.stages)}"
        # What is measured on the way changes what the stages weigh: the bar goes on from where it is.
        shown, at = self._since
        now = self._job.share(share if mine else 0.0)
        self._whole = max(self._whole, shown + (1.0 - shown) * (now - at) / ((1.0 - at) or 1.0))
        self.screen.bars(Line("whole job", self._whole, count, _left(whole)), part)

    def stage(self, name: str) -> Report:
        """The report of a step that begins."""
        self._resumed = None
        return self.progress.stage(name)

    def clear(self) -> None:
        """Leave the screen free for other text."""
        self._tell_kept()
        self.screen.clear()

    @contextmanager
    def results(self) -> Iterator[None]:
        """A time to write results to standard output."""
        self._tell_kept()
        with self.screen.results():
            yield

    def say(self, *texts: str, indent: int = 0) -> None:
        """Sentences above the bars, each once; of one on who does the work, what matters."""
        self._tell_kept()
        self.heartbeat.line()
        for text in texts:
            if text.partition(": ")[0] in TOPICS:
                self.plan([text])
            else:
                self.screen.say(text, indent)

    def note(self, text: str) -> None:
        """A step's note: for the log, and the screen of who asks for all. Who does the work is said."""
        if text.partition(": ")[0] in TOPICS or self.screen.verbose or self.screen.log is None:
            self.say(text)
        else:
            self.screen.log.line(text)

    def finished(self, record: StepRecord) -> None:
        """A step is done, or kept from before."""
        stage = self._job.end(record.name)
        if record.state == "kept":
            self._kept.append(record.name)
        elif stage is not None and self.film and not (record.name in RESUMABLE and self._resumed):
            keep_pace(stage, record.seconds / self.film)

    def _tell_kept(self) -> None:
        if self._kept:
            names, self._kept = dict.fromkeys(map(made, self._kept)), []
            self.screen.write(f"kept from before: {', '.join(names)}", indent=len("kept from before: "))


def _left(seconds: float | None) -> str:
    return f"{_clock(max(seconds, 1.0))} left" if seconds is not None else ""


def _clock(seconds: float) -> str:
    """0:07, 12:30, 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


@contextmanager
def stoppable(hint: str) -> Iterator[None]:
    """Ctrl-C ends with a word on how to go on, not with a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        raise Cancelled("stopped", hint=hint) from None


@contextmanager
def working(
    root: Path, reasons: Iterable[str] = (), *, steps: Iterable[str] = ()
) -> Iterator[tuple[Run, Bar]]:
    """A run to work in, watched. `reasons`: who does what, and why, said first; `steps`: the stages of the
    job that take their time, in their order."""
    from dubline import __version__
    from dubline.media.film_place import ORIGINAL
    from dubline.programme.timeline_file import bring_timeline_up_to_date
    from dubline.recognition.publish import publish_tables
    from dubline.run import Run, standing
    from dubline.values.media import Original

    with watched(steps) as bar:
        screen = bar.screen

        def said(record: StepRecord) -> None:
            if bar.film is None and (original := standing(root, ORIGINAL, Original)) is not None:
                bar.film = original.sound.duration
            bar.finished(record)

        def begun(step: str) -> Report:
            keep_log()  # what is refused before any work leaves no folder, and so no log
            return bar.stage(step)

        def keep_log() -> None:
            if screen.log is not None:
                screen.log.move(run.layout.log)

        run = Run(root, report=begun, tell=bar.say, note=bar.note, said=said)
        with run, no_output(screen):
            if screen.log is not None:
                screen.log.line(f"{time.strftime('%Y-%m-%d')}  dubline {__version__}")
            try:
                bar.plan(reasons)
                yield run, bar
                try:
                    publish_tables(root)
                    bring_timeline_up_to_date(root)
                except InvalidJob as error:  # what was asked for is done
                    bar.say(f"timeline.otio stays as it was: {error}")
            finally:
                if run.layout.is_run:
                    keep_log()


@contextmanager
def watched(steps: Iterable[str] = ()) -> Iterator[Bar]:
    """Progress on standard error, and Ctrl-C as an orderly stop; a second Ctrl-C stops at once."""
    with quiet_here() as screen:
        bar = Bar(screen, steps)

        def interrupted(number: int, frame: FrameType | None) -> None:
            bar.progress.cancel()
            with suppress(RuntimeError):  # the signal may have come in the middle of writing a line
                try:
                    bar.say("stopping as soon as it is safe; Ctrl-C again stops at once")
                except OSError:  # the terminal is gone
                    screen.hang_up()
            signal.signal(signal.SIGINT, signal.default_int_handler)

        before = {number: signal.signal(number, interrupted) for number in _stopping()}
        try:
            with bar.heartbeat.beating():
                yield bar
        except KeyboardInterrupt:
            raise Cancelled(
                "stopped at once", hint="Run the same command again to pick up where it stopped."
            ) from None
        finally:
            bar.clear()
            for number, handler in before.items():
                signal.signal(number, handler)


def _stopping() -> list[signal.Signals]:
    """The signals that stop a job; `nohup` has the end of a terminal ignored, and so it stays."""
    named = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        named.append(hangup)
    return named
