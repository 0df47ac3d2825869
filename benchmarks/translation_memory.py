"""Peak memory of a whole translation, 1,511 segments against 15,110, with the tests' tiny model.

python benchmarks/translation_memory.py
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import tiny_translator
from episode import episode


def translated(count: int, translator: str) -> None:
    """Translate an episode of `count` segments and print the peak memory of this process in MiB."""
    from dubline.files import write_whole
    from dubline.run import Run
    from dubline.translation.way import translate_run
    from dubline.values.transcript import transcript_json
    from dubline.values.wishes import TranslateWish

    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "e.dubline"
        root.mkdir()
        lines = tiny_translator.pairs()
        write_whole(root / "transcript.json", transcript_json(episode(count, lines=lines).transcript))
        wish = TranslateWish(translator=translator, translator_model=str(tiny_translator.folder()))
        with Run(root) as run:
            translation, _ = translate_run(run, root, "en", wish)
        assert len(translation.segments) == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", type=int)
    parser.add_argument("--translator", default="transformers")
    asked = parser.parse_args()
    if asked.one:
        translated(asked.one, asked.translator)
        return
    tiny_translator.folder()
    peaks = {}
    for count in (1511, 15110):
        words = [sys.executable, __file__, "--one", str(count), "--translator", asked.translator]
        peaks[count] = float(
            subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1]
        )
        print(f"{count:6} segments: {peaks[count]:.0f} MiB", flush=True)
    print(f"ratio {peaks[15110] / peaks[1511]:.2f}")


if __name__ == "__main__":
    main()
