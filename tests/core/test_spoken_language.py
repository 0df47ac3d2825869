"""Which language each turn is in: what a recognizer hears of it, and what a film makes of that."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_whisper as tiny
from hypothesis import given
from hypothesis import strategies as st
from tiny_whisper_folder import tiny_whisper

from dubline.backends.contract import Stretch
from dubline.backends.recognizers.faster_whisper import FasterWhisper
from dubline.backends.recognizers.whisper_folder import its_language, our_language
from dubline.errors import InvalidJob
from dubline.media.sound import FloatFile
from dubline.media.speech import RATE, Speech
from dubline.recognition.hushed import HushedSpeech
from dubline.recognition.spoken_language import (
    TELLING,
    Doubt,
    doubt,
    doubt_told,
    languages,
    pieces,
)
from dubline.recognition.stage import CutJob, Diarized, SpeechFile, WordsJob, cut, recognize
from dubline.report import silent
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.languages import language_code
from dubline.values.transcript import Engine, Transcript, Turn


def turn(start: float, end: float, speaker: str = "A") -> Turn:
    return Turn(start=start, end=end, speaker=speaker)


def sound(path: Path, samples: Any) -> Path:
    with FloatFile(path, 1) as file:
        file.append(np.asarray(samples, np.float32)[None])
    return path


# --- what a film makes of it ------------------------------------------------------------------------

likely = st.dictionaries(st.sampled_from(["en", "es", "cy", "haw"]), st.floats(0, 1), max_size=4)


@given(st.lists(st.tuples(st.floats(0.2, TELLING - 0.01), likely), max_size=12))
def test_short_turns_bring_no_language_into_a_film(short: list[tuple[float, Mapping[str, float]]]) -> None:
    spoken, chances, at = [turn(0, 8)], [{"en": 0.95}], 10.0
    for length, chance in short:
        spoken.append(turn(at, at + length))
        chances.append(dict(chance))
        at += length + 2
    assert set(languages(spoken, chances)) == {"en"}


@given(st.lists(st.tuples(st.sampled_from("AB"), st.floats(0.1, 20), likely), max_size=20))
def test_every_turn_has_a_language_that_was_heard(
    heard: list[tuple[str, float, Mapping[str, float]]],
) -> None:
    spoken, at = [], 0.0
    for who, length, _ in heard:
        spoken.append(turn(at, at + length, who))
        at += length + 0.5
    found = languages(spoken, [chances for *_, chances in heard])
    named = {language for *_, chances in heard for language in chances}
    assert len(found) == len(spoken) and set(found) <= named | {""}
    assert ("" in found) <= (not named)


def test_a_short_answer_goes_with_what_its_speaker_says_around_it() -> None:
    spoken = [turn(0, 6, "A"), turn(7, 12, "B"), turn(13, 13.6, "A"), turn(14, 14.6, "B")]
    english, spanish, mumbled = {"en": 0.9, "es": 0.05}, {"es": 0.9, "en": 0.02}, {"cy": 0.6, "en": 0.1}
    assert languages(spoken, [english, spanish, mumbled, mumbled]) == ("en", "es", "en", "es")


@pytest.mark.parametrize(
    ("seen", "spoken_too"),
    [
        ([{"es": 0.65, "en": 0.1}], False),  # one piece must be surer
        ([{"es": 0.65, "en": 0.1}] * 2, True),
        ([{"es": 0.75, "en": 0.1}], True),
        ([{"es": 0.55, "en": 0.4}] * 2, False),  # the main language may be it as well
    ],
)
def test_what_a_second_language_takes(seen: list[Mapping[str, float]], spoken_too: bool) -> None:
    spoken = [turn(0, 30), *(turn(40 + 10 * k, 45 + 10 * k) for k in range(len(seen)))]
    assert ("es" in languages(spoken, [{"en": 0.9}, *seen])) == spoken_too


def test_who_always_speaks_another_language_is_heard_in_it_by_short_turns_too() -> None:
    english = [turn(10 * k, 10 * k + 5, "A") for k in range(3)]
    short = [turn(10 * k + 6, 10 * k + 8, "B") for k in range(3)]
    spoken = sorted([*english, *short], key=lambda t: t.start)
    unsure = {"es": 0.6, "cy": 0.3, "en": 0.1}
    assert languages(spoken, [{"en": 0.9}, unsure] * 3) == ("en", "es") * 3
    assert set(languages(spoken[:4], [{"en": 0.9}, {"es": 0.6}, {"en": 0.9}, {"cy": 0.6}])) == {"en"}


def test_in_hours_of_speech_a_single_turn_brings_no_language() -> None:
    spoken = [turn(20.0 * k, 20.0 * k + 10, "AB"[k % 2]) for k in range(300)]
    chances: list[Mapping[str, float]] = [{"en": 0.9}] * 300
    assert set(languages(spoken, [{"cy": 0.8}, *chances[1:]])) == {"en"}
    assert set(languages(spoken, [{"cy": 0.8}, {"cy": 0.8}, *chances[2:]])) == {"en", "cy"}


def test_languages_that_no_ear_tells_apart_are_one() -> None:
    assert languages([turn(0, 30), turn(31, 37)], [{"no": 0.9}, {"nn": 0.9}]) == ("no", "no")


def test_turns_are_asked_about_in_pieces_and_never_two_speakers_at_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = sound(tmp_path / "s", 0.1 * rng.normal(size=60 * RATE))
    given = [turn(0, 2), turn(2.5, 4), turn(4.2, 5, "B"), turn(5.1, 6), turn(8, 50, "B"), turn(59, 70)]
    with Speech(path) as speech:
        cut_up = pieces(given, speech)
    assert [(p.start, p.end, p.speaker) for p in cut_up[:3]] == [(0, 4, "A"), (4.2, 5, "B"), (5.1, 6, "A")]
    long = [p for p in cut_up if p.speaker == "B" and p.start >= 8]
    assert long[0].start == 8 and long[-1].end == 50 and all(p.end - p.start <= 15 for p in long)
    assert all(a.end == b.start for a, b in pairwise(long))
    assert (cut_up[-1].start, cut_up[-1].end) == (59, 60)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.05, 1)), max_size=4), st.data())
def test_a_hushed_sound_is_silent_where_others_speak_and_else_as_it_is(
    spans: list[tuple[float, float]], data: st.DataObject
) -> None:
    class Ones:
        frames, duration = 4 * RATE, 4.0

        def read(self, start: int, stop: int) -> Any:
            return np.ones(stop - start, np.float32)

    drawn = [turn(start, start + length) for start, length in spans]
    own = [t for t in drawn if data.draw(st.booleans())]
    others = [t for t in drawn if t not in own]
    whole = HushedSpeech(Ones(), own, others).read(0, 4 * RATE)  # type: ignore[arg-type]
    times = np.arange(len(whole)) / RATE

    def inside(turns: list[Turn]) -> Any:
        return np.any([(t.start <= times) & (times <= t.end) for t in turns] or [times < 0], axis=0)

    hushed = inside(others) & ~inside(own)
    assert np.all(whole[~hushed] > 1 - 2 / (0.025 * RATE))
    reach = round(0.05 * RATE) + 2  # so far from its edges a silent span is silent
    before = np.concatenate([[0], np.cumsum(hushed)])
    deep = before[2 * reach :] - before[: -2 * reach] == 2 * reach
    assert np.all(whole[reach : reach + len(deep)][deep] < 1e-3)


# --- a named language that is wrong ----------------------------------------------------------------


class Ear:
    """A recognizer that hears these, one after the other."""

    def __init__(self, *answers: Mapping[str, float]) -> None:
        self.answers = list(answers)

    def detect(self, speech: Any, stretch: Stretch) -> Mapping[str, float]:
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([{"en": 0.9}] * 4, Doubt(("en",), 0.9, 20.0)),
        ([{"en": 0.9}, {"es": 0.9}, {"en": 0.9}, {"en": 0.9}], Doubt(("en", "es"), 0.9, 20.0)),
        ([{"tr": 0.5, "az": 0.4}] * 4, None),
        ([{"en": 0.9}, {"tr": 0.9}, {"en": 0.9}, {"en": 0.9}], None),  # it is spoken, if seldom
        ([{"en": 0.4, "cy": 0.3}] * 4, None),  # nothing is clear
        ([{}] * 4, None),
        ([{"en": 0.6, "tr": 0.3}] * 4, None),
    ],
)
def test_only_what_is_sure_speaks_against_the_named_language(
    tmp_path: Path, answers: list[Mapping[str, float]], found: Doubt | None
) -> None:
    path = sound(tmp_path / "s", np.ones(40 * RATE))
    with Speech(path) as speech:
        said = doubt(Ear(*answers), speech, [turn(8 * k, 8 * k + 5) for k in range(4)], "tr")
    assert (said and said.languages) == (found and found.languages)
    if said and found:
        assert said.likely == pytest.approx(found.likely) and said.seconds == pytest.approx(found.seconds)


def test_the_same_language_by_another_code_is_no_doubt(tmp_path: Path) -> None:
    with Speech(sound(tmp_path / "s", np.ones(40 * RATE))) as speech:
        assert doubt(Ear({"no": 0.95}), speech, [turn(0, 14)], "nb") is None
        assert doubt(Ear({"no": 0.95}), speech, [turn(0, 14)], "de") is not None


def test_a_doubt_says_what_to_do() -> None:
    assert doubt_told(Doubt(("en",), 0.934, 59.6), "tr") == (
        "this sounds like English (93% sure after 60 s of speech), but Turkish was named, so every line is "
        "taken for Turkish. If that is wrong, stop with Ctrl-C and give the command again with --from en"
    )
    assert doubt_told(Doubt(("en", "es"), 0.9, 30), "tr").endswith("--from auto")


# --- codes -------------------------------------------------------------------------------------------


def test_whisper_is_told_its_own_codes() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES as ALL

    for code in ALL:
        ours = our_language(code)
        assert language_code(ours) == ours and its_language(ours, ALL) == code
    named = "Javanese Bokmål nb-NO Norwegian Hebrew iw zh-Hant Mandarin Cantonese Filipino tgl pt-BR Dari arz"
    told = [its_language(language_code(name), ALL) for name in named.split()]
    assert told == ["jw", "no", "no", "no", "he", "he", "zh", "zh", "yue", "tl", "tl", "pt", "fa", "ar"]
    before_large_v3 = set(ALL) - {"yue"}
    assert its_language("yue", before_large_v3) == "zh"
    assert its_language("tlh", ALL) == "" == its_language("", ALL)


def tiny_ear(**more: Any) -> FasterWhisper:
    folder = str(tiny_whisper() / "ct2")
    given = {"model": folder, "precision": "float32", "device": "cpu", "threads": 1, **more}
    return FasterWhisper(FasterWhisper.Options(**given))


def test_a_language_by_our_code_is_taken_and_an_unknown_one_refused(tmp_path: Path) -> None:
    with Speech(sound(tmp_path / "s", tiny.voice("en"))) as speech:
        for code in ("jv", "nb"):
            with tiny_ear(language=code) as ear:
                (heard,) = ear.recognize(speech, (Stretch(start=0, end=2),), silent)
            assert heard.language == code
    with pytest.raises(InvalidJob, match="Klingon"):
        tiny_ear(language="tlh")


# --- from a sound to segments -------------------------------------------------------------------------


def dialogue(root: Path, language: str = "") -> tuple[Transcript, list[str]]:
    """Two speakers, of whom each has one turn in Turkish and one in English, by a real, tiny Whisper."""
    gap = np.zeros(RATE, np.float32)
    parts = ["tr", "en", "tr", "en"]
    samples = np.concatenate([np.concatenate([tiny.voice(part), gap]) for part in parts])
    turns = tuple(turn(5.0 * k, 5.0 * k + 4, "AABB"[k]) for k in range(4))
    options = {"model": str(tiny_whisper() / "ct2"), "precision": "float32", "device": "cpu"}
    job = WordsJob(recognizer=Choice(backend="faster-whisper", options={**options, "language": language}))
    speakers = Diarized(turns=turns, exclusive=turns, engine=Engine(choice=Choice(backend="none")))
    told: list[str] = []
    with Run(root, tell=told.append) as run:
        heard = SpeechFile(path=str(sound(root / "speech.f32", samples)), frames=len(samples))
        words = run.step(recognize, heard, speakers, job, hints={"threads": 1})
        transcript = run.step(cut, words, speakers, len(samples) / RATE, CutJob())
    return transcript, told


def test_each_line_stands_in_its_language(tmp_path: Path) -> None:
    transcript, told = dialogue(tmp_path)
    lines = [(transcript.language_of(s), s.speaker, s.text.split()[0]) for s in transcript.segments]
    assert lines == [
        ("tr", "SPEAKER_00", "Merhaba"),
        ("en", "SPEAKER_00", "Hello"),
        ("tr", "SPEAKER_01", "Merhaba"),
        ("en", "SPEAKER_01", "Hello"),
    ]
    assert [s.language for s in transcript.segments if s.language] == [
        {"tr": "en", "en": "tr"}[transcript.language]
    ] * 2
    assert any("there is" in text and "in 2 lines" in text for text in told)


def test_a_named_language_is_the_law_for_all_lines(tmp_path: Path) -> None:
    transcript, told = dialogue(tmp_path, "tr")
    assert transcript.language == "tr" and not any(s.language for s in transcript.segments)
    assert not any("there is" in text for text in told)
