"""What voices teach a translation: their pace, their error, and which lines really fit."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any, ClassVar

import msgspec
import pytest
from command import dubline
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from dubline.backends import choosing
from dubline.backends.choosing import Settled, find, options_of
from dubline.errors import BackendFailed, BackendMissing, InvalidJob
from dubline.fit.durations import DurationModel, default_model
from dubline.fit.isochrony import RULES, SURE, chance, fit
from dubline.fit.letter_pairs import letter_pairs, more_seconds
from dubline.report import Report
from dubline.run import Run
from dubline.translation.way import translate_run
from dubline.values.base import Choice
from dubline.values.dubbed import CastVoice, Take, Takes
from dubline.values.transcript import Segment, Speaker, Transcript, transcript_json
from dubline.values.translated import (
    Answer,
    Candidate,
    SourceLine,
    TranslatedSegment,
    Translation,
    parse_translation,
    read_translation,
    translation_json,
)
from dubline.values.wishes import TranslateWish
from dubline.voice.calibration import (
    fitted_by,
    keep_durations,
    known_durations,
    place,
    spoken_texts,
    voice_durations,
    voice_models,
)
from dubline.voice.fitting import usable
from dubline.voice.pacing import PaceJob, VoicePace, hear_pace, pace_job

needs_espeak = pytest.mark.program("espeak-ng")
WHO = ("The old man", "She", "My brother and I", "Nobody", "The strange captain", "You")
WHAT = (
    "waited at the station",
    "never came back to the village",
    "bought a horse",
    "will tell you everything, I swear",
    "knew",
    "burned the letters through the night",
    "stretched",
    "eats an apple. It is good",
    "would have thought of that",
    "lied",
)
TEXTS = tuple(random.Random(1).sample([f"{who} {what}." for what in WHAT for who in WHO], 60))


def heard(texts: Sequence[str], **options: Any) -> dict[str, float]:
    """What espeak-ng takes for these texts."""
    backend = find("voice", "espeak-ng")
    with backend(options_of(backend, {"language": "en", **options})) as voice:
        found = {}
        for text in texts:
            take = usable(voice.speak(text, "en+m3", speed=1.0, pitch=1.0, tick=lambda: None))
            found[text] = take.sound.shape[1] / take.rate
    return found


@pytest.fixture(scope="module")
def slow() -> dict[str, float]:
    """A voice at 120 words a minute instead of 175."""
    return heard(TEXTS, words=120)


def off(model: DurationModel, lengths: Mapping[str, float]) -> float:
    return fmean(abs(model.seconds(text) / seconds - 1) for text, seconds in lengths.items())


def takes_of(
    lengths: Mapping[str, float], *, voice: str = "espeak-ng:en+m3", speaker: str = "A", first: int = 1
) -> Takes:
    takes = tuple(
        Take(id=number, speaker=speaker, state="spoken", text=text, natural=round(seconds, 3), frames=1)
        for number, (text, seconds) in enumerate(lengths.items(), first)
    )
    return Takes(language="en", takes=takes, cast=(CastVoice(speaker=speaker, voice=voice),))


def translation(*texts: str, slot: float = 2.0, gap: float = 1.0) -> Translation:
    lines = tuple(
        TranslatedSegment(
            id=n, start=(n - 1) * (slot + gap), end=(n - 1) * (slot + gap) + slot, speaker="A", text=None,
            source_text="bir şey", state="translated",
        ).with_text(text)
        for n, text in enumerate(texts, 1)
    )  # fmt: skip
    return Translation(
        source_language="tr",
        target_language="en",
        duration=len(texts) * (slot + gap),
        segments=lines,
        speakers=(Speaker(id="A"),),
    )


def kept_in(root: Path, made: Translation) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    path = root / "translated.json"
    path.write_bytes(translation_json(made))
    return path


# --- the model ---------------------------------------------------------------------------------


@needs_espeak
def test_takes_lower_the_error_of_other_lines(slow: dict[str, float]) -> None:
    shown = {text: slow[text] for text in TEXTS[::2]}
    hidden = {text: slow[text] for text in TEXTS[1::2]}
    prior = default_model("en")
    model = voice_models("en", {"espeak-ng:en+m3": shown})["espeak-ng:en+m3"]
    assert off(prior, hidden) > 0.2
    assert off(model, hidden) < 0.5 * off(prior, hidden)
    assert {text: model.seconds(text) for text in shown} == shown, "what was spoken is known"
    assert model.basis == "the pace of espeak-ng:en+m3, from 30 takes"


@needs_espeak
def test_the_error_that_a_model_admits_is_the_one_that_it_makes(slow: dict[str, float]) -> None:
    model = voice_models("en", {"v:1": {text: slow[text] for text in TEXTS[::2]}})["v:1"]
    made = [
        math.log(slow[text] / model.seconds(text)) / model.doubt(model.seconds(text)) for text in TEXTS[1::2]
    ]
    assert 0.4 < math.sqrt(fmean(value**2 for value in made)) < 1.6
    assert model.doubt(4.0) == pytest.approx(model.doubt(1.0) / 2)
    assert default_model("en").doubt(1.0) == 0.0


def test_letters_tell_what_syllables_do_not() -> None:
    """A voice that dwells on every s: in lines of as many syllables and letters."""
    plain = default_model("en")
    lengths = {text: plain.seconds(text) + 0.15 * text.count("s") for text in TEXTS}
    shown = {text: lengths[text] for n, text in enumerate(TEXTS) if n % 4}
    hidden = {text: lengths[text] for n, text in enumerate(TEXTS) if not n % 4}
    model = voice_models("en", {"v:1": shown})["v:1"]
    assert max(model.letters, key=lambda pair: model.letters[pair]) == "s"
    assert off(model, hidden) < 0.7 * off(structs.replace(model, letters={}), hidden)


@given(st.text(max_size=40), st.dictionaries(st.text(max_size=2), st.floats(-9, 9)), st.floats(0, 5))
def test_letters_change_a_half_at_most(text: str, figures: dict[str, float], plain: float) -> None:
    assert abs(more_seconds(text, "en", figures, plain)) <= plain / 2
    assert all(count > 0 for _, count in letter_pairs(text, "en"))


@needs_espeak
def test_a_voice_with_few_takes_learns_from_the_others(slow: dict[str, float]) -> None:
    few = {text: slow[text] * 1.1 for text in TEXTS[:8]}
    hidden = {text: slow[text] * 1.1 for text in TEXTS[40:]}
    alone = voice_models("en", {"b:few": few})["b:few"]
    both = voice_models("en", {"b:few": few, "b:many": {text: slow[text] for text in TEXTS[:40]}})
    assert off(both["b:few"], hidden) < off(alone, hidden)
    assert both["b:few"].basis == "the pace of b:few, from 8 takes"
    elsewhere = voice_models("en", {"b:few": few, "other:many": {text: slow[text] for text in TEXTS}})
    assert elsewhere["b:few"] == alone, "another back end teaches nothing"


@needs_espeak
def test_a_retaken_line_teaches_its_own_voice(slow: dict[str, float]) -> None:
    takes = takes_of(slow)
    first = structs.replace(takes.takes[0], voice="flite:slt")
    known = voice_durations(structs.replace(takes, takes=(first, *takes.takes[1:])))
    assert list(known["flite:slt"].spoken) == [first.text]
    assert first.text not in known["espeak-ng:en+m3"].spoken


# --- what may be said of a line ------------------------------------------------------------------


@given(st.floats(0.1, 9), st.floats(0, 0.5), st.floats(0.05, 12), st.floats(0, 0.5))
def test_doubt_makes_only_what_fits_unsure(slot: float, room: float, natural: float, doubt: float) -> None:
    plain, doubted = fit(slot, room, natural), fit(slot, room, natural, doubt=doubt)
    assert structs.replace(doubted, status=plain.status) == plain
    if plain.status != "fits" or not doubt:
        assert doubted.status == plain.status
    else:
        likely = chance(plain.speed, doubt) >= SURE
        assert doubted.status == ("fits" if likely else "unsure")
        assert fit(slot, room, natural, doubt=doubt / 2).status == "fits" or not likely


def test_the_chance_is_the_normal_one() -> None:
    middle = math.sqrt(RULES.slowest * RULES.fastest)
    assert chance(middle, 0.0) == 1.0 and chance(0.89, 0.0) == chance(1.21, 0.0) == 0.0
    assert chance(RULES.fastest, 0.01) == pytest.approx(0.5, abs=1e-6)
    one = math.log(RULES.fastest / RULES.slowest) / 2
    assert chance(middle, one) == pytest.approx(0.6827, abs=1e-4)
    assert chance(middle, one / 2) == pytest.approx(0.9545, abs=1e-4)


# --- kept in the run -----------------------------------------------------------------------------


@needs_espeak
def test_what_is_kept_comes_back_and_the_same_changes_nothing(tmp_path: Path, slow: dict[str, float]) -> None:
    assert known_durations(tmp_path, "en").speakers == {}
    assert keep_durations(tmp_path, takes_of(slow)) == (place(tmp_path),)
    known = known_durations(tmp_path, "en")
    assert known.speakers == {"A": voice_durations(takes_of(slow))["espeak-ng:en+m3"]}
    assert known.notes == ("the pace is that of espeak-ng:en+m3, from 60 takes",)
    assert known_durations(tmp_path, "de").speakers == {}
    before = place(tmp_path).read_bytes()
    assert keep_durations(tmp_path, takes_of(slow)) == ()
    assert place(tmp_path).read_bytes() == before


@needs_espeak
def test_earlier_takes_of_the_same_voice_count_and_those_of_another_pace_do_not(
    tmp_path: Path, slow: dict[str, float]
) -> None:
    keep_durations(tmp_path, takes_of({text: slow[text] for text in TEXTS[:50]}))
    keep_durations(tmp_path, takes_of({text: slow[text] for text in TEXTS[40:]}))
    assert known_durations(tmp_path, "en").speakers["A"].spoken.keys() == set(TEXTS)
    quicker = {text: slow[text] / 1.3 for text in TEXTS[:20]}
    keep_durations(tmp_path, takes_of(quicker))
    model = known_durations(tmp_path, "en").speakers["A"]
    assert model.spoken.keys() == quicker.keys()
    assert median(model.seconds(text) / (slow[text] / 1.3) for text in TEXTS[20:]) == pytest.approx(
        1, abs=0.1
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"\xff\x00 not JSON",
        lambda data: b"[]",
        lambda data: data.replace(b"dubline.durations.1", b"dubline.durations.9"),
        lambda data: data.replace(b'"constant":', b'"constant":-', 1),
        lambda data: data.replace(b'"error":', b'"error":1e9, "was":', 1),
        lambda data: data.replace(b'"spoken": {', b'"spoken": {"x": -1.0, ', 1),
    ],
)
def test_a_damaged_file_is_passed_over_and_told(tmp_path: Path, spoil: Any) -> None:
    lengths = {text: 2 * default_model("en").seconds(text) for text in TEXTS[:20]}
    keep_durations(tmp_path, takes_of(lengths))
    whole = place(tmp_path).read_bytes()
    spoilt = spoil(whole)
    assert spoilt != whole
    place(tmp_path).write_bytes(spoilt)
    known = known_durations(tmp_path, "en")
    assert known.speakers == {}
    assert "durations.json is damaged" in known.notes[0]
    keep_durations(tmp_path, takes_of(lengths))
    assert place(tmp_path).read_bytes() == whole


def test_takes_that_say_nothing_teach_nothing(tmp_path: Path) -> None:
    takes = (
        Take(id=1, speaker="A", state="failed", text="No.", natural=0.0),
        Take(id=2, speaker="A", state="silent"),
        Take(id=3, speaker="B", state="spoken", text="Who?", natural=0.4),
    )
    keep_durations(tmp_path, Takes(language="en", takes=takes, cast=(CastVoice(speaker="A", voice="v:1"),)))
    assert known_durations(tmp_path, "en").speakers == {}


# --- what a dub says of its translation ----------------------------------------------------------


@needs_espeak
def test_after_a_dub_lines_say_how_they_really_fit(tmp_path: Path, slow: dict[str, float]) -> None:
    texts = [text for text in TEXTS if 1.95 < slow[text] < 2.3]
    assert len(texts) >= 3
    estimated = [fit(slow[t] / 1.3, 0.0, default_model("en").seconds(t)).status for t in texts]
    made = translation(*texts, slot=slow[texts[0]] / 1.3, gap=0.05)
    path = kept_in(tmp_path, made)
    assert path in keep_durations(tmp_path, takes_of({text: slow[text] for text in texts}))
    now = read_translation(path)
    for line in now.segments:
        assert line.fit is not None and line.fit.basis == "measured"
        assert line.fit.natural == pytest.approx(slow[line.text or ""], abs=0.001)
        assert line.fit.status == fit(made[1].end, 0.0, line.fit.natural).status
    assert now[1].fit is not None and now[1].fit.status == "too_long" != estimated[0]
    assert now.totals.measured == len(texts) and now.totals.too_long >= 1
    assert [structs.replace(line, fit=None) for line in now.segments] == list(made.segments)
    assert keep_durations(tmp_path, takes_of({text: slow[text] for text in texts})) == ()


@needs_espeak
def test_nothing_that_a_person_wrote_is_touched(tmp_path: Path, slow: dict[str, float]) -> None:
    made = translation(*TEXTS[:4])
    path = kept_in(tmp_path, made)
    text = path.read_text(encoding="utf-8").replace(TEXTS[1], "She hid it, quite simply.", 1)
    path.write_text(text, encoding="utf-8")
    keep_durations(tmp_path, takes_of(slow))
    now = read_translation(path)
    assert now[2].text == "She hid it, quite simply." and now[2].edited
    assert now[2].fit is not None and now[2].fit.basis == "calibrated"
    assert [now[n].text for n in (1, 3, 4)] == [TEXTS[0], TEXTS[2], TEXTS[3]]
    assert not any(now[n].edited for n in (1, 3, 4))
    path.write_bytes(b"{ half a sen")
    with pytest.raises(InvalidJob):
        keep_durations(tmp_path, takes_of({TEXTS[0]: 1.0, TEXTS[5]: 2.0}))
    assert path.read_bytes() == b"{ half a sen"


def test_a_take_that_had_to_wait_says_so_until_the_lines_change(tmp_path: Path) -> None:
    path = kept_in(tmp_path, translation(*TEXTS[:3], slot=2.0, gap=0.05))
    lengths = dict.fromkeys(TEXTS[:3], 2.0)
    takes = takes_of({**lengths, TEXTS[0]: 3.6})
    starts = (0.0, 3.0, 4.1)
    made = [
        structs.replace(take, rate=1000, frames=2000, start=round(start * 1000), borrowed=borrowed)
        for take, start, borrowed in zip(takes.takes, starts, (0.0, 0.0, 0.25), strict=True)
    ]
    made[0] = structs.replace(made[0], frames=3000, state="too_long")
    made[1] = structs.replace(made[1], state="too_long")
    keep_durations(tmp_path, structs.replace(takes, takes=tuple(made)))
    fits = [line.fit for line in read_translation(path).segments]
    assert [f.status for f in fits if f] == ["too_long", "too_long", "fits"]
    assert fits[1] and fits[1].natural == 2.0 and fits[1].speed == pytest.approx(2.0 / 1.05, abs=0.001)
    made[2] = structs.replace(made[2], start=4300)  # 0.2 s late, and 0.25 s of the silence
    keep_durations(tmp_path, structs.replace(takes, takes=tuple(made)))
    third = read_translation(path)[3].fit
    assert third and (third.status, third.borrowed) == ("borrowed", 0.25)
    known = known_durations(tmp_path, "en")
    assert known.late.keys() == {2, 3}
    shorter = translation("Nobody.", *TEXTS[1:3], slot=2.0, gap=0.05)
    status = [line.fit.status for line in fitted_by(shorter, known).segments if line.fit]
    assert status[1:] == ["fits", "borrowed"], "the second line need not wait for this one"


def test_a_file_from_before_is_read() -> None:
    made = structs.replace(
        translation("Wait!"), segments=(structs.replace(translation("Wait!")[1], fit=fit(2.0, 0.5, 1.9)),)
    )
    raw = msgspec.json.decode(translation_json(made))
    for name in ("unsure", "measured"):
        del raw["totals"][name]
    del raw["segments"][0]["fit"]["basis"]
    read = parse_translation(msgspec.json.encode(raw))
    assert read == made
    assert read[1].fit is not None and read[1].fit.basis == "estimated"


# --- a translation made for its voices -----------------------------------------------------------


class Choices:
    """A translator with a long and a short answer to everything."""

    requires: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    whole_sentences: ClassVar[bool] = False
    in_context: ClassVar[bool] = False
    varies: ClassVar[bool] = True
    by_hand: ClassVar[bool] = False
    identities = ()
    notes = ()
    asked: ClassVar[list[str]] = []

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        source: str
        target: str

    def __init__(self, options: Any) -> None: ...

    def translate(
        self, lines: Sequence[SourceLine], known: Mapping[str, Answer], report: Report
    ) -> Iterator[dict[str, Answer]]:
        for line in lines:
            if line.key not in known:
                self.asked.append(line.text)
                texts = () if line.wanted else (LONG[line.text], SHORT[line.text])
                yield {line.key: Answer(candidates=tuple(Candidate(text=t, score=-0.3) for t in texts))}

    def __enter__(self) -> Choices:
        return self

    def __exit__(self, *exc: object) -> None: ...


def source_of(text: str, number: int) -> str:
    """Something Turkish that takes about as long, so that the actor has an ordinary pace."""
    words = ["Ne" + "abcdefghijkl"[number] * 2]
    while default_model("tr").seconds(" ".join(words)) < default_model("en").seconds(text):
        words.append("bekle")
    return " ".join(words) + "."


LONG = {source_of(text, n): text for n, text in enumerate(TEXTS[:12])}
SHORT = {source: " ".join(text.split()[-2:]) for source, text in LONG.items()}


@pytest.fixture
def choices(monkeypatch: pytest.MonkeyPatch) -> type[Choices]:
    class Own(Choices):
        asked: ClassVar[list[str]] = []

    def settled(*asked: Any) -> Settled:
        return Settled(Choice(backend="choices"), ())

    def found(kind: str, name: str, find: Any = choosing.find) -> Any:
        return Own if kind == "translator" else find(kind, name)

    for module in ("backends.choosing", "translation.stage"):
        monkeypatch.setattr(f"dubline.{module}.find", found)
    monkeypatch.setattr("dubline.translation.way.settle_translation", settled)
    return Own


def transcript(root: Path) -> Path:
    """Slots as long as the long answers take at the language's own pace."""
    clock, segments = 1.0, []
    for number, (source, text) in enumerate(LONG.items(), 1):
        end = round(clock + default_model("en").seconds(text), 3)
        segments.append(Segment(id=number, start=clock, end=end, speaker="A", text=source))
        clock = round(end + 0.09, 3)
    made = Transcript(
        language="tr", duration=clock + 1, segments=tuple(segments), speakers=(Speaker(id="A", label="A"),)
    )
    root.mkdir(parents=True, exist_ok=True)
    (root / "transcript.json").write_bytes(transcript_json(made))
    return root


