# ruff: noqa: RUF001 - Turkish has a dotless i
"""How long 20,000 cues take to read and to write, next to pysrt and pysubs2 on the same text.

One thread, processor time, the median of the rounds. The cues have one or two lines, every tenth a tag, every
hundredth an empty line, at 23.976 frames a second.

    python benchmarks/subtitles.py [--cues 20000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from fractions import Fraction
from statistics import median

import pysrt

from dubline.subtitles.checks import check
from dubline.subtitles.cues import SubtitleText, frame_to_ms
from dubline.subtitles.decoding import decode
from dubline.subtitles.fixing import fix
from dubline.subtitles.profiles import PROFILES
from dubline.subtitles.srt import read_srt, write_srt
from dubline.subtitles.vtt import read_vtt, write_vtt
from dubline.subtitles.writing import FORMATS, write_subtitles

RATE = Fraction(24000, 1001)


def cues(count: int) -> tuple[SubtitleText, ...]:
    made = []
    for n in range(count):
        text = f"Beni burada bırakma, {n}.\nÇünkü çok geç oldu."
        if n % 3 == 0:
            text = f"Hayır, {n}."
        if n % 10 == 0:
            text = f"<i>{text}</i>"
        if n % 100 == 0:
            text += "\n\nSon."
        made.append(
            SubtitleText(
                index=n + 1,
                start_ms=frame_to_ms(60 * n, RATE),
                end_ms=frame_to_ms(60 * n + 50, RATE),
                text=text,
                speaker="Ayşe",
            )
        )
    return tuple(made)


def seconds(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return median(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cues", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    made = cues(asked.cues)
    srt, vtt = write_srt(made), write_vtt(made)
    turkish = srt.replace("\u200b", "").encode("cp1254")
    back, back_vtt = read_srt(srt).cues, read_vtt(vtt).cues
    assert [(c.start_ms, c.end_ms, c.text) for c in back] == [(c.start_ms, c.end_ms, c.text) for c in made]
    assert back_vtt == made
    works: dict[str, Callable[[], object]] = {
        "read srt (with pysrt's second reading)": lambda: read_srt(srt),
        "  pysrt alone": lambda: pysrt.from_string(srt),
        "read srt in cp1254 (found out)": lambda: read_srt(decode(turkish).text),
        "read vtt": lambda: read_vtt(vtt),
        **{f"write {name}": (lambda name=name: write_subtitles(made, name, rate=RATE)) for name in FORMATS},
        "check": lambda: check(made, PROFILES["netflix-tr"], RATE),
        "fix": lambda: fix(made, PROFILES["netflix-tr"], RATE, language="tr"),
    }
    try:
        import pysubs2
    except ImportError:
        print("pysubs2 is not installed and not measured")
    else:
        works["  pysubs2 alone"] = lambda: pysubs2.SSAFile.from_string(srt, format_="srt")
    print(
        f"{asked.cues} cues, {len(srt.encode()) / 1e6:.2f} MB of SubRip, "
        f"median of {asked.rounds}, processor seconds"
    )
    for name, work in works.items():
        print(f"{name:<42} {seconds(work, asked.rounds):6.2f} s")


if __name__ == "__main__":
    main()
