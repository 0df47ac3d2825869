"""The window's behaviour without a window, and without Resolve."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline.values.resolve import Want
from dubline.values.timeline import FileMedia
from dubline.values.wishes import DubWish, LocalizeJob, SeparateWish, TranscribeWish, TranslateWish
from dubline_resolve.bridge import PROTOCOL
from dubline_resolve.choices import (
    DEFAULTS,
    KEPT,
    job_of,
    keep_answers,
    language_codes,
    read_answers,
    safe_name,
    want_of,
)
from dubline_resolve.objects import Refused, Step
from dubline_resolve.view_model import WindowModel
from dubline_resolve.wording import spoken_time

FILE = {"kind": "file", "path": "/films/E01.mov", "track": ""}
LISTING = -1
TIMELINE = {"name": "Cut", "rate": "24", "start": 86400, "drop": False, "frames": 240}


class Wire:
    """An engine that says what the test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.state = "off"
        self.coming: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.cancelled: list[int] = []

    def start(self) -> None:
        self.state = "starting"

    def hello(self) -> None:
        self.state = "ready"
        self.coming.append({"event": "hello", "protocol": PROTOCOL})

    def send(self, op: str, **fields: Any) -> int:
        assert self.state == "ready", "asked before it said hello"
        if op == "backends":  # which it is asked by itself, at each hello
            return LISTING
        self.asked.append((op, fields))
        return len(self.asked)

    def say(self, event: str, **fields: Any) -> None:
        self.coming.append({"event": event, "id": len(self.asked), **fields})

    def list(self, *backends: dict[str, Any]) -> None:
        self.coming.append({"event": "result", "id": LISTING, "backends": list(backends)})

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def poll(self) -> list[dict[str, Any]]:
        coming, self.coming = self.coming, []
        return coming

    def stop(self) -> None:
        self.state = "off"


class Desk:
    places = (("timeline", "The timeline"), ("mixdown", "The mix"))
    place_word = "Place"
    timed = True

    def __init__(self) -> None:
        self.open: Any = "cut"
        self.big = 0
        self.placed: list[dict[str, Any]] = []
        self.taken_back = 0
        self.trouble: Exception | None = None

    def describe(self) -> str:
        if self.open is None:
            raise Refused("no project is open", "Open a project.")
        return f"Film, {self.open}"

    def identity(self) -> Any:
        return self.open

    def timeline(self) -> dict[str, Any]:
        return TIMELINE

    def media(self, what: str, path: str, run: str) -> dict[str, Any]:
        if self.trouble is not None:
            raise self.trouble
        return {"media": FILE, "notes": ["track 2 is off"]}

    def rendering(self, what: str) -> Iterator[Step] | None:
        return self._render() if what == "mixdown" else None

    def _render(self) -> Iterator[Step]:
        yield Step(50, 100, "Rendering", 0.0)
        return {"media": {**FILE, "path": "/mix.wav"}, "notes": []}

    def folder(self, what: str, path: str) -> str:
        return f"/films/{self.open}.dubline"

    def imports(self, plan: dict[str, Any]) -> bool:
        return bool(self.big)

    def place(self, plan: dict[str, Any], copy: bool) -> Iterator[Step]:
        try:
            yield Step(0, 2, "Importing", 0.0)
            yield Step(1, 2, "Placing vocals", 3600.0)
            self.placed.append(plan)
        except GeneratorExit:
            self.taken_back += 1
            raise
        return "Placed."

    def undo(self, folder: str) -> Iterator[Step]:
        yield Step(0, 1, "Removing", 0.0)
        return "Taken back."

    def cues(self, folder: str) -> list[dict[str, Any]]:
        return [{"language": "en", "cues": []}, {"language": "tr", "cues": []}]


def answers() -> dict[str, Any]:
    return {**DEFAULTS, "stems": list(DEFAULTS["stems"])}


@pytest.fixture
def parts() -> tuple[WindowModel, Desk, Wire]:
    desk, wire = Desk(), Wire()
    return WindowModel(desk, wire, answers()), desk, wire


