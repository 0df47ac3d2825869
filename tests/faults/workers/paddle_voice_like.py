"""Answers as PaddleSpeech's voice worker does, without Paddle: a hum of 60 ms a letter at 16 kHz.

"dies-once" in the text ends the process the first time it is asked, "dies-always" every time.
"""

import math
import os
import struct
import wave
from pathlib import Path

RATE = 16000


def methods():
    def load(params, report):
        assert {"acoustic", "vocoder", "language", "threads", "nltk_data"} <= params.keys()
        return {"paddle": "3.1.1", "paddlespeech": "1.5.0", "vocoder": "pwgan", "rate": RATE, "tagged": False}

    def speak(params, report):
        text, mark = params["text"], Path(params["path"]).with_name("died")
        if "dies-always" in text or ("dies-once" in text and not mark.exists()):
            mark.touch()
            os._exit(9)
        if not any(letter.isalnum() for letter in text):
            raise ValueError("there is nothing in it that the voice can say")
        hertz = 140 * params["pitch"] + 40 * (params["speaker"] + 1)
        count = round(RATE * 0.06 * len(text) / params["speed"])
        samples = [round(9000 * math.cos(2 * math.pi * hertz * n / RATE)) for n in range(count)]
        with wave.open(params["path"], "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(struct.pack(f"<{count}h", *samples))
        return {"samples": count}

    return {"load": load, "speak": speak}
