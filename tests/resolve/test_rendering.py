"""The render path: only our job, success judged by the file, everything as before on every way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import soundfile
from resolve_scene import Film

from dubline_resolve.objects import Refused, drive
from dubline_resolve.rendering import render


@pytest.fixture
def film(tmp_path: Path) -> Film:
    made = Film(tmp_path, "29.97")
    made.cut.SetMarkInOut(30, 89)
    made.cut.playhead += 12
    made.world.project.rendering.settings["TargetDir"] = str(tmp_path)
    made.world.project.rendering.AddRenderJob()  # the user's own job
    made.out = tmp_path / "mix"  # type: ignore[attr-defined]
    (tmp_path / "mix").mkdir()
    return made


def run(film: Film) -> dict[str, Any]:
    result: dict[str, Any] = drive(render(film.session(), str(film.out)))  # type: ignore[attr-defined]
    film.world.check()
    return result


def files(film: Film) -> list[Path]:
    return sorted(film.out.iterdir())  # type: ignore[attr-defined]


def test_the_range_as_a_file(film: Film) -> None:
    before = film.state()
    media = run(film)["media"]
    assert media["kind"] == "file" and media["offset_frames"] == 30
    frames = soundfile.info(media["path"]).frames
    assert frames == int(60 * 1001 * 48000 / 30000)
    assert film.state() == before and film.world.project.rendering.mode == 1
    assert film.world.project.rendering.format["format"] == "mp4"


def test_the_whole_timeline(film: Film) -> None:
    film.cut.ClearMarkInOut("all")
    media = run(film)["media"]
    assert media["offset_frames"] == 0
    assert soundfile.info(media["path"]).frames == int(240 * 1001 * 48000 / 30000)


def test_a_render_that_fails(film: Film) -> None:
    before = film.state()
    film.world.faults.render_fails = "Nicht genug Speicherplatz"
    with pytest.raises(Refused, match="Nicht genug"):
        run(film)
    assert film.state() == before and files(film) == []


def test_a_render_without_a_file(film: Film) -> None:
    film.world.renderer = lambda *_: None
    with pytest.raises(Refused, match="left no file"):
        run(film)


def test_a_render_that_the_user_stops(film: Film) -> None:
    before = film.state()
    film.world.faults.render_polls = 50
    steps = render(film.session(), str(film.out))  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="stopped at"):
        for number, _ in enumerate(steps):
            if number == 5:
                film.world.project.rendering.StopRendering()
    assert film.state() == before


@pytest.mark.parametrize("stop", range(1, 7))
def test_cancelled_anywhere(film: Film, stop: int) -> None:
    before = film.state()
    film.world.faults.render_polls = 50
    steps = render(film.session(), str(film.out))  # type: ignore[attr-defined]
    for _ in range(stop):
        next(steps)
    steps.close()
    assert film.state() == before and files(film) == []
    assert not film.world.project.rendering.IsRenderingInProgress()


@pytest.mark.parametrize(
    "title",
    [
        "Project.LoadRenderPreset",
        "Project.SetRenderSettings",
        "Project.AddRenderJob",
        "Project.StartRendering",
    ],
)
def test_each_refusal(film: Film, title: str) -> None:
    before = film.state()
    film.world.faults.refuse = {title: 1}
    with pytest.raises(Refused, match=title.split(".")[1]):
        run(film)
    assert film.state() == before


def test_refused_before_anything_is_touched(film: Film) -> None:
    before = film.state()
    rendering = film.world.project.rendering
    film.world.faults.render_polls = 50
    rendering.StartRendering(rendering.jobs[0].name)
    with pytest.raises(Refused, match="is rendering"):
        run(film)
    rendering.StopRendering()
    rendering.presets.remove("Audio Only")
    with pytest.raises(Refused, match="Audio Only"):
        run(film)
    with pytest.raises(Refused, match="cannot be written"):
        drive(render(film.session(), str(film.folder / "nowhere")))
    film.world.project.new_timeline("Empty")
    with pytest.raises(Refused, match="is empty"):
        run(film)
    film.world.project.pool.DeleteTimelines([film.world.project.current])
    film.world.project.current = film.cut
    assert film.state() == before


def test_progress_never_goes_back(film: Film) -> None:
    film.world.faults.render_polls = 20
    seen: list[int] = []
    seen += [step.done for step in render(film.session(), str(film.out))]  # type: ignore[attr-defined]
    assert seen == sorted(seen) and seen[-1] == 100 and len(set(seen)) > 5


def test_before_20_the_marks_cannot_be_read(tmp_path: Path) -> None:
    film = Film(tmp_path, name="studio-19.1")
    (tmp_path / "mix").mkdir()
    result = drive(render(film.session(), str(tmp_path / "mix")))
    assert "in and out points" in result["notes"][0] and film.world.unknown == []
