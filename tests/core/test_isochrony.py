# ruff: noqa: RUF001 - Turkish has a dotless i
"""Which translation is taken, how it fits, and what silence it may borrow."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from fractions import Fraction
from statistics import fmean

import pytest
from episode import Episode, episode
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_media import Shared

from dubline.fit import isochrony
from dubline.fit.durations import default_model, pace
from dubline.fit.isochrony import (
    RULES,
    FitRules,
    Place,
    choose,
    fit,
    force,
    is_loud,
    misfits,
    rooms,
    slowness,
)
from dubline.fit.speech_time import SpeechTime
from dubline.values.transcript import Segment
from dubline.values.translated import Candidate, Tone

ENGLISH = default_model("en")
lengths = st.floats(0, 30).map(lambda value: round(value, 3))
texts = st.lists(
    st.sampled_from(("no", "never", "I", "tell", "everything", "him", "to")), min_size=1, max_size=9
)
candidate = st.builds(
    lambda words, mark, score: Candidate(text=" ".join(words) + mark, score=score),
    texts,
    st.sampled_from((".", "!", "?", "...")),
    st.none() | st.floats(-4, 0),
)
place = st.builds(
    lambda source, speaker, found, slot, after, pace, loud: Place(
        source=source, speaker=speaker, candidates=tuple(found), slot=slot, room=after, pace=pace, loud=loud
    ),
    st.sampled_from(("Hayır!", "Bana her şeyi anlat.", "Neden?")),
    st.sampled_from("AB"),
    st.lists(candidate, max_size=5),
    lengths,
    st.floats(0, 0.5).map(lambda value: round(value, 3)),
    st.floats(0.7, 1.4),
    st.booleans(),
)


@st.composite
def cues(draw: st.DrawFn) -> list[Segment]:
    """Segments in order of their start, in whole milliseconds, of three speakers, often at once."""
    start = 0
    found = []
    for number in range(draw(st.integers(1, 12))):
        start += draw(st.sampled_from((0, 1, 40, 79, 80, 81, 200, 600, 2000)) | st.integers(0, 3000))
        end = start + draw(st.integers(1, 4000))
        found.append(
            Segment(
                id=number, start=start / 1000, end=end / 1000, speaker=draw(st.sampled_from("ABC")), text="x"
            )
        )
    return found


# --- silence -----------------------------------------------------------------------------------


@given(
    cues(),
    st.sampled_from((None, Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60))),
    st.floats(0, 2),
)
def test_borrowed_silence_never_touches_another_cue(
    segments: list[Segment], rate: Fraction | None, most: float
) -> None:
    gap = 2 / float(rate or 25)
    duration = max(segment.end for segment in segments) + 0.123
    free = rooms(segments, rate=str(rate or ""), duration=duration, most=most)
    for index, (segment, seconds) in enumerate(zip(segments, free, strict=True)):
        assert 0 <= seconds <= most + 1e-6
        assert abs(seconds * 1000 - round(seconds * 1000)) < 1e-6
        assert segment.end + seconds <= duration + 1e-6
        heard = segments[: index + 2]
        assert seconds == rooms(heard, rate=str(rate or ""), duration=duration, most=most)[index]
        for number, other in enumerate(segments):
            if number == index or not seconds:
                continue
            if other.start >= segment.start:
                assert segment.end + seconds <= other.start - gap + 1e-6
            else:
                assert other.end <= segment.end


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        (1.0, 0.0), (0.5, 0.0), (1.05, 0.0), (1.08, 0.0), (1.081, 0.001), (1.28, 0.2), (1.58, 0.5),
        (9.0, 0.5),
    ],
)  # fmt: skip
def test_two_frames_stay_free(following: float, expected: float) -> None:
    first = Segment(id=1, start=0.0, end=1.0, speaker="A", text="x")
    second = Segment(id=2, start=following, end=following + 1, speaker="B", text="x")
    assert rooms([first, second], duration=20.0) == (expected, 0.5)


def test_a_voice_that_still_sounds_leaves_no_silence() -> None:
    long = Segment(id=1, start=0.0, end=5.0, speaker="A", text="x")
    inside = Segment(id=2, start=1.0, end=2.0, speaker="B", text="x")
    last = Segment(id=3, start=9.0, end=9.9, speaker="B", text="x")
    assert rooms([long, inside, last], duration=10.0) == (0.0, 0.0, 0.1)
    twins = [
        Segment(id=1, start=0.0, end=1.0, speaker="A", text="x"),
        Segment(id=2, start=0.0, end=3.0, speaker="B", text="x"),
    ]
    assert rooms(twins) == (0.0, 0.0)
    assert rooms([]) == ()


# --- fit ---------------------------------------------------------------------------------------


@given(lengths, lengths, lengths)
def test_status_follows_from_the_numbers(slot: float, after: float, spoken: float) -> None:
    found = fit(slot, after, spoken)
    assert math.isfinite(found.speed)
    assert (found.slot, found.natural) == (slot, spoken)
    assert 0 <= found.borrowed <= after
    if slot + found.borrowed > 0.01 and found.speed < 99:
        assert found.speed == pytest.approx(spoken / (slot + found.borrowed), abs=6e-5)
    if found.status == "too_long":
        assert found.speed > 1.20
        assert found.borrowed == pytest.approx(after, abs=0.001)
    elif found.status == "short":
        assert found.speed < 0.90
        assert not found.borrowed
    else:
        assert found.speed <= 1.20
        assert (found.status == "borrowed") == (found.borrowed > 0)
        if found.status == "fits":
            assert found.speed >= 0.90
    if found.borrowed and found.status == "borrowed":
        # A millisecond less would not have been enough.
        assert round(spoken / max(slot + found.borrowed - 0.001, 0.001), 4) >= 1.2


@pytest.mark.parametrize(
    ("slot", "after", "spoken", "borrowed", "status"),
    [
        (1.0, 0.5, 1.2, 0.0, "fits"), (1.0, 0.5, 0.9, 0.0, "fits"), (1.0, 0.5, 0.899, 0.0, "short"),
        (1.0, 0.5, 1.201, 0.001, "borrowed"), (1.0, 0.5, 1.5, 0.25, "borrowed"),
        (1.0, 0.5, 1.8, 0.5, "borrowed"),
        (1.0, 0.5, 1.9, 0.5, "too_long"), (1.0, 0.0, 1.21, 0.0, "too_long"), (0.0, 0.0, 1.0, 0.0, "too_long"),
        (0.0, 0.5, 0.3, 0.25, "borrowed"), (0.0, 0.0, 0.0, 0.0, "short"), (2.0, 0.5, 0.0, 0.0, "short"),
    ],
)  # fmt: skip
def test_fit_of_known_lines(slot: float, after: float, spoken: float, borrowed: float, status: str) -> None:
    found = fit(slot, after, spoken)
    assert (found.borrowed, found.status) == (borrowed, status)


def test_a_wider_window_is_kept_to() -> None:
    rules = FitRules(slowest=0.8, fastest=1.5)
    assert fit(1.0, 0.5, 1.5, rules).status == "fits"
    assert fit(1.0, 0.5, 0.8, rules).status == "fits"
    assert fit(1.0, 0.5, 1.8, rules).borrowed == 0.2


def test_pace_and_tone_of_the_line_count() -> None:
    ordinary, text = ENGLISH.seconds("You lied to me."), "You lied to me."
    time = SpeechTime("en", {"slow": 1.2})
    assert time.fit(text, "A", 9, 0).natural == pytest.approx(ordinary, abs=1e-3)
    assert time.fit(text, "slow", 9, 0).natural == pytest.approx(1.2 * ordinary, abs=1e-3)
    assert time.fit(text, "A", 9, 0, tone=Tone(rate=1.1)).natural == pytest.approx(ordinary / 1.1, abs=1e-3)
    assert slowness(1.0, Tone(rate=9.0)) == pytest.approx(1 / 1.15)
    assert slowness(1.0, Tone(rate=0.1)) == pytest.approx(1 / 0.87)
    assert slowness(1.3, Tone()) == 1.3
    assert not any(map(is_loud, (None, Tone(), Tone(tag="high"), Tone(level=5.0))))
    assert all(map(is_loud, (Tone(tag="loud, high"), Tone(tag="shouted"), Tone(level=7.0))))
    assert not is_loud(Tone(level=12.0, tag="calm", edited=True))


# --- cost --------------------------------------------------------------------------------------


def test_force_counts_marks_of_many_scripts() -> None:
    assert force("Ne?! Dur... dur…") == (1, 1, 2)
    assert force("¿Qué? ¡No!") == (1, 1, 0)
    assert force("什么?！") == force("ماذا؟!") == (1, 1, 0)
    assert force("Dr. No. Ok.") == (0, 0, 0)


def cost(
    source: str, candidate: Candidate, best: float | None, slot: float, spoken: float, **more: object
) -> float:
    place = Place(source=source, speaker="A", candidates=(candidate,), slot=slot, **more)  # type: ignore[arg-type]
    return isochrony.cost(place, candidate, best, spoken)


def test_what_a_candidate_costs() -> None:
    good = Candidate(text="Wait!", score=-0.2)

    def of(candidate: Candidate, spoken: float = 1.0, **more: object) -> float:
        return cost("Bekle!", candidate, -0.2, 1.0, spoken, **more)

    assert of(good) == 0
    assert of(Candidate(text="Wait!", score=-0.9)) == pytest.approx(0.7)
    assert of(Candidate(text="Wait.", score=-0.2)) == pytest.approx(RULES.force)
    assert of(Candidate(text="Wait.", score=-0.2), loud=True) == pytest.approx(2 * RULES.force)
    assert of(Candidate(text="Wait!")) == RULES.unscored
    assert of(Candidate(text=" ", score=0.0)) == math.inf
    assert cost("Bekle!", Candidate(text="Wait!"), None, 1.0, 1.0) == 0
    assert of(good, 1.1) < of(good, 1.19) < of(good, 1.3, room=0.5) < of(good, 1.3) < of(good, 2.0)
    assert of(good, 0.9) < of(good, 0.5) < of(good, 1.5)
    assert math.isfinite(cost("Bekle!", good, -0.2, 0.0, 1.0))
    assert math.isfinite(cost("Bekle!", good, -0.2, 1.0, 0.0))


@given(lengths, lengths, lengths, lengths)
def test_more_room_never_costs_and_a_longer_overrun_always_does(
    slot: float, after: float, spoken: float, more: float
) -> None:
    line = Candidate(text="Wait!", score=-0.2)
    plain = cost("Bekle!", line, -0.2, slot, spoken)
    assert 0 <= cost("Bekle!", line, -0.2, slot, spoken, room=after) <= plain + 1e-9
    if spoken > max(slot, 0.001) * RULES.fastest:
        assert cost("Bekle!", line, -0.2, slot, spoken + more) >= plain


# --- choice ------------------------------------------------------------------------------------


def taken(places: list[Place], chosen: tuple[int | None, ...]) -> list[str | None]:
    return [None if n is None else p.candidates[n].text for p, n in zip(places, chosen, strict=True)]


@settings(max_examples=60)
@given(st.lists(place, max_size=6))
def test_choice_is_deterministic_and_blind_to_duplicates(places: list[Place]) -> None:
    chosen = choose(places, ENGLISH.seconds)
    assert chosen == choose(places, ENGLISH.seconds)
    assert all((n is None) == (not p.candidates) for p, n in zip(places, chosen, strict=True))
    twice = [
        Place(
            source=p.source, speaker=p.speaker, candidates=p.candidates * 2, slot=p.slot, room=p.room,
            pace=p.pace, loud=p.loud,
        )
        for p in places
    ]  # fmt: skip
    assert taken(places, chosen) == taken(twice, choose(twice, ENGLISH.seconds))


@settings(max_examples=60)
@given(st.lists(place, min_size=1, max_size=6), st.lists(candidate, min_size=1, max_size=5))
def test_the_same_line_of_a_speaker_is_the_same_everywhere(
    places: list[Place], found: list[Candidate]
) -> None:
    same = [
        Place(
            source=p.source, speaker=p.speaker, candidates=tuple(found), slot=p.slot, room=p.room, pace=p.pace
        )
        for p in places
    ]
    seen = defaultdict(set)
    for p, text in zip(same, taken(same, choose(same, ENGLISH.seconds)), strict=True):
        seen[p.speaker, p.source].add(text)
    assert all(len(translations) == 1 for translations in seen.values())


@settings(max_examples=60)
@given(place.filter(lambda p: p.candidates), texts)
def test_a_better_fitting_candidate_never_makes_the_fit_worse(old: Place, words: list[str]) -> None:
    """It has the same score and the same marks as the one that was taken, and fits better."""

    def badness(text: str) -> float:
        """The cost of time alone."""
        spoken = ENGLISH.seconds(text) * old.pace
        return cost(text, Candidate(text=text), None, old.slot, spoken, room=old.room)

    (number,) = choose([old], ENGLISH.seconds)
    assert number is not None
    before = old.candidates[number]
    marks = before.text[len(before.text.rstrip(".!?")) :]
    new = Candidate(text=" ".join(words) + marks, score=before.score)
    wider = Place(
        source=old.source, speaker=old.speaker, candidates=(*old.candidates, new), slot=old.slot,
        room=old.room, pace=old.pace, loud=old.loud,
    )  # fmt: skip
    (after,) = choose([wider], ENGLISH.seconds)
    assert after is not None
    if badness(new.text) <= badness(before.text):
        assert badness(wider.candidates[after].text) <= badness(before.text) + 1e-9


def test_choice_weighs_meaning_and_time() -> None:
    found = (
        Candidate(text="You have told me nothing but lies for all these years.", score=-0.3),
        Candidate(text="You lied to me for years.", score=-0.5),
        Candidate(text="You lied.", score=-3.0),
    )
    short = Place(source="Yıllarca bana yalan söyledin.", speaker="A", candidates=found, slot=1.5)
    long = Place(source="Yıllarca bana yalan söyledin.", speaker="B", candidates=found, slot=2.9)
    assert choose([short, long], ENGLISH.seconds) == (1, 0)
    hopeless = Place(source="x", speaker="A", candidates=(Candidate(text=" "),), slot=1.5)
    empty = Place(source="y", speaker="A", candidates=(), slot=1.5)
    assert choose([hopeless, empty], ENGLISH.seconds) == (None, None)


def test_a_line_without_a_common_translation_is_chosen_place_by_place() -> None:
    one = Place(source="Dur.", speaker="A", candidates=(Candidate(text="Stop."),), slot=0.4)
    two = Place(
        source="Dur.", speaker="A", candidates=(Candidate(text="Wait."), Candidate(text="Halt.")), slot=0.4
    )
    assert choose([one, two], ENGLISH.seconds)[0] == 0
    assert choose([one, two], ENGLISH.seconds)[1] is not None


def test_only_misfits_are_asked_for_again() -> None:
    line = (Candidate(text="You promised that you would never leave me."),)
    spoken = ENGLISH.seconds(line[0].text)

    def at(source: str, slot: float, after: float = 0.0) -> Place:
        return Place(source=source, speaker="A", candidates=line, slot=slot, room=after)

    places = [
        at("a", spoken), at("b", spoken / 1.4), at("c", spoken / 1.4, 0.5), at("d", spoken / 0.85),
        at("e", spoken * 2), at("f", spoken * 2), at("f", spoken / 2), at("g", 0.0),
    ]  # fmt: skip
    found = misfits(places, (0,) * 8, ENGLISH.seconds)
    assert found == {1: "shorter", 4: "longer", 6: "shorter", 7: "shorter"}
    assert misfits(places, (None,) * 8, ENGLISH.seconds) == {}


# --- an episode --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shot() -> Episode:
    return episode()


def places_of(shot: Episode, most: int) -> list[Place]:
    segments = shot.transcript.segments
    free = rooms(segments, duration=shot.transcript.duration)
    return [
        Place(
            source=said.source,
            speaker=said.speaker,
            candidates=tuple(
                Candidate(text=text, score=-0.2 * number)
                for number, text in enumerate(said.references[:most])
            ),
            slot=segments[said.ids[-1] - 1].end - segments[said.ids[0] - 1].start,
            room=free[said.ids[-1] - 1],
        )
        for said in shot.spoken
    ]


def test_the_episode_is_what_it_says(shot: Episode, shared: Shared) -> None:
    shared("text/tr_en_dialogue_2000.tsv", real=True)
    transcript = shot.transcript
    assert len(transcript.segments) == 1511
    assert transcript.duration == 57 * 60
    assert len(transcript.speakers) == 12
    assert [number for said in shot.spoken for number in said.ids] == list(range(1, 1512))
    assert sum(segment.overlap for segment in transcript.segments) > 50
    assert {len(said.ids) for said in shot.spoken} == {1, 2, 3}
    assert len({(said.speaker, said.source) for said in shot.spoken}) < len(shot.spoken) - 50
    for said in shot.spoken:
        assert " ".join(transcript.segments[number - 1].text for number in said.ids) == said.source
    assert episode() is shot
    assert episode(40, seed=2).transcript != episode(40, seed=3).transcript


def test_reranking_an_episode_fits_better_and_stays_consistent(shot: Episode) -> None:
    first, several = places_of(shot, 1), places_of(shot, 3)

    def fitting(places: list[Place], chosen: tuple[int | None, ...]) -> float:
        return fmean(
            fit(p.slot, p.room, ENGLISH.seconds(p.candidates[n or 0].text)).status in ("fits", "borrowed")
            for p, n in zip(places, chosen, strict=True)
        )

    chosen = choose(several, ENGLISH.seconds)
    assert None not in chosen
    assert fitting(several, chosen) > fitting(first, choose(first, ENGLISH.seconds))
    seen = defaultdict(set)
    for p, text in zip(several, taken(several, chosen), strict=True):
        seen[p.speaker, p.source].add(text)
    assert all(len(found) == 1 for found in seen.values())


def test_paces_of_actors_are_found_from_what_they_say() -> None:
    shot = episode(acted=True)
    counted = Counter(segment.speaker for segment in shot.transcript.segments)
    found = pace(shot.transcript.segments, default_model("tr"))
    assert set(found) == set(counted)
    for speaker, value in found.items():
        assert value == pytest.approx(shot.paces[speaker], abs=0.08 if counted[speaker] > 60 else 0.2)
