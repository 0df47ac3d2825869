"""Some lines of a dub again, what fails and what is stopped: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from command import dubline, kept
from msgspec import structs
from run_to_dub import (
    LINES,
    RATE,
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
from speaking_programs import FAULTS, tone_program

from dubline.errors import InvalidJob
from dubline.media.probing import probe
from dubline.mix.encode import encode_m4a
from dubline.mix.film import Film, mux_film
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.dubbed import DubSettings
from dubline.values.layout import Layout
from dubline.values.wishes import DubWish
from dubline.voice.preparing import dub_languages
from dubline.voice.settling import settle_dub
from dubline.voice.way import dub_run

needs_espeak = pytest.mark.program("espeak-ng")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_to_dub(tmp_path_factory.mktemp("ready"))


@pytest.fixture
def root(ready: Path, tmp_path: Path) -> Path:
    """A run with stems and four lines."""
    return Path(shutil.copytree(ready, tmp_path / "Bölüm 1.dubline"))


# --- some lines --------------------------------------------------------------------------------


def test_only_some_lines_anew_and_they_stay(root: Path) -> None:
    assert dub(root).status == 0
    before = sounds(root)
    edit(root, 4, "Never.")
    slower = ("--voice-option", "timeout=50")
    answer = dub(root, "--only", "2-3", *slower)
    assert answer.status == 0 and spoken_last(root) == 2, "also where a take was kept"
    assert "1 other lines were edited since and keep their old takes: 4" in answer.err
    assert [take.retaken for take in read(root).takes.takes] == [False, True, True, False]
    assert sounds(root)[4] == before[4] and sounds(root)[1] == before[1]
    assert dubline("dub", root).status == 0 and spoken_last(root) == 1
    assert [take.retaken for take in read(root).takes.takes] == [False, True, True, False]
    edit(root, 3, "To a river.")
    assert dubline("dub", root).status == 0 and not read(root).takes.takes[2].retaken
    shown = (root / "subtitles/en.srt").read_text(encoding="utf-8")
    assert "To a river." in shown and "Never." in shown, "what is spoken is what is read"


@needs_espeak
def test_one_line_by_another_voice_changes_nobodys_part(root: Path) -> None:
    assert dub(root).status == 0
    before, cast = sounds(root), read(root).takes.cast
    assert dubline("dub", root, "--only", "3", "--voice", "espeak-ng").status == 0
    takes, after = read(root).takes, sounds(root)
    assert takes.cast == cast and takes.takes[2].voice.startswith("espeak-ng:en")
    assert after[3] != before[3] and all(after[n] == before[n] for n in (1, 2, 4))
    mixes = done(root, "remix")
    plain = dubline("dub", root)
    assert plain.status == 0 and sounds(root)[3] == after[3] and spoken_last(root) == 0
    assert done(root, "remix") == mixes, "the same sound is not mixed twice"


def test_an_audition_is_the_line_as_it_is_in_the_mix(root: Path) -> None:
    assert dub(root, "--loudness", "off", "--duck", "9").status == 0
    kept = (root / "work/dubbed.json").read_bytes()
    answer = dubline("dub", root, "--audition", "2,3")
    assert answer.status == 0, answer.err
    assert spoken_last(root) == 0 and (root / "work/dubbed.json").read_bytes() == kept
    final = soundfile.read(root / "final.wav")[0]
    for take in read(root).takes.takes[1:3]:
        heard = soundfile.read(root / f"work/auditions/{take.id}.wav")[0]
        first = take.start - RATE
        assert len(heard) == take.frames + 2 * RATE
        np.testing.assert_allclose(heard, final[first : first + len(heard)], atol=2.0**-20)
    heard = [soundfile.read(root / "work/auditions/2.wav")[0]]
    for volume in ("2", "3"):
        assert dub(root, "--audition", "2", "--voice-volume", volume).status == 0
        heard.append(soundfile.read(root / "work/auditions/2.wav")[0])
    added = heard[1] - heard[0]
    assert np.abs(added[RATE:-RATE]).max() > 0.003
    np.testing.assert_allclose(heard[2] - heard[1], added, atol=2.0**-20, err_msg="the voice alone is louder")
    assert (root / "work/dubbed.json").read_bytes() == kept


def test_an_audition_before_there_is_a_dub_speaks_that_line_alone(root: Path) -> None:
    edit(root, 1, "Say fault-status now.")
    answer = dub(root, "--audition", "3")
    assert answer.status == 0 and spoken_last(root) == 1 and "auditions/3.wav" in answer.out
    assert not (root / "work/dubbed.json").exists() and not (root / "final.wav").exists()
    failed = dub(root, "--audition", "1")
    assert failed.status == 1 and "status 3" in failed.err + failed.out
    assert not (root / "work/auditions/1.wav").exists()


# --- what fails --------------------------------------------------------------------------------


def test_bad_takes_are_marked_and_the_rest_is_made(root: Path) -> None:
    lines = [(0.9 * n, 0.9 * n + 0.8, "SPEAKER_00", f"Say fault-{name}.") for n, name in enumerate(FAULTS)]
    put_lines(root, [*lines, (8.0, 8.9, "SPEAKER_01", "Come with me.")])
    answer = dub(root)
    assert answer.status == 1 and "Traceback" not in answer.err
    assert states(root) == ["failed"] * len(FAULTS) + ["spoken"]
    assert f"{len(FAULTS)} failed" in answer.out and "1: failed: " in answer.out
    assert "--retry-failed" in answer.out and (root / "final.m4a").is_file()


def test_failed_lines_are_tried_again_and_the_outcome_stays(root: Path) -> None:
    edit(root, 2, "Say fault-status now.")
    assert dub(root).status == 1
    again = dubline("dub", root)
    assert again.status == 1 and "speak" in kept(again)
    program = tone_program(root.parent)
    program.write_text(program.read_text().replace('fault == "status"', "False"))
    assert dubline("dub", root, "--retry-failed").status == 0 and spoken_last(root) == 1
    plain = dubline("dub", root)
    assert plain.status == 0 and "speak" in kept(plain)


def test_a_dead_service_is_told_and_leaves_nothing_half(root: Path) -> None:
    answer = dubline("dub", root, "--voice-address", "http://127.0.0.1:9/say", "--voice-option", "timeout=2")
    assert answer.status == 1 and "127.0.0.1:9" in answer.err and "Traceback" not in answer.err
    assert not (root / "work/dubbed.json").exists() and not (root / "final.wav").exists()
    assert not list((root / "work/steps").glob("speak-*"))
    assert dub(root, "--voice", "command").status == 0, "the next voice has no trace of it"


def test_silent_stems_are_dubbed_all_the_same(tmp_path: Path) -> None:
    media = tmp_path / "still.wav"
    soundfile.write(media, np.zeros((RATE * 9, 2)), RATE, subtype="PCM_24")
    root = run_to_dub(tmp_path, media=media)
    answer = dub(root, "--verbose")
    assert answer.status == 0 and states(root) == ["spoken"] * 4
    assert "voices are silent there" in answer.err


def interrupted(at: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with a Ctrl-C at its n-th call."""
    calls: list[int] = []

    def wrapped(*args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGINT)
        return function(*args, **more)

    return wrapped


