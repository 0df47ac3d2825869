"""How much faster lines are translated in batches of like length than one by one.

One model with random weights (4 + 4 layers, width 384, 32,000 tokens, 29 million parameters), 1,511 lines of
which no two are alike, four beams everywhere, one thread, processor time. A translation ends after as many
tokens as its source has, times 0.9: random weights would never end one. One by one means a call of
`generate` for each line in fp32, as programs do that go through a transcript segment by segment; it is
measured on lines taken evenly from all, and scaled to their number. Each figure is the median of the rounds.

    python benchmarks/translation_speed.py [--rounds 3] [--sample 300] [--lines 1511]
    python benchmarks/translation_speed.py --memory    peak memory with ten times as many lines
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import tiny_translator as tiny

from dubline.backends.translators.ctranslate2 import CTranslate2Translator
from dubline.backends.translators.transformers import TransformersTranslator
from dubline.values.translated import SourceLine

WORDS = 32_000
BEAMS = 4
RATIO = 0.9
TARGETS = {"transformers fp32": 3.0, "transformers int8": 6.0, "ctranslate2 int8": 10.0}
MEMORY_TARGET = 1.2


def lines(count: int) -> list[str]:
    """Distinct lines of 1 to 24 words: short ones are the most frequent, as in a dialogue."""
    rng = random.Random(11)
    words = sorted({word for pair in tiny.pairs() for word in pair[0].split()})
    made: dict[str, None] = {}
    while len(made) < count:
        length = min(24, max(1, round(rng.lognormvariate(1.5, 0.6))))
        made[" ".join(rng.choice(words) for _ in range(length))] = None
    return list(made)


def make(folder: Path) -> Path:
    """A model of the shape above, with the tiny model's tokenizer and empty words up to the number."""
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    torch.manual_seed(0)
    model = json.loads((tiny.folder() / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    vocabulary = model["vocab"]
    for number in range(len(vocabulary), WORDS - len(tiny.LANGUAGES)):
        vocabulary[f"▁empty{number}"] = number
    tokenizer = NllbTokenizer(
        vocab=vocabulary,
        merges=[tuple(merge) for merge in model["merges"]],
        src_lang="tur_Latn",
        tgt_lang="eng_Latn",
        extra_special_tokens=list(tiny.LANGUAGES),
    )
    config = M2M100Config(
        vocab_size=len(tokenizer),
        d_model=384,
        encoder_layers=4,
        decoder_layers=4,
        encoder_attention_heads=6,
        decoder_attention_heads=6,
        encoder_ffn_dim=1536,
        decoder_ffn_dim=1536,
        max_position_embeddings=256,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    M2M100ForConditionalGeneration(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def end_in_time(model: Any) -> None:
    """Let each row end after `RATIO` times the tokens of its source, and not before."""
    inner = model.forward

    def forward(*given: Any, **more: Any) -> Any:
        out = inner(*given, **more)
        past = more.get("past_key_values")
        at = past.get_seq_length() if past is not None else 1
        over = at >= (more["attention_mask"].sum(-1) * RATIO).round().clamp_min(2)
        out.logits[:, -1, 2] = over * 2e4 - 1e4
        return out

    model.forward = forward


def end_in_time_too(translator: CTranslate2Translator) -> None:
    """The same for CTranslate2, where a whole batch ends with its longest line: none of ours is favoured."""
    inner = translator._model

    class Ending:
        def translate_batch(self, rows: list[list[str]], **more: Any) -> Any:
            length = max(2, round(RATIO * max(map(len, rows))))
            more |= {"max_decoding_length": length, "min_decoding_length": length}
            return inner.translate_batch(rows, **more)

    translator._model = Ending()


def spent(work: Callable[[], Any]) -> float:
    """Seconds of processor time, of all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


def drain(translator: Any, texts: list[str]) -> int:
    given = [SourceLine(key=str(number), text=text) for number, text in enumerate(texts)]
    return sum(len(batch) for batch in translator.translate(given, {}, lambda done, total: None))


def one_by_one(folder: Path) -> Callable[[list[str]], None]:
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.src_lang = "tur_Latn"
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    end_in_time(model)
    english = tokenizer.convert_tokens_to_ids("eng_Latn")

    def work(texts: list[str]) -> None:
        for text in texts:
            with torch.inference_mode():
                out = model.generate(
                    **tokenizer(text, return_tensors="pt"),
                    forced_bos_token_id=english,
                    num_beams=BEAMS,
                    max_new_tokens=64,
                )
            tokenizer.batch_decode(out, skip_special_tokens=True)

    return work


def speed(count: int, sample: int, rounds: int) -> bool:
    import torch
    from transformers.utils import logging as noise

    noise.set_verbosity_error()
    noise.disable_progress_bar()
    torch.set_num_threads(1)
    texts = lines(count)
    by_length = sorted(texts, key=len)
    some = [by_length[int((i + 0.5) * count / sample)] for i in range(sample)]
    same: dict[str, Any] = {"source": "tr", "target": "en", "threads": 1, "device": "cpu", "beams": BEAMS}
    with tempfile.TemporaryDirectory() as place:
        os.environ["DUBLINE_MODELS"] = str(Path(place, "models"))
        folder = make(Path(place, "model"))
        peer = one_by_one(folder)
        ours: dict[str, Any] = {}
        for precision in ("fp32", "int8"):
            options = TransformersTranslator.Options(model=str(folder), precision=precision, **same)
            ours[f"transformers {precision}"] = translator = TransformersTranslator(options)
            end_in_time(translator._model)
        fast = CTranslate2Translator(CTranslate2Translator.Options(model=str(folder), **same))
        end_in_time_too(fast)
        ours["ctranslate2 int8"] = fast
        peer(some[::20])
        for translator in ours.values():
            drain(translator, texts[:40])
        times: dict[str, list[float]] = {name: [] for name in ("one by one", *ours)}
        for number in range(rounds):
            times["one by one"].append(spent(lambda: peer(some)) * count / sample)
            for name, translator in ours.items():
                times[name].append(spent(lambda t=translator: drain(t, texts)))
                ratio = times["one by one"][-1] / times[name][-1]
                print(f"round {number + 1}: {name} {ratio:.1f}x", file=sys.stderr, flush=True)
    print(f"{count} lines, {BEAMS} beams, one thread; one by one measured on {sample} and scaled; "
          f"median of {rounds}")  # fmt: skip
    base = median(times["one by one"])
    passed = True
    print(f"{'':20} {'CPU s':>8} {'ms/line':>8} {'ratio':>7} {'at least':>9}   each round, s")
    for name, values in times.items():
        middle, wanted = median(values), TARGETS.get(name)
        ratio = base / middle
        passed &= wanted is None or ratio >= wanted
        told = f"{wanted:.0f}x" if wanted else ""
        each = " ".join(f"{value:.1f}" for value in values)
        print(f"{name:20} {middle:8.1f} {1000 * middle / count:8.1f} {ratio:6.1f}x {told:>9}   {each}")
    return passed


def peak(name: str, count: int) -> None:
    """Translate that many lines with the tiny model in this process; print the peak of its memory, MiB."""
    texts = lines(count)
    cls: Any = {"transformers": TransformersTranslator, "ctranslate2": CTranslate2Translator}[name]
    options = {"source": "tr", "target": "en", "threads": 1, "device": "cpu", "model": str(tiny.folder())}
    with tempfile.TemporaryDirectory() as place:
        os.environ["DUBLINE_MODELS"] = place
        with cls(cls.Options(**options)) as translator:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            assert drain(translator, texts) == count
    print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def memory(count: int) -> bool:
    passed = True
    print(f"{'':14} {'lines':>7} {'loaded MiB':>11} {'peak MiB':>9}")
    for name in ("transformers", "ctranslate2"):
        peaks = []
        for number in (count, 10 * count):
            command = [sys.executable, __file__, "--peak", name, "--lines", str(number)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            peaks.append(float(out[-1]))
            print(f"{name:14} {number:7} {float(out[-2]):11.0f} {peaks[-1]:9.0f}")
        ratio = peaks[1] / peaks[0]
        passed &= ratio <= MEMORY_TARGET
        print(f"{name:14} ten times the lines: {ratio:.2f}x the peak (at most {MEMORY_TARGET}x)")
    return passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lines", type=int, default=1511)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", choices=("transformers", "ctranslate2"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        peak(given.peak, given.lines)
        return
    passed = memory(given.lines) if given.memory else speed(given.lines, given.sample, given.rounds)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
