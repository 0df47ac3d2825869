"""Models that are folders: told by their content, checked for being whole, brought in, listed, found."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from command import dubline, shown
from tiny_whisper_folder import tiny_whisper

from dubline.backends.torchaudio_guard import before_transformers
from dubline.errors import InvalidJob, WeightsError
from dubline.weights.files import checksum, installed, models_folder, resolve
from dubline.weights.folders import cached_folder, find_folder, folder_card, folders_here, weight_sums
from dubline.weights.intake_folders import import_folder, needed_files
from dubline.weights.kinds import english_only, folder_kind, look, non_commercial, read_licence

CARD = "---\nlanguage: tr\nlicense: {}\n---\n# A model\n"


@pytest.fixture
def whispers(tmp_path: Path) -> Path:
    """Copies of a tiny Whisper in both forms, as `hf` and `ct2`."""
    return Path(shutil.copytree(tiny_whisper(), tmp_path / "source"))


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Marian of a few kilobytes with random weights, as Helsinki-NLP publishes them: a pickle alone."""
    before_transformers()
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch = pytest.importorskip("torch", reason="torch is not installed")
    folder = tmp_path_factory.mktemp("marian") / "opus-mt-tr-en"
    config = transformers.MarianConfig(
        vocab_size=40, d_model=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=1,
        decoder_attention_heads=1, encoder_ffn_dim=8, decoder_ffn_dim=8, pad_token_id=39, eos_token_id=0,
        decoder_start_token_id=39, forced_eos_token_id=0, max_position_embeddings=16,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.MarianMTModel(config)
    model.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(b"pieces")
    (folder / "vocab.json").write_text("{}")
    (folder / "README.md").write_text(CARD.format("cc-by-4.0"))
    (folder / "tf_model.h5").write_bytes(b"never looked at")
    return folder


def pipeline(folder: Path) -> Path:
    """A pyannote pipeline as far as its files' heads go."""
    import zipfile

    for name in ("segmentation/pytorch_model.bin", "embedding/pytorch_model.bin"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(folder / name, "w") as file:
            file.writestr("archive/data.pkl", b"x" * 2000)
    (folder / "plda").mkdir()
    for name in ("plda", "xvec_transform"):
        shutil.copy(folder / "segmentation/pytorch_model.bin", folder / "plda" / f"{name}.npz")
    (folder / "config.yaml").write_text(
        "version: 4.0.0\npipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n  params:\n"
        "    segmentation: $model/segmentation\n    embedding: $model/embedding\n    plda: $model/plda\n"
    )
    return folder


def test_kinds_are_told_by_content(whispers: Path, marian: Path, tmp_path: Path) -> None:
    found = {
        "hf": folder_kind(whispers / "hf"),
        "ct2": folder_kind(whispers / "ct2"),
        "marian": folder_kind(marian),
        "pyannote": folder_kind(pipeline(tmp_path / "p")),
        "nothing": folder_kind(tmp_path),
    }
    assert found == {
        "hf": "whisper", "ct2": "whisper-ct2", "marian": "seq2seq", "pyannote": "pyannote", "nothing": None
    }  # fmt: skip


def test_a_converted_translator_is_told_from_a_whisper(marian: Path, tmp_path: Path) -> None:
    """The head of model.bin as CTranslate2 writes it for a Marian."""
    name = b"TransformerSpec\0"
    whole = struct.pack("<IH", 6, len(name)) + name + struct.pack("<III", 7, 0, 0)
    (tmp_path / "model.bin").write_bytes(whole)
    (tmp_path / "shared_vocabulary.json").write_text("[]")
    assert folder_kind(tmp_path) == "seq2seq-ct2"
    with pytest.raises(WeightsError, match=r"source\.spm.* is missing") as error:
        look(tmp_path)
    assert "--copy_files" in error.value.hint
    (tmp_path / "source.spm").write_bytes(b"pieces")
    assert look(tmp_path).weights == ("model.bin",)
    (tmp_path / "model.bin").write_bytes(whole + b"more")
    with pytest.raises(WeightsError, match=f"has {len(whole) + 4} of {len(whole)} bytes"):
        look(tmp_path)


@pytest.mark.parametrize("form", ["hf", "ct2"])
@pytest.mark.parametrize("keep", [0, 5, 100, 50_000, -1])
def test_weights_cut_off_anywhere_are_told_by_name(whispers: Path, form: str, keep: int) -> None:
    folder = whispers / form
    file = folder / ("model.safetensors" if form == "hf" else "model.bin")
    assert look(folder).weights == (file.name,)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=file.name) as error:
        look(folder)
    assert error.value.hint


@pytest.mark.parametrize("part", ["segmentation/pytorch_model.bin", "plda/plda.npz"])
@pytest.mark.parametrize("harm", ["missing", "empty", "cut", "pointer"])
def test_a_half_downloaded_pipeline_is_told_by_name(tmp_path: Path, part: str, harm: str) -> None:
    folder = pipeline(tmp_path / "p")
    assert len(look(folder).weights) == 4
    data = (folder / part).read_bytes()
    (folder / part).unlink()
    if harm != "missing":
        broken = {"empty": b"", "cut": data[:-30], "pointer": b"version https://git-lfs.github.com/spec/v1\n"}
        (folder / part).write_bytes(broken[harm])
    with pytest.raises(WeightsError, match=part) as error:
        look(folder)
    assert error.value.hint


def test_a_model_in_parts_must_have_all_of_them(whispers: Path) -> None:
    folder = whispers / "hf"
    whole = (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = folder / "model.safetensors.index.json"
    names = {"a": whole.name, "b": "model-00002-of-00002.safetensors"}
    index.write_text(json.dumps({"weight_map": names}))
    with pytest.raises(WeightsError, match="model-00002-of-00002"):
        look(folder)
    shutil.copy(whole, folder / names["b"])
    assert look(folder).weights == tuple(names.values())
    index.write_text(json.dumps({"weight_map": {"a": "../../secret"}}))
    with pytest.raises(WeightsError, match="outside"):
        look(folder)


@pytest.mark.parametrize(
    ("head", "licence", "forbids"),
    [
        ("license: mit", "mit", False),
        ("license: cc-by-nc-4.0", "cc-by-nc-4.0", True),
        ("license:\n- 'cc-by-nc-sa-4.0'", "cc-by-nc-sa-4.0", True),
        ("license: other\nlicense_name: house-noncommercial", "house-noncommercial", True),
        ("tags: [x]", "", False),
    ],
)
def test_the_licence_stands_in_the_cards_head(tmp_path: Path, head: str, licence: str, forbids: bool) -> None:
    (tmp_path / "README.md").write_bytes(f"---\r\n{head}\r\n---\r\nlicense: not this".encode())
    assert read_licence(tmp_path / "README.md") == licence
    assert non_commercial(licence) is forbids


def test_import_keeps_the_source_and_lists_licence_and_kind(whispers: Path) -> None:
    source = whispers / "ct2"
    (source / "README.md").write_text(CARD.format("cc-by-nc-4.0"))
    (source / "optimizer.pt").write_bytes(b"of no use")
    before = shown(source)
    answer = dubline("models", "import", source, "--name", "house")
    assert answer.status == 0, answer.err
    assert "does not allow commercial use" in answer.out
    assert shown(source) == before
    assert shown(models_folder() / "house") == sorted({*before, "house.card.json"} - {"optimizer.pt"})
    (row,) = [line for line in dubline("models", "list").out.splitlines() if line.startswith("house ")]
    for said in ("whisper-ct2", checksum(source / "model.bin")[:8], "not for commercial use"):
        assert said in row
    assert dubline("models", "import", source, "--name", "house").status == 0, "the same again is no error"
    other = dubline("models", "import", whispers / "hf", "--name", "house")
    assert other.status == 1 and "--name" in other.err


@pytest.mark.usefixtures("any_bytes")
def test_a_separators_name_is_not_overwritten_and_separators_pass_speech_models_over(
    whispers: Path, tmp_path: Path
) -> None:
    (tmp_path / "voc.onnx").write_bytes(b"x")
    assert dubline("models", "import", tmp_path / "voc.onnx").status == 0
    assert dubline("models", "import", whispers / "hf", "--name", "voc").status == 1
    import_folder(whispers / "hf", name="speech")
    assert [found.name for _, found in installed() if not isinstance(found, WeightsError)] == ["voc"]
    with pytest.raises(WeightsError, match="whisper"):
        resolve("speech", "demucs")


def test_a_half_downloaded_folder_is_refused_and_listed_as_damaged(whispers: Path) -> None:
    file = whispers / "ct2" / "model.bin"
    file.write_bytes(file.read_bytes()[:-9])
    answer = dubline("models", "import", whispers / "ct2")
    assert answer.status == 1 and "model.bin" in answer.err
    assert not models_folder().exists() or not shown(models_folder())
    shutil.copytree(whispers / "ct2", models_folder() / "by-hand")
    listed = dubline("models", "list").out
    assert "damaged: by-hand" in listed and "model.bin" in listed


def test_stopped_while_copying_leaves_nothing(whispers: Path) -> None:
    def stop(done: float, total: float) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_folder(whispers / "hf", report=stop)
    assert list(models_folder().iterdir()) == []


def test_a_pickle_alone_becomes_safetensors_with_the_same_numbers(marian: Path) -> None:
    import torch
    from safetensors.torch import load_file

    answer = dubline("models", "import", marian)
    assert answer.status == 0, answer.err
    assert "written as safetensors" in answer.out and "cc-by-4.0" in answer.out
    place = models_folder() / "opus-mt-tr-en"
    assert not [n for n in shown(place) if n.endswith((".bin", ".h5"))]
    assert (place / "config.json").read_bytes() == (marian / "config.json").read_bytes()
    before, after = torch.load(marian / "pytorch_model.bin"), load_file(place / "model.safetensors")
    assert after and all(torch.equal(before[name], tensor) for name, tensor in after.items())
    card = folder_card(place)
    assert card is not None and (card.kind, card.architecture) == ("seq2seq", "marian")


class Bomb:
    """A pickle that writes a file when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def test_a_pickle_that_would_run_something_is_refused(marian: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(marian, tmp_path / "bad"))
    mark = tmp_path / "ran"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(mark)))
    answer = dubline("models", "import", folder)
    assert answer.status == 1 and "read safely" in answer.err and "save_pretrained" in answer.err
    assert not mark.exists() and not shown(models_folder())


def test_which_files_are_needed() -> None:
    safe = ["model.safetensors", "pytorch_model.bin", "config.json", "onnx/model.onnx", "README.md", ".git/x"]
    assert needed_files(safe, "x", None) == ("model.safetensors", "README.md", "config.json")
    turned = ["model.bin", "config.json", "pytorch_model.bin", "vocabulary.txt", "training.py"]
    assert needed_files(turned, "x", None) == ("model.bin", "config.json", "vocabulary.txt")
    with pytest.raises(WeightsError, match=r"model\.ckpt"):
        needed_files(["model.ckpt", "config.json"], "x", None)


def test_names_mean_the_models_folder_paths_and_the_hubs_cache(
    whispers: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    home = tmp_path / "hub" / "models--house--small"
    digest = checksum(whispers / "ct2" / "model.bin")
    snapshot = home / "snapshots" / ("0" * 40)
    shutil.copytree(whispers / "ct2", snapshot)
    (home / "blobs").mkdir()
    (snapshot / "model.bin").rename(home / "blobs" / digest)
    (snapshot / "model.bin").symlink_to(home / "blobs" / digest)
    import_folder(whispers / "ct2", name="mine")
    assert find_folder("mine", "whisper-ct2") == models_folder() / "mine"
    assert find_folder(str(whispers / "hf"), "whisper") == whispers / "hf"
    assert (
        find_folder("house/small", "whisper-ct2") == cached_folder("house/small", "whisper-ct2") == snapshot
    )
    assert find_folder("mine", "whisper") is None and find_folder("house/large", "whisper-ct2") is None
    assert list(folders_here("whisper-ct2")) == ["mine", "house/small"]
    (models_folder() / "mine" / "tokenizer.json").unlink()
    assert list(folders_here("whisper-ct2")) == ["house/small"], "half a model is none"


def test_checksums_of_weights_follow_the_bytes(whispers: Path) -> None:
    import_folder(whispers / "ct2", name="mine")
    file = models_folder() / "mine" / "model.bin"
    assert weight_sums(file.parent) == (checksum(file),)
    data = bytearray(file.read_bytes())
    data[-40] ^= 1
    file.write_bytes(data)
    card = file.with_name("mine.card.json")
    import os

    os.utime(card, ns=(0, 0))  # the file is newer than what is said of it
    assert weight_sums(file.parent) == (checksum(file),)


def test_an_english_whisper_is_told_by_its_vocabulary(whispers: Path) -> None:
    assert not english_only(whispers / "hf", "whisper")
    assert not english_only(whispers / "ct2", "whisper-ct2")
    settings = json.loads((whispers / "hf" / "config.json").read_text())
    (whispers / "hf" / "config.json").write_text(json.dumps({**settings, "vocab_size": 51864}))
    words = json.loads((whispers / "ct2" / "vocabulary.json").read_text())
    (whispers / "ct2" / "vocabulary.json").write_text(json.dumps(words[:51864]))
    assert english_only(whispers / "hf", "whisper") and english_only(whispers / "ct2", "whisper-ct2")


def test_names_that_cannot_be_folders_are_refused(whispers: Path) -> None:
    with pytest.raises(InvalidJob):
        import_folder(whispers / "hf", name="../out")
