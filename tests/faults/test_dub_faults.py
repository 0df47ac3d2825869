"""A dub that is killed, stopped, out of room or among damaged files: nothing half-made, or made twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import soundfile
from command import shown
from speaking_programs import tone_program

from dubline.errors import Cancelled, DublineError, StorageFull
from dubline.media.sound import SoundWriter, open_sound
from dubline.mix import MixJob, remix
from dubline.report import Report, silent
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.dubbed import Mix, Takes
from dubline.values.layout import Layout
from dubline.values.stems import STEM_NAMES, Stem, Stems
from dubline.values.transcript import Speaker
from dubline.values.translated import TranslatedSegment, Translation
from dubline.voice.kept import KeptTakes
from dubline.voice.speaking import VoiceJob, speak

RATE = 16000
SECONDS = 15
TEXTS = (
    "Come with me, I know the way.",
    "Where does it go?",
    "To the river, behind the mill.",
    "I have been there before.",
    "Then you know what waits.",
)

# Waits for the kill that comes, in the middle of a step.
CHILD = """
import os
import sys
from pathlib import Path
from unittest import mock
import test_dub_faults as dub
from dubline.mix import encode, stage
from dubline.media.sound import SoundWriter
from dubline.voice import kept

told = os.fdopen(os.dup(1), "w")  # the command gives its own output to a log
where, folder, root = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
name, _, number = where.partition(" ")
count = 0

def wait():
    print("here", file=told, flush=True)
    sys.stdin.read()

def at(event, path):
    global count
    if event == name:
        count += 1
        if count == int(number):
            wait()

write, whole, add = SoundWriter.write, kept.write_whole, kept.KeptTakes.add
def writing(self, block):
    write(self, block)
    at("M&E" if "M&E" in self.path.name else "final" if "final" in self.path.name else "sound", self.path)
def recording(path, data):
    at("record", path)
    whole(path, data)
def adding(self, *given):
    made = add(self, *given)
    at("take", None)
    return made
blocks = encode.read_blocks
def coding(path):
    for block in blocks(path):
        at("aac", path)
        yield block

with (
    mock.patch.object(SoundWriter, "write", writing),
    mock.patch.object(kept, "write_whole", recording),
    mock.patch.object(kept.KeptTakes, "add", adding),
    mock.patch.object(encode, "read_blocks", coding),
):
    dub.dubbed(folder, root)