def started(parts: tuple[WindowModel, Desk, Wire]) -> tuple[WindowModel, Desk, Wire]:
    model, _, wire = parts
    wire.hello()
    model.tick()
    model.act("start")
    return parts


def ready(parts: tuple[WindowModel, Desk, Wire]) -> tuple[WindowModel, Desk, Wire]:
    """A run is there, and can be placed."""
    model, _, wire = started(parts)
    wire.say("result", summary={})
    model.tick()
    return parts


def placing(parts: tuple[WindowModel, Desk, Wire]) -> tuple[WindowModel, Desk, Wire]:
    """The first steps of its placement are made."""
    model, _, wire = ready(parts)
    model.act("place")
    wire.say("result", plan={"run": "/r"})
    model.tick()
    return parts


def enabled(model: WindowModel) -> set[str]:
    return {name for name, _, on in model.buttons() if on}


def test_what_is_asked_is_what_the_engine_reads(tmp_path: Path) -> None:
    glossary = tmp_path / "words.csv"
    glossary.write_text("Ayşe,Ayşe\n", encoding="utf-8")
    given = answers()
    given.update(targets="English, de", source="tr", content="cinematic", subtitles="mixed", separator="uvr")
    given.update(recognizer="faster-whisper", diarizer="auto", translator="llm", glossary=f" {glossary} ")
    job = msgspec.convert(job_of(given, FILE), LocalizeJob)
    assert job == LocalizeJob(
        media=FileMedia(path=FILE["path"]),
        separate=SeparateWish(content="cinematic", separator="uvr"),
        transcribe=TranscribeWish(
            language="tr", recognizer="faster-whisper", diarizer="auto", glossary=str(glossary)
        ),
        translate=TranslateWish(to=("en", "de"), translator="llm", glossary=str(glossary)),
    )
    given["stems"] = ["music"]
    want = msgspec.convert(want_of(given), Want)
    assert (want.stems, want.subtitles, want.mute_original) == (("music",), "mixed", True)
    given["stems"], given["dub"] = [], False
    assert not want_of(given)["mute_original"], "the original was muted with nothing in its place"


def test_what_is_left_open_is_left_out() -> None:
    job = job_of(answers(), FILE)
    assert job == {
        "media": FILE, "separate": {}, "transcribe": {}, "translate": {"to": ["en"]}, "dub": None,
    }  # fmt: skip
    given = {**answers(), "targets": "", "stems": []}
    job = job_of(given, FILE)
    assert (job["separate"], job["transcribe"], job["translate"]) == (None, {}, None)
    job = job_of({**given, "stems": ["music"], "subtitles": "none"}, FILE)
    assert (job["separate"], job["transcribe"]) == ({}, None)


def test_what_the_run_has_can_be_left_behind(parts: Any) -> None:
    """Automatic instead of a name, no glossary instead of one: both are said, not left out."""
    model, _, _ = parts
    model.set("glossary", "")
    assert "glossary" not in job_of(model.answers, FILE)["translate"], "nobody has touched it"
    for field in ("source", "content", "separator", "recognizer", "diarizer", "translator", "voice"):
        model.set(field, "auto")
    model.set("glossary", "/x")
    model.set("glossary", "")
    job = job_of(model.answers, FILE)
    speech = {"language": "", "recognizer": "auto", "diarizer": "auto", "glossary": ""}
    assert job["transcribe"] == speech and job["dub"] == {"voice": "auto"}
    assert job["separate"] == {"content": "auto", "separator": "auto"}
    assert job["translate"] == {"to": ["en"], "translator": "auto", "glossary": ""}


def test_a_dub_is_asked_for_with_what_it_lies_over() -> None:
    given = {**answers(), "voice": "espeak-ng", "stems": []}
    job = msgspec.convert(job_of(given, FILE), LocalizeJob)
    assert (job.dub, job.separate, job.languages) == (DubWish(voice="espeak-ng"), SeparateWish(), ("en",))
    assert job_of({**given, "voice": "before"}, FILE)["dub"] == {}
    with pytest.raises(Refused, match="needs a language"):
        job_of({**given, "targets": " "}, FILE)


