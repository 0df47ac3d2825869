"""What the window shows and does, without a window: a face draws `view()`, calls `act()`, and ticks.

    model = WindowModel(desk, engine, answers)
    model.set("targets", "en, de")
    model.act("start")
    model.tick()            # from a timer, a few times a second; never waits

``desk`` is what is worked on, Resolve or a file, and has

    places                  ((key, label), ...): what can be worked on
    place_word              the label of the button that uses the results
    describe()              one line: the project and timeline that are open
    media(what, path, run)  {"media": the engine's MEDIA, "notes": [text]}; ``run``: the folder of results
    timeline()              the engine's TIMELINE; None where there is none
    identity()              a value that changes when another project or timeline is open
    folder(what, path)      the run folder to propose
    place(plan, copy)       a generator of `Step`s, each short; its result is a sentence
    rendering(what)         likewise, its result as of `media`; None where nothing is rendered
    timed                   whether there is a timeline to place on, and to take back from; if so also
    imports(plan)           whether so much is imported as a timeline of its own
    undo(folder)            as `place`
    cues(folder)            [{"language", "cues"}] of the timeline's subtitle tracks

and raises exceptions with ``message`` and ``hint``. Long actions are generators, so that one timer drives
all, the window lives on, and any step can be the last.
"""

import contextlib
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from dubline_resolve import choices
from dubline_resolve.objects import Refused
from dubline_resolve.wording import engine_progress, outcome, sentence, step_progress

SLICE = 0.05
"""Seconds that one tick gives to placing; after it the window may draw."""
MUCH = "\nIt is too much to be placed piece by piece: without the takes and the markers it may be less."