"""


def translation() -> Translation:
    segments = []
    for number, text in enumerate(TEXTS, 1):
        start = (number - 1) * 2.8 + 0.3
        segment = TranslatedSegment(
            id=number,
            start=start,
            end=round(start + 0.06 * len(text), 3),
            speaker="AB"[number % 2],
            text=None,
            source_text="...",
            state="translated",
        )
        segments.append(segment.with_text(text))
    return Translation(
        source_language="tr",
        target_language="en",
        duration=float(SECONDS),
        segments=tuple(segments),
        speakers=(Speaker(id="A"), Speaker(id="B")),
    )


def stems_in(folder: Path) -> Stems:
    facts = open_sound(folder / "vocals.wav")
    shape = {"rate": facts.rate, "channels": facts.channels, "frames": facts.frames, "layout": facts.layout}
    return Stems(
        source=facts,
        stems=tuple(Stem(name=name, path=str(folder / f"{name}.wav"), **shape) for name in STEM_NAMES),
        separator=Choice(backend="builtin"),
    )


def job(folder: Path) -> VoiceJob:
    command = [sys.executable, "-S", str(folder / "hum.py"), "{text_file}", "{wav}", "{rate}"]
    return VoiceJob(voice=Choice(backend="command", options={"command": command}), rate=RATE)


def dubbed(folder: Path, root: Path, report: Report = silent, **mix: Any) -> tuple[Takes, Mix]:
    """Speak and mix what lies in `folder`, in the run `root`."""
    with Run(root, report=lambda name: report) as run:
        takes = run.step(speak, translation(), job(folder))
        return takes, run.step(remix, stems_in(folder), takes, MixJob(**mix))


def made(root: Path) -> int:
    """How many takes the last `speak` had to make."""
    return int(next(s for s in reversed(Run(root).manifest().steps) if s.name == "speak").facts["made"])


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("material")
    tone_program(folder)
    for number, name in enumerate(STEM_NAMES):
        noise = np.random.default_rng(number).normal(size=(RATE * SECONDS, 2)) * 0.05
        soundfile.write(folder / f"{name}.wav", noise, RATE, subtype="PCM_24")
    return folder


@pytest.fixture(scope="module")
def straight(material: Path) -> tuple[Takes, Mix, Path]:
    """An undisturbed dub."""
    return *dubbed(material, material / "straight"), material / "straight"


@pytest.fixture
def spoken(straight: tuple[Takes, Mix, Path], tmp_path: Path) -> Path:
    """A run of its own with everything spoken and mixed."""
    shutil.copytree(straight[2], tmp_path / "run")
    return tmp_path / "run"


def same(root: Path, straight: tuple[Takes, Mix, Path], found: tuple[Takes, Mix]) -> None:
    takes, mix = found
    assert (takes, mix) == straight[:2]
    for path in (*(take.path for take in takes.takes), mix.wav, mix.m_and_e):
        ours, theirs = Layout(root).file(path), Layout(straight[2]).file(path)
        assert ours.read_bytes() == theirs.read_bytes(), path
    left = [path for path in root.rglob("*") if ".part" in path.name]
    assert not left


def nothing_half_made(root: Path) -> None:
    """What can be seen is whole; the takes that were kept are sounds."""
    seen = [name for name in shown(root) if name.startswith("work/steps/")]
    for step in {name.split("/")[2] for name in seen}:
        assert f"work/steps/{step}/result.json" in seen
    for name in seen:
        if name.endswith(".wav"):
            assert soundfile.info(root / name).frames
    assert not [name for name in shown(root) if name.startswith("final") or name.startswith("M&E")]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("sound 1", 0),
        ("record 3", 2),
        ("take 2", 2),
        ("final 3", 5),
        ("aac 2", 5),
    ],
)
def test_killed_and_gone_on(
    material: Path, straight: tuple[Takes, Mix, Path], tmp_path: Path, where: str, kept: int
) -> None:
    root = tmp_path / "run"
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, where, str(material), str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert child.stdout is not None and child.stderr is not None
    assert child.stdout.readline().strip() == b"here", child.stderr.read()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    nothing_half_made(root)
    assert len(list((root / "work/memory/takes").glob("*.json"))) == kept
    in_steps = any(path.name.startswith("speak-") for path in (root / "work/steps").iterdir())
    assert in_steps == (where.split()[0] in ("M&E", "final", "aac"))
    found = dubbed(material, root)
    assert made(root) == len(TEXTS) - (0 if in_steps else kept)
    same(root, straight, found)


def test_stopped_at_every_report(material: Path, straight: tuple[Takes, Mix, Path], tmp_path: Path) -> None:
    """Each run is stopped one report later than the one before, until one reaches the end."""
    root, stops, added, add = tmp_path / "run", 0, 0, KeptTakes.add

    def adding(self: KeptTakes, *given: Any) -> Any:
        nonlocal added
        added += 1
        return add(self, *given)

    with mock.patch.object(KeptTakes, "add", adding):
        while True:
            left = stops + 1

            def stop(done: float, total: float) -> None:
                nonlocal left
                left -= 1
                if not left:
                    raise Cancelled("stopped")

            try:
                with Run(root, report=lambda name, stop=stop: stop) as run:  # type: ignore[misc]
                    run.step(speak, translation(), job(material))
                break
            except Cancelled:
                stops += 1
                nothing_half_made(root)
                assert len(list((root / "work/memory/takes").glob("*.json"))) == added
        assert stops > len(TEXTS)
        found = dubbed(material, root)
    assert added == len(TEXTS), "a kept take was made again"
    same(root, straight, found)


# --- out of room -------------------------------------------------------------------------------


@contextmanager
def no_file_over(size: int) -> Iterator[Callable[[], None]]:
    """Gives a function, after which no file may grow beyond `size`, as on a full disk."""
    resource = pytest.importorskip("resource", reason="limits of this kind are POSIX's")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [10, 10_000])
def test_the_disk_is_full_at_the_third_take(
    material: Path, straight: tuple[Takes, Mix, Path], tmp_path: Path, size: int
) -> None:
    root, count, add = tmp_path / "run", 0, KeptTakes.add

    def adding(self: KeptTakes, *given: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            limit()
        return add(self, *given)

    with (
        no_file_over(size) as limit,
        mock.patch.object(KeptTakes, "add", adding),
        pytest.raises(StorageFull) as told,
    ):
        dubbed(material, root)
    assert told.value.hint and told.value.stage == "speak"
    nothing_half_made(root)
    found = dubbed(material, root)
    assert made(root) == len(TEXTS) - 2
    same(root, straight, found)


@pytest.mark.parametrize(("name", "size"), [("M&E", 100_000), ("final.wav", 100_000), ("final.m4a", 20_000)])
def test_the_disk_is_full_in_the_mix(
    material: Path, straight: tuple[Takes, Mix, Path], tmp_path: Path, name: str, size: int
) -> None:
    root, write = tmp_path / "run", SoundWriter.write

    def writing(self: SoundWriter, block: Any) -> None:
        if name in self.path.name:
            limit()
        write(self, block)

    from dubline.mix import encode, stage

    code = encode.encode_m4a

    def coding(*given: Any, **named: Any) -> None:
        if name == "final.m4a":
            limit()
        code(*given, **named)

    with (
        no_file_over(size) as limit,
        mock.patch.object(SoundWriter, "write", writing),
        mock.patch.object(stage, "encode_m4a", coding),
        pytest.raises(StorageFull) as told,
    ):
        dubbed(material, root)
    assert told.value.hint and told.value.stage == "remix"
    nothing_half_made(root)
    assert not [path for path in root.rglob("*") if path.name.startswith((".final", ".M&E"))]
    with mock.patch.object(KeptTakes, "add", side_effect=AssertionError("a kept take was made again")):
        found = dubbed(material, root)
    same(root, straight, found)


# --- damaged files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        *(("wav", what) for what in ("text", "empty", "cut", "rate", "one sample", "stereo", "gone")),
        *(("json", what) for what in ("text", "cut")),
    ],
)
def test_garbage_among_the_kept_takes_is_made_again(
    material: Path, straight: tuple[Takes, Mix, Path], spoken: Path, kind: str, what: str
) -> None:
    """One kept take is damaged, and the step's files are lost: one take is made, the others are kept."""
    victim = sorted((Layout(spoken).memory / "takes").glob(f"*.{kind}"))[1]
    data = victim.read_bytes()
    victim.unlink()  # not in place: the step's file may be the same one
    sounds = {"rate": (RATE // 2, 1, 8000), "one sample": (RATE, 1, 1), "stereo": (RATE, 2, 8000)}
    if what in sounds:
        rate, channels, frames = sounds[what]
        soundfile.write(victim, np.full((frames, channels), 0.1), rate, format="WAV")
    elif what != "gone":
        victim.write_bytes(
            {"text": b"no sound, no JSON \xff", "empty": b"", "cut": data[: len(data) // 2]}[what]
        )
    for folder in (spoken / "work/steps").glob("speak-*"):
        shutil.rmtree(folder)
    found = dubbed(material, spoken)
    assert made(spoken) == 1
    same(spoken, straight, found)


@pytest.mark.parametrize(("memory", "again"), [(True, 0), (False, 1)])
def test_a_take_that_is_gone_comes_back(
    material: Path, straight: tuple[Takes, Mix, Path], spoken: Path, memory: bool, again: int
) -> None:
    takes = straight[0]
    Layout(spoken).file(takes.takes[1].path).unlink()
    if not memory:
        lost = Layout(straight[2]).file(takes.takes[1].path)
        for path in (Layout(spoken).memory / "takes").glob("*.wav"):
            if path.read_bytes() == lost.read_bytes():
                path.unlink()
    found = dubbed(material, spoken)
    assert made(spoken) == again
    same(spoken, straight, found)


@pytest.mark.parametrize("what", ["rate", "one sample", "stereo", "text", "number"])
def test_a_take_that_was_changed_is_made_again_and_not_mixed(
    material: Path, straight: tuple[Takes, Mix, Path], spoken: Path, what: str
) -> None:
    take = straight[0].takes[1]
    path = Layout(spoken).file(take.path)
    path.unlink()
    frames = 1 if what == "one sample" else take.frames
    shape = (frames, 2) if what == "stereo" else (frames,)
    level = float("nan") if what == "number" else 0.1
    rate = RATE // 2 if what == "rate" else RATE
    if what == "text":
        path.write_text("this is no sound")
    else:
        soundfile.write(path, np.full(shape, level), rate, subtype="FLOAT")
    found = dubbed(material, spoken)
    assert made(spoken) == 0, "its twin in the memory is whole"
    same(spoken, straight, found)


# --- stems -------------------------------------------------------------------------------------


def with_stem(material: Path, folder: Path, sounds: dict[str, np.ndarray]) -> Path:
    folder.mkdir()
    for path in material.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    for name, sound in sounds.items():
        soundfile.write(folder / f"{name}.wav", sound, RATE, subtype="FLOAT")
    return folder


@pytest.mark.parametrize("reverb", ["off", "room"])
@pytest.mark.parametrize("silent_ones", [("vocals",), ("music", "sfx", "ambient"), STEM_NAMES])
def test_silent_stems_make_a_mix_all_the_same(
    material: Path, tmp_path: Path, silent_ones: tuple[str, ...], reverb: str
) -> None:
    nothing = np.zeros((RATE * SECONDS, 2))
    folder = with_stem(material, tmp_path / "stems", dict.fromkeys(silent_ones, nothing))
    _, mix = dubbed(folder, tmp_path / "run", reverb=reverb)
    assert mix.after.integrated == pytest.approx(-23.0, abs=0.1)
    sound = soundfile.read(Layout(tmp_path / "run").file(mix.wav))[0]
    assert sound.shape == (RATE * SECONDS, 2) and np.isfinite(sound).all() and sound.any()
    if "vocals" in silent_ones:
        assert any("silent there" in note for note in mix.notes)
    bed = soundfile.read(Layout(tmp_path / "run").file(mix.m_and_e))[0]
    assert bed.any() == ("music" not in silent_ones)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["vocals", "music"])
def test_a_stem_with_samples_that_are_no_numbers_is_refused(
    material: Path, tmp_path: Path, name: str, value: float
) -> None:
    sound = np.random.default_rng(0).normal(size=(RATE * SECONDS, 2)) * 0.05
    sound[RATE * 4] = value
    folder = with_stem(material, tmp_path / "stems", {name: sound})
    with pytest.raises(DublineError) as told:
        dubbed(folder, tmp_path / "run", reverb="room")
    assert told.value.hint and f"the {name} stem" in str(told.value)
    nothing_half_made(tmp_path / "run")
