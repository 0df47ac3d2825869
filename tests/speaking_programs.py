"""Programs that stand for a user's own voice: one that hums, and ones that fail in every way.

They use the standard library alone, so that each starts quickly.
"""

from __future__ import annotations

from pathlib import Path

_TONE = """
import math, struct, sys, wave
text = open(sys.argv[1], encoding="utf-8").read().strip()
speed = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
rate, seconds = 16000, 0.06 * len(text) / speed
count = round(rate * seconds)
fault = next((word[6:] for word in text.split() if word.startswith("fault-")), "").strip(".")
if fault == "status":
    sys.stderr.write("no such phoneme")
    raise SystemExit(3)
if fault == "nothing":
    raise SystemExit(0)
if fault == "text":
    open(sys.argv[2], "w").write("this is no sound at all")
    raise SystemExit(0)
if fault == "hang":
    import time
    time.sleep(600)
if fault == "one":
    count = 1
loud = 0 if fault == "silence" else 9000
samples = [round(loud * math.cos(2 * math.pi * 140 * n / rate)) for n in range(count)]
if fault == "nan":
    data = struct.pack("<%df" % count, *[float("nan")] * count)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 3, 1, rate, rate * 4, 4, 32, b"data", len(data))
    open(sys.argv[2], "wb").write(head + data)
    raise SystemExit(0)
with wave.open(sys.argv[2], "wb") as out:
    out.setnchannels(1)
    out.setsampwidth(2)
    out.setframerate(7 if fault == "rate" else rate)
    quiet = b"" if fault else bytes(2 * round(0.2 * rate))
    times = 100 if fault == "hundredfold" else 1
    out.writeframes(quiet + times * struct.pack("<%dh" % count, *samples) + quiet)
"""  # noqa: E501

FAULTS = ("status", "nothing", "text", "hundredfold", "one", "silence", "nan", "rate")


def tone_program(folder: Path) -> Path:
    """TEXT_FILE WAV [SPEED]: hums 60 ms a letter between 0.2 s of silence; a word "fault-NAME" in the text
    (one of `FAULTS`, or "hang") makes it fail."""
    path = folder / "hum.py"
    path.write_text(_TONE)
    return path