@pytest.mark.parametrize(
    ("place", "at", "left"), [("voice.speaking.fitted", 3, 2), ("mix.stage.encode_m4a", 1, 4)]
)
def test_ctrl_c_leaves_nothing_half_and_the_next_call_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch, place: str, at: int, left: int
) -> None:
    import importlib

    module, _, name = place.rpartition(".")
    home = importlib.import_module(f"dubline.{module}")
    with monkeypatch.context() as patched:
        patched.setattr(home, name, interrupted(at, getattr(home, name)))
        answer = dub(root)
    assert answer.status == 130 and "pick up where it stopped" in answer.err
    assert not (root / "work/dubbed.json").exists() and not (root / "final.wav").exists()
    assert not list((root / "work/steps").glob(".remix-*.part")) and not list(
        (root / "work/steps").glob("remix-*")
    )
    assert dub(root).status == 0 and spoken_last(root) == left and states(root) == ["spoken"] * 4
    assert not list((root / "work/steps").glob(".*.part"))


# --- the functions beneath ---------------------------------------------------------------------


def test_several_languages_want_a_name(root: Path) -> None:
    put_lines(root, LINES, languages=("en", "de"))
    assert dub_languages(root) == ("en", "de") and dub_languages(root, ("de",)) == ("de",)
    with Run(root) as run, pytest.raises(InvalidJob, match="en, de") as caught:
        dub_run(run, "", DubWish(voice="command", voice_options={"command": ["cat"]}))
    assert "--to" in caught.value.hint
    put_lines(root, [(*line[:3], "") for line in LINES], languages=("de",))
    told: list[str] = []
    assert dub_languages(root, tell=told.append) == ("en",) and "de is left out" in told[0]
    with pytest.raises(InvalidJob, match="into de has no text") as empty:
        dub_languages(root, ("de",))
    assert "translated.de.json" in empty.value.hint


def test_a_damaged_dub_is_not_written_over(root: Path) -> None:
    assert dub(root).status == 0
    place = root / "work/dubbed.json"
    whole = place.read_bytes()
    place.write_bytes(b"{")
    answer = dub(root)
    assert answer.status == 0 and "dubbed.json" in answer.err and place.read_bytes() == whole
    place.write_bytes(b"{")
    shutil.rmtree(root / "work/.copies")
    answer = dub(root)
    assert answer.status == 2 and "Move that file away" in answer.err
    assert (root / "work/dubbed.json").read_bytes() == b"{"
    (root / "work/dubbed.json").unlink()
    assert dub(root).status == 0 and done(root, "speak") == 1, "what was spoken is kept"


