"""Speech models of transformers beside Whisper, with random weights: what a folder is, languages, times."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_whisper as tiny
from command import dubline
from tiny_speech_models import LETTERS, kept_speech_model

from dubline.backends.backend import Sought
from dubline.backends.choosing import settle
from dubline.backends.contract import Heard, Stretch
from dubline.backends.recognizers.ctc_path import aligned, best_path
from dubline.backends.recognizers.decoding import lowered, raised
from dubline.backends.recognizers.sound_times import along_the_sound
from dubline.backends.recognizers.transformers import Transformers
from dubline.backends.torchaudio_guard import before_transformers
from dubline.errors import InvalidJob, WeightsError
from dubline.media.sound import FloatFile
from dubline.media.speech import Speech
from dubline.recognition.way import settle_transcription
from dubline.values.wishes import TranscribeWish
from dubline.weights.kinds import folder_kind, look
from dubline.weights.speech_models import SPEECH_MODELS, read_languages

pytest.importorskip("transformers", reason="transformers is not installed")
STRETCH = Stretch(start=0.5, end=2.5)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speech]:
    path = tmp_path_factory.mktemp("speech") / "speech.raw"
    with FloatFile(path, 1) as file:
        file.append(tiny.voice("en", 3)[None])
    with Speech(path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("DUBLINE_MODELS", str(folder))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return folder


def put(models: Path, *kinds: str) -> None:
    for kind in kinds:
        shutil.copytree(kept_speech_model(kind), models / kind)


def opened(kind: str, **options: Any) -> Transformers:
    given = {"model": str(kept_speech_model(kind)), "language": "en", "device": "cpu", "threads": 1}
    return Transformers(Transformers.Options(**given | options))


def heard(recognizer: Transformers, speech: Speech, *stretches: Stretch) -> list[Heard]:
    return list(recognizer.recognize(speech, stretches or (STRETCH,), lambda done, total: None))


# --- what a folder is ---------------------------------------------------------------------------


def test_the_languages_are_those_that_the_library_knows() -> None:
    before_transformers()
    from transformers.models.canary import processing_canary
    from transformers.models.cohere_asr import processing_cohere_asr
    from transformers.models.qwen3_asr import processing_qwen3_asr

    assert set(SPEECH_MODELS["canary"].languages) == set(processing_canary.LANGUAGE_CODE_TO_NAME)
    assert set(SPEECH_MODELS["cohere_asr"].languages) == processing_cohere_asr.LANGUAGES
    assert set(SPEECH_MODELS["qwen3_asr"].languages) == set(processing_qwen3_asr.LANGUAGE_CODE_TO_NAME)


@pytest.mark.parametrize(
    "head, codes",
    [
        ("language: tr", ("tr",)),
        ("language:\n- en\n- pt-BR\n- zh_Hant\nlicense: mit", ("en", "pt", "zh")),
        ("language: [de, 'fr']", ("de", "fr")),
        ("license: mit", ()),
    ],
)
def test_a_model_cards_head_names_its_languages(tmp_path: Path, head: str, codes: tuple[str, ...]) -> None:
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\nlanguage: xx\n")
    assert read_languages(tmp_path / "README.md") == codes


def test_a_folder_is_told_by_its_settings(models: Path) -> None:
    put(models, "parakeet_tdt", "wav2vec2")
    assert look(models / "parakeet_tdt").architecture == "parakeet_tdt"
    assert folder_kind(models / "wav2vec2") == "asr"
    settings = json.loads((models / "wav2vec2/config.json").read_text())
    for other in ({"architectures": ["Wav2Vec2ForPreTraining"]}, {"adapter_attn_dim": 16}):
        (models / "wav2vec2/config.json").write_text(json.dumps(settings | other))
        assert folder_kind(models / "wav2vec2") is None


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "processor_config.json"])
def test_what_is_missing_is_named_before_anything_is_loaded(models: Path, name: str) -> None:
    put(models, "canary")
    (models / "canary" / name).unlink()
    with pytest.raises(WeightsError, match=name.partition(".")[0]):
        opened("canary", model="canary")


def test_the_makers_own_form_of_qwen_is_refused_with_the_right_one(models: Path) -> None:
    put(models, "qwen3_asr")
    file = models / "qwen3_asr/config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"thinker_config": {}}))
    with pytest.raises(WeightsError) as error:
        opened("qwen3_asr", model="qwen3_asr")
    assert "-hf" in error.value.hint


def test_import_and_list_tell_the_family_and_the_licence(models: Path) -> None:
    told = dubline("models", "import", str(kept_speech_model("canary")), "--name", "mine")
    assert "(asr, canary)" in told.out and "cc-by-4.0" in told.out
    assert "asr, canary" in dubline("models", "list").out


# --- which one is taken -------------------------------------------------------------------------


def test_those_that_time_their_words_come_first_and_what_the_others_cost_is_told(models: Path) -> None:
    put(models, "canary", "parakeet_tdt")
    german = settle("recognizer", "transformers", Sought(language="de"))
    assert german.choice.options["model"] == "parakeet_tdt" and "guess" not in german.reasons[0]
    polish = settle("recognizer", "transformers", Sought(language="pl"))
    assert polish.choice.options["model"] == "canary" and "so that they are a guess" in polish.reasons[0]


def test_without_a_language_only_one_that_tells_it_is_taken(models: Path) -> None:
    put(models, "parakeet_tdt", "canary")
    with pytest.raises(WeightsError):
        settle("recognizer", "transformers", Sought())
    put(models, "qwen3_asr")
    assert settle("recognizer", "transformers", Sought()).choice.options["model"] == "qwen3_asr"


@pytest.mark.parametrize("language, word", [("", "--language"), ("tr", "bg, hr")])
def test_what_a_named_model_cannot_hear_is_refused_before_work_begins(
    models: Path, language: str, word: str
) -> None:
    put(models, "canary")
    with pytest.raises(InvalidJob) as error:
        settle("recognizer", "transformers", Sought(model="canary", language=language))
    assert word in error.value.hint


@pytest.mark.parametrize("language, named", [("en-GB", "en-GB"), ("tr-TR", "tr-TR"), ("", "")])
def test_a_way_of_speaking_is_heard_as_its_language(speech: Speech, language: str, named: str) -> None:
    """The library's codes of languages are the model's own business; what was named is told."""
    with opened("parakeet_tdt", language=language) as recognizer:
        (answer,) = heard(recognizer, speech)
    assert answer.language == named


# --- times --------------------------------------------------------------------------------------


def collapsed(path: tuple[int, ...], blank: int) -> list[int]:
    return [label for label, _ in itertools.groupby(path) if label != blank]


@pytest.mark.parametrize("labels", [[1], [1, 2], [1, 1], [2, 1, 2]])
def test_no_path_that_says_a_text_is_likelier_than_the_one_found(labels: list[int]) -> None:
    """Against every path there is, through six moments of noise."""
    logs = np.log(np.random.default_rng(len(labels)).dirichlet(np.ones(3), 6)).astype(np.float32)
    paths = [p for p in itertools.product(range(3), repeat=6) if collapsed(p, 0) == labels]
    best = max(paths, key=lambda path: sum(logs[i, label] for i, label in enumerate(path)))
    spans = aligned(logs, labels, 0)
    assert spans is not None
    path = [0] * 6
    for label, (first, end) in zip(labels, spans, strict=True):
        path[first:end] = [label] * (end - first)
    assert tuple(path) == best
    assert aligned(logs[: len(labels) - 1], labels, 0) is None


def test_the_likeliest_path_joins_what_lasts_and_keeps_what_is_doubled() -> None:
    logs = np.eye(3, dtype=np.float32)[[1, 1, 0, 1, 2, 0]]
    assert best_path(logs, 0) == [(1, (0, 2)), (1, (3, 4)), (2, (4, 5))]


def spelt(decoding: Any, text: str, moments: int = 2) -> np.ndarray[Any, Any]:
    """(moments, labels) logarithms in which each letter of a text lasts, with a blank after it."""
    vocabulary = decoding._tokenizer.get_vocab()
    labels = [vocabulary[letter] for letter in text]
    path = [label for one in labels for label in [one] * moments + [decoding._blank]]
    logs = np.full((len(path), len(vocabulary)), -20, np.float32)
    logs[np.arange(len(path)), path] = -0.01
    return logs


def test_a_ctc_models_words_have_the_times_of_their_letters(speech: Speech) -> None:
    with opened("wav2vec2") as recognizer:
        decoding: Any = recognizer._decoding
        decoding._logs = lambda sounds: [spelt(decoding, "HELLO|YOU")]
        (answer,) = heard(recognizer, speech)
    assert [word.text for word in answer.words] == [" hello", " you"]
    frame = 0.02  # seconds; each letter takes three
    assert [(word.start, word.end) for word in answer.words] == [
        pytest.approx((0.5, 0.5 + 14 * frame)),
        pytest.approx((0.5 + 18 * frame, 0.5 + 26 * frame)),
    ]
    assert all(word.confidence == pytest.approx(np.exp(-0.01)) for word in answer.words)
    assert not any(word.estimated for word in answer.words)


def test_an_aligner_finds_words_that_another_model_heard() -> None:
    with opened("wav2vec2") as recognizer:
        decoding: Any = recognizer._decoding
        decoding._logs = lambda sounds: [spelt(decoding, "HELLO|YOU")]
        spans = decoding.align(np.zeros(16000, np.float32), [" Hello,", " 42", " you!"], "en")
    assert spans[1] is None  # no letter of it is known
    assert spans[0] == pytest.approx((0, 0.28)) and spans[2] == pytest.approx((0.36, 0.52))


def test_times_are_guessed_and_marked_unless_an_aligner_is_here(models: Path, speech: Speech) -> None:
    with opened("canary") as recognizer:
        (alone,) = heard(recognizer, speech)
        assert alone.words and all(word.estimated for word in alone.words)
        assert [n for n in recognizer.notes if "a guess" in n and "models import" in n]
        before = recognizer.identity(
            Transformers.Options(model=str(kept_speech_model("canary")), language="en")
        )
    put(models, "wav2vec2")
    with opened("canary") as recognizer:
        (with_one,) = heard(recognizer, speech)
        assert "wav2vec2 finds where its words lie" in recognizer.notes[1]
        assert [identity.name for identity in recognizer.identities][1:] == ["wav2vec2"]
        after = recognizer.identity(
            Transformers.Options(model=str(kept_speech_model("canary")), language="en")
        )
    assert [word.text for word in with_one.words] == [word.text for word in alone.words]
    timed = [word for word in with_one.words if word.start is not None]
    assert not any(word.estimated for word in timed) or len(timed) == len(with_one.words)
    assert set(before) < set(after)
    with opened("canary", aligner="none") as recognizer:
        assert heard(recognizer, speech) == [alone]
    with pytest.raises(WeightsError, match="no CTC model"):
        opened("canary", aligner="nobody")


def test_a_guess_follows_what_is_loud() -> None:
    burst = 0.3 * np.random.default_rng(0).normal(size=16000).astype(np.float32)
    sound = np.concatenate([np.zeros(8000, np.float32), burst, np.zeros(16000, np.float32), burst])
    spans = along_the_sound([" one", " two", " six", " ten"], sound)
    assert np.array(spans) == pytest.approx(
        np.array([(0.5, 1.0), (1.0, 1.5), (2.5, 3.0), (3.0, 3.5)]), abs=0.021
    )
    (*_, third, last) = along_the_sound([" one", " two", " longer", " ten"], sound)
    assert third == pytest.approx((2.5, 3.17), abs=0.03), "a word lies on one side of the pause"
    assert last[1] == pytest.approx(3.5, abs=0.021)
    assert along_the_sound(["a", "b"], np.zeros(100, np.float32))[1][1] <= 100 / 16000


# --- what is heard ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hubert", "wavlm", "parakeet_ctc", "parakeet_tdt", "canary", "qwen3_asr"])
def test_a_batch_gives_what_one_by_one_gives(speech: Speech, kind: str) -> None:
    stretches = (STRETCH, Stretch(start=1.0, end=2.2))
    with opened(kind) as recognizer:
        alone = heard(recognizer, speech, *stretches)
    with opened(kind, batch=2) as recognizer:
        together = heard(recognizer, speech, *stretches)
    for one, other in zip(alone, together, strict=True):
        assert [word.text for word in one.words] == [word.text for word in other.words]
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-3)


def test_qwen_tells_the_language_before_the_text() -> None:
    with opened("qwen3_asr", language="") as recognizer:
        decoding: Any = recognizer._decoding

        def read(text: str) -> Any:
            ids = decoding._tokenizer(text, add_special_tokens=False).input_ids
            return decoding._read(ids, [0.5] * len(ids), "")

        said, nothing = read("language German<asr_text>Guten Tag"), read("language None<asr_text>")
        chinese = read("language Chinese<asr_text>\u4f60\u597d\u3002")
    assert said.language == "de" and [word.text for word in said.words] == [" Guten", " Tag"]
    assert all(word.confidence == 0.5 for word in said.words)
    assert nothing.words == [] and nothing.no_speech == 1.0
    assert [word.text for word in chinese.words] == ["\u4f60", "\u597d\u3002"]


def test_a_glossary_goes_to_those_that_take_one() -> None:
    with opened("qwen3_asr", glossary=("Nasreddin", "Hoca")) as recognizer:
        decoding: Any = recognizer._decoding
        given = decoding._given([np.zeros(16000, np.float32)], "en")
        assert "Nasreddin, Hoca" in decoding._tokenizer.decode(given["input_ids"][0])
    with pytest.raises(InvalidJob, match="takes no glossary"):
        opened("parakeet_tdt", glossary=("Hoca",))
    takes = {
        kind: Transformers.takes_glossary({"model": str(kept_speech_model(kind))})
        for kind in ("canary", "qwen3_asr")
    }
    assert takes == {"canary": False, "qwen3_asr": True}


def test_a_model_that_takes_no_glossary_is_told_before_work_begins(models: Path, tmp_path: Path) -> None:
    put(models, "parakeet_tdt", "qwen3_asr")
    terms = tmp_path / "terms.csv"
    terms.write_text("source,target\nHoca,Hodja\n")

    def settled(model: str) -> Any:
        wish = TranscribeWish(
            recognizer="transformers", recognizer_model=model, language="en", glossary=str(terms), speakers=1
        )
        return settle_transcription(wish).job.words

    with pytest.raises(InvalidJob, match="no glossary with parakeet_tdt"):
        settled("parakeet_tdt")
    assert settled("qwen3_asr").recognizer.options["glossary"] == ["Hoca"]


def test_capitals_become_small_letters_as_the_language_has_them() -> None:
    assert lowered("ILIK \u0130Z", "tr") == "\u0131l\u0131k iz" and lowered("ICE", "en") == "ice"
    assert raised("iz \u0131l\u0131k", "tr") == "\u0130Z ILIK" and raised("ice", "en") == "ICE"
    assert set(LETTERS.upper()) >= set("ICE")


def test_pickled_weights_of_a_speech_model_come_in_as_safetensors(models: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from safetensors.torch import load_file

    source = Path(shutil.copytree(kept_speech_model("wav2vec2"), tmp_path / "pickled"))
    torch.save(load_file(source / "model.safetensors"), source / "pytorch_model.bin")
    (source / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="safetensors"):
        opened("wav2vec2", model=str(source))
    dubline("models", "import", str(source))
    assert not any((models / "pickled").glob("*.bin"))
    with opened("wav2vec2", model="pickled") as recognizer:
        assert recognizer.identities[0].licence == "cc-by-4.0"
