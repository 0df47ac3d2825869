"""People who share a voice differ, men and women get voices like theirs, and what cannot be is told first."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from command import dubline
from humming_voice import humming
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from dubline.backends.contract import VoiceInfo
from dubline.backends.voices.piper import SAMPLES, Piper
from dubline.backends.voices.samples import LETTERS
from dubline.errors import Cancelled
from dubline.run import Run
from dubline.signal.pitch import gender_of
from dubline.values.base import Choice
from dubline.values.cast import read_cast
from dubline.values.dubbed import CastVoice, Takes
from dubline.values.layout import Layout
from dubline.values.transcript import Speaker
from dubline.values.translated import TranslatedSegment, Translation
from dubline.voice.casting import Role, cast_speakers, roles_of
from dubline.voice.sharing import HIGHEST, LOWEST, NOTCHES, shades, told_genders, told_sharing
from dubline.voice.speaking import VoiceJob, speak

factors = st.floats(LOWEST, HIGHEST)
heights = st.floats(70.0, 320.0)


def voices(**hertz: float) -> dict[str, tuple[VoiceInfo, ...]]:
    return {"piper": tuple(VoiceInfo(name=n, gender=gender_of(h), pitch=h) for n, h in hertz.items())}


def people(*names: str) -> tuple[Speaker, ...]:
    return tuple(Speaker(id=f"S{number}", name=name) for number, name in enumerate(names))


# --- pitches of those who share ------------------------------------------------------------------


@given(st.lists(factors, min_size=1, max_size=len(NOTCHES)), st.sets(st.sampled_from(NOTCHES), max_size=2))
def test_all_who_share_a_voice_differ_and_the_higher_stay_higher(
    wanted: list[float], fixed: set[float]
) -> None:
    wanted = wanted[: len(NOTCHES) - len(fixed)]
    made = shades(wanted, fixed)
    assert len({*made, *fixed}) == len(made) + len(fixed), "no two are alike"
    assert all(LOWEST <= factor <= HIGHEST for factor in made)
    assert [made[n] for n in sorted(range(len(made)), key=lambda n: (wanted[n], n))] == sorted(made)
    if not fixed and len(made) <= (len(NOTCHES) + 1) // 2:
        assert all(b - a > 0.09 for a, b in pairwise(sorted(made))), "with room they are a tenth apart"


def test_one_alone_is_brought_as_near_as_can_be() -> None:
    assert [shades([w])[0] for w in (LOWEST, 0.97, 1.0, 1.02, HIGHEST)] == [LOWEST, 0.95, 1.0, 1.0, HIGHEST]


@given(
    st.dictionaries(st.sampled_from("ABCDEFGH"), heights, min_size=2),
    st.lists(heights, min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
def test_nobody_shares_voice_and_pitch_in_silence(
    actors: dict[str, float], offered: list[float], chance: Any
) -> None:
    there = voices(**{f"v{number}": round(hertz, 1) for number, hertz in enumerate(offered)})
    order = list(actors)
    chance.shuffle(order)

    def cast(names: list[str]) -> dict[str, tuple[str, float]]:
        speakers = people(*names)
        made = cast_speakers(speakers, there, "piper", pitches={s.id: actors[s.name] for s in speakers})
        told = " ".join(told_sharing(made, {s.id: s.name for s in speakers}))
        for one in made:
            alike = [other for other in made if other is not one and other.voice == one.voice]
            assert not alike or one.voice in told
            assert not [other for other in alike if other.pitch == one.pitch] or "sound alike" in told
        return {s.name: (role.voice, role.pitch) for s, role in zip(speakers, made, strict=True)}

    assert cast(order) == cast(sorted(actors)), "the order of the speakers changes nothing"


def test_the_cast_file_sets_a_pitch_or_switches_the_shift_off(tmp_path: Path) -> None:
    file = tmp_path / "cast.toml"
    file.write_text('[cast."Ayşe"]\npitch = 1\n[cast."Ece"]\npitch = 1.1\n[cast."Can"]\ngender = "male"\n')
    roles = roles_of(read_cast(file))
    assert (roles["Ayşe"].pitch, roles["Ece"].pitch, roles["Can"].pitch) == (1.0, 1.1, None)
    pitches = {"S0": 230.0, "S1": 230.0, "S2": 200.0}
    made = cast_speakers(
        people("Ayşe", "Ece", "Su"), voices(ann=200.0), "piper", pitches=pitches, roles=roles
    )
    assert [role.pitch for role in made[:2]] == [1.0, 1.1]
    assert made[2].pitch not in (1.0, 1.1)


def test_cloned_voices_are_left_as_they_are() -> None:
    clone = {"command": (VoiceInfo(name="default"),)}
    assert {r.pitch for r in cast_speakers(people(*"ABC"), clone, "command", shifts=False)} == {1.0}
    assert len({r.pitch for r in cast_speakers(people(*"ABC"), clone, "command")}) == 3


def test_who_shares_what_is_one_plain_sentence() -> None:
    made = [CastVoice(speaker=who, voice="piper:joe", pitch=p) for who, p in (("S0", 0.9), ("S1", 1.1))]
    names = {"S0": "Ayşe", "S1": "Can", "S2": "Ece"}
    (told,) = told_sharing(made, names)
    assert told.startswith("Ayşe and Can share the voice piper:joe, told apart by pitch (0.9, 1.1). ")
    assert "--cast" in told and "docs/voices.md" in told
    third = CastVoice(speaker="S2", voice="piper:joe", pitch=1.1)
    (told,) = told_sharing([*made, third], names)
    assert told.startswith("Ayşe, Can and Ece share the voice piper:joe, of whom Can and Ece sound alike. ")
    assert told_sharing(made[:1], names) == ()
    crowd = [CastVoice(speaker=f"S{n}", voice=f"v:{n // 2}", pitch=1 + n % 2 / 10) for n in range(20)]
    many = told_sharing([*crowd, structs.replace(crowd[-1], speaker="X")], {})
    assert len(many) == 4 and "S19 and X sound alike" in many[0]
    assert many[-1].startswith("7 more voices speak for several people; the cast lists them. ")


# --- men and women -------------------------------------------------------------------------------


def test_men_get_mens_voices_and_women_womens() -> None:
    there = voices(ann=200.0, bob=105.0, cy=130.0, dee=180.0)
    pitches = {"S0": 172.0, "S1": 151.0, "S2": 240.0, "S3": 80.0}
    made = cast_speakers(people("Ayşe", "Can", "Ece", "Deniz"), there, "piper", pitches=pitches)
    assert [role.voice for role in made] == ["piper:dee", "piper:cy", "piper:ann", "piper:bob"]
    one = voices(ann=200.0, bob=105.0)
    pitches = {f"S{n}": 110.0 + n for n in range(3)}
    made = cast_speakers(people(*"ABC"), one, "piper", pitches=pitches)
    assert {role.voice for role in made} == {"piper:bob"}, "three men rather share a man's voice"
    assert len({role.pitch for role in made}) == 3


def test_what_is_not_there_is_told_once() -> None:
    there = voices(bob=105.0)
    pitches = {"S0": 230.0, "S1": 210.0, "S2": 100.0}
    names = {"S0": "Ayşe", "S1": "Ece", "S2": "Can"}
    made = cast_speakers(people(*names.values()), there, "piper", pitches=pitches)
    actors = {who: gender_of(hertz) for who, hertz in pitches.items()}
    (told,) = told_genders(made, names, actors, {"piper:bob": "male"})
    assert told.startswith("there is no voice like a woman's for Ayşe and Ece, who get a man's: ")
    asked = [structs.replace(role, basis="cast file") for role in made]
    assert told_genders(asked, names, actors, {"piper:bob": "male"}) == (), "it was asked for"
    assert told_genders(made, names, actors, {"piper:bob": ""}) == ()


def test_between_men_and_women_nobody_guesses() -> None:
    assert [gender_of(hertz) for hertz in (90, 152, 162, 172, 260)] == [
        "male",
        "male",
        "",
        "female",
        "female",
    ]


# --- samples -------------------------------------------------------------------------------------

pytest.importorskip("parselmouth", reason="pitch needs Parselmouth")


def sampled(folder: Path) -> tuple[dict[str, tuple[str, float | None]], tuple[str, ...]]:
    with Piper(Piper.Options(model=str(folder), language="en")) as piper:
        return {v.name: (v.gender, v.pitch) for v in piper.sampled(lambda: None)}, piper.notes


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder of its own."""
    monkeypatch.setenv("DUBLINE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_each_speaker_of_a_model_is_a_voice_with_its_own_pitch(tmp_path: Path, models: Path) -> None:
    found, notes = sampled(humming(tmp_path / "choir", {"ann": 210.0, "bob": 105.0, "sam": 162.0}))
    assert [gender for gender, _ in found.values()] == ["female", "male", ""]
    assert list(found) == ["hum#ann", "hum#bob", "hum#sam"] and not notes
    assert [pitch for _, pitch in found.values()] == pytest.approx([210.0, 105.0, 162.0], rel=0.01)
    nameless, _ = sampled(humming(tmp_path / "two", {"ann": 210.0, "bob": 105.0}, speaker_id_map={}))
    assert [*nameless] == ["hum#0", "hum#1"]
    assert nameless["hum#1"] == found["hum#bob"]


def test_a_voice_is_heard_once_and_again_when_its_weights_are_others(tmp_path: Path, models: Path) -> None:
    place = humming(tmp_path / "a", hertz=150.0)
    first, _ = sampled(place)
    (kept,) = (models / ".voices").iterdir()
    kept.write_text('{"": 222.2}')
    assert sampled(place)[0] == {"hum": ("female", 222.2)}, "what was kept is used"
    (place / "hum.onnx").rename(place / "other.onnx")
    (place / "hum.onnx.json").rename(place / "other.onnx.json")
    assert sampled(place)[0] == {"other": ("female", 222.2)}, "by the checksum, whatever its name"
    other, _ = sampled(humming(tmp_path / "b", hertz=200.0))
    assert other["hum"][1] == pytest.approx(200.0, rel=0.01)
    for damage in (b"", b"[]", b'{"": -1}', b'{"": "x"}'):
        kept.write_bytes(damage)
        assert sampled(place)[0]["other"] == first["hum"]


def test_where_nothing_can_be_kept_it_is_heard_again(tmp_path: Path, models: Path) -> None:
    models.mkdir()
    (models / ".voices").write_text("no folder")
    place = humming(tmp_path / "a", hertz=150.0)
    assert sampled(place) == sampled(place) and sampled(place)[0]["hum"][1]


def test_a_voice_that_cannot_say_the_sample_is_told_of_and_left_for_others(
    tmp_path: Path, models: Path
) -> None:
    place = humming(tmp_path / "all", hertz=110.0, name="good")
    humming(place, name="silent", loud=0.0)
    humming(place, name="mute", phoneme_id_map={"_": [0], "^": [1], "$": [2]})
    humming(place, name="torn")
    (place / "torn.onnx").write_bytes(b"no model")
    found, notes = sampled(place)
    assert {name for name, (_, pitch) in found.items() if pitch} == {"good"}
    assert len(notes) == 3
    for name in ("silent", "mute", "torn"):
        assert any(note.startswith(f"how high {name} speaks could not be heard: ") for note in notes)
    with Piper(Piper.Options(model=str(place))) as piper:
        infos = piper.sampled(lambda: None)
    made = cast_speakers(people(*"AB"), {"piper": infos}, "piper", pitches={"S0": 120.0, "S1": 220.0})
    assert {role.voice for role in made} == {"piper:good"}


def test_a_crowded_model_is_not_heard_to_its_end(tmp_path: Path, models: Path) -> None:
    crowd = humming(tmp_path / "crowd", {f"p{n}": 100.0 + n for n in range(SAMPLES + 3)})
    found, notes = sampled(crowd)
    assert [bool(pitch) for _, pitch in found.values()] == [True] * SAMPLES + [False] * 3
    assert notes == (
        f"{SAMPLES} of the {SAMPLES + 3} voices in hum.onnx were heard, and are cast from: a cast file "
        "can name the others",
    )


def test_hearing_can_be_stopped_and_goes_on(tmp_path: Path, models: Path) -> None:
    choir = humming(tmp_path / "choir", {"ann": 210.0, "bob": 105.0})
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if (models / ".voices").is_dir():
            raise Cancelled("stopped")

    with Piper(Piper.Options(model=str(choir))) as piper, pytest.raises(Cancelled):
        piper.sampled(stop)
    (kept,) = (models / ".voices").iterdir()
    assert b"ann" in kept.read_bytes() and b"bob" not in kept.read_bytes()
    assert all(pitch for _, pitch in sampled(choir)[0].values())


def test_piper_and_its_voices_name_their_licences(tmp_path: Path, models: Path) -> None:
    place = humming(tmp_path / "voices/en/ann")
    assert dubline("models", "import", tmp_path / "voices", "--licence", "Of the house").status == 0
    (place / "MODEL_CARD").write_text("# Model card\n\n* License: CC0\n")
    for model, licence in (("voices", "Of the house"), (str(place), "CC0, says its MODEL_CARD")):
        with Piper(Piper.Options(model=model)) as piper:
            engine, voice = piper.identities
        assert engine.name.startswith("piper-tts ") and engine.licence.startswith("GPL-3.0-or-later")
        assert (voice.name, voice.licence) == ("hum", licence)


# --- in a dub ------------------------------------------------------------------------------------


def dub(root: Path, model: Path, tell: Any, **how: Any) -> Takes:
    lines = tuple(
        TranslatedSegment(
            id=n,
            start=4.0 * n,
            end=4.0 * n + 2.6,
            speaker=f"S{n}",
            text=None,
            source_text="",
            state="translated",
        ).with_text(LETTERS)
        for n in range(3)
    )
    what = Translation(
        source_language="tr",
        target_language="en",
        duration=14.0,
        segments=lines,
        speakers=people("Ayşe", "Can", "Mehmet"),
    )
    job = VoiceJob(voice=Choice(backend="piper", options={"model": str(model)}), rate=16000, **how)
    with Run(root, tell=tell, note=lambda words: None) as run:
        made: Takes = run.step(speak, what, job)
        return made


def test_it_is_told_before_anybody_speaks(tmp_path: Path, models: Path) -> None:
    root, told = tmp_path / "run", []

    def tell(words: str) -> None:
        told.append((words, (Layout(root).memory / "takes").exists()))

    pitches = {"S0": 220.0, "S1": 100.0, "S2": 105.0}
    made = dub(root, humming(tmp_path / "hum", hertz=110.0), tell, pitches=pitches)
    assert [take.state for take in made.takes] == ["spoken"] * 3
    assert len({role.pitch for role in made.cast}) == 3
    genders, sharing = told
    assert genders[0].startswith("there is no voice like a woman's for Ayşe, who gets a man's")
    assert sharing[0].startswith("Can, Mehmet and Ayşe share the voice piper:hum, told apart by pitch")
    assert not genders[1] and not sharing[1], "before the first take"
    assert made.cast[0].pitch > made.cast[2].pitch > made.cast[1].pitch, "as the actors' pitches go"


def test_a_cast_file_alone_has_nobody_sampled_but_by_gender(tmp_path: Path, models: Path) -> None:
    choir = humming(tmp_path / "choir", {"ann": 210.0, "bob": 105.0})
    dub(tmp_path / "one", choir, lambda words: None)
    assert not (models / ".voices").exists(), "without anybody's pitch there is nothing to go by"
    made = dub(tmp_path / "two", choir, lambda words: None, cast={"Ayşe": Role(gender="female")})
    assert made.cast[0].voice == "piper:hum#ann"
