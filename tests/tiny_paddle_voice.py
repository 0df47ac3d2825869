"""Builds PaddleSpeech voices, real and tiny, with random weights. Runs inside the worker's environment:

    python tiny_paddle_voice.py FOLDER

FOLDER/english    one speaker, Parallel WaveGAN; reference.npy is SENTENCE by PaddleSpeech's own classes
FOLDER/chinese    two speakers, HiFi-GAN, weights as .pdparams
FOLDER/mixed      both languages, multi-band MelGAN
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

RATE, HOP, MELS = 16000, 200, 80
FRAMES = 7  # frames that every phone lasts, about: 87 ms
VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
INITIALS = "b p m f d t n l g k h zh ch sh r z c s j q x"
FINALS = """a ai an ang ao e ei en eng er i ia ian iang iao ie ii iii in ing iong iou o ong ou
            u ua uai uan uang uei uen uo v van ve vn n"""


SENTENCE = "We have to leave this house before the morning."


def service() -> Any:
    path = Path(__file__).resolve().parents[1] / "core/dubline/workers/paddlespeech_voice_worker.py"
    spec = importlib.util.spec_from_file_location("paddlespeech_voice_worker", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def phones(language: str) -> list[str]:
    found = ["<pad>", "<unk>"]
    if language in ("en", "mix"):
        found += [f"{vowel}{stress}" for vowel in VOWELS.split() for stress in "012"] + CONSONANTS.split()
    if language in ("zh", "mix"):
        found += INITIALS.split() + [f"{final}{tone}" for final in FINALS.split() for tone in "12345"]
    return [*found, "sp", "<eos>"]


def acoustic(folder: Path, language: str, speakers: tuple[str, ...], ending: str) -> None:
    import numpy as np
    import paddle
    import yaml
    from paddlespeech.t2s.models.fastspeech2.fastspeech2 import FastSpeech2

    folder.mkdir(parents=True)
    model = dict(
        adim=16, aheads=2, elayers=1, eunits=32, dlayers=1, dunits=32,
        positionwise_layer_type="conv1d", positionwise_conv_kernel_size=3,
        duration_predictor_layers=1, duration_predictor_chans=16, duration_predictor_kernel_size=3,
        postnet_layers=0, use_scaled_pos_enc=True, encoder_normalize_before=True,
        decoder_normalize_before=True, reduction_factor=1, init_type="xavier_uniform",
        pitch_predictor_layers=1, pitch_predictor_chans=16, pitch_predictor_kernel_size=3,
        pitch_embed_kernel_size=1, energy_predictor_layers=1, energy_predictor_chans=16,
        energy_predictor_kernel_size=3, energy_embed_kernel_size=1,
    )  # fmt: skip
    if speakers:
        model |= dict(spk_embed_dim=8, spk_embed_integration_type="concat")
    told = dict(fs=RATE, n_shift=HOP, n_mels=MELS, model=model)
    (folder / "default.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    names = phones(language)
    for file, listed in (("phone_id_map.txt", names), ("speaker_id_map.txt", speakers)):
        if listed:
            lines = "".join(f"{name} {number}\n" for number, name in enumerate(listed))
            (folder / file).write_text(lines, encoding="utf-8")
    paddle.seed(3)
    network = FastSpeech2(idim=len(names), odim=MELS, spk_num=len(speakers) or None, **model)
    # Lengths are told as log(frames + 1).
    ends = network.duration_predictor.linear
    ends.weight.set_value(ends.weight * 0.1)
    ends.bias.set_value(paddle.full_like(ends.bias, float(np.log(FRAMES + 1))))
    state = network.state_dict()
    if ending == ".pdz":
        paddle.save(dict(main_params=state, epoch=1, iteration=10), str(folder / "snapshot_iter_10.pdz"))
    else:
        paddle.save(state, str(folder / "model.pdparams"))
    np.save(folder / "speech_stats.npy", np.stack([np.full(MELS, -4.0), np.ones(MELS)]).astype(np.float32))
    np.save(folder / "pitch_stats.npy", np.array([[5.0], [0.3]], np.float32))


def vocoder(folder: Path, kind: str) -> None:
    import numpy as np
    import paddle
    import yaml

    folder.mkdir(parents=True)
    if kind == "pwgan":
        from paddlespeech.t2s.models.parallel_wavegan.parallel_wavegan import PWGGenerator as Generator

        inner: dict[str, Any] = dict(
            in_channels=1, out_channels=1, kernel_size=3, layers=2, stacks=1, residual_channels=8,
            gate_channels=16, skip_channels=8, aux_channels=MELS, aux_context_window=2, dropout=0.0,
            upsample_scales=[4, 5, 10],
        )  # fmt: skip
    elif kind == "hifigan":
        from paddlespeech.t2s.models.hifigan.hifigan import HiFiGANGenerator as Generator

        inner = dict(
            in_channels=MELS, out_channels=1, channels=16, kernel_size=7, upsample_scales=[5, 5, 8],
            upsample_kernel_sizes=[10, 10, 16], resblock_kernel_sizes=[3], resblock_dilations=[[1, 3]],
        )  # fmt: skip
    else:
        from paddlespeech.t2s.models.melgan.melgan import MelGANGenerator as Generator

        inner = dict(
            in_channels=MELS, out_channels=4, kernel_size=7, channels=64, upsample_scales=[5, 10],
            stack_kernel_size=3, stacks=1, use_final_nonlinear_activation=True,
        )  # fmt: skip
    told = dict(fs=RATE, n_shift=HOP, n_mels=MELS, generator_params=inner)
    (folder / "default.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    paddle.seed(4)
    state = Generator(**inner).state_dict()
    paddle.save(dict(generator_params=state, epoch=1, iteration=20), str(folder / "snapshot_iter_20.pdz"))
    np.save(folder / "feats_stats.npy", np.stack([np.full(MELS, -4.0), np.ones(MELS)]).astype(np.float32))


def told(folder: Path, front: Any) -> None:
    """What PaddleSpeech's own classes make of the sentence."""
    import numpy as np
    import paddle
    import yaml
    from paddlespeech.t2s.models.fastspeech2.fastspeech2 import FastSpeech2, FastSpeech2Inference
    from paddlespeech.t2s.models.parallel_wavegan.parallel_wavegan import PWGGenerator, PWGInference
    from paddlespeech.t2s.modules.normalizer import ZScore

    def stats(path: Path) -> Any:
        return ZScore(*(paddle.to_tensor(row) for row in np.load(path)))

    voice, maker = folder / "fastspeech2", folder / "pwg"
    made = yaml.safe_load((voice / "default.yaml").read_text())
    network = FastSpeech2(idim=len(phones("en")), odim=MELS, spk_num=None, **made["model"])
    network.set_state_dict(paddle.load(str(voice / "snapshot_iter_10.pdz"))["main_params"])
    network.eval()
    generator = PWGGenerator(**yaml.safe_load((maker / "default.yaml").read_text())["generator_params"])
    generator.set_state_dict(paddle.load(str(maker / "snapshot_iter_20.pdz"))["generator_params"])
    generator.remove_weight_norm()
    generator.eval()
    (row,) = front.get_input_ids(SENTENCE)["phone_ids"]
    logmel = FastSpeech2Inference(stats(voice / "speech_stats.npy"), network)(row)
    paddle.seed(20)  # Parallel WaveGAN begins with noise
    wave = PWGInference(stats(maker / "feats_stats.npy"), generator)(logmel)
    np.save(folder / "reference.npy", np.asarray(wave, np.float32).reshape(-1))


def main() -> None:
    folder = Path(sys.argv[1]).absolute()
    worker = service()
    worker.guards.before_import(1)
    worker.guards.after_import()
    worker.make_importable()
    acoustic(folder / "english/fastspeech2", "en", (), ".pdz")
    vocoder(folder / "english/pwg", "pwgan")
    front, _ = worker.phones.english(str(folder / "english/fastspeech2/phone_id_map.txt"), "")
    told(folder / "english", front)
    acoustic(folder / "chinese/fastspeech2", "zh", ("SSB0005", "SSB0009"), ".pdparams")
    vocoder(folder / "chinese/hifigan", "hifigan")
    acoustic(folder / "mixed/fastspeech2", "mix", (), ".pdz")
    vocoder(folder / "mixed/melgan", "mb_melgan")


if __name__ == "__main__":
    main()
