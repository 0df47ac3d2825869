# ruff: noqa: RUF001 - Turkish has a dotless i
"""How long speech takes: syllables, numbers as they are read, models of languages, voices and speakers."""

from __future__ import annotations

import random
import subprocess
from statistics import fmean

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dubline.fit.durations import DurationModel, calibrated, default_model, features, pace
from dubline.fit.syllables import cardinal, read_aloud, syllables, words_of
from dubline.values.transcript import Segment

LANGUAGES = ("en", "tr", "de", "es", "fr", "it", "pt", "ru", "ar", "zh", "ja", "ko", "hi", "nl", "pl", "el")
LINES = (
    "No.", "Wait!", "Who's there?", "You lied to me.", "Where is my daughter?", "Leave the door open.",
    "It wasn't my fault, I swear!", "I buried my son this morning.", "Forgive me. I had no other choice.",
    "He said that the letters were burned, but I found them.", "Stop the car. Stop the car right now!",
    "Nothing will ever be the same after tonight.", "They took our land, our house, and our name.",
)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "language", "count"),
    [
        ("bilmiyorum", "tr", 4), ("İstanbul", "tr", 3), ("IŞIK", "tr", 2), ("hâlâ", "tr", 2),
        ("saat", "tr", 2), ("Türkiye'de", "tr", 4), ("the", "en", 1), ("loved", "en", 1),
        ("wanted", "en", 2), ("boxes", "en", 2), ("table", "en", 2), ("every", "en", 2),
        ("crying", "en", 2), ("didn't", "en", 2), ("she's", "en", 1), ("daughter", "en", 2),
        ("María", "es", 3), ("guerra", "es", 2), ("corazón", "es", 3), ("poeta", "es", 3),
        ("coração", "pt", 3), ("belle", "fr", 1), ("quatre", "fr", 1), ("Mutter", "de", 2),
        ("Häuser", "de", 2), ("подожди", "ru", 3), ("안녕하세요", "ko", 5), ("しゃしん", "ja", 3),
        ("我知道你是谁", "zh", 6), ("μητέρα", "el", 3), ("123", "en", 0), ("...", "tr", 0), ("", "en", 0),
    ],
)  # fmt: skip
def test_syllables_of_words(word: str, language: str, count: int) -> None:
    assert syllables(word, language) == count


@given(st.text("abcçdefgğhıijklmnoöprsştuüvyzâîû", min_size=1, max_size=20))
def test_turkish_has_a_syllable_for_each_vowel_in_either_case(word: str) -> None:
    vowels = sum(letter in "aeıioöuüâîû" for letter in word)
    assert syllables(word, "tr") == max(1, vowels)
    upper = word.replace("i", "İ").replace("ı", "I").upper()
    assert syllables(upper, "tr") == max(1, vowels)


@pytest.mark.parametrize(
    ("number", "english", "turkish"),
    [
        (0, "zero", "sıfır"),
        (17, "seventeen", "on yedi"),
        (100, "one hundred", "yüz"),
        (1000, "one thousand", "bin"),
        (2345, "two thousand three hundred forty five", "iki bin üç yüz kırk beş"),
        (1_000_001, "one million one", "bir milyon bir"),
    ],
)
def test_numbers_in_words(number: int, english: str, turkish: str) -> None:
    assert cardinal(number, "en") == english
    assert cardinal(number, "tr-TR") == turkish


@given(st.integers(0, 10**15 - 1), st.integers(0, 10**15 - 1))
def test_numbers_differ_and_other_languages_have_no_names(first: int, second: int) -> None:
    assert (cardinal(first, "tr") == cardinal(second, "tr")) == (first == second)
    assert cardinal(first, "de") == ""


