"""Resolve's objects, found and asked with care: nothing it answers is taken for granted (5, 9).

session = Session(find_resolve(globals()))
"""

from fractions import Fraction
from typing import Any, Dict, Generator, Iterator, NamedTuple

from dubline_resolve.clock import frame_of, rate_of, rate_text, timecode_of


class Step(NamedTuple):
    """What a long action yields between its calls: how far it is, and the seconds to wait before the next."""

    done: int
    total: int
    text: str
    wait: float


Steps = Generator[Step, None, Any]
"""An action as a generator of steps; the docstring says what it gives at its end."""


class Refused(Exception):
    """Something cannot be done, told to a person; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return "{}. {}".format(self.message, self.hint) if self.hint else self.message


class NoTimeline(Refused):
    """No timeline is open in the project."""


def drive(steps: Iterator[Step]) -> Any:
    """Run a generator of steps to its end at once, without its waits, and give its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def can(thing: Any, name: str) -> bool:
    """Whether a Resolve object has a method. Only dir() tells: hasattr is true for every name (1.9)."""
    return thing is not None and name in dir(thing)


def ask(thing: Any, name: str, *args: Any) -> Any:
    """Call a method of a Resolve object. Refused where it does not exist or the object has gone stale."""
    method = getattr(thing, name, None) if thing is not None else None
    if method is None:
        raise Refused(
            "this DaVinci Resolve does not know {}".format(name),
            "Open the project again and start once more. If that does not help, update DaVinci Resolve.",
        )
    try:
        return method(*args)
    except Exception as error:
        raise Refused(
            "DaVinci Resolve did not answer {} ({})".format(name, error),
            "Was the project or the timeline closed meanwhile? Open it and start once more.",
        )


def need(thing: Any, name: str, *args: Any) -> Any:
    """As ``ask``, where Resolve must agree: Refused when it answers False, None or nothing."""
    answer = ask(thing, name, *args)
    if answer is None or answer is False or answer == "" or answer == []:
        raise Refused(
            "DaVinci Resolve did not carry out {}".format(name),
            "Close any dialog that is open in DaVinci Resolve, stop playback, and start once more.",
        )
    return answer


def number(answer: Any, what: str) -> int:
    """An answer as a whole number; some are floats, and those of stale objects are None."""
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        raise Refused(
            "DaVinci Resolve does not tell {}".format(what),
            "Was the project or the timeline closed meanwhile? Open it and start once more.",
        )
    return int(answer)


def timelines(project: Any) -> Iterator[Any]:
    """The timelines of a project."""
    for place in range(1, (ask(project, "GetTimelineCount") or 0) + 1):
        timeline = ask(project, "GetTimelineByIndex", place)
        if timeline is not None:
            yield timeline


def find_resolve(names: Dict[str, Any]) -> Any:
    """The ``resolve`` object from a menu script's globals. Refused where there is none (5)."""
    resolve = names.get("resolve")
    if resolve is None:
        app = names.get("app")
        resolve = ask(app, "GetResolve") if can(app, "GetResolve") else None
    if resolve is None:
        bmd = names.get("bmd")
        scriptapp = getattr(bmd, "scriptapp", None) if bmd is not None else None
        resolve = scriptapp("Resolve") if scriptapp is not None else None
    if resolve is None:
        try:
            import DaVinciResolveScript  # type: ignore[import-not-found]

            resolve = DaVinciResolveScript.scriptapp("Resolve")
        except ImportError:
            pass
    if resolve is None:
        raise Refused(
            "DaVinci Resolve cannot be reached from here",
            "Start this from the menu Workspace > Scripts. The free edition lists Python scripts up to 21.0; "
            "after that, import the files that `dubline export --to resolve` writes.",  # 0.1
        )
    return resolve


class Edition:
    """Which Resolve runs: ``studio``, ``version`` as a tuple, ``text`` as a person writes it."""

    def __init__(self, resolve: Any) -> None:
        self.studio = "studio" in str(ask(resolve, "GetProductName") or "").lower()  # 1.1
        version = ask(resolve, "GetVersion") or [0, 0, 0]
        self.version = tuple(int(part) for part in list(version)[:3])
        self.text = "{} {}".format(
            "DaVinci Resolve Studio" if self.studio else "DaVinci Resolve",
            ".".join(str(part) for part in self.version),
        )

    @property
    def windows(self) -> bool:
        """Whether UIManager may be asked for. On the free edition it opens a dialog since 19.1 (0.2)."""
        return self.studio or self.version < (19, 1)