def backend(kind: str, name: str, **more: Any) -> dict[str, Any]:
    facts = {"installed": True, "missing": [], "remedy": "", "cost": "", "own_input": False}
    return {"kind": kind, "name": name, **facts, **more}


def test_back_ends_are_those_that_the_engine_lists(parts: Any) -> None:
    _, desk, wire = parts
    model = WindowModel(desk, wire, {**answers(), "separator": "uvr"})
    open_, auto = ("", "As last time, else automatic"), ("auto", "Automatic")
    assert model.view()["options"]["separator"] == (open_, auto, ("uvr", "uvr")), "the last time's answer"
    wire.hello()
    model.tick()
    wire.list(
        backend("separator", "demucs", installed=False, missing=["torch"], remedy="pip install x"),
        backend("separator", "builtin", cost="voices stay audible"),
        backend("separator", "uvr"),
        backend("voice", "command", own_input=True),
        backend("voice", "piper"),
        backend("recognizer", "whisper"),
    )
    model.tick()
    options = model.view()["options"]
    assert options["separator"][2:] == (
        ("uvr", "uvr"), ("builtin", "builtin"), ("demucs", "demucs (not installed)"),
    )  # fmt: skip
    assert options["voice"] == (("", "No dub"), ("before", open_[1]), auto, ("piper", "piper"))
    assert options["recognizer"] == (open_, auto, ("whisper", "whisper"))
    model.set("separator", "builtin")
    assert model.notes == ["builtin: voices stay audible."]
    model.set("separator", "demucs")
    assert model.notes == ["demucs is not installed: torch is missing. To get it: pip install x"]
    model.set("separator", "auto")
    assert model.notes == []


def test_the_list_comes_beside_a_job_and_again_with_another_engine(parts: Any) -> None:
    model, _, wire = started(parts)
    wire.list(backend("voice", "piper"))
    model.tick()
    assert model.phase == "working"
    wire.hello()
    model.tick()
    wire.list(backend("voice", "piper"), backend("voice", "flite"))
    model.tick()
    assert [key for key, _ in model.view()["options"]["voice"]][3:] == ["piper", "flite"]


def test_the_dub_and_its_takes_are_wanted_apart() -> None:
    given = answers()
    assert (want_of(given)["dub"], "takes" in want_of(given)) == (True, False)
    given.update(dub=False, takes=True)
    assert (want_of(given)["dub"], want_of(given)["takes"]) == (False, True)


def test_the_window_says_beforehand_what_will_happen(parts: Any) -> None:
    model, _, _ = parts
    assert model.view()["will"] == (
        "Placing adds voices, music, effects, ambience, the dub, subtitles by speaker, markers. The original "
        "sound is switched off. A copy of the timeline is made first."
    )
    for name in ("stem:vocals", "stem:music", "stem:sfx", "stem:ambient", "dub", "markers", "copy"):
        model.set(name, False)
    model.set("what", "mixdown")
    assert model.view()["will"] == (
        "Start renders the mix on the Deliver page, and comes back. Placing adds subtitles by speaker."
    )


def test_a_job_waits_for_the_engine_and_runs_to_its_end(parts: Any) -> None:
    model, _, wire = parts
    model.act("start")
    assert (model.phase, wire.asked, enabled(model)) == ("working", [], {"cancel", "open"})
    wire.hello()
    model.tick()
    ((op, fields),) = wire.asked
    assert (op, fields["folder"], fields["job"]["media"]) == ("localize", "/films/cut.dubline", FILE)
    wire.say("progress", stage="separate", done=15.0, total=60.0, left=125.0, unit="seconds")
    wire.say("note", text="demucs was taken")
    model.tick()
    view = model.view()
    assert (view["progress"], view["fraction"]) == ("Separating: 25 %, 2 min left", 0.25)
    assert view["notes"] == ["track 2 is off", "demucs was taken"]
    wire.say("result", folder="/films/cut.dubline", summary={"stems": [{}] * 4, "segments": 7})
    model.tick()
    assert (model.phase, model.message) == ("done", "Ready: 4 stems, 7 lines.")
    assert enabled(model) == {"start", "place", "undo", "read", "open"}


