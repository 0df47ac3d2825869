"""The whole order of work on real speech: what depends on what, and what is refused before it begins."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from shared_media import Shared
from speaking_programs import tone_program

from dubline.errors import BackendMissing, DublineError, InvalidJob, ValidationError, WeightsError
from dubline.pipeline import Localized, decide, localize, summary
from dubline.run import Run, StepRecord
from dubline.values.timeline import FileMedia, TimelineClip, TimelineMedia
from dubline.values.transcript import read_transcript
from dubline.values.translated import read_translation
from dubline.values.wishes import DubWish, LocalizeJob, SeparateWish, TranscribeWish, TranslateWish

SPEECH = all(find_spec(name) for name in ("pocketsphinx", "resemblyzer", "silero_vad"))


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory, shared: Shared) -> Path:
    """Two readers, 7 s."""
    if not SPEECH:
        pytest.skip("pocketsphinx or the built-in diarizer's weights are not here")
    source = shared("scene/dialogue.flac")
    samples, rate = soundfile.read(source, start=48000 * 6, stop=48000 * 13, always_2d=True)
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    soundfile.write(path, samples, rate, subtype="PCM_24")
    return path


def job_of(
    path: Path, *, media: Any = None, stems: bool = False, words: bool = True, **more: Any
) -> LocalizeJob:
    """A job of back ends that need no model; `more` are fields of the wishes, by the stage they belong to."""
    asked: dict[str, dict[str, Any]] = {
        "separate": {"separator": "builtin"},
        "transcribe": {"language": "en", "diarizer": "builtin", "recognizer": "pocketsphinx"},
        "translate": {"translator": "manual"},
        "dub": {},
    }
    for stage, fields in more.items():
        asked[stage] |= fields
    return LocalizeJob(
        media=media or FileMedia(path=path.as_posix()),
        separate=SeparateWish(**asked["separate"]) if stems else None,
        transcribe=TranscribeWish(**asked["transcribe"]) if words else None,
        translate=TranslateWish(**asked["translate"]) if "to" in asked["translate"] else None,
        dub=DubWish(**asked["dub"]) if asked["dub"] else None,
        device="cpu",
    )


def done(job: LocalizeJob, root: Path) -> tuple[Localized, dict[str, str], dict[str, Any]]:
    """(what came out, step -> done or kept, the summary)."""
    states: dict[str, str] = {}

    def said(record: StepRecord) -> None:
        states[record.name] = record.state

    with Run(root, said=said) as run:
        result = localize(job, run, threads=1)
        return result, states, summary(result, run)


def test_from_sound_to_two_languages_and_only_what_changed_again(talk: Path, tmp_path: Path) -> None:
    root = tmp_path / "talk.dubline"
    result, states, told = done(job_of(talk, translate={"to": ("tr", "de", "tr")}), root)
    assert result.stems is None and result.transcript is not None
    assert [t.target_language for t in result.translations] == ["tr", "de"], "each once"
    assert set(states.values()) == {"done"} and "separate" not in states
    transcript = read_transcript(root / "transcript.json")
    assert transcript.segments and told["segments"] == len(transcript.segments)
    german = read_translation(root / "translated.de.json")
    assert [s.id for s in german.segments] == [s.id for s in transcript.segments]
    assert all((root / name).is_file() for name in told["files"])
    assert told["translations"][0]["pending"] == len(transcript.segments)

    _, again, _ = done(job_of(talk, translate={"to": ("tr", "de")}), root)
    assert set(again.values()) == {"kept"}

    _, other, _ = done(job_of(talk, translate={"to": ("tr", "de")}, transcribe={"speakers": 1}), root)
    assert other["listen"] == "kept" and other["diarize"] == "done"

    _, fewer, _ = done(job_of(talk), root)
    assert "translate" not in fewer and set(fewer.values()) == {"kept"}, "one speaker, as was said before"


def test_with_stems_the_voices_are_heard(talk: Path, tmp_path: Path) -> None:
    root = tmp_path / "talk.dubline"
    clip = TimelineClip(path=talk.as_posix(), record=12, frames=100)
    media = TimelineMedia(rate="25", frames=150, start=90000, first=12, clips=(clip,))
    result, states, _ = done(job_of(talk, media=media, stems=True), root)
    assert result.stems is not None and result.sound.frames == 138 * 1920
    assert list(states)[:3] == ["timeline", "original", "separate"] and "recognize" in states
    total = sum(
        soundfile.read(root / f"stems/{name}.wav", dtype="float32")[0]
        for name in ("vocals", "music", "sfx", "ambient")
    )
    source, _ = soundfile.read(talk, dtype="float32", stop=100 * 1920)
    np.testing.assert_allclose(total[: 100 * 1920], source, atol=2**-22)
    assert not total[100 * 1920 :].any()


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    path, root = tmp_path / "a.wav", tmp_path / "r.dubline"
    soundfile.write(path, np.zeros((48000, 1)), 48000)
    left = root / "work/steps/.timeline-0123456789.part"
    left.mkdir(parents=True)
    (left / "fetched-0.wav").write_bytes(bytes(1000))
    clip = TimelineClip(path=path.as_posix(), record=0, frames=24)
    media = TimelineMedia(rate="24", frames=24, clips=(clip,))
    done(job_of(path, media=media, stems=True, words=False), root)
    assert not left.exists() and not list((root / "work/steps").glob(".*"))


def test_nothing_said_is_nothing_translated(tmp_path: Path) -> None:
    if not SPEECH:
        pytest.skip("pocketsphinx or the built-in diarizer's weights are not here")
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros((48000 * 2, 1)), 48000)
    with Run(tmp_path / "r.dubline") as run:
        result = localize(job_of(path, translate={"to": ("tr",)}), run)
    assert result.transcript is not None and not result.transcript.segments and not result.translations
    assert not [file for file in run.layout.subtitles.glob("*") if not file.stat().st_size]


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"media": FileMedia(path="/nowhere/x.mov")}, ValidationError, "no file"),
        ({"media": FileMedia(path="/x/\udcff.wav")}, InvalidJob, "not valid text"),
        ({"offset": -5}, InvalidJob, "5 frames before"),
        ({"track": "7"}, DublineError, "no audio track '7'"),
        ({"words": False}, InvalidJob, "there is nothing to do"),
        ({"stems": True, "separate": {"separator": "nosuch"}}, InvalidJob, "nosuch"),
        ({"transcribe": {"recognizer": "nosuch"}}, InvalidJob, "nosuch"),
        ({"transcribe": {"language": "tr"}}, InvalidJob, "English only"),
        ({"translate": {"to": ("en",)}}, InvalidJob, "both en"),
        ({"translate": {"to": ("tr",), "translator": "nosuch"}}, InvalidJob, "nosuch"),
        (
            {"translate": {"to": ("tr",), "translator": "auto", "translator_model": "nosuch"}},
            WeightsError,
            "nosuch",
        ),
        ({"translate": {"to": ("tr",), "glossary": "/nowhere.csv"}}, InvalidJob, "nowhere.csv"),
        ({"translate": {"to": ("tr",), "synopsis": "/nowhere.txt"}}, InvalidJob, "nowhere.txt"),
        ({"transcribe": {"cast": "/nowhere.toml"}}, InvalidJob, "nowhere.toml"),
    ],
)
def test_refused_before_anything_is_decoded(
    tmp_path: Path, more: dict[str, Any], kind: type[DublineError], said: str
) -> None:
    if not SPEECH:
        pytest.skip("pocketsphinx or the built-in diarizer's weights are not here")
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((4800, 1)), 48000)
    offset, track = more.pop("offset", 0), more.pop("track", "")
    more.setdefault("media", FileMedia(path=path.as_posix(), track=track, offset_frames=offset))
    with pytest.raises(kind) as caught:
        decide(job_of(path, **more), tmp_path / "a.dubline")
    assert said in caught.value.message and caught.value.hint, caught.value.message
    assert not isinstance(caught.value, BackendMissing) or caught.value.hint


# --- the dub -----------------------------------------------------------------------------------


def dub_of(path: Path, folder: Path, *, stems: bool = True, **more: Any) -> LocalizeJob:
    """A job that ends in a dub by a program that hums."""
    command = [sys.executable, "-S", str(tone_program(folder)), "{text_file}", "{wav}", "{rate}"]
    translate = {"to": ("es",), "translator": "apertium", **more.get("translate", {})}
    voice = {"voice": "command", "voice_options": {"command": command}, **more.get("dub", {})}
    return job_of(path, stems=stems, translate=translate, dub=voice)


@pytest.mark.program("apertium-eng-spa")
def test_from_a_film_to_its_dub_once_it_has_a_text_and_only_what_changed_again(
    talk: Path, tmp_path: Path
) -> None:
    root = tmp_path / "talk.dubline"
    notes: list[str] = []
    with Run(root) as run:
        result = localize(
            dub_of(talk, tmp_path, translate={"translator": "manual"}), run, threads=1, tell=notes.append
        )
        assert result.translations and not result.dubs and summary(result, run)["dubs"] == []
    assert any("nothing is dubbed in es" in note for note in notes)

    result, states, told = done(dub_of(talk, tmp_path, dub={"mix": {"target": "streaming-16"}}), root)
    (dub,) = result.dubs
    assert dub.language == "es" and dub.mix is not None and dub.mix.frames == result.sound.frames
    assert abs((dub.mix.after.integrated or 0) + 16) <= 0.1
    assert [name for name in states if name in ("separate", "translate", "pitch", "speak", "remix")] == [
        "separate", "translate", "pitch", "speak", "remix"
    ]  # fmt: skip
    (said,) = told["dubs"]
    assert said["language"] == "es" and said["target"] == "streaming-16" and said["failed"] == 0
    assert said["spoken"] + said["too_long"] == told["translations"][0]["translated"]
    assert {"work/dubbed.json", "final.wav", "final.m4a", "M&E.wav"} <= set(told["files"])
    assert all((root / name).is_file() for name in told["files"])

    _, again, _ = done(dub_of(talk, tmp_path, dub={"mix": {"target": "streaming-16"}}), root)
    assert set(again.values()) == {"kept"}, again
    _, same, _ = done(dub_of(talk, tmp_path), root)
    assert set(same.values()) == {"kept"}, "as loud as was said before"
    _, quieter, _ = done(dub_of(talk, tmp_path, dub={"mix": {"target": "ebu-r128"}}), root)
    assert {name for name, state in quieter.items() if state == "done"} == {"remix"}


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"stems": False}, InvalidJob, "a dub needs stems"),
        ({"translate": {"to": ()}}, InvalidJob, "a dub needs a translation"),
        ({"dub": {"voice": "nosuch"}}, InvalidJob, "nosuch"),
        ({"dub": {"voice": "auto"}}, InvalidJob, "Its options"),
        ({"dub": {"voice": "piper"}}, DublineError, "Piper voice"),
        ({"dub": {"mix": {"target": "loud"}}}, InvalidJob, "no loudness target"),
    ],
)
def test_a_dub_that_cannot_be_is_refused_before_anything_is_decoded(
    tmp_path: Path, more: dict[str, Any], kind: type[DublineError], said: str
) -> None:
    if not SPEECH:
        pytest.skip("pocketsphinx or the built-in diarizer's weights are not here")
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((4800, 1)), 48000)
    with pytest.raises(kind) as caught:
        decide(
            dub_of(path, tmp_path, **{"translate": {"translator": "manual"}, **more}), tmp_path / "a.dubline"
        )
    assert said in caught.value.message + caught.value.hint and caught.value.hint


def test_a_voice_that_clones_is_refused_before_the_work(talk: Path, tmp_path: Path) -> None:
    clone = {"command": ["cat", "{reference}", "{text_file}"]}
    job = dub_of(talk, tmp_path, translate={"translator": "manual"}, dub={"voice_options": clone})
    with Run(tmp_path / "talk.dubline") as run:
        with pytest.raises(InvalidJob, match="cloned") as caught:
            localize(job, run, threads=1)
        assert "--i-have-the-voice-rights" in caught.value.hint and not run.manifest().steps


def test_until_there_is_a_dub_the_films_own_voices_are_mixed(talk: Path, tmp_path: Path) -> None:
    root = tmp_path / "talk.dubline"
    job = job_of(talk, stems=True)
    result, states, told = done(job, root)
    assert states["remix"] == "done" and "final.m4a" in told["files"] and (root / "M&E.wav").is_file()
    mixed = soundfile.read(root / "final.wav")[0]
    names = ("vocals", "music", "sfx", "ambient")
    stems = {name: soundfile.read(root / f"stems/{name}.wav")[0] for name in names}
    wanted = stems["vocals"] + 0.7 * (stems["music"] + stems["sfx"] + stems["ambient"])
    gain = np.vdot(mixed, wanted) / np.vdot(wanted, wanted)
    assert np.abs(mixed - gain * wanted).max() < 2.0**-22, "one gain brings it to its loudness"
    assert result.stems is not None and done(job, root)[1]["remix"] == "kept"
    _, alone, _ = done(job_of(talk, stems=True, words=False), tmp_path / "other.dubline")
    assert "remix" not in alone, "who asks for stems alone mixes them"
