"""What diarizers and recognizers cost: processor seconds per second of sound, and the peak of memory.

    python benchmarks/speech_cost.py [--only WORD] [--minutes 3] [--data ../shared/data]
    python benchmarks/speech_cost.py --chain 10,180

Sound is the two-speaker telephone sample, over and over. Each row runs in a process of its own; with a worker
process, its processor time and its peak count too (the peaks are added). Times are processor time, so that
other work on the machine matters less, and hold for `--threads` threads (1: two that wait for each other on a
busy machine burn processor time). Not every row is real:

    built-in diarizer, pocketsphinx     real weights, the whole back end
    pyannote                            the back end with random weights in the released shapes: speed only
    Whisper small, ...                  the libraries alone, random weights in the shape of "small": for each
                                        30 s one encoding and 100 tokens, as fast speech has: speed only
    PaddleSpeech                        a tiny model in the worker: what the worker itself takes

`--chain` runs `dubline transcribe --on mix` on sounds of so many minutes with the real built-in diarizer and
a Whisper of a few megabytes (CTranslate2), and prints the ratio of the longest's peak to the shortest's.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from dubline.backends.torchaudio_guard import before_transformers

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "../shared/data"
RATE, WINDOW = 16000, 30.0
TOKENS = 100
UNIT = 1 if sys.platform == "darwin" else 1024
sys.path.insert(0, str(ROOT / "tests"))


def looped(data: Path, minutes: float, target: Path) -> Path:
    """The telephone sample again and again: raw float32 at 16 kHz, or a sound file by its suffix."""
    sample, rate = sf.read(data / "diarization/sample.wav", dtype="float32")
    assert rate == RATE
    left = round(minutes * 60 * RATE)
    with (
        target.open("wb") if target.suffix == ".f32" else sf.SoundFile(target, "w", RATE, 1, "PCM_16") as out
    ):
        while left > 0:
            out.write(sample[:left].tobytes() if target.suffix == ".f32" else sample[:left])
            left -= len(sample)
    return target


def diarized(backend: Any, options: dict[str, Any], sound: Path) -> None:
    from dubline.backends.choosing import options_of
    from dubline.media.speech import Speech
    from dubline.report import silent

    with Speech(sound) as speech, backend(options_of(backend, options)) as diarizer:
        diarizer.diarize(speech, silent)


def recognised(backend: Any, options: dict[str, Any], sound: Path) -> None:
    """In stretches of 10 s, which is what the telephone sample's turns make."""
    from dubline.backends.choosing import options_of
    from dubline.backends.contract import Stretch
    from dubline.media.speech import Speech
    from dubline.report import silent

    with Speech(sound) as speech, backend(options_of(backend, options)) as recognizer:
        ends = np.arange(10, speech.duration + 0.01, 10).tolist()
        for _ in recognizer.recognize(speech, tuple(Stretch(start=e - 10, end=e) for e in ends), silent):
            pass


def builtin(sound: Path, _: Path, threads: int) -> None:
    from dubline.backends.diarizers.builtin import BuiltinDiarizer

    diarized(BuiltinDiarizer, {"threads": threads, "hearing": "several"}, sound)


def builtin_one(sound: Path, _: Path, threads: int) -> None:
    from dubline.backends.diarizers.builtin import BuiltinDiarizer

    diarized(BuiltinDiarizer, {"threads": threads, "hearing": "one"}, sound)


def pyannote(sound: Path, model: Path, threads: int) -> None:
    from dubline.backends.diarizers.pyannote import Pyannote

    diarized(Pyannote, {"model": str(model), "threads": threads, "device": "cpu"}, sound)