def test_a_dub_is_told_with_the_rest(parts: Any) -> None:
    model, _, wire = started(parts)
    summary = {"translations": [{"language": "en"}], "dubs": [{"language": "en"}]}
    wire.say("result", folder="/films/cut.dubline", summary=summary)
    model.tick()
    assert model.message == "Ready: translated into en, dubbed in en."


def test_events_of_another_request_change_nothing(parts: Any) -> None:
    model, _, wire = started(parts)
    wire.coming.append({"event": "result", "id": 77, "summary": {}})
    wire.coming.append({"event": "error", "id": None, "code": "invalid_job", "message": "?", "hint": ""})
    model.tick()
    assert model.phase == "working"


def test_an_error_is_told_with_its_remedy_and_start_is_free_again(parts: Any) -> None:
    model, _, wire = started(parts)
    wire.say("error", code="backend_missing", message="demucs is not installed", hint="dubline backends")
    model.tick()
    assert (model.phase, model.message, model.remedy) == (
        "failed",
        "Demucs is not installed.",
        "dubline backends",
    )
    assert "start" in enabled(model)


def test_cancel_asks_the_engine_and_waits_for_its_word(parts: Any) -> None:
    model, _, wire = started(parts)
    model.act("cancel")
    assert (wire.cancelled, model.phase) == ([1], "working")
    wire.say("error", code="cancelled", message="stopped", hint="")
    model.tick()
    assert (model.phase, model.message) == ("stopped", "Stopped. What was finished is kept.")


def test_cancel_before_the_engine_is_there_asks_nothing(parts: Any) -> None:
    model, _, wire = parts
    model.act("start")
    model.act("cancel")
    wire.hello()
    model.tick()
    assert (model.phase, wire.asked) == ("stopped", [])


def test_an_engine_that_dies_is_told_and_started_again_by_the_next_start(parts: Any) -> None:
    model, _, wire = started(parts)
    wire.state = "dead"
    wire.say("dead", message="The engine stopped.", hint="Press Start again.")
    model.tick()
    assert (model.phase, model.message) == ("failed", "The engine stopped.")
    model.act("start")
    wire.hello()
    model.tick()
    assert [op for op, _ in wire.asked] == ["localize", "localize"]


def test_placing_goes_step_by_step_and_waits_when_asked_to(parts: Any) -> None:
    model, desk, wire = ready(parts)
    model.act("place")
    assert model.phase == "planning"
    assert wire.asked[-1][1]["timeline"] == TIMELINE
    wire.say("result", plan={"run": "/r", "notes": ["one line has no room"]})
    model.tick()
    assert (model.phase, model.progress) == ("placing", "Placing vocals: 50 %")
    model.tick()
    assert desk.placed == [], "it went on before its time"
    model._wake = 0.0
    model.tick()
    assert (model.phase, model.message) == ("done", "Placed.")
    assert model.view()["notes"] == ["one line has no room"]


def test_placing_goes_on_when_the_engine_dies(parts: Any) -> None:
    model, desk, wire = placing(parts)
    wire.state = "dead"
    wire.say("dead", message="The engine stopped.", hint="")
    model._wake = 0.0
    model.tick()
    assert (model.phase, model.message, len(desk.placed)) == ("done", "Placed.", 1)


def test_placing_is_refused_when_another_timeline_was_opened(parts: Any) -> None:
    model, desk, wire = ready(parts)
    model.act("place")
    desk.open = "other"
    wire.say("result", plan={"run": "/r"})
    model.tick()
    assert model.phase == "failed"
    assert "Another timeline" in model.message
    assert desk.placed == []


@pytest.mark.parametrize("end", ["cancel", "close"])
def test_placing_that_is_stopped_takes_back_what_it_did(parts: Any, end: str) -> None:
    model, desk, wire = placing(parts)
    model.act(end)
    assert (desk.taken_back, desk.placed) == (1, [])
    assert (model.closed, wire.state) == ((True, "off") if end == "close" else (False, "ready"))


