"""Timeline, subtitles and report say what the run says, and are left alone while that stays the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from localized_run import SAID, localized_run, put_dub
from msgspec.structs import replace

from dubline.exchange.report import write_report
from dubline.programme.subtitle_files import publish_subtitles
from dubline.programme.timeline_file import keep_timeline
from dubline.values.layout import Layout
from dubline.values.translated import counted, read_translation, translation_json


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = localized_run(tmp_path_factory.mktemp("made"))
    put_dub(root, SAID)
    publish(root)
    return root


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    root = Path(shutil.copytree(made, tmp_path / made.name))
    publish(root)  # it lies elsewhere now
    return root


def publish(root: Path) -> dict[str, bytes]:
    files = [*publish_subtitles(root), keep_timeline(root), write_report(root)]
    return {path.name: path.read_bytes() for path in files}


def times(root: Path) -> dict[str, int]:
    here = Layout(root)
    files = [here.timeline, here.report, *here.subtitles.iterdir()]
    return {path.name: path.stat().st_mtime_ns for path in files}


def test_as_long_as_nothing_changes_nothing_is_written(run: Path) -> None:
    before = times(run)
    publish(run)
    assert times(run) == before


def translate_first_line(root: Path, text: str) -> None:
    path = Layout(root).translation()
    translation = read_translation(path)
    segments = (replace(translation.segments[0], text=text), *translation.segments[1:])
    made = replace(translation, segments=segments, totals=counted(segments, translation.totals.glossary))
    path.write_bytes(translation_json(made))


def test_a_changed_text_is_in_all_of_them(run: Path) -> None:
    translate_first_line(run, "Somewhere else?")
    made = publish(run)
    for name in ("en.srt", "timeline.otio", "report.html"):
        assert b"Somewhere else?" in made[name], name


def test_a_text_of_the_same_length_and_time_counts_too(run: Path) -> None:
    path = Layout(run).translation()
    status = path.stat()
    old = read_translation(path).segments[0].text or ""
    translate_first_line(run, old[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert old[::-1].encode() in publish(run)["en.srt"]


@pytest.mark.parametrize(
    "harm",
    [lambda path: path.unlink(), lambda path: path.write_bytes(b"what somebody wrote over it")],
    ids=["removed", "written over"],
)
def test_what_is_removed_or_written_over_comes_back(run: Path, harm: Callable[[Path], None]) -> None:
    here, before = Layout(run), publish(run)
    for path in (here.timeline, here.report, here.subtitles / "en.srt"):
        harm(path)
    assert publish(run) == before


def test_a_stem_that_is_gone_is_missed(run: Path) -> None:
    before = publish(run)["report.html"]
    Layout(run).stem("vocals").unlink()
    assert publish(run)["report.html"] != before


def test_a_run_that_was_moved_names_its_new_place(run: Path, tmp_path: Path) -> None:
    moved = Path(shutil.move(run, tmp_path / "Moved.dubline"))
    publish(moved)
    assert (moved / "stems" / "vocals.wav").as_posix().encode() in Layout(moved).timeline.read_bytes()


def test_a_damaged_record_costs_a_writing_and_no_more(run: Path) -> None:
    before = publish(run)
    Layout(run).publications.write_bytes(b"{damaged")
    assert publish(run) == before
    now = times(run)
    publish(run)
    assert times(run) == now
