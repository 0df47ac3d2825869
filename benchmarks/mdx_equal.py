"""How far the `uvr` stream is from UVR's whole-file algorithm, with a tiny random model.

    python benchmarks/mdx_equal.py

The one-shot side is the reference of tests/core/test_uvr.py, written with torch's transforms.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "core")]


def main() -> None:
    """Print the largest absolute difference for a table of lengths and block sizes."""
    import numpy as np
    import random_mdx
    import test_uvr as test

    from dubline.backends.separators.uvr import Uvr

    print(
        f"{'samples':>9} {'block':>7} {'batch':>5} {'overlap':>7}  {'stem':12} {'level':>8} {'differs':>10}"
    )
    with tempfile.TemporaryDirectory() as name:
        for stem in ("vocals", "instrumental"):
            path = random_mdx.build(Path(name), stem, parameters={"stem": stem})
            for overlap, batch in ((0.25, 1), (0.25, 4), (0.6, 1)):
                separator = Uvr(Uvr.Options(model=str(path), threads=1, overlap=overlap, batch=batch))
                for length in (*test.LENGTHS, 441_001):
                    sound = test.noise(length)
                    reference = test.whole_file(path, sound, overlap)
                    for block in (997, 65_536):
                        found = test.through(separator, sound, block)[0]
                        difference = np.abs(found - reference).max()
                        level = np.abs(reference).max()
                        print(
                            f"{length:9d} {block:7d} {batch:5d} {overlap:7.2f}  {stem:12} "
                            f"{level:8.3f} {difference:10.1e}"
                        )


if __name__ == "__main__":
    main()