class WindowModel:
    """``phase``: ready, working, planning, placing, undoing, reading, done, failed, stopped."""

    def __init__(
        self,
        desk: Any,
        engine: Any,
        answers: Dict[str, Any],
        keep: Callable[[Dict[str, Any]], None] = lambda answers: None,
        show_folder: Callable[[str], None] = lambda folder: None,
    ) -> None:
        self.desk = desk
        self.engine = engine
        self.answers = answers
        self.phase = "ready"
        self.closed = False
        self.message = ""
        self.remedy = ""
        self.progress = ""
        self.fraction: Optional[float] = None
        self.notes: List[str] = []
        self._keep = keep
        self._show_folder = show_folder
        self._number: Optional[int] = None
        self._question: Optional[int] = None
        self._backends: List[Dict[str, Any]] = []
        self._waiting: Optional[Tuple[str, Dict[str, Any], Callable[[Dict[str, Any]], None]]] = None
        self._steps: Any = None
        self._wake = 0.0
        self._much = False
        self._returned: List[str] = []
        self._then: Optional[Callable[[Any], None]] = None
        self._identity: Any = None
        self._own_folder = False
        self._where = ""
        self._looked = 0.0
        if answers["what"] not in [key for key, _ in desk.places]:
            answers["what"] = desk.places[0][0]
        self.fields = choices.window_fields(desk.places, answers)
        self._look()

    # what is shown

    def value(self, name: str) -> Any:
        """The answer to a field; a stem's is whether it is wanted."""
        if name.startswith("stem:"):
            return name[5:] in self.answers["stems"]
        return "" if self.answers[name] is None else self.answers[name]

    def set(self, name: str, value: Any) -> None:
        """Answer a field. While something runs an answer is for the next time."""
        if name.startswith("stem:"):
            others = [stem for stem in self.answers["stems"] if stem != name[5:]]
            self.answers["stems"] = others + ([name[5:]] if value else [])
            return
        if value == self.value(name):
            return
        self.answers[name] = value
        if name == "folder":
            self._own_folder = bool(value.strip())
        if name in ("what", "path", "folder") and not self._own_folder:
            self._propose()
        if name in [one["kind"] for one in self._backends] and not self.running:
            self.notes = choices.backend_remarks(name, value, self._backends)

    @property
    def running(self) -> bool:
        """Something is going on that can be cancelled."""
        return self.phase in ("working", "planning", "placing", "undoing", "reading", "rendering")

    def buttons(self) -> List[Tuple[str, str, bool]]:
        """(action, label, enabled), in the order in which they are drawn."""
        have = bool(self._folder())
        return [
            ("start", "Start", not self.running),
            ("cancel", "Cancel", self.running),
            ("place", self.desk.place_word, not self.running and have),
            ("undo", "Undo placement", not self.running and have and self.desk.timed),
            ("read", "Read subtitles back", not self.running and have and self.desk.timed),
            ("open", "Open folder", have),
        ]

    def view(self) -> Dict[str, Any]:
        """Everything that is drawn, as JSON values."""
        return {
            "where": self._where,
            "will": choices.what_will_happen(self.answers) if self.desk.timed else "",
            "fields": {field.name: self.value(field.name) for field in self.fields},
            "options": {field.name: field.options for field in self.fields if field.options},
            "buttons": {name: enabled for name, _, enabled in self.buttons()},
            "progress": self.progress,
            "fraction": self.fraction,
            "message": self.message,
            "remedy": self.remedy,
            "notes": self.notes[-4:],
            "phase": self.phase,
            "closed": self.closed,
        }

    # what is done

    def act(self, action: str) -> None:
        """Do what a button says. A button that is not enabled does nothing."""
        if action == "close":
            self.close()
            return
        if action not in [name for name, _, enabled in self.buttons() if enabled]:
            return
        try:
            getattr(self, "_" + action)()
        except Exception as error:  # whatever it is, the window stays and says it
            self._fail(error)

    def close(self) -> None:
        """End everything at once; what is half placed is taken back by its generator."""
        if self._steps is not None:
            with contextlib.suppress(Exception):  # the window goes in any case
                self._steps.close()
        self._steps = None
        self.closed = True
        self.engine.stop()
        self._keep(self.answers)

    def tick(self) -> None:
        """Take in what the engine says, go on with placing, look at what is open in Resolve."""
        if self.closed:
            return
        try:
            for event in self.engine.poll():
                self._hear(event)
            if self._steps is not None:
                self._go_on()
            elif time.monotonic() - self._looked > 2.0 and self.phase not in ("working", "planning"):
                self._look()
        except Exception as error:
            self._fail(error)

    def _start(self) -> None:
        self._begin("Looking at what is to be worked on")
        self._look()
        rendering = self.desk.rendering(self.answers["what"])
        if rendering is not None:
            self.phase, self._steps, self._then = "rendering", rendering, self._localize
            return
        self._localize(self.desk.media(self.answers["what"], self.answers["path"], self._folder()))

    def _localize(self, source: Dict[str, Any]) -> None:
        job = choices.job_of(self.answers, source["media"])
        self.notes += source["notes"]
        if not self._folder():
            raise Refused("It is not said where the results go.", "Choose a folder.")
        self._identity = self.desk.identity()
        self._keep(self.answers)
        self.phase, self.progress = "working", "Starting the engine"
        self._ask("localize", {"job": job, "folder": self._folder()}, self._localized)

    def _localized(self, event: Dict[str, Any]) -> None:
        self._finish("done", outcome(event.get("summary") or {}))
        self.remedy = "{} when you like.".format(self.desk.place_word)

    def _place(self) -> None:
        self._begin("Planning what goes where")
        timeline = self.desk.timeline()
        self._identity = self.desk.identity()
        if timeline is None:
            self._carry_out({"run": self._folder()})
            return
        self.phase = "planning"
        self._plan(timeline, choices.want_of(self.answers))

    def _plan(self, timeline: Dict[str, Any], want: Dict[str, Any]) -> None:
        fields = {"folder": self._folder(), "timeline": timeline, "want": want}
        self._ask("plan", fields, lambda event: self._planned(event["plan"], timeline))

    def _planned(self, plan: Dict[str, Any], timeline: Dict[str, Any]) -> None:
        if self.desk.imports(plan):
            if not self._much:
                self.notes.append("It is imported as a new timeline; this one stays as it is.")
            elif not plan.get("otio"):
                raise Refused("The engine made no timeline to import.", "Update Dubline, then try again.")
            if not plan.get("otio"):
                self._much = True
                self._plan(timeline, dict(choices.want_of(self.answers), otio=True))
                return
        self._carry_out(plan)

    def _carry_out(self, plan: Dict[str, Any]) -> None:
        if self.desk.identity() != self._identity:
            raise Refused(
                "Another timeline was opened in the meantime, so nothing was placed.",
                "Open the one that the results belong to, and press {}.".format(self.desk.place_word),
            )
        self.notes += [str(note) for note in plan.get("notes", ())]
        self.phase, self._then = "placing", self._done
        self._steps = self.desk.place(plan, self.answers["copy"])

    def _done(self, message: str) -> None:
        self._finish("done", message)

    def _undo(self) -> None:
        self._begin("Taking back the last placement")
        self.phase, self._then = "undoing", self._done
        self._steps = self.desk.undo(self._folder())

    def _read(self) -> None:
        self._begin("Reading the subtitle tracks")
        self._returned = []
        self.phase = "reading"
        self._send_back(list(self.desk.cues(self._folder())))

    def _send_back(self, tracks: List[Dict[str, Any]]) -> None:
        if not tracks:
            self._finish("done", " ".join(self._returned) or "No subtitle track of Dubline's is on it.")
            return
        one, rest = tracks[0], tracks[1:]

        def answer(event: Dict[str, Any]) -> None:
            report = event.get("report") or {}
            changes = len(report.get("changes", ()))
            self._returned.append(
                "{}: {} of {} lines changed.".format(one["language"], changes, report.get("cues", "?"))
            )
            self.notes += [str(note) for note in report.get("notes", ())]
            self._send_back(rest)

        fields = {"folder": self._folder(), "dry_run": False}
        self._ask("subtitles", dict(fields, language=one["language"], cues=one["cues"]), answer)

    def _cancel(self) -> None:
        self.progress = "Stopping"
        self._waiting = None
        if self._steps is not None:
            steps, self._steps = self._steps, None
            steps.close()  # takes back what it has placed
            self._finish("stopped", "Stopped; what was begun is taken back.")
        elif self._number is not None:
            self.engine.cancel(self._number)
        else:
            self._finish("stopped", "Stopped.")

    def _open(self) -> None:
        self._show_folder(self._folder())

    # what comes

    def _ask(self, op: str, fields: Dict[str, Any], then: Callable[[Dict[str, Any]], None]) -> None:
        """Ask the engine; it is started if it is not there, and told once it has said hello."""
        self._waiting = (op, fields, then)
        if self.engine.state == "ready":
            self._tell()
        else:
            self.engine.start()

    def _tell(self) -> None:
        if self._waiting is not None:
            op, fields, self._then = self._waiting
            self._waiting = None
            self._number = self.engine.send(op, **fields)

    def _hear(self, event: Dict[str, Any]) -> None:
        kind = event.get("event")
        if kind == "hello":
            self._question = self.engine.send("backends")
            self._tell()
        elif event.get("id") == self._question is not None and kind in ("result", "error"):
            self._question = None
            self._backends = event.get("backends", self._backends)
            choices.offer_backends(self.fields, self._backends)
        elif kind == "dead" and self._steps is not None:
            self.notes.append(event["message"])  # what goes on in Resolve needs no engine
        elif kind == "dead":
            self._number = self._waiting = None
            self._finish("failed", event["message"], event["hint"])
        elif event.get("id") != self._number or self._number is None:
            return
        elif kind == "progress":
            self.progress, self.fraction = engine_progress(event)
        elif kind == "note":
            self.notes.append(str(event.get("text", "")))
        elif kind == "error":
            self._number = None
            cancelled = event.get("code") == "cancelled"
            message = "Stopped. What was finished is kept." if cancelled else sentence(event["message"])
            hint = "" if cancelled else event.get("hint", "") + MUCH * self._much
            self._finish("stopped" if cancelled else "failed", message, hint)
        elif kind == "result":
            self._number = None
            then, self._then = self._then, None
            if then is not None:
                then(event)

    def _go_on(self) -> None:
        """Some steps of placing, undoing or rendering."""
        end = time.monotonic() + SLICE
        while self._steps is not None and self._wake <= time.monotonic() < end:
            try:
                step = next(self._steps)
            except StopIteration as last:
                self._steps, then, self._then = None, self._then, None
                if then is not None:
                    then(last.value)
                return
            self._wake = time.monotonic() + (step.wait or 0)
            self.progress, self.fraction = step_progress(step.text, step.done, step.total)

    def _begin(self, text: str) -> None:
        self.message = self.remedy = ""
        self.progress, self.fraction, self.notes = text, None, []
        self._wake, self._much = 0.0, False

    def _finish(self, phase: str, message: str, remedy: str = "") -> None:
        self.phase, self.message, self.remedy = phase, message, remedy
        self.progress, self.fraction = "", None

    def _fail(self, error: Exception) -> None:
        if self._number is not None:
            self.engine.cancel(self._number)
        self._steps = self._waiting = self._number = None
        known = getattr(error, "message", None)
        text = known if isinstance(known, str) else "{}: {}".format(type(error).__name__, error)
        hint = getattr(error, "hint", "")
        if known is None:
            hint = "This is a fault of Dubline: please report it."
        self._finish("failed", sentence(text), hint)

    def _look(self) -> None:
        """What is open now; the folder follows it unless the user chose one."""
        self._looked = time.monotonic()
        try:
            self._where = self.desk.describe()
        except Exception as error:
            self._where = sentence(str(getattr(error, "message", error)))
            if not self._own_folder:
                self.answers["folder"] = ""
            return
        if not self._own_folder:
            self._propose()

    def _propose(self) -> None:
        try:
            self.answers["folder"] = self.desk.folder(self.answers["what"], self.answers["path"])
        except Exception:  # said by `describe`, or once Start is pressed
            self.answers["folder"] = ""

    def _folder(self) -> str:
        return str(self.answers["folder"]).strip()
