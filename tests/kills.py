"""Commands that are killed at a moment, and what must hold after: nothing half-written, lost or old.

kills = Kills(made)                    a run with stems, texts and a dub; copies are worked in
for moment in kills.moments(chance, 30):
    faults = kills.faults(moment)      sentences; none where all is well
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import msgspec
import soundfile
from command import dubline
from run_to_dub import edit

from dubline.files import PART
from dubline.subtitles.srt import read_srt, write_srt

WORDS: dict[str, tuple[str, ...]] = {
    "separate": ("separate", "RUN", "--no-ambient"),
    "dub": ("dub", "RUN"),
    "dub takes": ("dub", "RUN", "--takes-only"),
    "import": ("subtitles", "import", "RUN", "EDITED", "--take-times"),
    "rename": ("speakers", "rename", "RUN", "SPEAKER_00", "Zoë"),
    "merge": ("speakers", "merge", "RUN", "SPEAKER_00", "SPEAKER_01"),
    "translate": ("translate", "RUN", "--to", "de", "--translator", "manual"),
    "send": ("subtitles", "export", "RUN", "--lang", "en"),
    "export": ("export", "RUN", "--to", "otio,srt"),
    "report": ("report", "RUN"),
}
"""What is killed; RUN is the run, EDITED a file of its subtitles as a person has changed them."""


class Moment(NamedTuple):
    """When a command is killed: at its `rename`-th renaming, before or after it; else after `seconds`."""

    command: str
    rename: int = 0
    after: bool = False
    seconds: float = 0.0


class Kills:
    """Kills over copies of the run `made`, which all lie in the same place, one after the other."""

    def __init__(self, made: Path, place: Path) -> None:
        self._made, self._place = made, place
        self.root = place / made.name
        self._expected: dict[str, dict[str, bytes]] = {}
        self.renames: dict[str, int] = {}
        for command in WORDS:
            self._fresh(command)
            count: list[int] = []
            with _renames(lambda name, number, count=count: count.append(number)):
                answer = dubline(*self._words(command))
            assert answer.status == 0, f"{command}: {answer.err}"
            dubline("export", self.root, "--to", "srt")
            dubline("report", self.root)
            self._expected[command] = self._seen()
            self.renames[command] = len(count)

    def moments(self, chance: random.Random, number: int) -> Iterator[Moment]:
        """So many moments: of every command the same share, at renamings and in between."""
        for each in range(number):
            command = list(WORDS)[each % len(WORDS)]
            if each % 4 == 3 or not self.renames[command]:
                yield Moment(command, seconds=chance.uniform(0.01, 1.0))
            else:
                yield Moment(command, 1 + chance.randrange(self.renames[command]), chance.random() < 0.5)

    def faults(self, moment: Moment) -> list[str]:
        """Kill a command at a moment; what is wrong then, after another command, and after the same one."""
        self._fresh(moment.command)
        self._killed(moment)
        told = [f"after the kill: {fault}" for fault in self._half()]
        other = dubline("speakers", self.root)
        if other.status:
            told.append(f"another command: {other.err[-200:]}")
        stale = {name for name in self._seen() if name.startswith("subtitles/")}
        before = {name: (self.root / name).read_bytes() for name in stale}
        again = dubline("export", self.root, "--to", "srt")
        told += [f"{name} was still old" for name in stale if (self.root / name).read_bytes() != before[name]]
        if again.status:
            told.append(f"export: {again.err[-200:]}")
        same = dubline(*self._words(moment.command))
        dubline("export", self.root, "--to", "srt")
        dubline("report", self.root)
        if same.status and moment.command != "merge":  # there may be nobody left to be merged
            told.append(f"the same command: {same.err[-300:]}")
        now, expected = self._seen(), self._expected[moment.command]
        told += [
            f"{name} is not as it would be"
            for name in now.keys() | expected
            if now.get(name) != expected.get(name)
        ]
        told += [f"{path.name} is left" for path in self.root.rglob(f".*{PART}")]
        verified = dubline("runs", "verify", self.root)
        if verified.status:
            told.append(f"verify: {verified.out[-300:]}")
        return told

    def _words(self, command: str) -> list[str]:
        names = {"RUN": str(self.root), "EDITED": str(self._place / "edited.en.srt")}
        return [names.get(word, word) for word in WORDS[command]]

    def _fresh(self, command: str) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
        links: dict[int, str] = {}

        def copy(source: str, target: str) -> None:
            known = links.setdefault(Path(source).stat().st_ino, target)
            shutil.copy2(source, target) if known == target else os.link(known, target)

        shutil.copytree(self._made.parent, self._place, copy_function=copy)
        if command.startswith("dub"):
            edit(self.root, 2, "Where will it go?")
        if command == "import":
            cues = read_srt((self.root / "subtitles/en.srt").read_text("utf-8")).cues
            moved = (
                msgspec.structs.replace(cue, text=f"{cue.text} Now.", end_ms=cue.end_ms + 200) for cue in cues
            )
            (self._place / "edited.en.srt").write_text(write_srt(tuple(moved)), encoding="utf-8")

    def _killed(self, moment: Moment) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some libraries have threads, which do not matter to a child
            child = os.fork()
        if child:
            os.waitpid(child, 0)
            return
        try:
            if moment.seconds:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which ends a process as a kill does
                signal.setitimer(signal.ITIMER_REAL, moment.seconds)

            def die(when: str, number: int) -> None:
                if number == moment.rename and (when == "after") == moment.after:
                    os.kill(os.getpid(), signal.SIGKILL)

            with _renames(lambda when, number: None, die):
                dubline(*self._words(moment.command))
        finally:
            os._exit(0)

    def _seen(self) -> dict[str, bytes]:
        """What a person opens or another program reads, but for pages that say when."""
        texts = (
            "*.json",
            "*.otio",
            "final*",
            "M&E.wav",
            "stems/*",
            "subtitles/*",
            "exports/srt/*",
            "exports/otio/*",
        )
        files = (path for pattern in texts for path in self.root.glob(pattern) if path.is_file())
        return {p.relative_to(self.root).as_posix(): p.read_bytes() for p in files if p.name[0] != "."}

    def _half(self) -> Iterator[str]:
        for path in self.root.rglob("*"):
            inside = path.relative_to(self.root).parts
            if not path.is_file() or any(part.startswith(".") for part in inside):
                continue
            try:
                if path.suffix == ".json":
                    msgspec.json.decode(path.read_bytes())
                elif path.suffix == ".wav":
                    with soundfile.SoundFile(str(path)) as sound:
                        if len(sound.read(dtype="float32")) != sound.frames:
                            yield f"{path.name} has lost its end"
            except (ValueError, RuntimeError) as error:
                yield f"{path.name}: {error}"


class _renames:
    """Call `before` and `after` each renaming of a file or folder, with its number."""

    def __init__(
        self, count: Callable[[str, int], None], die: Callable[[str, int], None] = lambda when, number: None
    ) -> None:
        self._count, self._die, self._number = count, die, 0
        self._replace, self._rename = Path.replace, Path.rename
        self._patches = [
            mock.patch.object(Path, "replace", self._watched(Path.replace)),
            mock.patch.object(Path, "rename", self._watched(Path.rename)),
        ]

    def _watched(self, function: Callable[..., Path]) -> Callable[..., Path]:
        def watched(path: Path, target: Path | str) -> Path:
            self._number += 1
            self._count("before", self._number)
            self._die("before", self._number)
            done = function(path, target)
            self._die("after", self._number)
            return done

        return watched

    def __enter__(self) -> None:
        for patch in self._patches:
            patch.start()

    def __exit__(self, *exc: object) -> None:
        for patch in self._patches:
            patch.stop()
