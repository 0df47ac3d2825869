"""How well the built-in recognizer and forced alignment do on a real scene, and how fast.

    python benchmarks/recognition.py [--data ../shared/data]

Takes `scene/`: only segments whose words are known are scored. The word error rate is edits over reference
words, without case and punctuation; each segment is recognised by itself with 0.2 s of room, from the
dialogue stem and from the mix. Alignment is measured on known segments that nobody talks over: the distance
of segment starts from the truth, for the text as cues with times 0.3 s off and for recognised words. Then
each time is moved at random by up to 0.3 s, ten times over, and refined as `dubline transcribe --text FILE
--refine` does: by force and, as for other languages than English, by the sound's edges alone. RTF is
seconds of processor time per second of sound; the peak of memory is the process's own.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from dubline.backends.contract import Stretch
from dubline.backends.recognizers.pocketsphinx import Pocketsphinx
from dubline.media.speech import Speech, prepare_speech
from dubline.recognition.alignment import AlignedCue, align, align_spoken, normal_tokens, snap
from dubline.recognition.given_cues import Cue
from dubline.recognition.given_text import refined
from dubline.report import silent
from dubline.values.media import Sound
from dubline.values.transcript import HeardWord

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
ROOM = 0.2


def edits(wanted: list[str], found: list[str]) -> int:
    """Insertions, deletions and substitutions, each counted 1 (Levenshtein 1966)."""
    row = list(range(len(found) + 1))
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(found, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def opened(path: Path, folder: Path) -> Speech:
    """A sound file as speech back ends hear it."""
    info = sf.info(path)
    sound = Sound(path=path.as_posix(), rate=info.samplerate, channels=info.channels, frames=info.frames)
    return prepare_speech(path, sound, folder / f"{path.stem}.raw")


def figures(errors: list[float]) -> str:
    """Median and 95th percentile in milliseconds."""
    if not errors:
        return "none"
    size = np.abs(errors) * 1000
    return f"median {np.median(size):5.0f} ms, 95 % {np.percentile(size, 95):5.0f} ms ({len(size)} starts)"


def refining(known: list[dict[str, Any]], speech: Speech) -> None:
    """Print how far refined times lie from the truth; those of lines that others talk into by themselves."""
    rng = np.random.default_rng(0)
    rows: dict[str, list[tuple[float, float, bool]]] = {}
    for _ in range(10):
        off = rng.uniform(-0.3, 0.3, (len(known), 2))
        given = [
            AlignedCue(start=s["start"] + a, end=s["end"] + b, text=s["text"], words=(), matched=1.0)
            for s, (a, b) in zip(known, off, strict=True)
        ]
        for name, cues in (
            ("as given", given),
            ("--refine, English", refined(given, speech, "en", report=silent)),
            ("--refine, others", refined(given, speech, "tr", report=silent)),
        ):
            rows.setdefault(name, []).extend(
                (c.start - s["start"], c.end - s["end"], bool(s["overlaps_with"]))
                for c, s in zip(cues, known, strict=True)
            )
    for name, found in rows.items():
        for label, several in (("nobody talks over", False), ("others talk over", True)):
            for edge in (0, 1):
                size = np.abs([row[edge] for row in found if row[2] == several]) * 1000
                what = f"{name:18} {label:18} {('starts', 'ends')[edge]:6}"
                within = f"within 50 ms {np.mean(size <= 50.5):6.1%} ({len(size)})"
                middle, most = np.median(size), np.percentile(size, 95)
                print(f"{what} median {middle:4.0f} ms, 95 % {most:4.0f} ms, {within}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    scene = parser.parse_args().data / "scene"
    if not scene.is_dir():
        raise SystemExit(f"no scene at {scene}: pass --data")
    truth = json.loads((scene / "truth_transcript.json").read_text(encoding="utf-8"))["segments"]
    known = [s for s in truth if s["text"]]
    stretches = tuple(Stretch(start=s["start"] - ROOM, end=s["end"] + ROOM) for s in known)
    length = sum(s.end - s.start for s in stretches)
    clean = [n for n, s in enumerate(known) if not s["overlaps_with"]]
    words: dict[str, list[tuple[HeardWord, ...]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        sounds = {name: opened(scene / f"{name}.flac", Path(folder)) for name in ("dialogue", "mix")}
        for name, speech in sounds.items():
            spent = time.process_time()
            with Pocketsphinx(Pocketsphinx.Options()) as recognizer:
                heard = [h.words for h in recognizer.recognize(speech, stretches, silent)]
            spent = time.process_time() - spent
            words[name] = heard
            for label, numbers in (("all known segments", range(len(known))), ("nobody talks over", clean)):
                wanted = [normal_tokens(known[n]["text"]) for n in numbers]
                found = [normal_tokens("".join(w.text for w in heard[n])) for n in numbers]
                wrong = sum(edits(a, b) for a, b in zip(wanted, found, strict=True))
                total = sum(map(len, wanted))
                print(f"pocketsphinx, {name:8} {label:20} WER {wrong / total:6.1%} of {total} words")
            print(f"pocketsphinx, {name:8} RTF {spent / length:.2f}", flush=True)

        speech = sounds["dialogue"]
        starts = [known[n]["start"] for n in clean]
        shift = [0.3 if n % 2 else -0.3 for n in clean]
        cues = [
            Cue(text=known[n]["text"], start=known[n]["start"] + d, end=known[n]["end"] + d)
            for n, d in zip(clean, shift, strict=True)
        ]
        spent = time.process_time()
        forced = align_spoken(cues, speech)
        spent = time.process_time() - spent
        rows = {
            "cues as given": list(cues),
            "forced alignment": list(forced),
            "forced alignment, snapped": [snap(c, speech) if c else None for c in forced],
            "recognised words": list(
                align([Cue(text=c.text) for c in cues], [w for n in clean for w in words["dialogue"][n]])
            ),
        }
        rows["recognised words, snapped"] = [snap(c, speech) for c in rows["recognised words"]]  # type: ignore
        for label, aligned in rows.items():
            off = [a.start - t for a, t in zip(aligned, starts, strict=True) if a is not None]  # type: ignore
            print(f"{label:28} {figures(off)}")
        spoken = sum(known[n]["end"] - known[n]["start"] for n in clean)
        print(f"forced alignment             RTF {spent / spoken:.3f}")
        refining(known, speech)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << (20 if sys.platform != "darwin" else 30)
    )
    print(f"peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
