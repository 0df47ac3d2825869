"""Builds PaddleSpeech models that are real and tiny. Runs inside the worker's environment:

    python tiny_paddle.py FOLDER CLIP.wav

FOLDER/conformer   one layer whose CTC layer says one letter, whatever it hears
FOLDER/punctuation  where PaddleNLP is installed: a full stop after everything
FOLDER/whisper     one layer, taught in some seconds to say " Merhaba dünya nasılsın" between two time stamps
"""

from __future__ import annotations

import importlib.util
import json
import string
import sys
from pathlib import Path
from typing import Any

WORDS = (" Merhaba", " dünya", " nasılsın")  # noqa: RUF001
SAID = (0.5, 2.5)  # seconds between which the tiny Whisper hears its words
FIRST_SPECIAL = 50257  # as in OpenAI's multilingual vocabulary
TIMES = FIRST_SPECIAL + 107  # <|0.00|>: after <|endoftext|>, 99 languages and seven more


def service() -> Any:
    path = Path(__file__).resolve().parents[1] / "core" / "dubline" / "workers" / "paddlespeech_worker.py"
    spec = importlib.util.spec_from_file_location("paddlespeech_worker", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def vocabulary(folder: Path, guard: Any) -> dict[str, int]:
    """All bytes, three words, and stuffing up to the size that says "multilingual"."""
    letters = guard.GptTokenizer({}, []).letters
    tokens = [letters[byte] for byte in range(256)]
    tokens += ["".join(letters[byte] for byte in word.encode()) for word in WORDS]
    tokens += [f"stuffing{n}" for n in range(FIRST_SPECIAL - len(tokens))]
    ids = {token: number for number, token in enumerate(tokens)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    return ids


def whisper(folder: Path, clip: Path, worker: Any) -> None:
    import numpy as np
    import paddle
    import soundfile

    guard = worker.guards
    guard.tokenizer_module()
    from paddlespeech.s2t.models.whisper import whisper as code

    ids = vocabulary(folder, guard)
    dims = dict(n_mels=80, n_audio_ctx=1500, n_audio_state=16, n_audio_head=2, n_audio_layer=1, n_vocab=51865)
    dims |= dict(n_text_ctx=448, n_text_state=16, n_text_head=2, n_text_layer=1)
    paddle.seed(1)
    model = code.Whisper(code.ModelDimensions(**dims))
    assets = folder / "building"
    worker.lay_out(folder, assets)
    sound = soundfile.read(clip, dtype="float32")[0]
    mel = code.pad_or_trim(code.log_mel_spectrogram(sound, resource_path=str(assets)), 3000).unsqueeze(0)
    start, turkish, transcribe, end = (
        FIRST_SPECIAL + 1,
        FIRST_SPECIAL + 11,
        FIRST_SPECIAL + 102,
        FIRST_SPECIAL,
    )
    stamps = [TIMES + round(second / 0.02) for second in SAID]
    last = TIMES + 1500
    letters = guard.GptTokenizer({}, []).letters
    words = [ids["".join(letters[byte] for byte in word.encode())] for word in WORDS]
    # The second stamp twice, then silence to the end of the window: nothing is left to listen to.
    said = [start, turkish, transcribe, stamps[0], *words, stamps[1], stamps[1], last, last, end]
    given, wanted = paddle.to_tensor([said[:-1]]), paddle.to_tensor(said[1:])
    teacher = paddle.optimizer.Adam(learning_rate=0.02, parameters=model.parameters())
    for _ in range(150):
        logits = model.decoder(given, model.encoder(mel))[0]
        loss = paddle.nn.functional.cross_entropy(logits[2:], wanted[2:])
        loss.backward()
        teacher.step()
        teacher.clear_grad()
        if float(loss) < 0.01:
            break
    model.eval()
    paddle.save({"dims": dims, **model.state_dict()}, str(folder / "tiny.pdparams"))
    print("whisper: loss", float(loss), "logits", np.asarray(logits).shape)


def conformer(folder: Path) -> None:
    import paddle
    import yaml
    from paddlespeech.s2t.models.u2 import U2Model
    from yacs.config import CfgNode

    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    letters = ["<blank>", "<unk>", "'", "<space>", *string.ascii_lowercase, "你", "好", "<eos>"]
    (data / "vocab.txt").write_text("\n".join(letters) + "\n", encoding="utf-8")
    (data / "mean_std.json").write_text(
        json.dumps(dict(mean_stat=[0.0] * 80, var_stat=[1.0] * 80, frame_num=1))
    )
    common = dict(
        attention_heads=2, linear_units=32, num_blocks=1, dropout_rate=0.0, positional_dropout_rate=0.0
    )
    settings = dict(
        cmvn_file="data/mean_std.json",
        cmvn_file_type="json",
        encoder="conformer",
        encoder_conf=dict(
            common,
            output_size=16,
            attention_dropout_rate=0.0,
            input_layer="conv2d",
            normalize_before=True,
            cnn_module_kernel=15,
            use_cnn_module=True,
            activation_type="swish",
            pos_enc_layer_type="rel_pos",
            selfattention_layer_type="rel_selfattn",
        ),
        decoder="transformer",
        decoder_conf=dict(common, self_attention_dropout_rate=0.0, src_attention_dropout_rate=0.0),
        model_conf=dict(
            ctc_weight=0.3, lsm_weight=0.1, length_normalized_loss=False, init_type="kaiming_uniform"
        ),
        vocab_filepath="data/vocab.txt",
        spm_model_prefix="",
        unit_type="char",
        preprocess_config=dict(
            process=[dict(type="fbank_kaldi", fs=16000, n_mels=80, n_shift=160, win_length=400, dither=0.0)]
        ),
        feat_dim=80,
        input_dim=80,
        output_dim=len(letters),
        stride_ms=10.0,
        window_ms=25.0,
        decode=dict(
            beam_size=2,
            decode_batch_size=1,
            error_rate_type="cer",
            decoding_method="attention_rescoring",
            ctc_weight=0.5,
            decoding_chunk_size=-1,
            num_decoding_left_chunks=-1,
            simulate_streaming=False,
        ),
    )
    (folder / "model.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    absolute = dict(settings, cmvn_file=str(data / "mean_std.json"), vocab_filepath=str(data / "vocab.txt"))
    paddle.seed(0)
    model = U2Model.from_config(CfgNode(absolute, new_allowed=True))
    # Whatever is heard, the CTC layer is sure of one letter.
    layer = model.ctc.ctc_lo
    layer.weight.set_value(paddle.zeros_like(layer.weight))
    bias = paddle.zeros_like(layer.bias)
    bias[letters.index("你")] = 20.0
    layer.bias.set_value(bias)
    (folder / "exp").mkdir(exist_ok=True)
    paddle.save(model.state_dict(), str(folder / "exp" / "avg_1.pdparams"))


def punctuation(folder: Path) -> None:
    """An ERNIE of one layer that puts a full stop after everything."""
    import paddle
    from paddlenlp.transformers import ErnieConfig, ErnieForTokenClassification

    folder.mkdir()
    tokens = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "你", "好"]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (folder / "punc_vocab.txt").write_text("[UNK]\n，\n。\n？\n", encoding="utf-8")  # noqa: RUF001
    sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    model = ErnieForTokenClassification(
        ErnieConfig(vocab_size=len(tokens), max_position_embeddings=64, num_labels=4, **sizes)
    )
    bias = paddle.zeros_like(model.classifier.bias)
    bias[2] = 50.0
    model.classifier.bias.set_value(bias)
    model.save_pretrained(str(folder / "ckpt"))


def main() -> None:
    folder, clip = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
    worker = service()
    worker.guards.before_import(1)
    worker.guards.after_import()
    conformer(folder / "conformer")
    whisper(folder / "whisper", clip, worker)
    if importlib.util.find_spec("paddlenlp") is not None:
        punctuation(folder / "punctuation")


if __name__ == "__main__":
    main()