def test_much_is_asked_for_again_as_a_timeline(parts: Any) -> None:
    model, desk, wire = ready(parts)
    desk.big = 1
    model.act("place")
    wire.say("result", plan={"run": "/r", "otio": ""})
    model.tick()
    assert wire.asked[-1][1]["want"]["otio"] is True
    wire.say("result", plan={"run": "/r", "otio": "/r/a.otio"})
    model.tick()
    assert model.phase == "placing"
    assert "It is imported as a new timeline; this one stays as it is." in model.notes


@pytest.mark.parametrize("answer", ["error", "nothing"])
def test_much_without_a_timeline_to_import_says_what_to_leave_out(parts: Any, answer: str) -> None:
    model, desk, wire = ready(parts)
    desk.big = 1
    model.act("place")
    wire.say("result", plan={"run": "/r", "otio": ""})
    model.tick()
    if answer == "error":
        wire.say("error", code="invalid_job", message="the run begins at frame 25", hint="Take all of it.")
    else:
        wire.say("result", plan={"run": "/r", "otio": ""})
    model.tick()
    assert (model.phase, desk.placed) == ("failed", [])
    if answer == "error":
        assert "without the takes and the markers" in model.remedy
    assert [op for op, _ in wire.asked] == ["localize", "plan", "plan"]


@given(wait=st.floats(0.001, 600))
def test_no_step_is_taken_before_its_time_and_no_tick_waits_for_it(wait: float) -> None:
    """The clock is the test's: the timer may fire as often as it likes."""
    clock = [100.0]
    desk, wire = Desk(), Wire()
    asked: list[float] = []

    def steps(folder: str) -> Iterator[Step]:
        for _ in range(3):
            asked.append(clock[0])
            yield Step(0, 3, "Removing", wait)
        return "Taken back."

    desk.undo = steps  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dubline_resolve.view_model.time.monotonic", lambda: clock[0])
        model = WindowModel(desk, wire, answers())
        model.act("undo")
        for _ in range(40):
            model.tick()
            clock[0] += wait / 7
    assert len(asked) == 3 and model.message == "Taken back."
    assert min(b - a for a, b in pairwise(asked)) >= wait * (1 - 1e-9)


def test_a_wait_that_was_cancelled_holds_up_nothing_after_it(parts: Any) -> None:
    model, _, _ = placing(parts)
    model.act("cancel")  # in the middle of an hour's wait
    model.act("undo")
    model.tick()
    assert model.message == "Taken back."


def test_a_mixdown_is_rendered_first(parts: Any) -> None:
    model, _, wire = parts
    wire.hello()
    model.set("what", "mixdown")
    model.tick()
    model.act("start")
    assert (model.phase, wire.asked) == ("rendering", [])
    model.tick()
    assert wire.asked[0][1]["job"]["media"]["path"] == "/mix.wav"


def test_subtitles_go_back_one_language_after_the_other(parts: Any) -> None:
    model, _, wire = parts
    wire.hello()
    model.tick()
    model.act("read")
    assert [fields["language"] for _, fields in wire.asked] == ["en"]
    wire.say("result", report={"changes": ["17: moved"], "cues": 9, "notes": []})
    model.tick()
    assert [fields["language"] for _, fields in wire.asked] == ["en", "tr"]
    wire.say("result", report={"changes": [], "cues": 8, "notes": []})
    model.tick()
    assert model.message == "en: 1 of 9 lines changed. tr: 0 of 8 lines changed."


def test_no_project_is_said_and_changes_when_one_is_opened(parts: Any) -> None:
    _, desk, wire = parts
    desk.open = None
    model = WindowModel(desk, wire, answers())
    assert model.view()["where"] == "No project is open."
    assert "place" not in enabled(model)
    desk.open = "cut"
    model._looked = -10.0
    model.tick()
    assert model.view()["where"] == "Film, cut"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Refused("the timeline is empty", "Put the programme on it."), "The timeline is empty."),
        (ZeroDivisionError("what?"), "ZeroDivisionError: what?"),
    ],
)
def test_whatever_fails_the_window_stays_and_says_it(parts: Any, error: Exception, message: str) -> None:
    model, desk, _ = parts
    desk.trouble = error
    model.act("start")
    assert (model.phase, model.message) == ("failed", message)
    assert model.remedy
    assert "start" in enabled(model)


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("targets", "tr", "from tr into tr"),
        ("glossary", "/nowhere/words.csv", "no glossary /nowhere"),
    ],
)
def test_an_answer_that_cannot_be_used_is_named(parts: Any, field: str, value: str, part: str) -> None:
    model, _, wire = parts
    model.set("source", "tr")
    model.set(field, value)
    model.act("start")
    assert model.phase == "failed"
    assert part in model.message
    assert wire.asked == []