def translated(root: Path, **wishes: Any) -> tuple[Translation, list[str], list[str]]:
    """The translation, the states of its steps and what was noted."""
    states, notes = [], []
    with Run(root, said=lambda r: states.append(f"{r.name} {r.state}"), tell=notes.append) as run:
        made, _ = translate_run(run, root, "en", TranslateWish(**wishes))
    return made, states, notes


@needs_espeak
def test_lines_are_chosen_for_the_voice_that_speaks_them(
    tmp_path: Path, choices: type[Choices], slow: dict[str, float]
) -> None:
    root = transcript(tmp_path / "run")
    first, _, _ = translated(root, voice_pace=True)
    assert {line.fit.basis for line in first.segments if line.fit} == {"estimated"}
    assert {line.text for line in first.segments} & set(LONG.values())
    keep_durations(root, takes_of(slow))
    asked = len(choices.asked)
    second, states, notes = translated(root, voice_pace=True)
    assert states == ["translate done"]
    assert "the pace is that of espeak-ng:en+m3, from 60 takes" in notes
    # At 120 words a minute the long ones take half as long again.
    assert len([t for t in second.segments if t.text in SHORT.values()]) > len(
        [t for t in first.segments if t.text in SHORT.values()]
    )
    assert {line.fit.basis for line in second.segments if line.fit} <= {"measured", "calibrated"}
    assert choices.asked[asked:] == [] or set(choices.asked[asked:]) <= set(LONG)
    assert translated(root, voice_pace=True)[1] == ["translate kept"]
    assert translated(root)[1] == ["translate kept"], "without the voices' pace it is the first one again"
    keep_durations(root, takes_of({**slow, "One more.": 1.3}))
    assert translated(root, voice_pace=True)[1] == ["translate done"]


