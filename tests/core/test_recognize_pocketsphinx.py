"""PocketSphinx on a real voice: what it hears, and known text put on its sound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import soundfile as sf
from shared_media import Shared

from dubline.backends.contract import Stretch
from dubline.backends.recognizers.pocketsphinx import (
    Pocketsphinx,
    align_words,
    alignment_decoder,
    pronunciation,
)
from dubline.errors import InvalidJob
from dubline.media.speech import Speech, prepare_speech
from dubline.recognition.alignment import align_spoken
from dubline.recognition.given_cues import Cue
from dubline.values.media import Sound

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
SURPASSED = ("has never been surpassed.", 43.87, 45.47)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory, shared: Shared) -> Iterator[Speech]:
    scene = shared("scene/dialogue.flac", real=True)
    info = sf.info(scene)
    sound = Sound(path=scene.as_posix(), rate=info.samplerate, channels=info.channels, frames=info.frames)
    with prepare_speech(scene, sound, tmp_path_factory.mktemp("speech") / "scene.raw") as opened:
        yield opened


def test_a_real_sentence_is_heard_where_it_is_spoken(speech: Speech) -> None:
    stretch = Stretch(start=43.67, end=45.67)
    with Pocketsphinx(Pocketsphinx.Options(language="en")) as recognizer:
        (answer,) = recognizer.recognize(speech, (stretch,), lambda done, total: None)
    assert [w.text for w in answer.words] == [" has", " never", " been", " surpassed"]
    assert answer.language == "en" and answer.no_speech is None
    assert answer.words[0].start == pytest.approx(SURPASSED[1], abs=0.15)
    assert answer.words[-1].end == pytest.approx(SURPASSED[2], abs=0.15)


@pytest.mark.parametrize("language", ["tr", "de"])
def test_other_languages_are_refused_by_name(language: str) -> None:
    with pytest.raises(InvalidJob, match="English") as error:
        Pocketsphinx(Pocketsphinx.Options(language=language))
    assert "whisper" in error.value.hint


def test_known_text_finds_its_sound(speech: Speech) -> None:
    text, start, end = SURPASSED
    (cue,) = align_spoken([Cue(text=text, start=start - 0.3, end=end - 0.3)], speech)
    assert cue is not None
    assert [word.text for word in cue.words] == text.split()
    assert cue.start == pytest.approx(start, abs=0.05)
    assert cue.end == pytest.approx(end, abs=0.15)  # the room goes on sounding after the voice
    edges = [t for word in cue.words for t in (word.start, word.end)]
    assert edges == sorted(edges)  # type: ignore[type-var]


def test_a_cue_without_times_is_refused(speech: Speech) -> None:
    with pytest.raises(InvalidJob) as error:
        align_spoken([Cue(text="has never been surpassed")], speech)
    assert "align" in error.value.hint


def test_words_no_dictionary_knows_hold_their_place(speech: Speech) -> None:
    """A made-up spelling is put where the word that sounds like it is."""
    decoder = alignment_decoder()
    sound = speech.read(round(43.5 * 16000), round(45.9 * 16000))
    right = align_words(sound, ["has", "never", "been", "surpassed"], decoder=decoder)
    odd = align_words(sound, ["has", "nevverr", "been", "surpassed"], decoder=decoder)
    assert right and odd and len(odd) == 4
    assert np.abs(np.subtract(right, odd)).max() < 0.1


def test_hyphens_and_numbers_are_single_words_of_the_text(speech: Speech) -> None:
    sound = speech.read(round(72.0 * 16000), round(76.8 * 16000))
    words = ["or", '"forty-two', "line", 'Bible"', "of", "about", "fourteen", "fifty-five,"]
    spans = align_words(sound, words)
    assert spans is None or len(spans) == len(words)


def test_silence_is_no_text() -> None:
    assert align_words(np.zeros(16000, np.float32), ["hello"]) is None
    assert align_words(np.ones(100, np.float32), []) is None


@pytest.mark.parametrize(
    "word, phones",
    [("fish", "F IH SH"), ("42", "F AO R T UW"), ("late", "L AE T"), ("!", "AH"), ("bbook", "B UW K")],
)
def test_spelling_to_sounds(word: str, phones: str) -> None:
    assert pronunciation(word) == phones


def test_every_phone_by_rule_is_one_the_model_has() -> None:
    from dubline.backends.recognizers.pocketsphinx import DIGITS, SOUNDS

    decoder = alignment_decoder()  # it refuses words with unknown phones
    for number, phones in enumerate([*SOUNDS.values(), *DIGITS]):
        decoder.add_word(f"dublineword{number}", phones, True)
        assert decoder.lookup_word(f"dublineword{number}") == phones