def test_what_is_written_short_is_read_in_full() -> None:
    assert words_of(read_aloud("in 1987", "en")) == ["in", "nineteen", "eighty", "seven"]
    assert words_of(read_aloud("1,500", "en")) == ["one", "thousand", "five", "hundred"]
    assert words_of(read_aloud("at 10:30", "en")) == ["at", "ten", "thirty"]
    assert words_of(read_aloud("Dr. Yılmaz", "tr")) == ["doktor", "Yılmaz"]
    assert words_of(read_aloud("the U.S.A.", "en")) == ["the", "U", "S", "A"]
    for language in LANGUAGES:
        model = default_model(language)
        assert model.seconds("1987") > model.seconds("8") > 0
    english = default_model("en")
    assert english.seconds("20 men") == english.seconds("twenty men")


@given(st.text(max_size=60), st.sampled_from((*LANGUAGES, "sw", "uk", "th", "")))
def test_any_text_has_a_length(text: str, language: str) -> None:
    seconds = default_model(language).seconds(text)
    assert 0 <= seconds < 60
    assert (seconds == 0) == (
        not any(c.isalpha() for c in read_aloud(text, default_model(language).language))
    )


def test_more_takes_longer() -> None:
    model = default_model("en")
    assert model.seconds("") == model.seconds("... ?!") == model.seconds("—") == 0
    assert model.seconds("No") == model.seconds("No!")
    assert model.seconds("No, wait") > model.seconds("No wait") + 0.2
    assert model.seconds("No. Wait") > model.seconds("No, wait")
    assert model.seconds("Dr. Smith said so") == model.seconds("Doctor Smith said so")
    assert features("他说,信都烧掉了。我找到了", "zh")[2:4] == (1, 1)
    short, long = model.seconds("No."), model.seconds("You promised that you would never leave me.")
    assert 0.2 < short < 0.6
    assert 2.0 < long < 3.2


def test_every_model_says_where_it_comes_from() -> None:
    assert all(default_model(language).basis for language in LANGUAGES)
    assert "not measured" in default_model("sw").basis
    assert "Cyrillic" in default_model("uk").basis
    assert default_model("pt-BR") == default_model("pt") == default_model("PT")
    sentence = {"en": "I know who you are.", "tr": "Kim olduğunu biliyorum.", "zh": "我知道你是谁。",
                "ru": "Я знаю, кто ты.", "ar": "أعرف من أنت.", "hi": "मैं जानता हूँ तुम कौन हो।"}  # fmt: skip
    assert all(0.6 < default_model(language).seconds(text) < 2.5 for language, text in sentence.items())


# --- voices ------------------------------------------------------------------------------------


def voice(rng: random.Random) -> DurationModel:
    """A voice of its own: each coefficient 0.7 to 1.5 times the ordinary one."""
    base = default_model("en").coefficients
    names = ("syllable", "character", "clause", "sentence", "constant")
    factor = rng.uniform(0.8, 1.35)
    values = {n: v * factor * rng.uniform(0.85, 1.15) for n, v in zip(names, base, strict=True)}
    return DurationModel(language="en", **values)


def off(model: DurationModel, real: DurationModel) -> float:
    return fmean(abs(model.seconds(line) / real.seconds(line) - 1) for line in LINES)


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_calibration_helps_from_three_takes_on_and_hardly_ever_hurts(seed: int) -> None:
    rng = random.Random(seed)
    real, prior = voice(rng), default_model("en")
    noisy = [(line, real.seconds(line) * rng.uniform(0.95, 1.05)) for line in LINES]
    rng.shuffle(noisy)
    assert off(calibrated(prior, noisy[:3]), real) <= off(prior, real) + 0.04
    assert off(calibrated(prior, noisy), real) <= min(0.06, off(prior, real) + 0.02)


def test_calibration_follows_a_voice_and_forgets_an_accident() -> None:
    prior = default_model("en")
    real = DurationModel(language="en", syllable=0.12, character=0.04, clause=0.3, sentence=0.5, constant=0.3)
    takes = [(line, real.seconds(line)) for line in LINES]
    clean = calibrated(prior, takes)
    assert off(prior, real) > 0.2
    assert off(clean, real) < 0.03
    assert "13 takes" in clean.basis
    spoilt = [*takes[:-1], (takes[-1][0], takes[-1][1] * 6)]
    assert off(calibrated(prior, spoilt), real) < 0.08


