"""Files that were damaged after they were written: told, and made again or refused by name; never used."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Answer, dubline, kept
from run_to_dub import dub, edit, run_to_dub, spoken_last

from dubline.exchange.verification import verify_run
from dubline.run import Damaged, Run, read_manifest, standing
from dubline.values.dubbed import read_dub
from dubline.values.layout import Layout
from dubline.values.stems import Stems

Harm = Callable[[Path, random.Random], None]


def flip(path: Path, chance: random.Random) -> None:
    """One bit."""
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    rewrite(path, bytes(data))


def quiet_flip(path: Path, chance: random.Random) -> None:
    """One bit, as a disk loses it: no program has written."""
    before = path.stat()
    flip(path, chance)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path: Path, chance: random.Random) -> None:
    """The end is gone."""
    rewrite(path, path.read_bytes()[: chance.randrange(path.stat().st_size)])


def rewrite(path: Path, data: bytes) -> None:
    """Save in place, as some editors do, also where that is not meant to be."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.truncate(len(data))
        file.write(data)
    os.utime(path, (1e9, 1e9))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with stems, texts, a dub and an export, and its film."""
    root = run_to_dub(tmp_path_factory.mktemp("made"))
    assert dub(root).status == 0
    assert dubline("speakers", "rename", root, "SPEAKER_00", "Ayşe").status == 0
    assert dubline("subtitles", "export", root, "--lang", "en").status == 0
    for words in (["report", root], ["export", root, "--to", "srt"]):
        assert dubline(*words).status == 0
    assert dub(root).status == 0
    assert not verify_run(root).findings
    return root


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return copied(made, tmp_path / "here")


def copied(made: Path, place: Path) -> Path:
    """Film and run as they are, links and times too."""
    shutil.rmtree(place, ignore_errors=True)
    links: dict[int, str] = {}

    def copy(source: str, target: str) -> None:
        known = links.setdefault(Path(source).stat().st_ino, target)
        shutil.copy2(source, target) if known == target else os.link(known, target)

    shutil.copytree(made.parent, place, copy_function=copy)
    root = place / made.name
    dubline("report", root)  # it lies elsewhere now
    return root


def published(root: Path) -> dict[str, bytes]:
    """What a person opens, but for the pages that say when and how."""
    files = [*root.glob("final*"), root / "M&E.wav", root / "transcript.json", root / "translated.json"]
    files += [*(root / "stems").iterdir(), *(root / "subtitles").iterdir()]
    return {path.name: path.read_bytes() for path in files}


def mended(root: Path, told: str) -> Answer:
    """After the remedies that are named, and a command that works in the run."""
    for command in re.findall("`dubline (.*?)`", told):
        dubline(*shlex.split(command))
    return dubline("dub", root)


PEOPLES = ("transcript.json", "translated.json", "subtitles/", "exports/", ".before.json")


def test_every_file_of_a_run_tells_of_its_damage(made: Path, tmp_path: Path) -> None:
    """A bit, or the end, of each file in turn: `verify` names it, and what its remedies leave is as before; a
    text that people may edit is named at least, or refused."""
    chance = random.Random(15)
    root = copied(made, tmp_path / "here")
    before = published(root)
    files = sorted(p.relative_to(root) for p in root.rglob("*") if p.is_file() and p.stat().st_size)
    files = [file for file in files if file.name not in (".lock", "log.txt")]
    chance.shuffle(files)  # and of each kind one
    kinds = {
        (file.parts[0], re.sub(r"[0-9a-f]{8,}", "", file.parent.name), file.suffix): file for file in files
    }
    files = sorted(kinds.values())
    assert len(files) > 20
    wrong = []
    for number, file in enumerate(files):
        root = copied(made, tmp_path / "here")
        harm: Harm = (flip, quiet_flip, cut)[number % 3]
        harm(root / file, chance)
        told = dubline("runs", "verify", root)
        named = [line for line in told.out.splitlines() if line.startswith(("damaged", "changed"))]
        again = mended(root, told.out)
        text = file.as_posix().startswith(PEOPLES[:-1]) or file.name.endswith(PEOPLES[-1])
        if not named:
            wrong.append(f"{file} {harm.__name__}: not noticed")
        elif text:
            assert told.status == any(line.startswith("damaged") for line in named)
        elif again.status or published(root) != before:
            wrong.append(f"{file} {harm.__name__}: not made again: {again.err[-300:]}")
        elif told.status != 1 or dubline("runs", "verify", root).status:
            wrong.append(f"{file} {harm.__name__}: verify says {told.status}, and then other than 0")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("harm", [flip, cut])
@pytest.mark.parametrize("place", ["stems/vocals.wav", "final.wav"])
def test_a_damaged_sound_is_told_by_whoever_uses_it(run: Path, place: str, harm: Harm) -> None:
    """Without `verify`: its size or its time tells."""
    before = published(run)
    target = Layout(run).file(read_manifest(run).published[place].source)
    harm(target, random.Random(1))
    told = dubline("export", run, "--to", "otio")
    command = "separate" if place.startswith("stems") else "dub"
    assert told.status == 2 and target.name in told.err and f"dubline {command} " in told.err
    remedy = dubline("separate", run) if command == "separate" else dubline("dub", run)
    assert remedy.status == 0 and "is damaged: it is made again" in remedy.err
    assert dubline("export", run, "--to", "otio").status == 0
    assert published(run) == before


def test_what_is_only_copied_is_not_made_again(made: Path, tmp_path: Path) -> None:
    """Other times are no other content, and no change of a person's."""
    run = tmp_path / "copy" / made.name
    shutil.copytree(made.parent, run.parent)
    for number, path in enumerate(sorted(run.rglob("*.wav"))):
        os.utime(path, (1e9 + 60 * number,) * 2)
    stem = run / "stems/music.wav"
    assert not stem.samefile(*run.glob("work/steps/separate-*/music.wav"))
    again = dubline("separate", run)
    assert again.status == 0 and "damaged" not in again.err and "separate" in kept(again)
    assert "changed since" not in again.err and not list(run.rglob("*.edited.*"))
    assert stem.samefile(*run.glob("work/steps/separate-*/music.wav")), "one file again, and not two"
    assert not verify_run(run).findings


