# ruff: noqa: RUF001 - Turkish letters
"""The translation stage and its command, with a real model that was trained for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
import tiny_translator
from command import dubline
from episode import episode
from misbehaving_server import BROKEN, MODEL, SPOILT, MisbehavingServer

from dubline.backends.choosing import Settled
from dubline.errors import InvalidJob, WeightsError
from dubline.programme.coherence import at_odds
from dubline.report import Report
from dubline.run import Run, read_manifest, read_wish
from dubline.subtitles.writing import read_subtitles
from dubline.translation.stage import TranslationJob, translate
from dubline.translation.tone import Tones
from dubline.translation.way import translate_run
from dubline.values.base import Choice
from dubline.values.transcript import Segment, Speaker, Transcript, transcript_json
from dubline.values.translated import Answer, Candidate, SourceLine, Tone, Translation, read_translation
from dubline.values.wishes import TranslateWish


@pytest.fixture(scope="module")
def model() -> Path:
    return tiny_translator.folder()


def of_pairs(count: int) -> Transcript:
    return episode(count, lines=tiny_translator.pairs()).transcript


def placed(transcript: Transcript, root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "transcript.json").write_bytes(transcript_json(transcript))
    return root


def told(translation: Translation) -> list[tuple[Any, ...]]:
    return [(s.id, s.start, s.end, s.speaker, s.source_text) for s in translation.segments]


def asked(transcript: Transcript) -> list[tuple[Any, ...]]:
    return [(s.id, s.start, s.end, s.speaker, s.text) for s in transcript.segments]


class Parrot:
    """A translator of rules: EN and the words in capitals, or what a test wants for a line."""

    requires: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    whole_sentences: ClassVar[bool] = False
    in_context: ClassVar[bool] = False
    varies: ClassVar[bool] = True
    by_hand: ClassVar[bool] = False
    identities = ()
    notes = ()
    answers: ClassVar[dict[str, list[str]]] = {}
    seen: ClassVar[list[SourceLine]] = []

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        source: str
        target: str
        candidates: int = 4

    def __init__(self, options: Any) -> None:
        self.options = options

    def translate(
        self, lines: Sequence[SourceLine], known: Mapping[str, Answer], report: Report
    ) -> Iterator[dict[str, Answer]]:
        for line in lines:
            if line.key in known:
                continue
            type(self).seen.append(line)
            texts = self.answers.get(f"{line.wanted}:{line.text}" if line.wanted else line.text)
            if texts is None:
                texts = [] if line.wanted else [f"say {line.text.lower()}"]
            found = tuple(Candidate(text=text, score=-0.1 * n) for n, text in enumerate(texts))
            yield {line.key: Answer(candidates=found, failure="" if found else "I do not know")}

    def __enter__(self) -> Parrot:
        return self

    def __exit__(self, *exc: object) -> None: ...


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> type[Parrot]:
    class Own(Parrot):
        answers: ClassVar[dict[str, list[str]]] = {}
        seen: ClassVar[list[SourceLine]] = []

    for module in ("backends.choosing", "translation.stage"):
        monkeypatch.setattr(f"dubline.{module}.find", lambda kind, name: Own)
    monkeypatch.setattr("dubline.translation.way.settle_translation", _settled)
    return Own


def _settled(*asked: Any) -> Settled:
    return Settled(Choice(backend="parrot"), ())


def lines_of(*texts: str, speakers: str = "", length: float = 2.0, gap: float = 1.0) -> Transcript:
    """A transcript of these texts, one after the other; `speakers` has a letter for each."""
    segments = []
    for number, text in enumerate(texts):
        start = number * (length + gap)
        who = speakers[number] if speakers else "A"
        segments.append(Segment(id=number + 1, start=start, end=start + length, speaker=who, text=text))
    people = tuple(Speaker(id=who, label=who) for who in sorted({s.speaker for s in segments}))
    end = len(texts) * (length + gap)
    return Transcript(language="tr", duration=end, segments=tuple(segments), speakers=people)


def done(transcript: Transcript, root: Path, **settings: Any) -> Translation:
    job = TranslationJob(translator=Choice(backend="parrot"), target="en", **settings)
    with Run(root) as run:
        result: Translation = run.step(translate, transcript, Tones(tones={}), job)
    return result


def first_asked(parrot: type[Parrot]) -> list[str]:
    """The texts that the translator was asked for, without second asks for shorter or longer ones."""
    return [line.text for line in parrot.seen if not line.wanted]


# --- as many out as in ---------------------------------------------------------------------------


def test_every_segment_comes_back_with_its_number_speaker_and_times(tmp_path: Path, model: Path) -> None:
    transcript = of_pairs(150)
    root = placed(transcript, tmp_path / "e.dubline")
    ran = dubline("translate", root, "--to", "en", "--translator", "transformers", "--model", model)
    assert ran.status == 0, ran.err
    translation = read_translation(root / "translated.json")
    assert told(translation) == asked(transcript)
    assert translation.totals.translated == 150
    raw = json.loads((root / "translated.json").read_text())
    source = json.loads((root / "transcript.json").read_text())
    for one, other in zip(raw["segments"], source["segments"], strict=True):
        assert [one[k] for k in ("id", "start", "end", "speaker")] == [
            other[k] for k in ("id", "start", "end", "speaker")
        ]
    assert "fit their time" in ran.out and "150 translated" in ran.out


def test_translations_are_the_models_own(tmp_path: Path, model: Path) -> None:
    known = {pair[0]: pair[1:] for pair in tiny_translator.held_out()[:60]}
    transcript = lines_of(*known)
    root = placed(transcript, tmp_path / "e.dubline")
    with Run(root) as run:
        translation, _ = translate_run(
            run, root, "en", TranslateWish(translator="transformers", translator_model=str(model))
        )
    right = sum(s.text in known[s.source_text] for s in translation.segments)
    assert right >= 55


def test_a_killed_translation_goes_on_and_asks_for_the_rest_only(tmp_path: Path, model: Path) -> None:
    transcript = of_pairs(160)
    whole = placed(transcript, tmp_path / "whole.dubline")
    wishes = ("--to", "en", "--translator", "transformers", "--model", str(model))
    assert dubline("translate", whole, *wishes).status == 0
    root = placed(transcript, tmp_path / "killed.dubline")
    script = (
        "import os, signal\n"
        "from dubline.translation.memory import Memory\n"
        "add = Memory.add\n"
        "def dying(self, *batch):\n"
        "    add(self, *batch)\n"
        "    if len(self.known) > 60: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Memory.add = dying\n"
        "from dubline.cli import main\n"
        "main()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, "translate", str(root), *wishes],
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL
    assert not (root / "translated.json").exists()
    (memory,) = (root / "work/memory").iterdir()
    before = memory.read_bytes()
    with memory.open("ab") as file:
        file.write(b'{"answers":{"torn')  # as a crash in the middle of a write leaves it
    assert dubline("translate", root, *wishes).status == 0
    after = memory.read_bytes()
    assert after.startswith(before)
    keys = [key for line in after.splitlines() for key in _keys(line)]
    assert len(keys) == len(set(keys)), "a line was asked for twice"
    assert (root / "translated.json").read_bytes() == (whole / "translated.json").read_bytes()


def _keys(line: bytes) -> list[str]:
    try:
        return list(json.loads(line)["answers"])
    except ValueError:
        return []


# --- sentences -----------------------------------------------------------------------------------


def test_a_sentence_in_two_segments_is_asked_for_once_and_split_back(
    tmp_path: Path, parrot: type[Parrot]
) -> None:
    parrot.answers["Babam bana paranın eski evde olduğunu söyledi."] = [
        "My father told me that the money was in the old house."
    ]
    transcript = lines_of("Babam bana paranın", "eski evde olduğunu söyledi.", gap=0.3)
    translation = done(transcript, tmp_path / "r")
    assert first_asked(parrot) == ["Babam bana paranın eski evde olduğunu söyledi."]
    texts = [s.text or "" for s in translation.segments]
    assert all(texts) and " ".join(texts) == "My father told me that the money was in the old house."
    assert [s.sentence for s in translation.segments] == [1, 1]


def test_a_translation_too_short_to_split_is_made_part_by_part(tmp_path: Path, parrot: type[Parrot]) -> None:
    parrot.answers["Ben sana onu söyledim."] = ["Yes."]
    parrot.answers.update({"Ben sana": ["I to you"], "onu söyledim.": ["told that."]})
    translation = done(lines_of("Ben sana", "onu söyledim.", gap=0.3), tmp_path / "r")
    assert [s.text for s in translation.segments] == ["I to you", "told that."]


def test_the_same_line_by_the_same_speaker_is_the_same(tmp_path: Path, parrot: type[Parrot]) -> None:
    parrot.answers["Gel buraya."] = ["Come.", "Come over here to me now, will you."]
    short = lines_of("Gel buraya.", "Gel buraya.", "Gel buraya.", speakers="ABA", length=0.5)
    segments = (*short.segments[:2], msgspec.structs.replace(short.segments[2], end=9.0))
    translation = done(msgspec.structs.replace(short, segments=segments), tmp_path / "r")
    texts = [s.text for s in translation.segments]
    assert texts[0] == texts[2]
    assert len(parrot.seen) - sum(bool(line.wanted) for line in parrot.seen) == 1


def test_markup_stays_on_the_line(tmp_path: Path, parrot: type[Parrot]) -> None:
    parrot.answers["Gel."] = ["Come."]
    translation = done(lines_of("{\\an8}<i>Gel.</i>"), tmp_path / "r")
    assert translation.segments[0].text == "{\\an8}<i>Come.</i>"


def test_the_tone_of_a_line_is_kept_and_a_persons_word_for_it_stands(
    tmp_path: Path, parrot: type[Parrot], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Tones(tones={1: Tone(level=9.0, tag="loud"), 2: Tone(level=0.5)}, measured=2)
    monkeypatch.setattr("dubline.translation.way._tones", lambda run, transcript, tell: heard)
    root = placed(lines_of("Gel!", "Git."), tmp_path / "e.dubline")
    assert again(root)[1].tone == Tone(level=9.0, tag="loud")
    assert parrot.seen[0].tone == "loud"
    path = root / "translated.json"
    raw = json.loads(path.read_text())
    raw["segments"][1]["tone"]["tag"] = "whispered"
    path.write_text(json.dumps(raw))
    tone = again(root)[2].tone
    assert tone is not None and (tone.tag, tone.edited) == ("whispered", True)


# --- fit and checks ------------------------------------------------------------------------------


def test_the_candidate_that_fits_is_taken(tmp_path: Path, parrot: type[Parrot]) -> None:
    parrot.answers["Onu hiç görmedim."] = [
        "I have never ever seen that person in all of my life",
        "Never saw him",
    ]
    for length, wanted in (
        (0.8, "Never saw him"),
        (3.2, "I have never ever seen that person in all of my life"),
    ):
        translation = done(lines_of("Onu hiç görmedim.", length=length), tmp_path / f"r{length}")
        assert translation.segments[0].text == wanted
        assert translation.segments[0].fit is not None and translation.segments[0].fit.status == "fits"


def test_a_line_that_does_not_fit_is_asked_for_shorter(tmp_path: Path, parrot: type[Parrot]) -> None:
    long = "I have never ever seen that person in all of my life"
    parrot.answers.update({"Onu hiç görmedim.": [long], "shorter:Onu hiç görmedim.": ["Never saw him"]})
    translation = done(lines_of("Onu hiç görmedim.", length=0.9), tmp_path / "r")
    assert translation.segments[0].text == "Never saw him"
    without = done(lines_of("Onu hiç görmedim.", length=0.9), tmp_path / "r", again=False)
    assert without.segments[0].text == long
    assert without.segments[0].fit is not None and without.segments[0].fit.status == "too_long"


@pytest.mark.parametrize(
    ("source", "bad", "code", "good"),
    [
        ("Saat 15 otobüsü kaçtı.", "The bus has left.", "numbers", "He missed the bus at 15."),
        ("Onu hiç görmedim.", "Onu hiç görmedim.", "source_copy", "I never saw him."),
        ("Merhaba {name}, nasılsın?", "Hello, how are you?", "placeholders", "Hello {name}, how are you?"),
        ("Onu hiç görmedim.", "no no no no no no no no no no", "repetition", "I never saw him."),
    ],
)
def test_a_bad_line_fails_with_its_reason_and_is_never_passed_off(
    tmp_path: Path, parrot: type[Parrot], source: str, bad: str, code: str, good: str
) -> None:
    parrot.answers[source] = [bad]
    translation = done(lines_of("Gel buraya.", source), tmp_path / "r")
    line = translation.segments[1]
    assert (line.state, line.text) == ("failed", None)
    assert any(code in reason for reason in line.reasons)
    assert translation.segments[0].state == "translated"
    parrot.answers[f"shorter:{source}"] = [good]
    mended = done(lines_of("Gel buraya.", source), tmp_path / "again")
    assert mended.segments[1].text == good


def test_numbers_and_marks_alone_are_not_asked_for(tmp_path: Path, parrot: type[Parrot]) -> None:
    translation = done(lines_of("1984", "...", "Gel."), tmp_path / "r")
    assert [s.text for s in translation.segments] == ["1984", "...", "say gel."]
    assert first_asked(parrot) == ["Gel."]


# --- what a person wrote -------------------------------------------------------------------------


def again(root: Path, **wishes: Any) -> Translation:
    with Run(root) as run:
        return translate_run(run, root, "en", TranslateWish(**wishes))[0]


def edit(root: Path, number: int, text: str | None) -> None:
    path = root / "translated.json"
    raw = json.loads(path.read_text())
    next(s for s in raw["segments"] if s["id"] == number)["text"] = text
    path.write_text(json.dumps(raw, ensure_ascii=False))


def test_a_persons_text_stays_whatever_is_run_after(tmp_path: Path, parrot: type[Parrot]) -> None:
    root = placed(lines_of("Gel.", "Git.", "Dur."), tmp_path / "e.dubline")
    again(root)
    edit(root, 2, "Leave, will you.")
    parrot.answers.update({"Gel.": ["Come."], "Git.": ["Go."], "Dur.": ["Stop."]})
    for wishes in ({}, {"only": "2"}, {"only": "1-3"}, {"retry_failed": True}, {"source": "az"}):
        line = again(root, **wishes)[2]
        assert (line.text, line.locked) == ("Leave, will you.", True), wishes
    assert read_translation(root / "translated.json")[3].text == "Stop."  # az: another memory


def test_only_the_named_lines_are_done_again(tmp_path: Path, parrot: type[Parrot]) -> None:
    root = placed(lines_of("Gel.", "Git.", "Dur."), tmp_path / "e.dubline")
    first = again(root)
    parrot.answers.update({"Gel.": ["Come."], "Git.": ["Go."], "Dur.": ["Stop."]})
    (root / "work/memory").rename(root / "gone")  # as another translator would find it
    second = again(root, only="2")
    assert [s.text for s in second.segments] == [first[1].text, "Go.", first[3].text]
    with pytest.raises(InvalidJob, match="no segment 9"):
        again(root, only="9")


def test_a_named_line_is_asked_for_once_more_each_time(tmp_path: Path, parrot: type[Parrot]) -> None:
    root = placed(lines_of("Gel.", "Git.", "Dur."), tmp_path / "e.dubline")
    again(root)
    for answer in ("Go.", "Leave.", "Off with you."):
        parrot.answers.update({"Gel.": ["Come."], "Git.": [answer], "Dur.": ["Stop."]})
        parrot.seen.clear()
        assert [s.text for s in again(root, only="2").segments] == ["say gel.", answer, "say dur."]
        assert first_asked(parrot) == ["Git."]
    parrot.seen.clear()
    assert [s.text for s in again(root).segments] == ["say gel.", "Off with you.", "say dur."]
    assert not parrot.seen, "what is not named is remembered"


def test_a_named_line_that_a_person_wrote_is_told(tmp_path: Path, parrot: type[Parrot]) -> None:
    root = placed(lines_of("Gel.", "Git.", "Dur."), tmp_path / "e.dubline")
    again(root)
    edit(root, 2, "Leave.")
    said: list[str] = []
    with Run(root) as run:
        translate_run(run, root, "en", TranslateWish(only="1-2"), tell=said.append)
    assert any("kept as a person wrote it: 2." in text and "translated.json" in text for text in said)


def test_certainty_and_own_fields_stand_in_the_translation_and_redo_nothing(
    tmp_path: Path, parrot: type[Parrot]
) -> None:
    transcript = lines_of("Gel.", "Git.")
    first = msgspec.structs.replace(transcript.segments[0], confidence=0.5, more={"mood": "sad"})
    told = msgspec.structs.replace(transcript, segments=(first, transcript.segments[1]), more={"episode": 5})
    root = placed(told, tmp_path / "e.dubline")
    again(root)
    file = json.loads((root / "translated.json").read_text())
    assert [(s["confidence"], s.get("more")) for s in file["segments"]] == [
        (0.5, {"mood": "sad"}),
        (None, None),
    ]
    assert (file["more"], file["language"], file["num_speakers"]) == ({"episode": 5}, "en", 1)
    before = (root / "translated.json").read_bytes()
    kept = len(read_manifest(root).steps)
    edit(root, 2, "Go.")
    again(root)
    edit(root, 2, None)
    again(root)
    assert len(read_manifest(root).steps) == kept + 1, "the person's line once, and then as it was"
    assert (root / "translated.json").read_bytes() == before


def test_failed_lines_are_tried_again_and_a_person_may_fill_them(
    tmp_path: Path, parrot: type[Parrot]
) -> None:
    parrot.answers.update({"Git.": [], "Dur.": []})
    root = placed(lines_of("Gel.", "Git.", "Dur."), tmp_path / "e.dubline")
    assert [s.state for s in again(root).segments] == ["translated", "failed", "failed"]
    edit(root, 3, "Stay.")
    parrot.answers["Git."] = ["Go."]
    parrot.seen.clear()
    last = again(root, retry_failed=True)
    assert [s.text for s in last.segments] == ["say gel.", "Go.", "Stay."]
    assert last[3].locked
    assert {line.text for line in parrot.seen} == {"Git."}


def test_failed_lines_are_asked_for_again_by_the_same_command(tmp_path: Path, parrot: type[Parrot]) -> None:
    parrot.answers.update({"Git.": [], "Dur.": []})
    root = placed(lines_of("Gel.", "Git.", "Dur."), tmp_path / "e.dubline")
    assert again(root).totals.failed == 2
    parrot.answers["Git."] = ["Go."]
    parrot.seen.clear()
    assert [s.text for s in again(root, retry_failed=True).segments] == ["say gel.", "Go.", None]
    parrot.answers["Dur."] = ["Stop."]
    last = again(root)
    assert [s.text for s in last.segments] == ["say gel.", "Go.", "Stop."]
    assert "Gel." not in {line.text for line in parrot.seen}
    parrot.seen.clear()
    assert again(root) == last and not parrot.seen, "now it is finished"


def test_lines_that_were_done_again_by_themselves_stay_and_change_nobody_elses_translator(
    tmp_path: Path, parrot: type[Parrot]
) -> None:
    root = placed(lines_of("Gel.", "Git.", "Dur."), tmp_path / "e.dubline")
    first = again(root)
    parrot.answers.update({"Gel.": ["Come."], "Git.": ["Go."], "Dur.": ["Stop."]})
    (root / "work/memory").rename(root / "gone")  # as another translator would find it
    again(root, only="2", translator="other")
    (root / "work/memory").rename(root / "other")
    (root / "gone").rename(root / "work/memory")
    texts = [first[1].text, "Go.", first[3].text]
    wish = read_wish(root, "translate.en", TranslateWish)
    assert wish is not None and wish.translator == "parrot" and wish.apart == (2,)
    assert [s.text for s in again(root).segments] == texts
    assert [s.text for s in again(root, retry_failed=True).segments] == texts
    assert [s.text for s in again(root, source="az").segments] == ["Come.", "Go.", "Stop."]
    wish = read_wish(root, "translate.en", TranslateWish)
    assert wish is not None and not wish.apart


def test_a_line_that_was_redone_and_then_corrected_at_its_source_is_one_of_the_others_again(
    tmp_path: Path, parrot: type[Parrot]
) -> None:
    root = placed(lines_of("Gel.", "Git.", "Dur."), tmp_path / "e.dubline")
    again(root)
    again(root, only="1,2")
    placed(lines_of("Gel.", "Gitme.", "Dur."), root)
    again(root)
    wish = read_wish(root, "translate.en", TranslateWish)
    assert wish is not None and wish.apart == (1,)


def test_a_corrected_source_line_is_the_only_one_asked_again(tmp_path: Path, parrot: type[Parrot]) -> None:
    transcript = lines_of("Gel.", "Git.", "Dur.")
    root = placed(transcript, tmp_path / "e.dubline")
    again(root)
    edit(root, 3, "Stay.")
    changed = [
        msgspec.structs.replace(s, text=t)
        for s, t in zip(transcript.segments, ("Gel.", "Koş.", "Dur ya."), strict=True)
    ]
    placed(msgspec.structs.replace(transcript, segments=tuple(changed)), root)
    parrot.seen.clear()
    last = again(root)
    assert {line.text for line in parrot.seen} == {"Koş."}
    assert last[3].text == "Stay." and "source text was changed" in " ".join(last[3].warnings)


def test_a_persons_line_without_a_segment_is_told_and_kept_aside(
    tmp_path: Path, parrot: type[Parrot]
) -> None:
    transcript = lines_of("Gel.", "Git.", "Dur.")
    root = placed(transcript, tmp_path / "e.dubline")
    again(root)
    edit(root, 3, "Stay.")
    placed(msgspec.structs.replace(transcript, segments=transcript.segments[:2]), root)
    said: list[str] = []
    with Run(root) as run:
        translate_run(run, root, "en", TranslateWish(), tell=said.append)
    assert any("1 line that a person wrote has no" in text for text in said)
    assert read_translation(root / "work/translated.before.json")[3].text == "Stay."


def test_a_persons_line_does_not_go_to_another_line_that_is_said_at_its_time(
    tmp_path: Path, parrot: type[Parrot]
) -> None:
    root = placed(lines_of("Kapıyı aç, geliyorum.", "Annem nerede?", "Dur biraz."), tmp_path / "e.dubline")
    again(root)
    edit(root, 1, "Open up.")
    edit(root, 2, "Where's Mum?")
    placed(lines_of("Kapıyı açın, geliyorum!", "Savaşı kaybettik.", "Bir bardak su."), root)
    said: list[str] = []
    with Run(root) as run:
        last = translate_run(run, root, "en", TranslateWish(), tell=said.append)[0]
    assert last[1].text == "Open up." and last[1].locked
    assert last[2].text != "Where's Mum?" and not last[2].locked
    assert any("1 line that a person wrote has no segment with its words" in text for text in said)
    assert read_translation(root / "work/translated.before.json")[2].text == "Where's Mum?"


# --- a language model that misbehaves -------------------------------------------------------------


def test_every_line_comes_back_from_a_server_that_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,511 lines; two of three requests are spoilt."""
    waits: list[float] = []
    monkeypatch.setattr(
        "dubline.backends.translators.llm_server.Server._wait", lambda _, s, tick: waits.append(s)
    )
    faults = ("missing", "extra", "fences", "truncated", "source_copy", "error_500", "refusal", "thinking")
    assert set(faults) <= {*SPOILT, *BROKEN}

    def spoiling(number: int) -> str:
        return faults[number % len(faults)] if number % 3 else ""

    transcript = episode(1511).transcript
    root = placed(transcript, tmp_path / "e.dubline")
    with MisbehavingServer(spoiling) as server, Run(root) as run:
        wish = TranslateWish(
            translator="llm",
            translator_model=MODEL,
            translator_options={"server": server.address},
            again=False,
        )
        translation, _ = translate_run(run, root, "en", wish)
    assert told(translation) == asked(transcript)
    for line in translation.segments:
        assert (line.state == "translated") == bool(line.text)
        assert line.text or line.reasons
    # An answer that speaks of lines that nobody asked for counts for none of them.
    assert translation.totals.translated > 1450 and waits
    assert not any(s.text == s.source_text for s in translation.segments if len(s.source_text.split()) > 1)


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"not json", "JSON"),
        (b'{"language":"tr","duration":3.0,"segments":[{"id":1,"start":0,"speaker":"","text":"a"}]}', "end"),
        (
            b'{"language":"tr","duration":9.0,"segments":[{"id":7,"start":3,"end":1,"speaker":"","text":"a"}]}',
            "segment 7",
        ),
    ],
)
def test_a_damaged_transcript_is_refused_with_its_place(tmp_path: Path, content: bytes, word: str) -> None:
    root = tmp_path / "e.dubline"
    root.mkdir()
    (root / "transcript.json").write_bytes(content)
    ran = dubline("translate", root, "--to", "en", "--translator", "manual")
    assert ran.status != 0 and word in ran.err
    assert not (root / "translated.json").exists()


