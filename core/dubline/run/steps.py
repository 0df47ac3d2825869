"""A run: the folder in which a job's steps leave their results, each done once.

A step is a plain function over values. Its key is the hash of its name, its version and the JSON of its
inputs; the result lies in `work/steps/<name>-<key>/`. Because the paths of results carry those keys, a step's
key contains the identity of everything before it. Work happens in a hidden folder that is renamed when it
is complete, so a folder that can be seen is whole. `values/layout.py` says where everything lies.

    EPISODE.dubline/
        stems/vocals.wav ...       the files a person looks for, linked from the steps
        work/run.json              what was asked, what happened: per step key, seconds, notes
        work/steps/separate-1a2b3c4d5e/result.json, vocals.wav, ...
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import msgspec

from dubline import __version__
from dubline.errors import Cancelled, DublineError, InvalidJob, StorageFull
from dubline.files import (
    PART,
    clear_parts,
    full_disk_is_told,
    may_only_be_read,
    remove_bare,
    remove_tree,
    write_whole,
)
from dubline.report import Report, silent
from dubline.run.folders import StepRecord, damage, seal, stood
from dubline.run.manifest import FilmPlace, Manifest, Published, is_damaged, placed, read_manifest, read_wish
from dubline.run.publishing import complete, publish, unpublish
from dubline.run.together import write_pending
from dubline.values.base import Value, to_json
from dubline.values.inputs import changed_identities, step_key, told
from dubline.values.layout import OLD_LOCK, Layout
from dubline.values.sealed import copy_of, is_whole, put_back, sealed, write_twice

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


@dataclass
class Work:
    """What a step's function is given besides its inputs.

    `folder` is the hidden folder to write into; `root` the run folder; `hints` are settings that change no
    result (threads, device), and so are not part of the step's key.
    """

    root: Path
    folder: Path
    final: str
    report: Report
    hints: dict[str, Any] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda text: None
    noted: Callable[[str], None] | None = None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def result(self, name: str) -> str:
        """The path, as results name it, that a file of this step will have when it is whole."""
        return f"{self.final}/{name}"

    def open(self, path: str) -> Path:
        """Where a path from a value lies."""
        return placed(self.root, path)

    def note(self, text: str, *, warn: bool = False) -> None:
        """Keep a sentence, once, for manifest and log; with `warn` for the screen too, at every start."""
        if text not in self.notes:
            self.notes.append(text)
            self.warnings += [text] if warn else []
            (self.tell if warn or self.noted is None else self.noted)(text)


def step(name: str, *, version: int, resumable: bool = False) -> Callable[[T], T]:
    """Mark a function `(work, *inputs) -> value` as a step.

    `version` is raised when the same inputs would give another result than before. A resumable step finds
    what it left in `work.folder` when it was stopped; another one finds the folder empty.
    """

    def mark(function: T) -> T:
        function.step = (name, version, resumable)  # type: ignore[attr-defined]
        return function

    return mark


class Run:
    """The run in `root`, which is made if it is not there. Use it in a `with`: one process at a time.

    `report` makes a step's report from its name; `tell` gets what a user must know, `note` what steps note
    (left out: `tell` does); `said` gets each finished or kept step's record.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        report: Callable[[str], Report] = lambda name: silent,
        tell: Callable[[str], None] = lambda text: None,
        note: Callable[[str], None] | None = None,
        said: Callable[[StepRecord], None] = lambda record: None,
    ) -> None:
        self.root = Path(root)
        self.layout = Layout(self.root)
        self._report, self._said = report, said
        self.tell, self._note = tell, note or tell
        self._lock: Any = None

    def __enter__(self) -> Run:
        from filelock import FileLock, Timeout

        self._lock = FileLock(self.layout.lock)
        self._new = not self.root.exists()
        try:
            with full_disk_is_told(self.root):
                self.layout.work.mkdir(parents=True, exist_ok=True)
                self._lock.acquire(timeout=0)
                self._bring_over()
                self.layout.steps.mkdir(exist_ok=True)
                self._mend()
        except Timeout:
            raise InvalidJob(
                f"another Dubline is working in {self.root}", hint="Wait until it is done, or stop it."
            ) from None
        except StorageFull:
            raise
        except OSError as error:
            if may_only_be_read(error) and not self._new:
                raise InvalidJob(
                    f"{self.root} may only be read",
                    hint="Copy it to where you may write, or name another folder with --out.",
                ) from error
            raise InvalidJob(
                f"{self.root} cannot be the run folder: {error.strerror or error}",
                hint="Choose a folder that you may write to with --out.",
            ) from error
        return self

    def _bring_over(self) -> None:
        """Bring a run of an older version into today's layout, while no other version works in it."""
        if not self.layout.is_old:
            return
        from filelock import FileLock

        old = self.root / OLD_LOCK
        with FileLock(old, timeout=0):
            self.layout.bring_over()
        if self.layout.exports.is_dir():
            self.tell(
                f"an older version made {self.root.name}: its files lie in work/ now. Timelines that were "
                "exported before may not find their sounds: export them again"
            )
        with suppress(OSError):
            old.unlink()

    def _mend(self) -> None:
        """Complete what a process that was killed had begun, and what says of itself that it is damaged."""
        for folder in self.layout.written_to():
            clear_parts(folder, nameless=folder not in self.layout.given_out())
        if is_damaged(self.root):
            place = self.layout.manifest
            told = "its copy and the steps' own records"
            if not is_whole(copy_of(place)):
                told = "the steps' own records. What was asked of it before is lost: name it again"
            self.tell(f"{self.layout.named(place)} is damaged: it is put together again from {told}")
            self._write()
        for path in self.layout.kept_twice():
            if aside := put_back(path):
                named = self.layout.named
                told = f"it is put back from its copy, and kept as {named(aside)}"
                self.tell(f"{named(path)} is damaged: {told}")
        write_pending(self.root)
        complete(self)

    def __exit__(self, *exc: object) -> None:
        # The file stays: deleted, it could be held by one process and made anew by another.
        self._lock.release()
        if self._new and exc[0] is not None:  # what was refused before anything was done leaves nothing
            remove_bare(self.layout.work, "steps", ".lock", self.layout.log.name)
            remove_bare(self.root)

    def step(
        self,
        work: Callable[..., T],
        *inputs: Any,
        hints: dict[str, Any] | None = None,
        stands: str = "",
        unfinished: Callable[[T], str] = lambda result: "",
    ) -> T:
        """The result of `work(Work, *inputs)`, computed now or kept from before.

        With `stands` it is what the run has under that name from now on. `unfinished`: why a result of before
        is not kept ("" where it is).

        Raises:
            DublineError: what the step raised, with `stage` set; the manifest has it too.
        """
        name, version, resumable = work.step  # type: ignore[attr-defined]
        wanted = get_type_hints(work)["return"]
        key = step_key(name, version, inputs)
        final = f"steps/{name}-{key}"
        record = StepRecord(name=name, key=key, state="kept", inputs=[told(value) for value in inputs])
        kept = self._kept(final, wanted)
        if kept is not None and (reason := unfinished(kept)):
            self.tell(f"{name} is done again: {reason}")
        elif kept is not None:
            before = next((r for r in self.manifest().steps if (r.name, r.key) == (name, key)), None)
            # To the end of the list: the last record of a name is what the run now stands on.
            with full_disk_is_told(self.root):
                self._remember(before or record, stands)
            self._said(msgspec.structs.replace(before or record, state="kept"))
            for warning in (before or record).warnings:
                self.tell(warning)
            known: T = kept
            return known
        folder, whole = self.layout.steps / f".{name}-{key}.part", self.layout.file(final)
        if not resumable:  # what a process that was killed had begun is of no use to anybody
            for begun in folder.parent.glob(f".{name}-*.part"):
                remove_tree(begun)
        for reason in changed_identities(self._before(name), record.inputs):
            self.tell(f"{name} is done again: {reason}")
        began = time.monotonic()
        doing = Work(self.root, folder, final, self._report(name), dict(hints or {}), self.tell, self._note)

        def done(state: str = "done", error: DublineError | None = None) -> StepRecord:
            return msgspec.structs.replace(
                record,
                state=state,
                seconds=round(time.monotonic() - began, 3),
                notes=tuple(doing.notes),
                warnings=tuple(doing.warnings),
                facts=doing.facts,
                error=error.to_dict() if error else {},
            )

        try:
            with full_disk_is_told(self.root):
                folder.mkdir(exist_ok=True)
                clear_parts(folder)
                result: T = work(doing, *inputs)
                write_whole(folder / "result.json", to_json(result))
                finished = done()
                seal(folder, finished, stands)
                old = folder.with_name(f".{name}-{key}.old{PART}")
                if kept is not None:
                    whole.rename(old)
                folder.replace(whole)
                remove_tree(old)
        except DublineError as error:
            error.stage = error.stage or name
            if not resumable:
                remove_tree(folder)
            # The manifest should tell of a failure, but not hide it behind "disk full" of its own.
            with suppress(OSError):
                self._remember(done("cancelled" if isinstance(error, Cancelled) else "failed", error), "")
            raise
        except BaseException:
            if not resumable:
                remove_tree(folder)
            raise
        with full_disk_is_told(self.root):
            self._remember(finished, stands)
        self._said(finished)
        return result

    def _before(self, name: str) -> Any:
        """The inputs of the last step of that name that did not fail."""
        records = reversed(self.manifest().steps)
        return next((r.inputs for r in records if r.name == name and r.state != "failed"), None)

    def _kept(self, final: str, wanted: Any) -> Any:
        """A step's result from before, or None. What is not whole any more is cleared away."""
        place = self.layout.file(final)
        if not place.exists():
            return None
        wrong = damage(place)
        if not wrong:
            try:
                data = (place / "result.json").read_bytes()
                result = msgspec.json.decode(data, type=wanted)
                if all(self.layout.file(path).is_file() for path in _own_files(data, final)):
                    return result
            except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
                pass
        which = f"{', '.join(wrong[:3])} of {final}" if wrong else final
        other = "" if wrong else " or was made by another version"
        self.tell(f"{which} is damaged{other}: it is made again")
        remove_tree(place)
        return None

    def publish(self, source: str, target: Path) -> Path:
        """Put a step's file where a person looks for it: a hard link, or a copy where links don't work."""
        return self.publish_all([(source, target)])[0]

    def publish_all(self, files: Iterable[tuple[str, Path]]) -> tuple[Path, ...]:
        """Put steps' files where a person looks for them, all of them in the end, also after a kill."""
        with full_disk_is_told(self.root):
            return publish(self, files)

    def unpublish(self, *targets: Path) -> None:
        """Take away what is no longer true of the run."""
        with full_disk_is_told(self.root):
            unpublish(self, targets)

    def manifest(self) -> Manifest:
        """`run.json` as it stands; an empty one when there is none or it cannot be read."""
        return read_manifest(self.root)

    def keep_published(self, published: dict[str, Published]) -> None:
        """Keep what is published."""
        self._write(published=published)

    def wish(self, stage: str, kind: type[T]) -> T | None:
        """What was asked of a stage before, None where nothing was."""
        return read_wish(self.root, stage, kind)

    def keep_wish(self, stage: str, wish: Value) -> None:
        """Keep what is asked of a stage, for the commands that come after."""
        told = msgspec.to_builtins(wish)
        for name in getattr(wish, "PATHS", ()):
            if told.get(name) and Path(told[name]).is_absolute():
                told[name] = self.layout.told(Path(told[name]))
        self._write(wishes={**self.manifest().wishes, stage: told})

    def keep_film(self, place: FilmPlace) -> None:
        """Keep where the film lies."""
        self._write(film=place)

    def _remember(self, record: StepRecord, stands: str) -> None:
        manifest, folder = self.manifest(), f"steps/{record.name}-{record.key}"
        if stands and manifest.stands.get(stands) == folder and record in manifest.steps:
            return  # a disk that is full needs no writing to say what it said before
        if stands and record.state != "failed" and manifest.stands.get(stands) != folder:
            stood(self.layout.file(folder), stands)
        others = tuple(r for r in manifest.steps if (r.name, r.key) != (record.name, record.key))
        standing = {stands: folder} if stands else {}
        self._write(steps=(*others, record), stands={**manifest.stands, **standing})

    def _write(self, **changes: Any) -> None:
        with full_disk_is_told(self.root):
            manifest = msgspec.structs.replace(self.manifest(), dubline=__version__, **changes)
            write_twice(self.layout.manifest, sealed(manifest))


def _own_files(result: bytes, final: str) -> Iterator[str]:
    """The paths in the JSON of a result that lie in the step's own folder."""
    for text in re.findall(rb'"%b/(?:[^"\\]|\\.)*"' % re.escape(final.encode()), result):
        yield msgspec.json.decode(text, type=str)