@needs_espeak
def test_a_dub_does_not_outdate_a_translation_with_a_persons_line(
    tmp_path: Path, choices: type[Choices], slow: dict[str, float]
) -> None:
    root = transcript(tmp_path / "run")
    translated(root)
    path = root / "translated.json"
    text = path.read_text(encoding="utf-8").replace(TEXTS[0], TEXTS[20], 1)
    path.write_text(text, encoding="utf-8")
    translated(root)
    keep_durations(root, takes_of(slow))
    dubbed = read_translation(path)
    made, states, _ = translated(root)
    assert states == ["translate kept"]
    assert made == dubbed == read_translation(path), "and it still says how the lines really fit"
    assert made[1].locked and made[1].text == TEXTS[20]
    assert made[1].fit is not None and made[1].fit.basis == "measured"


@needs_espeak
def test_a_voice_can_be_heard_before_the_dub(tmp_path: Path, choices: type[Choices]) -> None:
    root = transcript(tmp_path / "run")
    made, states, notes = translated(root, voice="espeak-ng:en+m3", voice_options={"words": 120})
    assert states[:3] == ["translate done", "pace done", "translate done"]
    assert {line.fit.basis for line in made.segments if line.fit} == {"measured"}
    texts = spoken_texts(made)
    really = heard(texts, words=120)
    for line in made.segments:
        assert line.fit is not None
        assert line.fit.natural == pytest.approx(really[line.text or ""], abs=0.002)
        slot = line.end - line.start
        assert line.fit.status == fit(slot, line.fit.borrowed + 1e-6, line.fit.natural).status
    assert any(note.startswith("the pace of espeak-ng:en+m3, from ") for note in notes)
    again, states, _ = translated(root, voice="espeak-ng:en+m3", voice_options={"words": 120})
    assert again == made
    assert {state.split()[1] for state in states} == {"kept"}
    assert read_translation(root / "translated.json") == made


