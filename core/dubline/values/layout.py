"""Where everything lies in a run folder. No other module spells these paths.

    EPISODE.dubline/
        final.mp4  final.m4a  final.wav  M&E.wav      what a person opens; a run's further languages have
        stems/  subtitles/  timeline.otio             their code in the name: final.es.wav
        transcript.json  translated.json  report.html
        exports/  resolve/                            handed to other programs, whose projects point there
        work/                                         all else: run.json, steps/, memory/, dubbed.json, ...

Results name their files as "steps/separate-1a2b3c4d5e/vocals.wav", which lie below `work/`. A run of an
older version has all of that on top: it is read as it is, and `bring_over` moves it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLD_LOCK = ".lock"
COPIES = ".copies"
"""The folder, beside a file, of second copies of what nothing else could tell."""
_SENT = "subtitles/.sent"
_OLD = (
    *("steps", "memory", "speakers", "speakers.json", "auditions", "dubbed.json", "dubbed.*.json"),
    *("transcript.rttm", "transcript.ctm", "transcript.edited*.json", "transcript.before.json"),
    *("translated.before.json", "translated.*.before.json", "stems.png", _SENT),
)
"""What lay on top and lies below `work/` now; run.json besides, which moves last."""


@dataclass(frozen=True)
class Layout:
    """The places of the run in `root`; of none of them is said that something is there.

    `suffix` is "" for the run's first language and ".LANGUAGE" for others; `kind` is a file's, as ".wav".
    """

    root: Path

    # --- what a person opens ---

    @property
    def transcript(self) -> Path:
        """Who says what."""
        return self.root / "transcript.json"

    def translation(self, suffix: str = "") -> Path:
        """The lines in another language."""
        return self.root / f"translated{suffix}.json"

    def translations(self) -> list[Path]:
        """The translations that are there: the first language's, then others by name. What an older version
        set aside before a change is none of them."""
        others = (p for p in sorted(self.root.glob("translated.*.json")) if not p.match("*.before.json"))
        return [path for path in (self.translation(), *others) if path.is_file()]

    def final(self, kind: str, suffix: str = "") -> Path:
        """The dub: .wav and .m4a, and with the picture .mp4, .m4v, .mov or .mkv."""
        return self.root / f"final{suffix}{kind}"

    @property
    def m_and_e(self) -> Path:
        """Music and effects: the sound without voices."""
        return self.root / "M&E.wav"

    @property
    def stems(self) -> Path:
        """The folder of the stems."""
        return self.root / "stems"

    def stem(self, name: str) -> Path:
        """A stem, by its name as in `STEM_NAMES`."""
        return self.stems / f"{name}.wav"

    @property
    def subtitles(self) -> Path:
        """The folder of the subtitles."""
        return self.root / "subtitles"

    @property
    def timeline(self) -> Path:
        """The run as a timeline that programs with OpenTimelineIO read."""
        return self.root / "timeline.otio"

    @property
    def report(self) -> Path:
        """What was done, and what a person should look at."""
        return self.root / "report.html"

    # --- what other programs were given; their projects point to it, so it never moves ---

    @property
    def exports(self) -> Path:
        """The folder of the exports, one for each target."""
        return self.root / "exports"

    @property
    def sounds(self) -> Path:
        """The folder of the run's sounds under the film's name, which exported timelines point to."""
        return self.exports / "sounds"

    @property
    def resolve(self) -> Path:
        """The folder of what Resolve is given. `dubline export` replaces exports/resolve as a whole."""
        return self.root / "resolve"

    # --- all else ---

    @property
    def work(self) -> Path:
        """The folder of what nobody needs to open."""
        return self.root / "work"

    def file(self, path: str) -> Path:
        """Where a file lies that a result names; an absolute path is taken as it is."""
        return self._below(path)

    def told(self, path: Path) -> str:
        """How the run keeps the place of a person's file: from the run folder on where it lies in the folder
        that holds the run, so that both can be moved together; else as it is."""
        around = self.root.absolute().parent
        path = path.absolute()
        if not path.is_relative_to(around) or around == around.parent:
            return path.as_posix()
        return Path(os.path.relpath(path, self.root.absolute())).as_posix()

    def found(self, told: str) -> Path:
        """Where a file lies that was told by `told`."""
        return Path(os.path.normpath(self.root.absolute() / told))

    def named(self, path: Path) -> str:
        """How a path is told: from the run folder on where it lies in it, with "/"."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()

    @property
    def manifest(self) -> Path:
        """What was asked and what happened."""
        return self._below("run.json")

    @property
    def publications(self) -> Path:
        """What files were made of the run, and how it stood then."""
        return self.work / "publications.json"

    @property
    def pending(self) -> Path:
        """What is about to be written, while it is."""
        return self.work / "pending.json"

    @property
    def lock(self) -> Path:
        """The file that is locked while a Dubline works here."""
        return self.work / ".lock"

    @property
    def steps(self) -> Path:
        """The folder of the steps' results."""
        return self._below("steps")

    def written_to(self) -> tuple[Path, ...]:
        """The folders in which files of the run appear one by one, under a lock or as a whole."""
        places = (self.root, self.work, self.stems, self.subtitles, self.samples, self.auditions, self.sent)
        return (*places, self.memory, self.memory / "takes", self.work / COPIES, *self.given_out())

    def given_out(self) -> tuple[Path, ...]:
        """The folders of what other programs are given, which is written without the run's lock."""
        inside = ("sounds", "takes", "subtitles", "transcript")
        return (self.exports, *(self.exports / name for name in inside), self.resolve)

    @property
    def memory(self) -> Path:
        """The folder of answers and takes that outlive their steps."""
        return self._below("memory")

    @property
    def picture(self) -> Path:
        """Waveforms and spectrograms of the stems."""
        return self._below("stems.png")

    @property
    def log(self) -> Path:
        """What was told, command by command."""
        return self.work / "log.txt"

    @property
    def raw_audio(self) -> Path:
        """The film's sound as mono, for other programs."""
        return self.work / "raw_audio.wav"

    @property
    def no_vocals(self) -> Path:
        """All stems but the voices, in one."""
        return self.work / "no_vocals.wav"

    @property
    def turns(self) -> Path:
        """Who speaks when as the diarizer heard it, also where there are no words."""
        return self._below("diarizer.rttm")

    @property
    def rttm(self) -> Path:
        """Who speaks when, as diarization tools read it."""
        return self._below("transcript.rttm")

    @property
    def ctm(self) -> Path:
        """The words and their times, as recognition tools read them."""
        return self._below("transcript.ctm")

    @property
    def speaker_log(self) -> Path:
        """What people did to the voices."""
        return self._below("speakers.json")

    @property
    def samples(self) -> Path:
        """The folder of the speakers' samples."""
        return self._below("speakers")

    @property
    def auditions(self) -> Path:
        """The folder of lines that were auditioned."""
        return self._below("auditions")

    @property
    def sent(self) -> Path:
        """The folder of the records of subtitles that went out."""
        old = self.root / _SENT
        return old if self.is_old and old.is_dir() else self.work / "sent"

    def dub(self, suffix: str = "") -> Path:
        """A dub's takes and mix."""
        return self._below(f"dubbed{suffix}.json")

    def dubs(self) -> list[Path]:
        """The dubs that are there: the first language's, then others by name."""
        names = {path.name for folder in (self.work, self.root) for path in folder.glob("dubbed.*.json")}
        return [path for name in ("dubbed.json", *sorted(names)) if (path := self._below(name)).is_file()]

    def kept_twice(self) -> list[Path]:
        """The files with a copy that are there, but for the manifest: the dubs, and what people did to the
        voices."""
        return [*self.dubs(), *filter(Path.is_file, (self.speaker_log,))]

    def aside(self, name: str) -> Path:
        """Where the file goes that a person changed, or that a change replaces."""
        return self.work / name

    def _below(self, name: str) -> Path:
        old, new = self.root / name, self.work / name
        return old if self.is_old and old.exists() and not new.exists() else new

    # --- a run of an older version ---

    @property
    def is_run(self) -> bool:
        """Whether somebody has worked here."""
        return self.manifest.is_file()

    @property
    def is_old(self) -> bool:
        """Whether an older version worked here last, or it is not all moved yet."""
        return (self.root / "run.json").is_file()

    def bring_over(self) -> None:
        """Move what lies on top in an old run to where it lies now; call it with both locks held.

        Each move is one renaming, and whatever has not moved is found where it was, so it may end at any
        point and be called again. run.json is last: what is there tells that something is left to do.

        Raises:
            OSError: something could not be moved.
        """
        self.work.mkdir(exist_ok=True)
        for old in [*self._old(), self.root / "run.json"]:
            _move(old, self.work / ("sent" if old == self.root / _SENT else old.name))

    def _old(self) -> Iterator[Path]:
        for pattern in _OLD:
            yield from sorted(self.root.glob(pattern))


def _move(old: Path, new: Path) -> None:
    """Rename; a folder that is there already, from a version that went back and forth, takes it in."""
    if old.is_dir() and new.is_dir():
        for each in sorted(old.iterdir()):
            _move(each, new / each.name)
        old.rmdir()
    elif old.exists():
        old.replace(new)