def pyannote_model(folder: Path) -> Path:
    """community-1's shapes: PyanNet of 1.5 million weights, WeSpeaker ResNet34."""
    import random_pyannote

    from dubline.backends.diarizers.pyannote_models import import_pyannote

    import_pyannote()
    import torch
    from pyannote.audio.models.segmentation import PyanNet

    small = random_pyannote.segmentation()
    lstm = {"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True, "dropout": 0.0}
    full = PyanNet(lstm=lstm, linear={"hidden_size": 128, "num_layers": 2})
    full.specifications = small.specifications
    full.build()
    with torch.no_grad():
        full.classifier.weight *= 60  # or all is silence, or all speech
    random_pyannote.pipeline_folder(folder, "wespeaker")
    random_pyannote.save_checkpoint(full, folder / "segmentation" / "pytorch_model.bin")
    return folder


def pocketsphinx(sound: Path, _: Path, threads: int) -> None:
    from dubline.backends.recognizers.pocketsphinx import Pocketsphinx

    recognised(Pocketsphinx, {}, sound)


def whisper_model(folder: Path) -> Path:
    """Whisper in the shape of "small" (Radford et al. 2022, table 1), random weights, for both libraries."""
    import ctranslate2
    import tiny_whisper
    import torch

    before_transformers()
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.manual_seed(0)
    width = {"d_model": 768, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072}
    depth = {"encoder_layers": 12, "decoder_layers": 12}
    heads = {"encoder_attention_heads": 12, "decoder_attention_heads": 12}
    model = WhisperForConditionalGeneration(WhisperConfig(vocab_size=51865, **width, **depth, **heads))
    model.save_pretrained(folder / "hf")
    WhisperFeatureExtractor().save_pretrained(folder / "hf")
    tiny_whisper._tokenizer().save_pretrained(folder / "hf")
    converter = ctranslate2.converters.TransformersConverter(str(folder / "hf"))
    converter.convert(str(folder / "ct2"), quantization="int8")
    return folder


def windows(sound: Path) -> list[np.ndarray]:
    """(80, 3000) features of each 30 s."""
    before_transformers()
    from transformers import WhisperFeatureExtractor

    size = round(WINDOW * RATE)
    samples = np.fromfile(sound, np.float32)
    make = WhisperFeatureExtractor()
    parts = [samples[at : at + size] for at in range(0, len(samples) - size + 1, size)]
    return [make(part, sampling_rate=RATE, return_tensors="np").input_features[0] for part in parts]


def whisper_transformers(sound: Path, model: Path, threads: int) -> None:
    import torch

    before_transformers()
    from transformers import WhisperForConditionalGeneration

    torch.set_num_threads(threads)
    network = WhisperForConditionalGeneration.from_pretrained(model / "hf").eval()
    decoder = torch.tensor([[50258, 50268, 50359]])  # begin, Turkish, transcribe
    with torch.inference_mode():
        for window in windows(sound):
            heard = network.model.encoder(torch.from_numpy(window)[None]).last_hidden_state
            tokens, cache = decoder, None
            for _ in range(TOKENS):
                out = network(decoder_input_ids=tokens, encoder_outputs=(heard,), past_key_values=cache)
                tokens, cache = out.logits[:, -1:].argmax(-1), out.past_key_values


def whisper_ctranslate2(sound: Path, model: Path, threads: int) -> None:
    import ctranslate2

    network = ctranslate2.models.Whisper(str(model / "ct2"), compute_type="int8", intra_threads=threads)
    for window in windows(sound):
        heard = network.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(window[None])))
        # The end is suppressed, so that it goes on to the last token.
        network.generate(
            heard,
            [[50258, 50268, 50359, 50363]],
            beam_size=5,
            max_length=2 * (TOKENS + 4),  # it stops at half of this
            suppress_tokens=[50257],
        )


def paddle_model(folder: Path) -> Path:
    """The tiny models of the tests, made inside the worker's environment."""
    from dubline.workers.environments import interpreter

    folder.mkdir()
    clip = folder / "clip.wav"
    sound, rate = sf.read(DATA / "diarization/sample.wav", stop=4 * RATE)
    sf.write(clip, sound, rate)
    builder = [str(interpreter("paddlespeech")), "-I", "-X", "utf8", str(ROOT / "tests" / "tiny_paddle.py")]
    subprocess.run([*builder, str(folder), str(clip)], check=True, cwd=folder, capture_output=True)
    return folder


def paddle_whisper(sound: Path, model: Path, threads: int) -> None:
    from dubline.backends.recognizers.paddlespeech import PaddleSpeech

    options = {"model": "whisper-tiny", "folder": str(model / "whisper"), "language": "tr"}
    recognised(PaddleSpeech, {**options, "threads": threads}, sound)


