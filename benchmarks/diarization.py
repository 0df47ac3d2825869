"""How often the diarizers are wrong about who speaks, how fast they are, and what memory they take.

    python benchmarks/diarization.py [--data ../shared/data] [--only WORD] [--pyannote FOLDER_OR_NAME]
                                     [--vocals FILE]... [--leave-one-out]

Needs pyannote.metrics. Prints the diarization error rate in percent (NIST: missed + false alarm + confusion,
over the speech in the reference) with a collar of 0.25 s on both sides of each edge, with overlapped speech
counted and without it, per set of clips; then seconds of sound per second of processor time, and the
process' peak memory. Baselines: one speaker for the whole sound, and one speaker wherever Silero hears
speech. The settings of the built-in diarizer were chosen on these very clips: expect more errors elsewhere.

`--vocals` adds a set for each file: the scene's voices as `dubline separate` gives them. `--leave-one-out`
instead chooses the option `distance` of the built-in diarizer for each clip on all the others, and prints
the pooled error of what so was chosen: the eight clips alone, and with the scene's dialogue. Clips are heard
three times, with 0, 0.17 and 0.34 s of silence before, since windows may fall well or badly.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import soxr

from dubline.backends.choosing import options_of
from dubline.media.speech import RATE, Speech
from dubline.report import silent
from dubline.values.transcript import Turn

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
DATA = Path(__file__).resolve().parents[1] / "../shared/data"
DISTANCES = (0.2, 0.22, 0.24, 0.26, 0.28, 0.3, 0.32)
LEADS = (0, 2700, 5400)  # samples of silence

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


def clips(data: Path, vocals: Sequence[Path] = ()) -> dict[str, list[tuple[Path, str]]]:
    """Set -> (sound file, URI in the RTTM). `vocals` are further takes of the scene."""
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
        **{f"scene, {path.stem}": [(path, "scene_dev")] for path in vocals},
    }


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
    if kind == "VAD only":
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


def leave_one_out(data: Path) -> None:
    """Print what the choice of `distance` is worth on clips that it was not chosen on."""
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    from dubline.backends.diarizers.builtin import BuiltinDiarizer

    known = references(data)
    files = [one for name in ("sample", "meetings", "scene") for one in clips(data)[name]]
    wrong = np.zeros((len(DISTANCES), len(files)))  # seconds, all leads together
    total = np.zeros(len(files))
    with tempfile.TemporaryDirectory() as folder:
        for d, distance in enumerate(DISTANCES):
            options = options_of(BuiltinDiarizer, {"distance": distance, "hearing": "several", "threads": 1})
            with BuiltinDiarizer(options) as diarizer:
                for f, (source, uri) in enumerate(files):
                    total[f] = 0.0
                    for lead in LEADS:
                        with prepared(source, Path(folder), lead) as speech:
                            whole = Timeline([Segment(0, speech.duration)])
                            heard = annotation(diarizer.diarize(speech, silent).turns)
                        truth = annotation(
                            Turn(start=t.start + lead / RATE, end=t.end + lead / RATE, speaker=t.speaker)
                            for t in known[uri]
                        )
                        score = DiarizationErrorRate(collar=0.5)(truth, heard, uem=whole, detailed=True)
                        total[f] += score["total"]
                        wrong[d, f] += score["missed detection"] + score["false alarm"] + score["confusion"]
            rates = 100 * wrong[d] / total
            print(f"distance {distance:.2f}: {' '.join(f'{rate:6.1f}' for rate in rates)}", flush=True)
    for label, some in (("sample and meetings", len(files) - 1), ("with the scene", len(files))):
        clip = np.arange(some)
        others = wrong[:, :some].sum(axis=1, keepdims=True) - wrong[:, :some]
        chosen = others.argmin(axis=0)
        best = 100 * wrong[:, :some].sum(axis=1).min() / total[:some].sum()
        left_out = 100 * wrong[chosen, clip].sum() / total[:some].sum()
        print(f"{label}: chosen on all {best:.1f}, on the others {left_out:.1f}")


def measure(kind: str, data: Path, pyannote: str, vocals: list[Path]) -> None:
    """One row, in a process of its own so that the peak of memory is its own."""
    import resource

    from dubline.backends.diarizers.pyannote_models import ensure_torchaudio

    if kind.startswith("pyannote"):
        ensure_torchaudio()
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    known = references(data)
    hear, diarizer = opened(kind, pyannote)
    cells, heard, spent = [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for files in clips(data, vocals).values():
            scores = [DiarizationErrorRate(collar=0.5, skip_overlap=skip) for skip in (False, True)]
            for source, uri in files:
                with prepared(source, Path(folder)) as speech:
                    began = time.process_time()
                    turns = hear(speech)
                    spent += time.process_time() - began
                    heard += speech.duration
                    whole = Timeline([Segment(0, speech.duration)])
                for score in scores:
                    score(annotation(known[uri]), annotation(turns), uem=whole)
            cells.append(" / ".join(f"{100 * abs(score):5.1f}" for score in scores))
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
    parser.add_argument(
        "--vocals", type=Path, action="append", default=[], help="the scene's separated voices"
    )
    parser.add_argument("--leave-one-out", action="store_true", help="how the built-in setting generalises")
    parser.add_argument("--row", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.leave_one_out:
        leave_one_out(given.data)
        return
    if given.row:
        measure(given.row, given.data, given.pyannote, given.vocals)
        return
    rows = ["one speaker", "VAD only", "builtin, one at a time", "builtin, several at once"]
    rows.append("builtin, several, 30 s windows")
    if given.pyannote:
        rows.append("pyannote")
    print("DER %, collar 0.25 s: overlap counted / left out; x RT = sound / processor time\n")
    names = list(clips(given.data, given.vocals))
    print(f"| {'':28s} | {' | '.join(f'{name:>13s}' for name in names)} |    x RT | MiB |")
    print("|---|" + "---:|" * (len(names) + 2), flush=True)
    for row in rows:
        if given.only in row:
            command = [sys.executable, __file__, "--row", row, "--data", str(given.data)]
            command += [word for path in given.vocals for word in ("--vocals", str(path))]
            subprocess.run([*command, "--pyannote", given.pyannote], check=True)


if __name__ == "__main__":
    main()
