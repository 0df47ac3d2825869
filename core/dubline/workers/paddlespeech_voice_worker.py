"""PaddleSpeech's voices, as they run inside its environment; `worker.py` loads this file by its path.

An acoustic model (FastSpeech2) makes a mel spectrogram from phones, a vocoder (Parallel WaveGAN, HiFi-GAN,
multi-band MelGAN) a sound from that. Both are PaddleSpeech 1.5.0's own code with the user's weights. Needs
the environment's part `voices`. Standard library, Paddle and what comes with it; nothing of `dubline` but the
files beside it.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

Report = Callable[[float, float], None]

VOCODERS = {
    "hifigan": ("resblock_kernel_sizes", "hifigan.hifigan", "HiFiGAN"),
    "pwgan": ("aux_channels", "parallel_wavegan.parallel_wavegan", "PWG"),
    "mb_melgan": ("stack_kernel_size", "melgan.melgan", "MelGAN"),
}
"""Kind of vocoder -> the setting that only it has, its module, and how its classes' names begin."""
HOLLOW = (
    "t2s",
    "t2s.frontend",
    "t2s.models",
    "t2s.models.fastspeech2",
    "t2s.models.hifigan",
    "t2s.models.melgan",
    "t2s.models.parallel_wavegan",
    "t2s.modules",
)
"""Packages whose own start imports training, singing and PaddleNLP: only what lies in them is wanted."""
ABSENT = {
    "t2s.frontend.g2pw": "G2PWOnnxConverter",
    "t2s.frontend.rhy_prediction.rhy_predictor": "RhyPredictor",
}
"""Modules that fetch models when they are used; they are not used."""
SEED = 20
"""Parallel WaveGAN makes its sound from noise: always the same, so that a line is always the same."""


def _beside(name: str) -> Any:
    """A module of this folder, which is no package here."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


guards = _beside("paddlespeech_guards")
weights = _beside("paddlespeech_weights")
phones = _beside("paddlespeech_phones")


def make_importable() -> None:
    """Make what lies in the packages of `HOLLOW` importable, and usable with today's numpy."""
    import paddle
    import paddlespeech

    root = Path(next(iter(paddlespeech.__path__)))
    for name in HOLLOW:
        module = types.ModuleType(f"paddlespeech.{name}")
        module.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[module.__name__] = module
    for name, inner in ABSENT.items():
        module = types.ModuleType(f"paddlespeech.{name}")
        setattr(module, inner, None)
        sys.modules[module.__name__] = module
    from paddlespeech.t2s.modules import nets_utils

    theirs = nets_utils.make_pad_mask

    def make_pad_mask(lengths: Any, xs: Any = None, length_dim: int = -1) -> Any:
        # Theirs takes an array of one number for a number, which numpy 2.4 refuses.
        if xs is not None:
            return theirs(lengths, xs, length_dim)
        ends = lengths.reshape([-1, 1]).astype("int64")
        return paddle.arange(0, int(ends.max()), dtype="int64").unsqueeze(0) >= ends

    nets_utils.make_pad_mask = make_pad_mask


# --- the models --------------------------------------------------------------------------------


def normalizer(path: str) -> Any:
    """Mean and standard deviation of the mel bands, from a .npy of shape (2, bands)."""
    import numpy as np
    import paddle
    from paddlespeech.t2s.modules.normalizer import ZScore

    try:
        mean, deviation = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise weights.Refused("weights", f"{path} cannot be read: {error}", "Get it again.") from None
    return ZScore(paddle.to_tensor(mean), paddle.to_tensor(deviation))


def vocoder(p: dict[str, Any]) -> tuple[Any, str, dict[str, Any]]:
    """The vocoder, its kind and its settings. `p`: config, checkpoint, stats."""
    settings = weights.settings(p["config"])
    inner = settings.get("generator_params")
    kinds = [kind for kind, (mark, *_) in VOCODERS.items() if isinstance(inner, dict) and mark in inner]
    if not kinds:
        raise weights.Refused(
            "weights",
            f"{p['config']} is none of {', '.join(VOCODERS)}",
            "Take one of PaddleSpeech's vocoders.",
        )
    _, module, name = VOCODERS[kinds[0]]
    code = importlib.import_module(f"paddlespeech.t2s.models.{module}")
    model = getattr(code, f"{name}Generator")(**inner)
    weights.fill(model, weights.read(p["checkpoint"], "generator_params"), p["checkpoint"])
    model.remove_weight_norm()
    model.eval()
    whole = getattr(code, f"{name}Inference")(normalizer(p["stats"]), model)
    whole.eval()
    return whole, kinds[0], settings


def spread(durations: Any, speed: float) -> Any:
    """Durations in frames (phones,) int64 at another speed: edges are rounded, not lengths, so that the whole
    is right to a frame. A phone that had a frame keeps one."""
    import numpy as np

    edges = np.rint(np.cumsum(np.concatenate([[0], durations])) / speed).astype(np.int64)
    paced = np.diff(edges)
    return np.where(durations > 0, np.maximum(paced, 1), 0).astype(np.int64)