def test_calibration_without_evidence_changes_nothing() -> None:
    model = default_model("en")
    assert calibrated(model, []) is model
    assert calibrated(model, [("Wait!", 0.4), ("No.", 0.3)]) is model
    useless = [("", 1.0), ("...", 2.0), ("Wait!", 0.0), ("Wait!", float("inf")), ("Wait!", float("nan"))]
    assert calibrated(model, useless * 3) is model
    assert calibrated(model, [(line, model.seconds(line)) for line in LINES]) is model


@settings(max_examples=40)
@example([("No.", 1.0), ("Who's there?", 2.0), ("You lied to me.", 0.001), (LINES[6], 172.0)])
@given(st.lists(st.tuples(st.sampled_from(LINES), st.floats(0.001, 1000)), max_size=12))
def test_calibration_is_bounded_whatever_was_measured(takes: list[tuple[str, float]]) -> None:
    prior = default_model("en")
    model = calibrated(prior, takes)
    ratios = [new / old for old, new in zip(prior.coefficients, model.coefficients, strict=True)]
    assert 0.199 < min(ratios) <= max(ratios) < 5.001
    # Letters add or take off a half at most.
    assert all(0.09 < model.seconds(line) / prior.seconds(line) < 7.6 for line in LINES)
    assert calibrated(prior, takes) == model


@pytest.mark.program("espeak-ng")
def test_a_real_voice_is_predicted_within_a_tenth() -> None:
    """espeak-ng speaks all lines; each is predicted from the others."""
    import numpy as np

    takes = []
    for line in LINES:
        wave = subprocess.run(
            ["espeak-ng", "-v", "en-us", "--stdin", "--stdout"],
            input=line.encode(),
            capture_output=True,
            check=True,
        ).stdout
        samples = np.abs(np.frombuffer(wave[44:], "<i2").astype(np.float32))
        loud = np.flatnonzero(samples > 0.01 * samples.max())
        takes.append((line, float(loud[-1] - loud[0]) / int.from_bytes(wave[24:28], "little")))
    prior = default_model("en")
    errors = [
        abs(calibrated(prior, takes[:i] + takes[i + 1 :]).seconds(line) / real - 1)
        for i, (line, real) in enumerate(takes)
    ]
    assert fmean(errors) < 0.10


# --- speakers ----------------------------------------------------------------------------------


def spoken(speaker: str, text: str, seconds: float, start: float = 0.0) -> Segment:
    return Segment(id=1, start=start, end=start + seconds, speaker=speaker, text=text)


def test_pace_is_the_median_drawn_to_one() -> None:
    model = default_model("tr")
    text = "Bana yalan söyledin, biliyorum."
    ordinary = model.seconds(text)
    slow = [spoken("A", text, ordinary * 1.25) for _ in range(60)]
    slow += [spoken("A", text, ordinary * 9) for _ in range(5)]
    few = [spoken("B", text, ordinary * 1.25)]
    wild = [spoken("C", text, ordinary * 20) for _ in range(60)]
    quick = [spoken("D", text, ordinary * 0.1) for _ in range(60)]
    mute = [spoken("E", "", 1.0), spoken("E", "Ne?", 3.0), spoken("E", text, 0.0)]
    found = pace([*slow, *few, *wild, *quick, *mute], model)
    assert 1.2 < found["A"] <= 1.25
    assert 1.0 < found["B"] < 1.1
    assert (found["C"], found["D"], found["E"]) == (1.4, 0.7, 1.0)
    assert list(found) == ["A", "B", "C", "D", "E"]


@given(st.lists(st.tuples(st.sampled_from("AB"), st.text(max_size=20), st.floats(0, 1e6)), max_size=20))
def test_pace_is_always_within_its_bounds(lines: list[tuple[str, str, float]]) -> None:
    found = pace([spoken(*line) for line in lines], default_model("tr"))
    assert set(found) == {speaker for speaker, _, _ in lines}
    assert all(0.7 <= value <= 1.4 for value in found.values())