# --- several languages ---------------------------------------------------------------------------


def in_languages(*lines: tuple[str, str]) -> Transcript:
    """Lines with their languages; "" is the film's own."""
    transcript = lines_of(*(text for text, _ in lines))
    return msgspec.structs.replace(
        transcript,
        segments=tuple(
            msgspec.structs.replace(segment, language=language) if language else segment
            for segment, (_, language) in zip(transcript.segments, lines, strict=True)
        ),
    )


MIXED = in_languages(
    ("Gel.", ""), ("Buenos días.", "es"), ("Come on.", "en"), ("Guten Tag.", "de"), ("Git.", "")
)


def test_each_line_is_translated_from_its_own_language(tmp_path: Path, parrot: type[Parrot]) -> None:
    asked: list[tuple[str, str]] = []

    def translate(self: Parrot, lines: Sequence[SourceLine], *more: Any) -> Any:
        asked.extend((self.options.source, line.text) for line in lines)
        return Parrot.translate(self, lines, *more)

    parrot.translate = translate  # type: ignore[method-assign]
    others = {"es": Choice(backend="parrot")}
    found = done(MIXED, tmp_path / "e.dubline", others=others)
    assert set(asked) == {("tr", "Gel."), ("tr", "Git."), ("es", "Buenos días.")}
    lines = [(s.state, s.text, s.source_language or "") for s in found.segments]
    assert lines == [
        ("translated", "say gel.", ""),
        ("translated", "say buenos días.", "es"),
        ("translated", "Come on.", "en"),  # as spoken
        ("pending", None, "de"),  # nobody here knows it
        ("translated", "say git.", ""),
    ]
    assert told(found) == [(s.id, s.start, s.end, s.speaker, s.text) for s in MIXED.segments]
    assert found.translators and set(found.translators) == {"es"}
    assert all(s.fit is not None for s in found.segments if s.text)
    assert not any(s.edited for s in found.segments)