def nothing(folder: Path) -> Path:
    return folder


Row = tuple[Callable[[Path], Path], Callable[[Path, Path, int], None]]
ROWS: dict[str, Row] = {
    "built-in diarizer": (nothing, builtin),
    "built-in diarizer, one at a time": (nothing, builtin_one),
    "pyannote, random weights": (pyannote_model, pyannote),
    "pocketsphinx": (nothing, pocketsphinx),
    "Whisper small, transformers fp32": (whisper_model, whisper_transformers),
    "Whisper small, CTranslate2 int8": (whisper_model, whisper_ctranslate2),
    "PaddleSpeech, tiny Whisper": (paddle_model, paddle_whisper),
}


def spent() -> float:
    """Processor seconds of this process and of those it waited for."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def one(name: str, sound: Path, model: Path, threads: int) -> None:
    """A row in this process; loading the libraries and the model counts for memory, and for time too."""
    before, began = spent(), time.perf_counter()
    ROWS[name][1](sound, model, threads)
    processor, wall = spent() - before, time.perf_counter() - began
    own, others = (
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({"processor": processor, "wall": wall, "peak": (own + others) * UNIT / 2**20}))


def chain(data: Path, minutes: list[float], threads: int) -> None:
    """Peaks of `dubline transcribe`, by length."""
    from tiny_whisper_folder import tiny_whisper

    model = tiny_whisper() / "ct2"
    peaks: dict[float, int] = {}
    for length in minutes:
        with tempfile.TemporaryDirectory() as folder:
            source = looped(data, length, Path(folder, "talk.wav"))
            program = str(Path(sys.executable).with_name("dubline"))
            command = [program, "transcribe", str(source), "--on", "mix"]
            command += ["--recognizer", "faster-whisper", "--model", str(model), "--diarizer", "builtin"]
            command += ["--language", "tr", "--threads", str(threads)]
            began, before = time.perf_counter(), spent()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                raise SystemExit(f"dubline transcribe of {length:g} min failed")
            peaks[length] = usage.ru_maxrss * UNIT // 2**20
            wall, rtf = time.perf_counter() - began, (spent() - before) / (length * 60)
            print(
                f"{length:6g} min  peak {peaks[length]:5} MiB  RTF {rtf:.3f}  wall {wall:.0f} s", flush=True
            )
    print(f"ratio {peaks[max(peaks)] / peaks[min(peaks)]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--chain", default="", help="lengths in minutes, with commas")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        ROWS[given.make[0]][0](Path(given.make[1]))
        return
    if given.one:
        name, sound, model = given.one
        one(name, Path(sound), Path(model), given.threads)
        return
    if given.chain:
        chain(given.data, [float(m) for m in given.chain.split(",")], given.threads)
        return
    from dubline.workers.environments import interpreter

    print(f"{'':36} RTF (processor)  wall    peak MiB")
    for name in ROWS:
        if given.only not in name:
            continue
        if name.startswith("pyannote") and importlib.util.find_spec("pyannote") is None:
            print(f"{name:36} pyannote.audio is not installed")
            continue
        if name.startswith("PaddleSpeech") and not interpreter("paddlespeech").exists():
            print(f"{name:36} its environment is not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            sound = looped(given.data, given.minutes, Path(folder, "talk.f32"))
            model = Path(folder, "model")
            # In a process of its own: a child's peak begins with what its parent holds when it starts.
            subprocess.run(
                [sys.executable, __file__, "--make", name, str(model)], check=True, capture_output=True
            )
            command = [sys.executable, __file__, "--threads", str(given.threads), "--one", name]
            done = subprocess.run(
                [*command, str(sound), str(model)], check=True, capture_output=True, text=True
            )
        told = json.loads(done.stdout.splitlines()[-1])
        seconds = given.minutes * 60
        rates = f"{told['processor'] / seconds:8.3f}        {told['wall'] / seconds:6.3f}"
        print(f"{name:36} {rates}  {told['peak']:7.0f}", flush=True)


if __name__ == "__main__":
    main()