def test_published_sounds_are_links_that_nobody_writes_into(made: Path) -> None:
    for name, told in read_manifest(made).published.items():
        path, source = made / name, Layout(made).file(told.source)
        assert path.samefile(source)
        assert not stat.S_IMODE(path.stat().st_mode) & 0o222, name
    for text in ("transcript.json", "translated.json", "subtitles/en.srt"):
        assert stat.S_IMODE((made / text).stat().st_mode) & 0o200, text


def test_what_a_person_puts_in_a_stems_place_is_kept(run: Path) -> None:
    stem = run / "stems/music.wav"
    stem.unlink()
    stem.write_bytes(b"my own music")
    assert dubline("separate", run, "--no-ambient").status == 0
    assert (run / "work/music.edited.wav").read_bytes() == b"my own music"
    assert stem.read_bytes() != b"my own music"


# --- run.json and what cannot be computed again ------------------------------------------------


def cut_manifest(root: Path) -> None:
    place = Layout(root).manifest
    place.write_bytes(place.read_bytes()[:1000])


@pytest.mark.parametrize("copy", [True, False])
def test_a_cut_manifest_is_put_together_again(run: Path, copy: bool) -> None:
    """From its copy, and without one from what the steps say of themselves."""
    before = read_manifest(run)
    cut_manifest(run)
    if not copy:
        shutil.rmtree(run / "work/.copies")
    now = read_manifest(run)
    assert now.stands == before.stands
    assert {(r.name, r.key) for r in now.steps} == {(r.name, r.key) for r in before.steps}
    exported = dubline("export", run, "--to", "otio")
    assert exported.status == 0 and "run.json is damaged" in exported.out
    (written,) = (run / "exports/otio").glob("*.otio")
    tracks = [track["name"] for track in json.loads(written.read_text())["tracks"]["children"]]
    assert {"original", "vocals", "music", "sfx", "ambient", "dub en"} <= {*tracks}
    again = dubline("separate", run)
    assert again.status == 0 and "run.json is damaged" in again.err
    assert "original" in kept(again)
    assert ("separate" in kept(again)) == copy, "what was asked before is in the copy alone"
    assert "damaged" not in dubline("separate", run).err


