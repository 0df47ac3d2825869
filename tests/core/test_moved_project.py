"""A project that is moved, copied, or whose film gets another name: nothing is lost, nothing done again."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
import soundfile
from command import dubline
from run_to_dub import dub, run_to_dub

from dubline.media.film_place import MIB, PARTS, content_of, is_same, original_in
from dubline.media.probing import fingerprint
from dubline.run import Run, read_manifest, read_wish
from dubline.values.layout import Layout
from dubline.values.wishes import TranslateWish
from otio_dubline.exporters.named_sounds import sound_name

LINE = [(0.1, 0.9, "SPEAKER_00", "Come with me.")]


def made_in(folder: Path, *, pictured: bool = True) -> Path:
    """A run with its dub, beside its film or its sound, in a folder of their own."""
    folder.mkdir()
    if pictured:
        with tarfile.open(Path(__file__).parents[1] / "run_before_work.tar.xz") as archive:
            archive.extract("E1.mov", folder, filter="data")
        media = folder / "E1.mov"
    else:
        media = folder / "E1.wav"
        soundfile.write(media, np.random.default_rng(1).normal(size=(16000, 2)) * 0.05, 16000)
    root = run_to_dub(folder, LINE, media=media)
    assert dub(root, *(["--mux"] if pictured else [])).status == 0
    return root


def keys(root: Path) -> set[str]:
    return {f"{record.name}-{record.key}" for record in read_manifest(root).steps}


def works(root: Path, film: str) -> None:
    """Everything that needs the film or the stems, and no step that was not there before."""
    before = keys(root)
    answer = dubline("export", root, "--to", "otio", "--no-takes")
    assert answer.status == 0, answer.err
    assert (root / "stems").as_posix() in Layout(root).timeline.read_text(encoding="utf-8")
    original = original_in(root)
    assert original is not None
    place = original.media.path if original.media is not None else original.sound.path
    assert Path(place) == root.parent / film and Path(place).is_file()
    for words in (("dub", root), ("separate", root), ("separate", root.parent / film, "--out", root)):
        answer = dubline(*words)
        assert answer.status == 0, answer.err
    assert keys(root) == before


@pytest.mark.parametrize("pictured", [True, False])
def test_film_and_run_are_moved_together(tmp_path: Path, pictured: bool) -> None:
    root = made_in(tmp_path / "here", pictured=pictured)
    (tmp_path / "here").rename(tmp_path / "there")
    works(tmp_path / "there" / root.name, "E1.mov" if pictured else "E1.wav")


def test_a_copy_of_the_project_is_its_own(tmp_path: Path) -> None:
    root = made_in(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there", copy_function=shutil.copy)  # with other times
    works(tmp_path / "there" / root.name, "E1.mov")
    works(root, "E1.mov")


def test_a_film_with_another_name_is_found(tmp_path: Path) -> None:
    root = made_in(tmp_path / "here")
    (tmp_path / "here/E1.mov").rename(tmp_path / "here/Episode one.mov")
    works(root, "Episode one.mov")


def test_another_film_of_that_size_is_not_taken(tmp_path: Path) -> None:
    root = made_in(tmp_path / "here")
    film = tmp_path / "here/E1.mov"
    data = bytearray(film.read_bytes())
    data[len(data) // 2] ^= 1
    film.with_name("E2.mov").write_bytes(bytes(data))
    refused = dubline("separate", film.with_name("E2.mov"), "--out", root)
    assert refused.status == 2 and "is the run of E1.mov" in refused.err
    film.unlink()
    assert "missing" in dubline("export", root, "--to", "otio", "--no-takes").err
    film.write_bytes(bytes(data))
    assert "not the file any more" in dubline("export", root, "--to", "otio", "--no-takes").out


def test_exports_name_the_runs_sounds_after_the_film(tmp_path: Path) -> None:
    root = made_in(tmp_path / "here")
    assert dubline("export", root, "--to", "premiere,otio", "--no-takes").status == 0
    sounds = Layout(root).sounds
    stems = [f"E1 - {name}.wav" for name in ("ambient", "music", "sfx", "vocals")]
    assert sorted(p.name for p in sounds.iterdir()) == sorted(
        ["E1 - M&E.wav", "E1 - dub en.wav", "E1 - original.wav", *stems]
    )
    assert "E1%20-%20dub%20en.wav" in (root / "exports/premiere/E1.xml").read_text()
    assert (sounds / "E1 - dub en.wav").samefile(root / "final.wav")
    assert dub(root, "--duck", "6").status == 0
    assert (sounds / "E1 - dub en.wav").samefile(root / "final.wav"), "what was exported follows the run"


@pytest.mark.parametrize("film", ["a:b", "con", "what?", "end. ", "x" * 300, "Bölüm 1/2"])
def test_names_of_sounds_are_names_on_every_system(film: str) -> None:
    name = sound_name(film, "M&E", ".wav")
    assert name.endswith(" - M&E.wav") and not set(name) & set('<>:"/\\|?*')
    assert len(name.encode()) < 255 and name.split(".")[0].lower() not in ("con", "nul")


def test_on_top_lies_what_a_person_opens_and_the_timeline_shows_it(tmp_path: Path) -> None:
    root = made_in(tmp_path / "here")
    assert {path.name for path in root.iterdir()} == {
        *("final.mov", "final.m4a", "final.wav", "M&E.wav", "stems", "subtitles", "timeline.otio"),
        *("report.html", "transcript.json", "translated.json", "work"),
    }
    timeline = otio.adapters.read_from_file(str(Layout(root).timeline))
    names = [track.name for track in timeline.tracks]
    assert names[:2] == ["picture", "original"] and {"vocals", "dub en", "M&E"} <= set(names)
    assert not [name for name in names if name.startswith("takes")]


def test_a_copy_with_another_time_is_the_same_film(tmp_path: Path) -> None:
    root = made_in(tmp_path / "here")
    other = tmp_path / "copy.mov"
    shutil.copy(tmp_path / "here/E1.mov", other)
    os.utime(other, (1_000_000_000, 1_000_000_000))
    before = keys(root)
    assert dubline("separate", other, "--out", root).status == 0
    assert keys(root) == before


def test_files_of_wishes_move_along(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    (folder / "E1.dubline").mkdir(parents=True)
    outside = tmp_path / "terms.csv"
    with Run(folder / "E1.dubline") as run:
        run.keep_wish("translate.en", TranslateWish(cast=str(folder / "cast.toml"), glossary=str(outside)))
    folder.rename(tmp_path / "there")
    wish = read_wish(tmp_path / "there/E1.dubline", "translate.en", TranslateWish)
    assert wish is not None
    assert (wish.cast, wish.glossary) == ((tmp_path / "there/cast.toml").as_posix(), outside.as_posix())


def test_places_are_told_from_the_run_where_they_lie_with_it(tmp_path: Path) -> None:
    here = Layout(tmp_path / "project" / "E1.dubline")
    beside, elsewhere = tmp_path / "project" / "media" / "E1.mov", tmp_path / "E1.mov"
    assert here.told(beside) == "../media/E1.mov" and here.found("../media/E1.mov") == beside
    assert here.told(elsewhere) == elsewhere.as_posix() == here.found(elsewhere.as_posix()).as_posix()


def test_the_content_counts_and_not_the_time(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for size in (0, 10, MIB * 3 + 7, PARTS * MIB + MIB * 40):
        for path in (one, two):
            with path.open("wb") as file:
                file.truncate(size)
        os.utime(two, (1_000_000_000, 1_000_000_000))
        mark, content = fingerprint(one), content_of(one)
        assert is_same(two, mark, content) and is_same(two, mark)
        assert not is_same(two, mark, elsewhere=False), "where it was, its time tells"
        if size > MIB * 2:
            with two.open("r+b") as file:
                file.seek(size // 2 - MIB)
                file.write(b"x" * 2 * MIB)
            assert not is_same(two, mark, content)


def test_another_film_under_the_same_name_is_told(tmp_path: Path) -> None:
    root = made_in(tmp_path / "here", pictured=False)
    film, told = tmp_path / "here/E1.wav", "E1.wav is not the film that this run was made of"
    assert told not in dubline("separate", film).err, "it is the same"
    os.utime(film, (1_000_000_000, 1_000_000_000))
    assert told not in dubline("separate", film).err, "a copy with another time is the same"
    (tmp_path / "here").rename(tmp_path / "there")
    root, film = tmp_path / "there" / root.name, tmp_path / "there/E1.wav"
    assert told not in dubline("separate", film).err, "it was moved"
    soundfile.write(film, np.random.default_rng(2).normal(size=(24000, 2)) * 0.05, 16000)
    answer = dubline("separate", film)
    assert answer.status == 0 and told in " ".join(answer.err.split()), answer.err
    assert told not in dubline("separate", film).err, "now it is of this one"