class Session:
    """The project and the timeline that were open at the start, by identity. Refused where there is none."""

    def __init__(self, resolve: Any, timeline: bool = True) -> None:
        self.resolve = resolve
        self.edition = Edition(resolve)
        self.manager = ask(resolve, "GetProjectManager")
        self.project = ask(self.manager, "GetCurrentProject") if self.manager is not None else None
        if self.project is None:
            raise Refused("no project is open", "Open a project, then start once more.")
        self.project_id = ask(self.project, "GetUniqueId")
        self.project_name = ask(self.project, "GetName") or ""
        self.pool = ask(self.project, "GetMediaPool")
        self.timeline = ask(self.project, "GetCurrentTimeline") if timeline else None
        self.timeline_id = ""
        self.facts: Dict[str, Any] = {}
        if timeline:
            if self.timeline is None:
                raise NoTimeline(
                    "no timeline is open in the project {}".format(self.project_name),
                    "Open the timeline with your programme, then start once more.",
                )
            self.timeline_id = ask(self.timeline, "GetUniqueId")
            self.facts = timeline_facts(self.project, self.timeline)

    def check(self) -> None:
        """Refused unless the same timeline is still the current one: Resolve writes into that one (1.4)."""
        now = ask(self.project, "GetCurrentTimeline")
        if now is None or ask(now, "GetUniqueId") != self.timeline_id:
            raise Refused(
                "another project or timeline was opened meanwhile",
                "Go back to the timeline {} and start once more.".format(self.facts["name"]),
            )

    def alive(self) -> None:
        """Refused unless the timeline still answers: closing its project makes its handle stale (9.5)."""
        if ask(self.timeline, "GetUniqueId") != self.timeline_id:
            raise Refused(
                "the project {} was closed meanwhile".format(self.project_name),
                "Open it again and start once more.",
            )

    @property
    def start(self) -> int:
        """The timeline's first frame, counted from midnight. Items lie on absolute frames (0.6)."""
        return int(self.facts["start"])

    @property
    def rate(self) -> Fraction:
        return rate_of(self.facts["spelling"])[0]

    def timecode(self, frame: int) -> str:
        """The label of a frame that is counted from the timeline's start."""
        return timecode_of(self.start + frame, self.rate, self.facts["drop"])

    def description(self) -> Dict[str, Any]:
        """The timeline as the engine is told it."""
        return {key: self.facts[key] for key in ("name", "rate", "start", "drop", "frames")}


def setting(thing: Any, key: str) -> str:
    """A setting as text. 21.1 calls the old form deprecated, which may go (1.9)."""
    if can(thing, "GetSetting"):
        return str(ask(thing, "GetSetting", key) or "")
    settings = ask(thing, "GetSettings")
    return str((settings or {}).get(key) or "")


def timeline_facts(project: Any, timeline: Any) -> Dict[str, Any]:
    """``{"name", "rate": "24000/1001", "start", "drop", "frames", "spelling", "label"}`` of a timeline.

    "label" is the timecode of its first frame, as Resolve writes it.
    """
    spelling = setting(timeline, "timelineFrameRate") or setting(project, "timelineFrameRate")
    try:
        rate, drop = rate_of(spelling)
    except (ValueError, ZeroDivisionError):
        raise Refused(
            "the timeline's frame rate {!r} is none that is known".format(spelling),
            "Set one of the usual rates in the timeline's settings.",
        )
    start = number(ask(timeline, "GetStartFrame"), "where the timeline begins")
    label = str(ask(timeline, "GetStartTimecode") or "")
    if not drop and ";" in label:
        try:
            drop = frame_of(label, rate, True) == start
        except ValueError:
            drop = False
    return {
        "name": ask(timeline, "GetName") or "",
        "rate": rate_text(rate),
        "start": start,
        "drop": drop,
        "frames": max(0, number(ask(timeline, "GetEndFrame"), "where the timeline ends") - start),  # 1.5
        "spelling": spelling,
        "label": label,
    }