class Voice:
    """An acoustic model and a vocoder."""

    def __init__(self, p: dict[str, Any]) -> None:
        import numpy as np

        acoustic = p["acoustic"]
        settings = weights.settings(acoustic["config"])
        listed = weights.numbers(acoustic["phones"])
        speakers = weights.numbers(acoustic["speakers"]) if acoustic["speakers"] else {}
        from paddlespeech.t2s.models.fastspeech2.fastspeech2 import FastSpeech2

        try:
            self.rate, self.hop = int(settings["fs"]), int(settings["n_shift"])
            self.model = FastSpeech2(
                idim=len(listed),
                odim=int(settings["n_mels"]),
                spk_num=len(speakers) or None,
                **settings["model"],
            )
        except (KeyError, TypeError, ValueError, AssertionError) as error:
            raise weights.Refused(
                "weights",
                f"{acoustic['config']} does not describe a FastSpeech2: {error!r}",
                "Take the .yaml of the model's archive.",
            ) from None
        weights.fill(self.model, weights.read(acoustic["checkpoint"], "main_params"), acoustic["checkpoint"])
        self.model.eval()
        self.normalizer = normalizer(acoustic["stats"])
        self.pitch_deviation = 0.0
        if acoustic["pitch"]:
            self.pitch_deviation = float(np.ravel(np.load(acoustic["pitch"], allow_pickle=False)[1])[0])
        self.vocoder, self.kind, other = vocoder(p["vocoder"])
        for key in ("fs", "n_shift", "n_mels"):
            if key in other and other[key] != settings[key]:
                raise weights.Refused(
                    "weights",
                    f"the vocoder was made for {key} {other[key]}, the voice for {settings[key]}",
                    "Take a vocoder of the same data set: hifigan_ljspeech with fastspeech2_ljspeech.",
                )
        self.phones = phones.Phones(p["language"], acoustic["phones"], listed, p["nltk_data"])

    def sound(self, row: Any, speaker: int, speed: float, pitch: float) -> Any:
        """Phones (n,) -> (samples,) float32.

        FastSpeech2 tells lengths, pitch and energy of each phone; with another speed or pitch it speaks a
        second time, with those changed. Its pitch is the logarithm of Hz, less the mean, in deviations.
        """
        import numpy as np
        import paddle

        text = paddle.to_tensor(row)
        who = paddle.to_tensor([speaker]) if speaker >= 0 else None
        mel, durations, tone, energy = self.model.inference(text, spk_id=who)
        if speed != 1.0 or pitch != 1.0:
            if pitch != 1.0 and self.pitch_deviation > 0:
                tone = tone + math.log(pitch) / self.pitch_deviation
            paced = spread(np.asarray(durations).astype(np.int64), speed)
            mel, *_ = self.model.inference(
                text,
                durations=paddle.to_tensor(paced),
                pitch=tone,
                energy=energy,
                use_teacher_forcing=True,
                spk_id=who,
            )
        if mel.shape[0] == 0:
            return np.zeros(0, np.float32)
        paddle.seed(SEED)
        wave = self.vocoder(self.normalizer.inverse(mel))
        return np.asarray(wave, np.float32).reshape(-1)


# --- the service -------------------------------------------------------------------------------


class Service:
    """One voice, and what it is asked to say."""

    def __init__(self) -> None:
        self.voice: Voice | None = None

    def load(self, params: dict[str, Any], report: Report) -> dict[str, Any]:
        """Import Paddle and read the weights. `params`: `acoustic` (config, checkpoint, phones, speakers,
        stats, pitch) and `vocoder` (config, checkpoint, stats), paths; `language`, `threads`, `nltk_data`."""
        paddle, versions = weights.imported(guards, params["threads"], " --with voices")
        paddle.set_grad_enabled(False)
        make_importable()
        report(1, 2)
        self.voice = Voice(params)
        return {
            **versions,
            "vocoder": self.voice.kind,
            "rate": self.voice.rate,
            "tagged": self.voice.phones.tagged,
        }

    def speak(self, params: dict[str, Any], report: Report) -> dict[str, Any]:
        """`params`: text, speaker (number, -1 for a model with one), speed, pitch, and the `path` of the WAV
        to write (mono, 32-bit float). Returns its samples."""
        import numpy as np
        import soundfile

        if self.voice is None:
            raise weights.Refused("invalid_job", "no voice is loaded")
        rows = self.voice.phones.rows(params["text"])
        if not rows:
            raise weights.Refused("backend_failed", "there is nothing in it that the voice can say")
        pieces = []
        for count, row in enumerate(rows):
            report(count, len(rows))
            pieces.append(self.voice.sound(row, params["speaker"], params["speed"], params["pitch"]))
        sound = np.concatenate(pieces)
        soundfile.write(params["path"], sound, self.voice.rate, subtype="FLOAT", format="WAV")
        return {"samples": len(sound)}

    def network(self, params: dict[str, Any], report: Report) -> list[str]:
        """The connections that were attempted, and refused, so far."""
        return list(guards.connections)


def methods() -> dict[str, Callable[[dict[str, Any], Report], Any]]:
    """What the worker answers."""
    service = Service()
    return {name: getattr(service, name) for name in ("load", "speak", "network")}