def test_a_line_that_was_spoken_by_itself_and_is_gone_is_spoken_again(root: Path) -> None:
    assert dub(root).status == 0 and dub(root, "--only", "2").status == 0
    for take in (root / "work/steps").glob("speak-*/takes/00002.wav"):
        take.unlink()
    for take in (root / "work/memory/takes").glob("*.wav"):
        take.unlink()
    answer = dub(root)
    assert answer.status == 0 and states(root) == ["spoken"] * 4 and spoken_last(root) == 4


def test_settings_are_what_is_asked_now_else_before_else_the_default(tmp_path: Path) -> None:
    before = DubSettings(
        voice=Choice(backend="command", options={"command": ["cat"], "timeout": 5.0}),
        mix={"bg_volume": 0.4, "sfx": 2.0},
        mux=True,
        attempt=3,
    )

    def asked(**wishes: Any) -> DubSettings:
        return settle_dub(DubWish(**wishes), before, "en", tmp_path).settings

    assert asked() == structs.replace(before, voice=asked().voice)
    assert asked(mix={"sfx": 1.0}, mux=False).mix == {"bg_volume": 0.4, "sfx": 1.0}
    assert not asked(mux=False).mux
    more = asked(voice_options={"timeout": 9.0}).voice
    assert more is not None and more.options == {"command": ["cat"], "timeout": 9.0, "language": "en"}
    other = asked(voice="command", voice_options={"address": "http://localhost/x"}).voice
    assert other is not None and other.options == {"address": "http://localhost/x", "language": "en"}
    assert asked(forget=True, voice="command", voice_options={"command": ["cat"]}).mix == {}


@needs_espeak
def test_another_voice_than_before_takes_nothing_over_from_it(tmp_path: Path) -> None:
    before = DubSettings(voice=Choice(backend="command", options={"command": ["cat"]}), attempt=3)

    def asked(voice: str) -> DubSettings:
        return settle_dub(DubWish(voice=voice), before, "en", tmp_path).settings

    named = asked("espeak-ng").voice
    assert named is not None and named.options == {"language": "en"}
    assert any("espeak" in part for part in named.identity)
    auto = asked("auto")
    assert auto.voice is not None and auto.voice.backend != "command" and auto.attempt == 3


def test_back_ends_that_the_cast_names_come_along(tmp_path: Path) -> None:
    cast = tmp_path / "cast.toml"
    cast.write_text(
        '[cast.A]\nvoice = "flite:slt"\n[cast.B]\nvoice = "my:odd"\n[cast.C]\nvoice = "command:x"\n'
    )
    wish = DubWish(voice="command", voice_options={"command": ["cat"]}, cast=str(cast))
    settled = settle_dub(wish, DubSettings(), "en", tmp_path)
    assert [choice.backend for choice in settled.others] == ["flite"]
    assert settled.settings.cast == "cast.toml" and settled.roles["B"].voice == "my:odd"
    cast.unlink()
    with pytest.raises(InvalidJob, match=r"cast\.toml") as caught:
        settle_dub(DubWish(), settled.settings, "en", tmp_path)
    assert "--forget" in caught.value.hint


def test_a_film_that_its_own_kind_does_not_take_becomes_mkv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sound as WavPack, which an .mp4 cannot hold, also where that shows in writing only."""
    import av
    from av.video.frame import VideoFrame

    film, root = tmp_path / "film.mp4", tmp_path / "r.dubline"
    with av.open(str(film), "w", format="matroska") as container:
        picture: Any = container.add_stream("ffv1", rate=25)
        sound: Any = container.add_stream("wavpack", rate=16000, layout="mono")
        picture.width = picture.height = 64
        for n in range(25):
            frame = VideoFrame.from_ndarray(np.full((64, 64, 3), 9 * n, np.uint8), format="rgb24")
            container.mux(picture.encode(frame.reformat(format="yuv420p")))
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), format="s16p", layout="mono")
        samples.rate = 16000
        container.mux(sound.encode(samples))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))
    with Run(root) as run:
        (root / "work/dub").mkdir()
        soundfile.write(root / "work/dub/final.wav", np.zeros((16000, 1)), 16000)
        encode_m4a(root / "work/dub/final.wav", root / "work/dub/final.m4a", bitrate=64000, language="en")
        wanted = Film(media=probe(film), track=0)
        assert wanted.container == ".mkv"
        monkeypatch.setattr(Film, "container", ".mp4")
        muxed = run.step(mux_film, wanted, "dub/final.m4a", ("tr", "en"), ())
        assert muxed.path.endswith("final.mkv")
        assert [path.name for path in Layout(root).file(muxed.path).parent.glob("final.*")] == ["final.mkv"]
        assert any("written as .mkv" in note for note in run.manifest().steps[-1].notes)
