"""Answers as PaddleSpeech's worker does, without Paddle: what the recognizer makes of it can be checked."""

import wave


def methods():
    heard = {}

    def load(params, report):
        heard.update(params)
        return {"paddle": "3.1.1", "paddlespeech": "1.5.0"}

    def recognize(params, report):
        with wave.open(params["path"]) as sound:
            form = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            assert form == (16000, 1, 2), form
            seconds = sound.getnframes() / sound.getframerate()
        if heard["family"] != "whisper":
            return {"text": "你好 hello"}
        said = {"text": " Merhaba dünya", "avg_logprob": -0.5, "no_speech": 0.25}
        after = {"text": " sonra", "avg_logprob": -1.0, "no_speech": 0.5}
        return {
            "language": heard["language"] or "tr",
            "segments": [
                {**said, "start": 0.5, "end": 1.5},
                {**after, "start": seconds - 0.25, "end": seconds + 9},
                {**after, "start": seconds + 1, "end": seconds + 2},
            ],
        }

    return {"load": load, "recognize": recognize}
