"""Runs: each step once, whole or not at all, found again wherever the folder is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dubline.errors import Cancelled, DublineError, InvalidJob, StorageFull
from dubline.files import write_whole
from dubline.run import Run, StepRecord, Work, step
from dubline.values.base import Value
from dubline.values.inputs import step_key
from dubline.values.layout import Layout
from dubline.values.media import AudioTrack, Line, Media, Sound

GARBAGE = [b"", b"not json", b"\xff\xfe\x00", b"[]", b'{"format": 5}', b'{"steps": [{"name": 1}]}']


class Made(Value, frozen=True):
    path: str
    words: str


calls: list[str] = []


@step("make", version=1)
def make(work: Work, words: str, line: Line | None = None) -> Made:
    calls.append(words)
    (work.folder / "made.txt").write_text(words)
    work.note("made")
    return Made(path=work.result("made.txt"), words=words)


@step("use", version=1)
def use(work: Work, made: Made) -> Made:
    calls.append("use")
    text = work.open(made.path).read_text().upper()
    (work.folder / "made.txt").write_text(text)
    return Made(path=work.result("made.txt"), words=text)


@step("break", version=1)
def breaks(work: Work, error: str) -> Made:
    (work.folder / "half.txt").write_text("half")
    raise {"own": DublineError("broken", hint="mend it"), "stop": Cancelled("stopped"), "any": KeyError("x")}[
        error
    ]


@step("go on", version=1, resumable=True)
def goes_on(work: Work, times: int) -> int:
    counter = work.folder / "count"
    count = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(count))
    if count < times:
        raise Cancelled("stopped")
    return count


@step("fill", version=1)
def fills(work: Work) -> int:
    import errno

    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


def visible(root: Path) -> list[str]:
    return sorted(
        p.relative_to(root).as_posix()
        for p in root.rglob("*")
        if not any(part.startswith(".") for part in p.relative_to(root).parts)
    )


def test_a_step_is_done_once_and_then_found(tmp_path: Path) -> None:
    said: list[StepRecord] = []
    for _ in range(2):
        with Run(tmp_path / "r", said=said.append) as run:
            first = run.step(make, "hello")
            second = run.step(use, first)
            assert run.layout.file(second.path).read_text() == "HELLO"
    assert calls == ["hello", "use"]
    assert [r.state for r in said] == ["done", "done", "kept", "kept"]
    assert said[2].notes == ("made",), "what was noted then is still known"
    records = run.manifest().steps
    assert next((r.name, r.state, r.inputs) for r in records) == ("make", "done", ["hello"])
    assert records[0].key in first.path


@step("worry", version=1)
def worries(work: Work) -> int:
    work.note("a detail")
    work.note("this may be wrong", warn=True)
    return 1


def test_a_warning_is_told_at_every_start_and_a_note_when_it_is_made(tmp_path: Path) -> None:
    for noted in (["a detail"], []):
        heard: list[str] = []
        notes: list[str] = []
        with Run(tmp_path / "r", tell=heard.append, note=notes.append) as run:
            run.step(worries)
        assert (heard, notes) == (["this may be wrong"], noted)
    (record,) = run.manifest().steps
    assert record.notes == ("a detail", "this may be wrong"), "a warning is a note as well"
    assert record.warnings == ("this may be wrong",)


def test_other_inputs_are_other_work(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        a, b = run.step(make, "a"), run.step(make, "b")
        run.step(use, a)
        run.step(use, b)
        run.step(make, "a")
        run.step(make, "a", hints={"threads": 3})
    assert calls == ["a", "b", "use", "use"], "hints do not count"
    assert Layout(tmp_path).file(a.path).read_text() == "a"


def test_keys_follow_name_version_and_inputs_alone() -> None:
    line = Line(start=1.0, end=2.0)
    keys = {
        step_key("a", 1, ("x",)),
        step_key("a", 2, ("x",)),
        step_key("b", 1, ("x",)),
        step_key("a", 1, ("y",)),
        step_key("a", 1, ("x", line)),
        step_key("a", 1, ("x", Line(start=1.0, end=3.0))),
        step_key("a", 1, ()),
    }
    assert len(keys) == 7
    assert step_key("a", 1, ({"p": 1, "q": 2},)) == step_key("a", 1, ({"q": 2, "p": 1},))
    assert all(len(key) == 10 and int(key, 16) >= 0 for key in keys)


def test_media_count_by_content_not_by_place() -> None:
    def media(path: str, mark: str) -> Media:
        return Media(
            path=path, fingerprint=mark, duration=1.0, audio=(AudioTrack(index=0, rate=1, channels=1),)
        )

    assert step_key("a", 1, (media("/a", "1"),)) == step_key("a", 1, (media("/b/c", "1"),))
    assert step_key("a", 1, (media("/a", "1"),)) != step_key("a", 1, (media("/a", "2"),))
    # A file of the run has no fingerprint: its path says what made it.
    sounds = [Sound(path=f"steps/x-{k}/a.wav", rate=1, channels=1, frames=1) for k in "12"]
    assert step_key("a", 1, (sounds[0],)) != step_key("a", 1, (sounds[1],))


def test_a_run_folder_may_be_moved(tmp_path: Path) -> None:
    with Run(tmp_path / "a.dubline") as run:
        run.step(use, run.step(make, "hello"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a.dubline").rename(tmp_path / "elsewhere" / "b.dubline")
    with Run(tmp_path / "elsewhere" / "b.dubline") as run:
        found = run.step(use, run.step(make, "hello"))
        assert run.layout.file(found.path).read_text() == "HELLO"
    assert calls == ["hello", "use"]


@pytest.mark.parametrize("error", ["own", "stop", "any"])
def test_a_step_that_breaks_leaves_nothing(tmp_path: Path, error: str) -> None:
    with pytest.raises((DublineError, KeyError)) as caught, Run(tmp_path) as run:
        run.step(breaks, error)
    assert not [p for p in (tmp_path / "work/steps").iterdir()]
    if isinstance(caught.value, DublineError):
        assert caught.value.stage == "break"
        (record,) = run.manifest().steps
        assert record.state == ("failed" if error == "own" else "cancelled")
        assert record.error["stage"] == "break" and record.error["message"] == caught.value.message
    with Run(tmp_path) as run:
        run.step(make, "after")


def test_a_resumable_step_finds_what_it_left(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(Cancelled), Run(tmp_path) as run:
            run.step(goes_on, 3)
        assert visible(tmp_path / "work/steps") == []
    with Run(tmp_path) as run:
        assert run.step(goes_on, 3) == 3
        assert [r.state for r in run.manifest().steps] == ["done"]
    assert not [p for p in (tmp_path / "work/steps").iterdir() if p.name.startswith(".")]


def test_a_full_disk_is_told_and_recorded(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match=r"disk .* is full") as caught, Run(tmp_path) as run:
        run.step(fills)
    assert "--out" in caught.value.hint
    assert run.manifest().steps[0].error["code"] == "storage_full"


def test_one_process_at_a_time(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c",
         "import sys; from pathlib import Path; from dubline.run import Run\n"
         "with Run(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()",
         str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None and child.stdin is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(InvalidJob, match="another Dubline") as caught, Run(tmp_path):
        pass
    assert caught.value.hint
    child.kill()  # also a process that dies lets go
    child.communicate()
    with Run(tmp_path) as run:
        run.step(make, "now")
        with pytest.raises(InvalidJob, match="another Dubline"), Run(tmp_path):
            pass


def test_the_lock_is_never_made_anew_under_somebody(tmp_path: Path) -> None:
    with Run(tmp_path):
        first = (tmp_path / "work/.lock").stat().st_ino
    with Run(tmp_path):
        assert (tmp_path / "work/.lock").stat().st_ino == first


def test_what_is_refused_before_anything_is_done_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob), Run(tmp_path / "new"):
        raise InvalidJob("no")
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    with pytest.raises(InvalidJob), Run(tmp_path / "old"):
        raise InvalidJob("no")
    assert (tmp_path / "old/work/.lock").exists(), "a folder that was there stays"
    with pytest.raises(InvalidJob), Run(tmp_path / "made") as run:
        run.step(make, "some")
        raise InvalidJob("no")
    with Run(tmp_path / "made") as run:
        assert run.manifest().steps
    with pytest.raises(InvalidJob), Run(tmp_path / "mine") as run:
        (run.root / "mine.txt").write_text("x")
        raise InvalidJob("no")
    assert (tmp_path / "mine/mine.txt").exists()
    with Run(tmp_path / "kept"):
        pass
    assert (tmp_path / "kept/work/.lock").exists()


@pytest.mark.parametrize("content", GARBAGE)
def test_an_unreadable_manifest_costs_no_work(tmp_path: Path, content: bytes) -> None:
    with Run(tmp_path) as run:
        run.step(make, "hello")
    (tmp_path / "work/run.json").write_bytes(content)
    with Run(tmp_path) as run:
        assert run.step(make, "hello").words == "hello"
        run.step(make, "more")
    assert calls == ["hello", "more"]
    assert [r.inputs for r in run.manifest().steps] == [["hello"], ["more"]]


@pytest.mark.parametrize("content", [*GARBAGE, None])
def test_a_damaged_result_is_made_again(tmp_path: Path, content: bytes | None) -> None:
    told: list[str] = []
    with Run(tmp_path) as run:
        made = run.step(make, "hello")
    result = Layout(tmp_path).file(made.path).with_name("result.json")
    if content is None:
        result.unlink()
    else:
        result.write_bytes(content)
    with Run(tmp_path, tell=told.append) as run:
        assert run.step(make, "hello") == made
    assert calls == ["hello", "hello"] and "made again" in told[0]


def test_a_result_whose_files_were_deleted_is_made_again(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        made = run.step(make, "hello")
        Layout(tmp_path).file(made.path).unlink()
        assert run.step(make, "hello") == made
        assert Layout(tmp_path).file(made.path).read_text() == "hello"


def test_publish_again_and_again_leaves_one_file(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        for words in ("a", "a", "b", "a"):
            made = run.step(make, words)
            target = run.publish(made.path, tmp_path / "out/made.txt")
            assert target.read_text() == words
            assert [p.name for p in target.parent.iterdir()] == ["made.txt"]


def test_publish_without_hard_links_replaces_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    def no_link(*args: Any) -> None:
        raise OSError("no links here")

    def full(source: Any, target: Any) -> None:
        import errno

        Path(target).write_text("hal")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.link", no_link)
    with Run(tmp_path) as run:
        first, second = run.step(make, "first"), run.step(make, "second")
        target = run.publish(first.path, tmp_path / "out/made.txt")
        monkeypatch.setattr(shutil, "copyfile", full)
        with pytest.raises(StorageFull):
            run.publish(second.path, tmp_path / "out/made.txt")
    assert target.read_text() == "first"
    assert [p.name for p in target.parent.iterdir()] == ["made.txt"]


def test_write_whole_keeps_the_old_file_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old")

    def no_sync(number: int) -> None:
        raise OSError("no")

    monkeypatch.setattr("os.fsync", no_sync)
    with pytest.raises(OSError, match="no"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_places_that_cannot_be_a_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/1/dubline")):
        with pytest.raises(InvalidJob, match="run folder") as caught, Run(place):
            pass
        assert "--out" in caught.value.hint
    assert (tmp_path / "file").read_text() == "x"


def test_the_manifest_is_plain_json(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        run.step(make, "é")
    told = json.loads((tmp_path / "work/run.json").read_text(encoding="utf-8"))
    assert told["format"] == "dubline.run.1" and told["steps"][0]["inputs"] == ["é"]
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".part")] == []