@needs_espeak
def test_a_voice_that_was_stopped_goes_on(tmp_path: Path) -> None:
    job = PaceJob(voice=Choice(backend="espeak-ng"), language="en", name="en+m3")
    with Run(tmp_path) as run:
        first: VoicePace = run.step(hear_pace, TEXTS[:5], job)
    (file,) = (tmp_path / "work/memory").glob("lengths-*.jsonl")
    with file.open("ab") as out:
        out.write(b'["' + TEXTS[9].encode()[:6])  # a crash in the middle of a line
    with Run(tmp_path) as run:
        second: VoicePace = run.step(hear_pace, TEXTS[:10], job)
    assert {t: second.lengths[t] for t in TEXTS[:5]} == first.lengths
    assert second.lengths.keys() == set(TEXTS[:10])
    lines = file.read_bytes().splitlines()
    assert len(lines) == 11, "nothing is spoken twice"
    assert second.model().spoken == second.lengths


def test_a_voice_that_is_gone_is_told(tmp_path: Path) -> None:
    silent = [sys.executable, "-c", "raise SystemExit('no licence')", "{text_file}", "{wav}"]
    job = PaceJob(voice=Choice(backend="command", options={"command": silent}), language="en", name="x")
    with Run(tmp_path) as run, pytest.raises(BackendFailed, match="none of 3"):
        run.step(hear_pace, TEXTS[:3], job)


def test_a_wrong_voice_is_refused_before_the_work(tmp_path: Path, choices: type[Choices]) -> None:
    root = transcript(tmp_path / "run")
    with pytest.raises((InvalidJob, BackendMissing), match="espaek"):
        translated(root, voice="espaek")
    assert choices.asked == []


@needs_espeak
def test_a_wrong_name_of_a_voice_is_refused_before_the_work(tmp_path: Path, choices: type[Choices]) -> None:
    root = transcript(tmp_path / "run")
    with pytest.raises(InvalidJob, match="no voice espeak-ng:xx"):
        translated(root, voice="espeak-ng:xx")
    assert pace_job("espeak-ng", "en").name == "en+m3"
    assert choices.asked == []


def test_the_command_says_what_a_voice_is_for() -> None:
    answer = dubline("translate", "--help-all")
    assert answer.status == 0
    assert "--voice" in answer.out and "--no-voice-pace" in answer.out
