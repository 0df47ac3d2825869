"""What lies where in a run: on top what a person opens, and a run of an older version brought there.

`run_before_work.tar.xz` is a run that the version before `work/` made of a film of 1.2 s (espeak-ng's
speech), with the picture of the stems cut to one pixel: separated, transcribed, a speaker named, translated
by hand, dubbed by espeak-ng and put into the film.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from command import dubline
from filelock import FileLock

from dubline.backends import choosing
from dubline.errors import InvalidJob
from dubline.programme.reading import read_programme
from dubline.recognition.origin import origin_of
from dubline.recognition.speaker_log import read_log
from dubline.run import Run, read_manifest
from dubline.subtitles.sent import read_sent
from dubline.values import layout
from dubline.values.base import Choice, canonical_json
from dubline.values.dubbed import read_dubs
from dubline.values.layout import Layout

MADE = Path(__file__).parents[1] / "run_before_work.tar.xz"
ON_TOP = {
    *("M&E.wav", "exports", "final.m4a", "final.mov", "final.wav", "report.html", "stems"),
    *("subtitles", "transcript.json", "translated.json", "work"),
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The run of an older version, its film beside it."""
    with tarfile.open(MADE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "E1.dubline"


def seen(root: Path) -> tuple[Any, ...]:
    """What is read from a run, wherever it lies."""
    dubs, here = read_dubs(root), Layout(root)
    for sound in read_programme(root).sounds:
        assert Path(sound.path).is_file() or sound.role == "original"
    paths = [take.path for dub in dubs for take in dub.takes.takes]
    assert all(here.file(path).is_file() for path in paths)
    assert here.picture.is_file() and here.rttm.is_file() and here.ctm.is_file()
    return (
        read_manifest(root),
        [(dub.takes, dub.mix) for dub in dubs],
        read_log(root),
        origin_of(root).diarized,
        [read_sent(path) for path in here.sent.glob("*.json")],
        sorted(path.name for path in here.memory.rglob("*")),
    )


def on_top(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


def test_an_old_run_is_shown_as_it_lies(old: Path) -> None:
    files = [path for path in old.rglob("*") if path.is_file() and path.parent.name != "subtitles"]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert "Ann" in dubline("speakers", old).out
    assert dubline("export", old, "--to", "srt").status == 0
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert seen(old)[0].steps


def same_machine(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this machine had the versions of libraries and programs with which a run was made."""
    known: dict[bytes, tuple[str, ...]] = {}

    def look(value: Any) -> None:
        if isinstance(value, dict) and "identity" in value and "backend" in value:
            known[canonical_json([value["backend"], value.get("options", {})])] = tuple(value["identity"])
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            look(each)

    look([record.inputs for record in read_manifest(root).steps])
    choose: Callable[..., Choice] = choosing._choice

    def chosen(*args: Any) -> Choice:
        choice = choose(*args)
        identity = known[canonical_json([choice.backend, choice.options])]
        return Choice(backend=choice.backend, options=choice.options, identity=identity)

    monkeypatch.setattr(choosing, "_choice", chosen)


@pytest.mark.program("espeak-ng")
def test_an_old_run_goes_on_in_the_new_places_and_no_more_than_must_is_done_again(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, records = seen(old), read_manifest(old).steps
    same_machine(old, monkeypatch)
    assert dubline("translate", old, "--to", "es").status == 0
    answer = dubline("dub", old, "--no-mux")
    assert answer.status == 0, answer.err
    assert on_top(old) <= ON_TOP
    known = {r.key for r in records}
    # Pitches are measured where nobody talks over a voice since, takes shifted by another method and, at the
    # programme's end, begun earlier; and so the mix is made of them anew.
    anew = {r.name for r in read_manifest(old).steps if r.key not in known}
    assert anew <= {"pitch", "speak", "remix"}, answer.err
    assert seen(old)[2:5] == before[2:5]
    assert dubline("dub", old, "--audition", "1").status == 0
    assert on_top(old) <= ON_TOP and Layout(old).auditions.is_dir()


class Pulled(BaseException):
    """The plug is pulled."""


def moves(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let so many renamings happen, and no more."""
    left = iter(range(count))
    replace = Path.replace

    def moved(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise Pulled
        return replace(path, target)

    monkeypatch.setattr(layout.Path, "replace", moved)


def test_stopped_at_any_renaming_it_is_whole_to_read_and_goes_on(old: Path, tmp_path: Path) -> None:
    before, count = seen(old), 0
    while True:
        root = Path(shutil.copytree(old, tmp_path / f"stopped {count}.dubline"))
        with pytest.MonkeyPatch.context() as patch, suppress(Pulled):
            moves(count, patch)
            with Run(root):
                break
        assert seen(root) == before and Layout(root).is_old and Layout(root).is_run
        with Run(root):
            assert seen(root) == before and not Layout(root).is_old
        assert on_top(root) <= ON_TOP
        shutil.rmtree(root)
        count += 1
    assert count >= 9


def test_a_version_that_went_back_and_forth_loses_nothing(old: Path) -> None:
    with Run(old):
        pass
    (old / "steps/speak-0123456789").mkdir(parents=True)
    (old / "steps/speak-0123456789/result.json").write_text("{}")
    told = json.loads(Layout(old).manifest.read_text())
    told["wishes"]["new"] = {}
    (old / "run.json").write_text(json.dumps(told))
    (old / "dubbed.json").write_bytes((old / "work/dubbed.json").read_bytes())
    steps = {path.name for path in (old / "work/steps").iterdir()}
    with Run(old) as run:
        assert {path.name for path in run.layout.steps.iterdir()} == {*steps, "speak-0123456789"}
        assert "new" in run.manifest().wishes
    assert on_top(old) <= ON_TOP


def test_an_older_version_at_work_is_waited_for(old: Path) -> None:
    with FileLock(old / ".lock"), pytest.raises(InvalidJob, match="another Dubline"), Run(old):
        pass
    assert Layout(old).is_old and (old / "steps").is_dir()


def test_what_a_person_put_beside_stays(tmp_path: Path) -> None:
    for name in ("steps", "speakers"):
        (tmp_path / name).mkdir()
    (tmp_path / "steps/mine.txt").touch()
    with Run(tmp_path):
        pass
    assert (tmp_path / "steps/mine.txt").is_file() and not list((tmp_path / "work/steps").iterdir())


# --- a project that moves --------------------------------------------------------------------------


def test_an_old_run_finds_its_film_beside_it_by_any_name(old: Path) -> None:
    film = old.with_name("E1.mov")
    assert dubline("export", old, "--to", "otio").status == 0
    film.rename(old.with_name("Folge 1.mov"))
    assert dubline("export", old, "--to", "otio").status == 0
    assert "Folge%201.mov" in (old / "exports/otio/E1.otio").read_text()
    data = bytearray((old.parent / "Folge 1.mov").read_bytes())
    data[-100] ^= 1
    old.with_name("E1.mov").write_bytes(bytes(data))  # as large, and another one
    (old.parent / "Folge 1.mov").unlink()
    assert "missing" in dubline("export", old, "--to", "otio").err
