"""`dubline dub` as a person gives it: with a program that hums, with eSpeak NG, and all that is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from command import dubline, kept
from run_to_dub import (
    LINES,
    RATE,
    SECONDS,
    done,
    dub,
    edit,
    put_lines,
    read,
    run_to_dub,
    sounds,
    spoken_last,
    states,
)
from shared_media import Shared
from speaking_programs import tone_program

from dubline.run import Run

needs_espeak = pytest.mark.program("espeak-ng")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_to_dub(tmp_path_factory.mktemp("ready"))


@pytest.fixture
def root(ready: Path, tmp_path: Path) -> Path:
    """A run with stems and four lines."""
    return Path(shutil.copytree(ready, tmp_path / "Bölüm 1.dubline"))


# --- what comes out ----------------------------------------------------------------------------


def test_all_of_it_and_nothing_twice(root: Path) -> None:
    answer = dub(root)
    assert answer.status == 0, answer.err
    made = read(root)
    assert states(root) == ["spoken"] * 4 and made.mix is not None
    for name in ("final.wav", "M&E.wav"):
        info = soundfile.info(root / name)
        assert (info.frames, info.samplerate, info.channels) == (SECONDS * RATE, RATE, 2)
        assert info.subtype == "PCM_24" and str(root / name) in answer.out
    assert (root / "final.m4a").stat().st_size > 10_000
    assert abs((made.mix.after.integrated or 0) + 23) <= 0.1 and "(ebu-r128)" in answer.out
    assert "4 lines: 4 spoken" in answer.out and "Ayşe" in answer.out and "command:default" in answer.out
    assert "left" in answer.err and "lines" in answer.err
    final, take = soundfile.read(root / "final.wav")[0], made.takes.takes[3]
    bed = soundfile.read(root / "M&E.wav")[0]
    inside = slice(take.start, take.start + take.frames)
    assert np.abs(final[inside] - 0.7 * bed[inside]).max() > 0.01, "the voice is in the mix"

    again = dub(root)
    assert again.status == 0 and again.out == answer.out
    assert "speak" in kept(again) and "remix" in kept(again)


def test_an_edited_line_is_spoken_alone_and_the_mix_made_anew(root: Path) -> None:
    assert dub(root).status == 0
    before, old = sounds(root), read(root)
    edit(root, 2, "Where is it?")
    answer = dubline("dub", root)  # as before, without a word about the voice
    assert answer.status == 0 and spoken_last(root) == 1
    after, new = sounds(root), read(root)
    assert before[2] != after[2] and all(before[n] == after[n] for n in (1, 3, 4))
    assert new.takes.takes[1].text == "Where is it?" and new.mix != old.mix
    assert [done(root, name) for name in ("separate", "pitch", "speak", "remix")] == [1, 1, 2, 2]
    assert "pitch" in kept(answer)
    assert len(list((root / "work/steps").glob("remix-*"))) == 1, (
        "the mix before is as large as the film's sound"
    )


def test_what_changes_no_word_is_spoken_and_mixed_by_nobody(root: Path) -> None:
    assert dub(root).status == 0
    path = root / "translated.json"
    path.write_text(path.read_text("utf-8").replace('"Evet."', '"Evet!"'), "utf-8")
    answer = dub(root)
    assert "speak" in kept(answer) and "remix" in kept(answer)


def test_a_setting_of_the_mix_speaks_nothing_and_stays(root: Path) -> None:
    assert dub(root).status == 0
    quieter = dub(root, "--bg-volume", "0.2", "--loudness", "off", "--duck", "6", "--reverb", "off")
    assert "speak" in kept(quieter) and done(root, "remix") == 2
    assert "remix" in kept(dubline("dub", root))
    assert read(root).settings.mix == {"bg_volume": 0.2, "target": "off", "duck_db": 6.0, "reverb": "off"}
    anew = dub(root, "--forget")
    assert read(root).settings.mix == {} and "(ebu-r128)" in anew.out


def test_too_long_is_told_and_no_failure(root: Path) -> None:
    edit(root, 4, "I will not go there, not today and not tomorrow, and nobody who knows the place would.")
    answer = dub(root)
    assert answer.status == 0 and states(root)[3] == "too_long"
    assert "1 too long" in answer.out and "4: too long: " in answer.out


def test_takes_without_a_mix(root: Path) -> None:
    assert dub(root, "--takes-only").status == 0
    assert read(root).mix is None and len(sounds(root)) == 4 and not (root / "final.wav").exists()
    assert dub(root).status == 0 and spoken_last(root) == 4 and done(root, "speak") == 1
    assert dub(root, "--takes-only").status == 0 and read(root).mix is None
    assert "remix" in kept(dub(root))


@needs_espeak
def test_a_real_voice_cast_by_file(root: Path, tmp_path: Path) -> None:
    cast = tmp_path / "cast.toml"
    cast.write_text('[cast."Ayşe"]\nvoice = "espeak-ng:en+m8"\npitch = 1.1\n', "utf-8")
    answer = dubline("dub", root, "--voice", "espeak-ng", "--cast", cast, "--threads", "1")
    assert answer.status == 0, answer.err
    first, second = read(root).takes.cast
    assert (first.voice, first.pitch, first.basis) == ("espeak-ng:en+m8", 1.1, "cast file")
    assert second.voice.startswith("espeak-ng:en") and second.basis != "cast file", "who is not in it"
    assert "as the cast file says" in answer.out and "guide voice" in answer.err
    other = "m1" if second.voice == "espeak-ng:en+m7" else "m7"
    cast.write_text(f'[cast."Ayşe"]\nvoice = "espeak-ng:en+{other}"\n', "utf-8")
    assert dubline("dub", root).status == 0 and spoken_last(root) == 2, "the file is read again"


def test_two_languages_are_two_dubs_with_one_background(tmp_path: Path, ready: Path) -> None:
    root = Path(shutil.copytree(ready, tmp_path / "r.dubline"))
    put_lines(root, LINES, languages=("en", "de"))
    answer = dub(root)
    assert answer.status == 0, answer.err
    assert read(root).language == "en" and read(root, "dubbed.de.json").language == "de"
    for name in ("final.wav", "final.m4a", "final.de.wav", "final.de.m4a", "M&E.wav"):
        assert (root / name).is_file(), name
    assert "en:" in answer.out and "de:" in answer.out
    edit(root, 1, "Komm mit.", file="translated.de.json")
    only = dub(root, "--to", "de")
    assert spoken_last(root) == 1 and "en:" not in only.out


def test_the_same_people_have_the_same_voices_in_another_run(root: Path, tmp_path: Path) -> None:
    names = ("--voice-option", 'voices=["one","two","three"]')
    cast = tmp_path / "cast.toml"
    cast.write_text('[cast."Ayşe"]\nvoice = "three"\n[cast."Tom & Co"]\nvoice = "one"\n', "utf-8")
    assert dub(root, *names, "--cast", cast).status == 0
    second = Path(shutil.copytree(root, tmp_path / "2.dubline", ignore=shutil.ignore_patterns("dubbed*")))
    put_lines(second, LINES, names={"SPEAKER_00": "Tom & Co", "SPEAKER_01": "Ayşe"})
    answer = dubline("dub", second, "--like", root)
    assert answer.status == 0, answer.err
    assert {role.speaker: role.voice for role in read(second).takes.cast} == {
        "SPEAKER_00": "command:one",
        "SPEAKER_01": "command:three",
    }
    put_lines(root, LINES, names={})
    nameless = dubline("dub", second, "--like", root)
    assert nameless.status == 2 and "has a name" in nameless.err and "dubline speakers" in nameless.err


# --- what cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--to", "tr"), "no translation into 'tr'"),
        (("--voice", "nosuch"), "nosuch"),
        (("--voice", "command"), "either a command or an address"),
        (("--voice", "espeak-ng", "--voice-option", "nosuch=1"), "nosuch"),
        (("--voice-option", "nothing"), "NAME=VALUE"),
        (("--voice-option", "model=x"), "Name it with --voice"),
        (("--voice-command", "say 'x"), "quotation"),
        (("--cast", "/nowhere/cast.toml"), "cast.toml"),
        (("--like", "/nowhere"), "no run folder /nowhere"),
        (("--only", "2"), "no dub in 'en' yet"),
        (("--retry-failed",), "no dub in 'en' yet"),
        (("--only", "x"), "'x' is not a segment number"),
        (("--audition", "99"), "no line 99"),
        (("--audition", "2", "--only", "3"), "--audition is for single lines"),
        (("--takes-only", "--mux"), "without a mix"),
        (("--loudness", "loud"), "no loudness target 'loud'"),
        (("--bg-volume", "nan"), "bg_volume"),
        (("--duck", "-3"), "duck_db"),
        (("--reverb", "cave"), "cave"),
    ],
)
def test_bad_words_are_refused_before_anything_is_spoken(
    root: Path, words: tuple[str, ...], says: str
) -> None:
    answer = dubline("dub", root, *words)
    assert answer.status == 2 and says in answer.err, answer.err
    assert "Traceback" not in answer.err
    assert not (root / "work/dubbed.json").exists() and not list((root / "work/steps").glob("speak-*"))


def test_an_unknown_line_of_a_dub_is_refused(root: Path) -> None:
    assert dub(root).status == 0
    answer = dubline("dub", root, "--only", "3,77")
    assert answer.status == 2 and "no line 77" in answer.err and "from 1 to 4" in answer.err


def test_a_run_that_is_not_ready_says_what_is_missing(root: Path, tmp_path: Path) -> None:
    nowhere = dubline("dub", tmp_path / "none.dubline")
    assert nowhere.status == 2 and "no run folder" in nowhere.err
    assert not (tmp_path / "none.dubline").exists()
    put_lines(root, [(start, end, who, "") for start, end, who, _ in LINES])
    empty = dubline("dub", root)
    assert empty.status == 2 and "has no text yet" in empty.err
    (root / "translated.json").unlink()
    untranslated = dubline("dub", root)
    assert untranslated.status == 2 and "dubline translate" in untranslated.err
    bare = tmp_path / "bare.dubline"
    with Run(bare):
        put_lines(bare, LINES)
    unseparated = dubline("dub", bare)
    assert unseparated.status == 2 and "dubline separate" in unseparated.err


def test_a_voice_that_clones_is_asked_for_once(root: Path) -> None:
    clone = ("--voice-command", f"/bin/cat {tone_program(root.parent)} {{reference}} {{text_file}}")
    refused = dubline("dub", root, *clone)
    assert refused.status == 2 and "--i-have-the-voice-rights" in refused.err and done(root, "speak") == 0
    said = dubline("dub", root, *clone, "--i-have-the-voice-rights")
    assert "--i-have-the-voice-rights" not in said.err and done(root, "rights") == 1
    again = dubline("dub", root, *clone)
    assert "--i-have-the-voice-rights" not in again.err
    assert dub(root, "--voice", "command").status == 0 and read(root).consent is True


# --- the film ----------------------------------------------------------------------------------


def test_the_film_with_both_languages(tmp_path: Path, shared: Shared) -> None:
    source = shared("video/audio_starts_late_750ms.mp4")
    import av

    film = tmp_path / "film.mp4"
    shutil.copyfile(source, film)
    root = run_to_dub(tmp_path, [(0.5, 1.5, "SPEAKER_00", "Come with me.")], media=film)
    answer = dub(root, "--mux")
    assert answer.status == 0, answer.err
    assert str(root / "final.mp4") in answer.out
    with av.open(str(root / "final.mp4")) as muxed, av.open(str(source)) as original:
        assert [s.metadata.get("language") for s in muxed.streams.audio] == ["tur", "eng"]

        def pictures(container: Any) -> list[bytes]:
            return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]

        assert pictures(muxed) == pictures(original)
    assert "mux" in kept(dubline("dub", root)), "asked for once, it stays"
    with av.open(str(root / "final.mp4")) as made:
        assert [s.metadata.get("language") for s in made.streams.subtitles] == ["eng", "tur"]
    edit(root, 1, "Come!")
    assert dub(root).status == 0
    with av.open(str(root / "final.mp4")) as made:
        texts = [bytes(p)[2:] for p in made.demux(made.streams.subtitles[0]) if p.size > 2]
    assert texts == [b"Come!"], "the film follows the text"
    assert dubline("dub", root, "--no-mux").status == 0 and not read(root).settings.mux
    assert not (root / "final.mp4").exists() and (root / "final.m4a").exists(), "an old film is no truth"
    assert dub(root, "--takes-only").status == 0
    assert not list(root.glob("final*")) and not (root / "M&E.wav").exists()


def test_a_sound_has_no_film_and_that_is_said_at_once(root: Path) -> None:
    answer = dub(root, "--mux")
    assert answer.status == 2 and "without a picture" in answer.err and "--no-mux" in answer.err
    assert not (root / "work/dubbed.json").exists() and done(root, "speak") == 0
    assert dub(root, "--takes-only").status == 0 and states(root) == ["spoken"] * 4


def test_help_teaches() -> None:
    answer = dubline("dub", "--help")
    for words in ("dubline dub EPISODE.dubline --audition 17", "--i-have-the-voice-rights", "ebu-r128"):
        assert words in answer.out
    assert answer.status == 0
