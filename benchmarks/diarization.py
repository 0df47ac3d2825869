"""How often the diarizers are wrong about who speaks, how fast they are, and what memory they take.

    python benchmarks/diarization.py [--data ../shared/data] [--only WORD] [--pyannote FOLDER_OR_NAME]

Needs pyannote.metrics. Prints the diarization error rate in percent (NIST: missed + false alarm + confusion,
over the speech in the reference) with a collar of 0.25 s on both sides of each edge, with overlapped speech
counted and without it, per set of clips; then seconds of sound per second of work, and the process' peak
memory. Baselines: one speaker for the whole sound, and one speaker wherever Silero hears speech. The settings
of the built-in diarizer were chosen on these very clips: expect more errors elsewhere.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import soxr

from dubline.backends import options_of
from dubline.report import silent
from dubline.speech_sound import RATE, Speech
from dubline.transcript import Turn

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
DATA = Path(__file__).resolve().parents[1] / "../shared/data"
SETS = ("sample", "meetings", "scene", "scene, full mix")

Hear = Callable[[Speech], tuple[Turn, ...]]


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


def clips(data: Path) -> dict[str, list[tuple[Path, str]]]:
    """Set -> (sound file, URI in the RTTM)."""
    known = references(data)
    meetings = [
        (path, plain_name(path.stem))
        for path in sorted(data.glob("diarization/*.wav"))
        if plain_name(path.stem) in known and path.stem != "sample"
    ]
    return {
        "sample": [(data / "diarization/sample.wav", "sample")],
        "meetings": meetings,
        "scene": [(data / "scene/dialogue.flac", "scene_dev")],
        "scene, full mix": [(data / "scene/mix.flac", "scene_dev")],
    }


def prepared(source: Path, folder: Path) -> Speech:
    """The file at 16 kHz mono, as the stage makes it."""
    sound, rate = sf.read(source, dtype="float32", always_2d=True)
    mono = soxr.resample(sound.mean(axis=1), rate, RATE).astype(np.float32)
    target = folder / f"{source.parent.name}-{source.stem}.f32"
    mono.tofile(target)
    return Speech(target)


def one_speaker(speech: Speech) -> tuple[Turn, ...]:
    return (Turn(start=0, end=speech.duration, speaker="S0"),)


def voice_activity() -> Hear:
    """One speaker wherever Silero hears speech."""
    from dubline.backends.package_weights import SILERO, require_file
    from dubline.backends.silero import FRAME, Silero
    from dubline.backends.voice_pieces import _steady, runs

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
    if kind == "VAD only":
        return voice_activity(), None
    if kind.startswith("pyannote"):
        from dubline.backends.diarize_pyannote import Pyannote

        diarizer: Any = Pyannote(options_of(Pyannote, {"model": pyannote, "threads": 1}))
    else:
        from dubline.backends.diarize_builtin import BuiltinDiarizer

        options: dict[str, Any] = {"hearing": "one" if "one" in kind else "several", "threads": 1}
        if "30 s" in kind:
            options["window"] = 0.5
        diarizer = BuiltinDiarizer(options_of(BuiltinDiarizer, options))
    return lambda speech: diarizer.diarize(speech, silent).turns, diarizer


def measure(kind: str, data: Path, pyannote: str) -> None:
    """One row, in a process of its own so that the peak of memory is its own."""
    import resource

    from dubline.backends.pyannote_models import ensure_torchaudio

    if kind.startswith("pyannote"):
        ensure_torchaudio()
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    known = references(data)
    hear, diarizer = opened(kind, pyannote)
    cells, heard, spent = [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, files in clips(data).items():
            scores = [DiarizationErrorRate(collar=0.5, skip_overlap=skip) for skip in (False, True)]
            for source, uri in files:
                with prepared(source, Path(folder)) as speech:
                    began = time.perf_counter()
                    turns = hear(speech)
                    spent += time.perf_counter() - began
                    heard += speech.duration
                    whole = Timeline([Segment(0, speech.duration)])
                for score in scores:
                    score(annotation(known[uri]), annotation(turns), uem=whole)
            cells.append(" / ".join(f"{100 * abs(score):5.1f}" for score in scores))
            assert name in SETS
    if diarizer is not None:
        diarizer.__exit__(None, None, None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024 if sys.platform != "darwin" else 1024**2
    )
    print(f"| {kind:28s} | {' | '.join(cells)} | {heard / max(spent, 1e-9):7.1f} | {peak:5.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--pyannote", default="", help="a pipeline's folder or hub name: adds a row")
    parser.add_argument("--row", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        measure(given.row, given.data, given.pyannote)
        return
    rows = ["one speaker", "VAD only", "builtin, one at a time", "builtin, several at once"]
    rows.append("builtin, several, 30 s windows")
    if given.pyannote:
        rows.append("pyannote")
    print("DER %, collar 0.25 s: overlap counted / left out; x RT = seconds of sound per second of work\n")
    print(f"| {'':28s} | {' | '.join(f'{name:>13s}' for name in SETS)} |    x RT | MiB |")
    print("|---|" + "---:|" * (len(SETS) + 2), flush=True)
    for row in rows:
        if given.only in row:
            command = [sys.executable, __file__, "--row", row, "--data", str(given.data)]
            subprocess.run([*command, "--pyannote", given.pyannote], check=True)


if __name__ == "__main__":
    main()