def test_nothing_wanted_is_refused(parts: Any) -> None:
    model, _, _ = parts
    for field in model.fields:
        if field.name.startswith("stem:"):
            model.set(field.name, False)
    model.set("subtitles", "none")
    model.set("targets", " ")
    model.act("start")
    assert model.message == "There is nothing to do."


def test_the_users_own_folder_stays_when_the_timeline_changes(parts: Any) -> None:
    model, desk, _ = parts
    model.set("folder", "/mine.dubline")
    desk.open = "other"
    model._looked = -10.0
    model.tick()
    assert model.value("folder") == "/mine.dubline"
    model.set("folder", "")
    assert model.value("folder") == "/films/other.dubline"


def test_a_button_that_is_off_does_nothing(parts: Any) -> None:
    model, _, wire = started(parts)
    model.act("start")
    model.act("place")
    model.act("no such")
    assert len(wire.asked) == 1


def test_answers_are_kept_for_the_next_window_and_checked(tmp_path: Path) -> None:
    path = str(tmp_path / "answers.json")
    assert read_answers(path) == answers()
    given = {**answers(), "targets": "de", "stems": ["music"], "folder": "/x", "source": "tr"}
    given.update(glossary="/words.csv", separator="demucs", content="auto", voice="before")
    keep_answers(path, given)
    again = read_answers(path)
    assert {name: again[name] for name in KEPT} == {name: given[name] for name in KEPT}
    assert again["folder"] == "", "a folder belongs to one programme"
    assert [file.name for file in tmp_path.iterdir()] == ["answers.json"]


def test_the_answers_of_an_older_window_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    old = {"source": "", "targets": "de", "content": "auto", "glossary": "", "voice": "piper", "dub": True}
    path.write_text(json.dumps(old))
    again = read_answers(str(path))
    assert (again["targets"], again["voice"]) == ("de", "piper")
    job = job_of(again, FILE)
    assert (job["separate"], job["transcribe"], job["translate"]) == ({}, {}, {"to": ["de"]})


STEMS_OR_NOT = st.lists(st.one_of(st.text(), st.sampled_from(["music", "sfx"])))
VALUES = st.one_of(st.none(), st.booleans(), st.text(), STEMS_OR_NOT)


@given(st.one_of(st.text(), st.dictionaries(st.sampled_from(KEPT), VALUES)))
def test_any_file_of_answers_gives_usable_ones(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    path = tmp_path_factory.mktemp("answers") / "answers.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    model = WindowModel(Desk(), Wire(), read_answers(str(path)))
    for field in model.fields:
        value = model.value(field.name)
        if field.kind == "choice":
            assert value in [key for key, _ in field.options]
        else:
            assert isinstance(value, bool if field.kind == "check" else str)


@given(st.text())
def test_any_title_is_a_file_name(title: str) -> None:
    name = safe_name(title)
    assert 0 < len(name) <= 61
    assert not set(name) & set('<>:"/\\|?*\0\n')
    assert name == name.strip(" .")


def test_languages_are_read_as_people_write_them() -> None:
    assert language_codes("English, de;tr , pt-BR, EN") == ["en", "de", "tr", "pt-BR"]
    assert language_codes(" , ") == []
    # What the window's list has not, the engine knows or refuses, with the nearest names.
    assert language_codes("English; Türkçe; gibberish words") == ["en", "Türkçe", "gibberish words"]


def test_times_are_said_as_people_say_them() -> None:
    assert [spoken_time(s) for s in (0, 40, 90, 3599)] == ["1 s", "40 s", "2 min", "1 h 00 min"]
    assert spoken_time(3900) == "1 h 05 min"
