"""How good the whole job is with the starter set: real weights, sounds whose truth is known.

    python benchmarks/quality.py [--data ../shared/data]

Prints what `tests/real` holds floors under, for the demo clip and for `scene/`, both from English to
Portuguese with what `auto` takes. The weights are fetched once. `tests/real_figures.py` says what each
figure is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import real_figures  # noqa: E402
from command import dubline  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as place, real_figures.models_in(real_figures.starters()):
        truth = real_figures.demo_truth()
        root = job(real_figures.DEMO / "letter.mp4", Path(place) / "demo.dubline")
        show("demo: words wrong, %", real_figures.heard(root, truth["segments"]))
        show("demo: who speaks wrong, %", real_figures.speakers(root, truth["segments"], truth["seconds"]))
        show("demo: lines in their time, %", real_figures.fits(root))
        scene = data / "scene"
        if scene.is_dir():
            told = json.loads((scene / "truth_transcript.json").read_text(encoding="utf-8"))
            turns = real_figures.turns_of(scene / "truth.rttm")
            root = job(scene / "scene.mp4", Path(place) / "scene.dubline")
            voices, rest = real_figures.separated(root, scene)
            show("scene: words wrong, %", real_figures.heard(root, told["segments"]))
            show("scene: who speaks wrong, %", real_figures.speakers(root, turns, told["duration"]))
            show("scene: SI-SDR of voices, dB", voices)
            show("scene: SI-SDR of all else, dB", rest)
            show("scene: lines in their time, %", real_figures.fits(root))
        show("English to Portuguese, ten lines: chrF", real_figures.translated())
        show("Piper heard by Whisper base: words wrong, %", real_figures.spoken(Path(place)))


def job(film: Path, root: Path) -> Path:
    """The run of the whole job on a film."""
    answer = dubline("localize", film, "--out", root, "--from", "en", "--to", "pt", "--voice", "auto")
    if answer.status:
        raise SystemExit(answer.err)
    return root


def show(what: str, figure: float) -> None:
    print(f"{what:<45} {figure:6.1f}", flush=True)


if __name__ == "__main__":
    main()
