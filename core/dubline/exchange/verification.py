"""Whether everything in a run is as Dubline wrote it, by its content.

Steps know the digests of their files, what is published is a link to them, texts and exports are noted in
`publications.json`, and our own JSON holds its digest itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import structs

from dubline.errors import InvalidJob
from dubline.files import remove, remove_tree, typed, write_whole
from dubline.programme.publications import read_publications
from dubline.report import quantity
from dubline.run import digest_of, is_damaged, read_folder, read_manifest, remedy, verified
from dubline.run.folders import RECORD
from dubline.run.publishing import alike, stamp
from dubline.values.dubbed import read_dub
from dubline.values.layout import Layout
from dubline.values.sealed import copy_of, is_whole, line_value, sealed
from dubline.values.transcript import read_transcript
from dubline.values.translated import read_translation

TEXTS = (".json", ".srt", ".vtt", ".csv", ".ass", ".ttml")
"""What people edit by hand: another content is no damage by itself."""


class Finding(NamedTuple):
    """A file that is not as it was written, and what to do. `damaged`: nobody can have meant it so."""

    file: str
    remedy: str
    damaged: bool = True


class Verification(NamedTuple):
    """What was read and found. `unknown`: steps of an older version, which kept no digests."""

    files: int
    bytes: int
    findings: tuple[Finding, ...]
    unknown: int = 0

    @property
    def damaged(self) -> bool:
        """Whether anything is damaged."""
        return any(finding.damaged for finding in self.findings)


def verify_run(root: Path, report: Callable[[float, float], None] = lambda done, total: None) -> Verification:
    """Read every file of a run. What is damaged is known to the next command, which makes it again; a step
    that nothing stands on any more goes, if it is damaged. `report` gets megabytes.

    Raises:
        InvalidJob: there is no run.
        Cancelled: the report asked to stop.
    """
    here = Layout(root)
    if not here.is_run and not is_damaged(root):
        raise InvalidJob(f"there is no run in {root}", hint="Give the folder, such as EPISODE.dubline.")
    return _Reading(root, report).verification()


class _Reading:
    def __init__(self, root: Path, report: Callable[[float, float], None]) -> None:
        self._root, self._here, self._report = root, Layout(root), report
        self._files = self._done = self._unknown = 0
        self._good: set[tuple[int, int]] = set()  # files of steps that were read, by device and inode
        self._bad: set[tuple[int, int]] = set()
        self._total = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) or 1

    def verification(self) -> Verification:
        found = [
            *self._own_json(),
            *self._steps(),
            *self._published(),
            *self._takes(),
            *self._lines(),
            *self._noted(),
        ]
        self._report(self._total / 1e6, self._total / 1e6)
        return Verification(self._files, self._done, tuple(dict.fromkeys(found)), self._unknown)

    def _tick(self, size: int) -> None:
        self._done += size
        self._report(min(self._done, self._total) / 1e6, self._total / 1e6)

    def _told(self, path: Path) -> str:
        return self._here.named(path)

    def _own_json(self) -> Iterator[Finding]:
        """What only Dubline writes: it says itself whether it is whole."""
        here, again = self._here, "the next command that works in the run puts it together again"
        if is_damaged(self._root):
            yield Finding(self._told(here.manifest), again)
        for path in here.kept_twice():
            self._files += 1
            if not is_whole(path):
                try:
                    read_dub(path) if path in here.dubs() else None
                    yield Finding(self._told(path), "the next command that works in the run takes its copy")
                except InvalidJob as error:
                    yield Finding(self._told(path), error.hint)
        if here.publications.is_file() and not is_whole(here.publications):
            yield Finding(self._told(here.publications), "the next command writes it again")
        for path in sorted(here.sent.glob("*.json")):
            self._files += 1
            if not is_whole(path):
                path.unlink()
                told = "it is removed: what went out with it is then compared with the run as it stands"
                yield Finding(self._told(path), told)
        for path in (here.manifest, *here.kept_twice()):
            copy = copy_of(path)
            if copy.is_file() and is_whole(path) and not is_whole(copy):
                write_whole(copy, path.read_bytes())
                yield Finding(self._told(copy), "it is put right: what it is a copy of is whole")
        durations = here.memory / "durations.json"
        if durations.is_file() and not is_whole(durations):
            yield Finding(self._told(durations), "the next `dubline dub` measures the voices again")

    def _steps(self) -> Iterator[Finding]:
        used = self._used()
        for folder in sorted(self._here.steps.glob("[!.]*")):
            if not folder.is_dir():
                continue
            try:
                told = read_folder(folder)
            except (OSError, ValueError):
                told = None
            if told is None and not (folder / RECORD).exists():
                self._unknown += 1
                continue
            wrong = verified(folder, self._tick)
            self._files += len(told.files) if told is not None else 0
            for name in told.files if told is not None else ():
                if (folder / name).is_file():
                    (self._bad if name in wrong else self._good).add(_inode(folder / name))
            if not wrong:
                continue
            step = f"steps/{folder.name}"
            if step not in used:
                remove_tree(folder)
                told_so = "it is removed, and made again when something needs it"
                yield Finding(self._told(folder / wrong[0]), told_so)
                continue
            for name in wrong:
                yield Finding(self._told(folder / name), f"`{remedy(self._root, step)}` makes it again")

    def _used(self) -> set[str]:
        """The steps that something stands on: what the run has, what is published, and its dubs."""
        manifest = read_manifest(self._root)
        used = {*manifest.stands.values()}
        used |= {each.source.rpartition("/")[0] for each in manifest.published.values()}
        texts = [place.read_text("utf-8", "replace") for place in self._here.dubs()]
        results = (self._here.file(f"{step}/result.json") for step in used)
        texts += [place.read_text("utf-8", "replace") for place in results if place.is_file()]
        folders = (f"steps/{each.name}" for each in self._here.steps.glob("*"))
        return used | {folder for folder in folders if any(f"{folder}/" in text for text in texts)}

    def _published(self) -> Iterator[Finding]:
        """Links are read with their steps; copies are compared with what they are copies of."""
        for name, told in read_manifest(self._root).published.items():
            path, source = self._here.root / name, self._here.file(told.source)
            if not told.source or not path.is_file() or _inode(path) in self._good | self._bad:
                continue
            self._files += 1
            folder = "/".join(told.source.split("/")[:2])
            try:
                step = read_folder(self._here.file(folder))
            except (OSError, ValueError):
                continue
            mark = step.files.get(told.source.removeprefix(f"{folder}/")) if step is not None else None
            if mark is None or digest_of(path, self._tick) == mark.digest:
                continue
            if not alike(stamp(path), told.mark):
                yield Finding(name, "somebody has put it in the place of Dubline's", damaged=False)
            elif source.is_file():
                remove(path)
                yield Finding(name, "the next command that works in the run puts it there again")

    def _takes(self) -> Iterator[Finding]:
        """Takes that are kept beside their steps, each with its record."""
        again = f"it is made again when it is needed; `dubline dub {typed(self._root)}` looks"
        for record in sorted((self._here.memory / "takes").glob("*.json")):
            sound = record.with_suffix(".wav")
            self._files += 1
            try:
                if not is_whole(record):
                    raise ValueError
                mark = msgspec.json.decode(record.read_bytes())["fingerprint"]
                if sound.is_file() and _inode(sound) in self._good:
                    continue
                data = sound.read_bytes()
                self._tick(len(data))
                if mark and hashlib.sha256(data).hexdigest()[: len(mark)] != mark:
                    record.unlink()  # without it the take is made anew
                    yield Finding(self._told(sound), again)
            except (OSError, ValueError, LookupError):
                record.unlink(missing_ok=True)
                yield Finding(self._told(record), again)

    def _lines(self) -> Iterator[Finding]:
        """Answers and lengths that are kept line by line."""
        for path in sorted(self._here.memory.glob("*.jsonl")):
            self._files += 1
            wrong, whole = 0, []
            for line in path.read_bytes().splitlines():
                if line_value(line, object) is not None:
                    whole.append(line)
                else:
                    wrong += bool(line.strip())
            if wrong:
                write_whole(path, b"".join(line + b"\n" for line in whole))
                lines = quantity(wrong, "line")
                yield Finding(f"{self._told(path)} ({lines})", "what is lost is asked for again")

    def _noted(self) -> Iterator[Finding]:
        """Texts, timeline, report and exports, as they were written last."""
        noted = read_publications(self._root)
        changed = False
        for name, publication in noted.items():
            for told, mark in publication.files.items():
                path = self._here.root / told
                if not path.is_file():
                    continue
                self._files += 1
                if _inode(path) in self._good | self._bad:
                    continue  # a link: read with its step
                if (path.stat().st_size, digest_of(path, self._tick)) == (mark.size, mark.digest):
                    continue
                yield self._other(name, path)
                if publication.of:  # so that it is written anew
                    noted = {**noted, name: structs.replace(publication, of="?")}
                    changed = True
        if changed:
            write_whole(self._here.publications, sealed(noted))

    def _other(self, name: str, path: Path) -> Finding:
        told, run = self._told(path), typed(self._root)
        if name in ("subtitles", "timeline", "report", "tables"):
            command = "report" if name == "report" else "export"
            return Finding(told, f"the next command writes it again, such as `dubline {command} {run}`")
        if path == self._here.transcript:
            wrong = _unread(lambda: read_transcript(path))
        else:
            wrong = path in self._here.translations() and _unread(lambda: read_translation(path))
        if not wrong and path.suffix in TEXTS and (path.suffix != ".json" or is_whole(path)):
            meant = "it is not as Dubline wrote it; if nobody meant that, put it back from a copy of yours"
            return Finding(told, meant, damaged=False)
        away = "" if name.startswith(("export ", "speakers ")) else ", once this file is away"
        return Finding(told, f"`dubline {name.replace('RUN', run)}` writes it again{away}")


def _unread(read: Callable[[], object]) -> bool:
    try:
        read()
    except InvalidJob:
        return True
    return False


def _inode(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