def test_a_sentence_does_not_go_on_in_another_language(tmp_path: Path, parrot: type[Parrot]) -> None:
    transcript = in_languages(("Yarın", ""), ("mañana", "es"))
    close = msgspec.structs.replace(transcript.segments[1], start=2.1, end=4.1)
    transcript = msgspec.structs.replace(transcript, segments=(transcript.segments[0], close))
    found = done(transcript, tmp_path / "e.dubline", others={"es": Choice(backend="parrot")})
    assert [s.text for s in found.segments] == ["say yarın", "say mañana"]


def test_who_translates_what_is_told_and_kept(
    tmp_path: Path, parrot: type[Parrot], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody named a translator: one is found for each language, and it stays when a better one comes in."""
    here = {"tr": "parrot", "es": "parrot"}
    sought: list[tuple[str, str | None]] = []

    def settle(wish: TranslateWish, source: str, target: str, *why: str) -> Settled:
        sought.append((source, wish.translator))
        if source not in here:
            raise WeightsError(f"no model from {source}", hint="Get one.")
        return Settled(Choice(backend=wish.translator or here[source]), ())

    monkeypatch.setattr("dubline.translation.way.settle_translation", settle)
    root, said = placed(MIXED, tmp_path / "e.dubline"), []
    with Run(root) as run:
        found, _ = translate_run(run, root, "en", TranslateWish(), tell=said.append)
    assert [s.state for s in found.segments] == ["translated"] * 3 + ["pending", "translated"]
    assert "1 line in Spanish: translated by parrot" in said
    assert "1 line in English already: taken as spoken" in said
    assert any(line.startswith("1 line in German: left to a person. ") for line in said)
    assert {note for step in read_manifest(root).steps for note in step.notes} >= {*said}
    here |= {"es": "better", "de": "parrot"}
    sought.clear()
    found = again(root)
    assert ("es", "parrot") in sought and ("es", None) not in sought
    assert [s.state for s in found.segments] == ["translated"] * 5


def test_a_named_translator_is_asked_for_every_language_and_replaced_by_nobody(
    tmp_path: Path, parrot: type[Parrot], monkeypatch: pytest.MonkeyPatch
) -> None:
    sought: list[tuple[str, str | None, str | None]] = []

    def settle(wish: TranslateWish, source: str, target: str, *why: str) -> Settled:
        sought.append((source, wish.translator, wish.translator_model))
        if source == "de" or (source == "es" and wish.translator_model):
            raise WeightsError(f"parrot has no model from {source}", hint="Get one.")
        return Settled(Choice(backend="parrot"), ())

    monkeypatch.setattr("dubline.translation.way.settle_translation", settle)
    root, said = placed(MIXED, tmp_path / "e.dubline"), []
    wish = TranslateWish(translator="parrot", translator_model="turkish")
    with Run(root) as run:
        translate_run(run, root, "en", wish, tell=said.append)
    assert {who for _, who, _ in sought} == {"parrot"}
    assert [model for source, _, model in sought if source == "es"] == ["turkish", None]
    assert "1 line in German: left to a person. parrot has no model from de. Get one." in said


def test_a_line_of_which_only_the_language_was_corrected_is_done_again(
    tmp_path: Path, parrot: type[Parrot]
) -> None:
    root = placed(MIXED, tmp_path / "e.dubline")
    again(root)
    parrot.seen.clear()
    corrected = [msgspec.structs.replace(s, language="es") if s.id == 4 else s for s in MIXED.segments]
    placed(msgspec.structs.replace(MIXED, segments=tuple(corrected)), root)
    (hint,) = at_odds(root, (read_translation(root / "translated.json"),))
    assert "(1 line)" in hint
    assert again(root)[4].source_language == "es" and first_asked(parrot) == ["Guten Tag."]


def test_a_translation_into_what_the_film_turns_out_to_be_in_is_told_and_can_go(
    tmp_path: Path, parrot: type[Parrot]
) -> None:
    root = placed(lines_of("Come.", "Go."), tmp_path / "e.dubline")
    again(root)
    placed(msgspec.structs.replace(lines_of("Come.", "Go."), language="en"), root)
    path = root / "translated.json"
    (hint,) = at_odds(root, (read_translation(path),))
    assert hint.startswith(
        "translated.json is a translation into English, which is the film's own language now"
    )
    assert "delete translated.json and subtitles/en.srt." in hint and "up to date" not in hint
    with pytest.raises(InvalidJob) as refused:
        again(root)
    assert str(refused.value.hint) == f"{hint}."
    with Run(root) as run:
        translate_run(run, root, "pt", TranslateWish())
    path.unlink()
    assert at_odds(root, (read_translation(root / "translated.pt.json"),)) == ()
    with Run(root) as run:
        translate_run(run, root, "pt", TranslateWish())
    assert not path.exists()


def test_an_empty_transcript_gives_an_empty_translation(tmp_path: Path, parrot: type[Parrot]) -> None:
    translation = done(Transcript(language="tr", duration=3.0, segments=()), tmp_path / "r")
    assert translation.segments == () and translation.totals.fitting is None


def test_a_slot_of_no_length_and_a_line_of_5000_characters(tmp_path: Path, parrot: type[Parrot]) -> None:
    long = "Gel buraya ve otur. " * 250
    transcript = lines_of("Gel.", long)
    first = msgspec.structs.replace(transcript.segments[0], start=2.9, end=2.9)
    translation = done(
        msgspec.structs.replace(transcript, segments=(first, transcript.segments[1])), tmp_path / "r"
    )
    assert translation[1].fit is not None and translation[1].fit.status == "too_long"
    assert translation[2].state == "translated" and len(translation[2].text or "") > 4900


def test_left_to_a_person_every_line_is_pending(tmp_path: Path) -> None:
    root = placed(lines_of("Gel.", "Git."), tmp_path / "e.dubline")
    ran = dubline("translate", root, "--to", "en", "--translator", "manual")
    assert ran.status == 0, ran.err
    assert [s.state for s in read_translation(root / "translated.json").segments] == ["pending"] * 2
    left = read_subtitles(root / "subtitles" / "en.to-translate.srt")
    assert [cue.text for cue in left.cues] == ["Gel.", "Git."]


@pytest.mark.parametrize("suffix", ["srt", "vtt"])
def test_subtitles_are_translated_cue_by_cue_with_their_markup(
    tmp_path: Path, parrot: type[Parrot], suffix: str
) -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\n<i>Gel.</i>\n\n2\n00:00:03,000 --> 00:00:03,000\nGit.\n\n"
        "3\n00:00:04,000 --> 00:00:06,500\nOnu hiç\ngörmedim.\n"
    )
    if suffix == "vtt":
        text = "WEBVTT\n\n" + text.replace(",", ".")
    path = tmp_path / f"lines.{suffix}"
    path.write_text(text, encoding="utf-8")
    with Run(tmp_path / "lines.dubline") as run:
        translation, files = translate_run(run, path, "en", TranslateWish(source="tr"))
    assert [s.text for s in translation.segments] == ["<i>say gel.</i>", "say git.", "say onu hiç\ngörmedim."]
    assert [(s.start, s.end) for s in translation.segments] == [(1.0, 2.0), (3.0, 3.0), (4.0, 6.5)]
    assert read_subtitles(files[1]).cues[0].text == "<i>say gel.</i>"
    with Run(tmp_path / "lines.dubline") as run, pytest.raises(InvalidJob, match="language is not known"):
        translate_run(run, path, "en", TranslateWish(forget=True))


def test_a_synopsis_that_is_no_utf_8_is_refused_as_such(tmp_path: Path) -> None:
    root, text = placed(lines_of("Gel."), tmp_path / "e.dubline"), tmp_path / "synopsis.txt"
    text.write_bytes("Gece.\nAyşe gelir.".encode("iso-8859-9"))
    ran = dubline("translate", root, "--to", "en", "--translator", "manual", "--synopsis", text)
    assert ran.status == 2 and "synopsis.txt is not UTF-8 (line 2)" in ran.err, ran.err


@pytest.mark.parametrize(
    ("wishes", "word"),
    [
        (("--to", "tr"), "both tr"),
        (("--to", "en", "--only", "4-x"), "4-x"),
        (("--to", "en", "--only", "1"), "no translation yet"),
        (("--to", "en", "--translator", "nobody"), "no translator named"),
        (("--to", "en", "--translator", "apertium", "--model", "x"), "takes no model"),
        (("--to", "en", "--translator", "llm"), "server"),
    ],
)
def test_wrong_wishes_are_refused_with_what_to_do(tmp_path: Path, wishes: tuple[str, ...], word: str) -> None:
    root = placed(lines_of("Gel."), tmp_path / "e.dubline")
    ran = dubline("translate", root, *wishes)
    assert ran.status != 0 and word in ran.err, ran.err
    assert not (root / "translated.json").exists()
