"""The receipt: one placement for each timeline, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from resolve_scene import Film

from dubline_resolve.objects import Refused
from dubline_resolve.receipt import Book, new_placement


def test_two_timelines_of_a_run(tmp_path: Path) -> None:
    film = Film(tmp_path)
    book = Book(str(film.run))
    one = new_placement(film.session())
    film.world.project.new_timeline("Trailer")
    two = new_placement(film.session())
    book.keep(one)
    book.keep(two)
    assert book.placements() == [one, two]
    assert book.placed(film.session()) == two
    book.keep(dict(two, made="later"))
    assert [each["made"] for each in book.placements()] == [one["made"], "later"]
    book.forget(two)
    assert book.placements() == [one] and book.placed(film.session()) is None
    book.forget(one)
    assert not Path(book.path).exists()


def test_unfinished_ends_with_the_placement(tmp_path: Path) -> None:
    film = Film(tmp_path)
    book, placement = Book(str(film.run)), new_placement(film.session())
    book.begin(placement)
    book.begin(placement)
    assert book.unfinished(film.session()) == placement and book.placed(film.session()) is None
    book.keep(placement)
    assert book.unfinished(film.session()) is None and book.placed(film.session()) == placement


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "dubline.receipt.1", "placements": [{}]}', "\udcff"]
)
def test_a_receipt_that_is_none(tmp_path: Path, text: str) -> None:
    film = Film(tmp_path)
    book = Book(str(film.run))
    Path(book.path).parent.mkdir(parents=True)
    Path(book.path).write_bytes(text.encode("utf-8", "surrogateescape"))
    before = film.state()
    plan = film.plan()
    with pytest.raises(Refused, match=r"receipt\.json cannot be read"):
        film.place(plan)
    assert film.state() == before


def test_it_tells_what_was_placed(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.place(film.plan())
    kept = json.loads(Path(Book(str(film.run)).path).read_text("utf-8"))
    (placement,) = kept["placements"]
    assert placement["timeline"] == film.cut.uid and placement["resolve"] == "DaVinci Resolve Studio 21.0.4"
    ids = [item.uid for track in film.cut.tracks["audio"][1:] for item in track.items]
    assert [uid for entry in placement["tracks"] for uid in entry["items"]] == ids
    assert placement["muted"] == [{"index": 1, "name": "Audio 1"}]
    assert {entry["id"] for entry in placement["media"]} == {
        clip["id"] for clip in film.state()["bins"][1]["clips"]
    }
    assert not list(Path(Book(str(film.run)).path).parent.glob("*.part"))


def test_a_disk_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = Film(tmp_path)
    plan = film.plan()
    before = film.state()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dubline_resolve.receipt.os.fsync", full)
    with pytest.raises(Refused, match="No space left"):
        film.place(plan)
    assert film.state() == before