def test_a_manifest_of_several_tries_stands_where_it_stood(run: Path) -> None:
    """What a run has is what was done or kept last, also where only the steps tell."""
    first = read_manifest(run).stands["stems"]
    assert dubline("separate", run, "--no-ambient").status == 0
    assert read_manifest(run).stands["stems"] != first
    assert dubline("separate", run, "--ambient").status == 0
    assert read_manifest(run).stands["stems"] == first
    cut_manifest(run)
    shutil.rmtree(run / "work/.copies")
    assert read_manifest(run).stands["stems"] == first


def test_a_cut_dub_comes_from_its_copy(run: Path) -> None:
    path = Layout(run).dub()
    whole = path.read_bytes()
    path.write_bytes(whole[:500])
    assert dubline("export", run, "--to", "otio").status == 0
    again = dubline("dub", run)
    assert again.status == 0 and "dubbed.json is damaged" in again.err and path.read_bytes() == whole
    path.write_bytes(whole[:500])
    shutil.rmtree(run / "work/.copies")
    refused = dubline("dub", run)
    assert refused.status == 2 and "dubbed.json" in refused.err and "Move that file away" in refused.err
    path.unlink()
    assert dubline("dub", run).status == 0


def test_damaged_stems_are_no_stems(run: Path) -> None:
    source = Layout(run).file(read_manifest(run).published["stems/sfx.wav"].source)
    flip(source, random.Random(3))
    with pytest.raises(Damaged, match=r"sfx\.wav"):
        standing(run, "stems", Stems)
    refused = dubline("dub", run)
    assert refused.status == 2 and "sfx.wav" in refused.err and "dubline separate" in refused.err


def test_an_edited_line_costs_no_whole_takes(run: Path) -> None:
    """A take that is damaged is spoken again with the edited line, and the others are not."""
    takes = [take for take in read_dub(Layout(run).dub()).takes.takes if take.id == 1]
    sound = Layout(run).file(takes[0].path).read_bytes()
    (twin,) = (p for p in (Layout(run).memory / "takes").glob("*.wav") if p.read_bytes() == sound)
    flip(twin, random.Random(4))
    edit(run, 2, "Where will it go?")
    assert dubline("dub", run).status == 0 and spoken_last(run) == 2
    takes = [take for take in read_dub(Layout(run).dub()).takes.takes if take.id == 1]
    assert Layout(run).file(takes[0].path).read_bytes() == sound


def test_verify_reads_and_changes_nothing_where_all_is_well(run: Path) -> None:
    def times() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()}

    with Run(run):
        refused = dubline("runs", "verify", run)
        assert refused.status == 2 and "another Dubline" in refused.err
    before = times()
    told = dubline("runs", "verify", run)
    assert told.status == 0 and "nothing is damaged" in told.out and times() == before
    nothing = dubline("runs", "verify", run.parent)
    assert nothing.status == 2 and "there is no run" in nothing.err


def test_the_voice_that_hums_is_the_one_that_was_asked(run: Path) -> None:
    """The remedy that is named needs no more words than it has: what was asked before is known."""
    target = Layout(run).file(read_manifest(run).published["final.wav"].source)
    flip(target, random.Random(5))
    assert dubline("dub", run, "--to", "en").status == 0
    assert not verify_run(run).damaged
