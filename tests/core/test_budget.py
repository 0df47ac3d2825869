"""A low budget on a short film: nothing is separated, and the dub lies over the film's own sound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from command import dubline
from msgspec.structs import replace
from run_to_dub import RATE, SECONDS, hum, put_lines, sound_of

from dubline.errors import InvalidJob
from dubline.media.sound import open_sound
from dubline.mix import MixJob, remix
from dubline.mix.job import OVER_THE_ORIGINAL, mix_job
from dubline.pipeline import decide, localize, summary
from dubline.programme.reading import read_programme
from dubline.programme.resolve_plan import make_plan
from dubline.run import Run, read_manifest
from dubline.separation.way import SHORT, background_of, settle_separation, stems_of
from dubline.values.dubbed import Take, Takes, read_dub
from dubline.values.layout import Layout
from dubline.values.resolve import ResolveTimeline, Want
from dubline.values.stems import Stems
from dubline.values.timeline import FileMedia
from dubline.values.wishes import DubWish, LocalizeJob, SeparateWish, TranslateWish


def test_only_what_is_short_is_spared() -> None:
    low = SeparateWish(budget="low")
    assert settle_separation(low, seconds=SHORT - 0.01).job is None
    assert settle_separation(low, seconds=SHORT).job is not None
    assert settle_separation(SeparateWish(), seconds=10).job is not None
    assert settle_separation(SeparateWish(), low, seconds=10).job is None, "the run keeps it"
    assert settle_separation(SeparateWish(budget="standard"), low, seconds=10).job is not None
    assert settle_separation(SeparateWish(separator="builtin"), low, seconds=10).job is not None, "named"
    with pytest.raises(InvalidJob, match="budget low"):
        settle_separation(SeparateWish(budget="low", separator="builtin"), seconds=10)


def test_takes_lie_over_the_sound_itself_which_goes_down_under_them(tmp_path: Path) -> None:
    rate, frames = 48000, 4 * 48000
    sound = np.random.default_rng(1).normal(size=(frames, 2)) * 0.1
    soundfile.write(tmp_path / "source.wav", sound, rate, subtype="PCM_24")
    soundfile.write(tmp_path / "take.wav", np.zeros(rate), rate)  # silent: the background is heard
    take = Take(id=1, speaker="A", state="spoken", path=str(tmp_path / "take.wav"), rate=rate, frames=rate,
                start=2 * rate)  # fmt: skip
    stems = Stems(source=open_sound(tmp_path / "source.wav"))
    with Run(tmp_path / "run") as run:
        job = mix_job({"target": "off"}, separated=False)
        mix = run.step(remix, stems, Takes(language="tr", takes=(take,)), job)
        plain = run.step(remix, stems, Takes(language="", takes=()), replace(job, duck_db=0.0))
    source = soundfile.read(tmp_path / "source.wav", always_2d=True)[0]
    final = soundfile.read(Layout(tmp_path / "run").file(mix.wav), always_2d=True)[0]
    under = slice(2 * rate, 3 * rate)
    assert np.abs(final[:rate] - source[:rate]).max() < 2.0**-22, "apart from the takes it is as it was"
    down = 20 * np.log10(np.std(source[under]) / np.std(final[under]))
    assert down == pytest.approx(OVER_THE_ORIGINAL["duck_db"], abs=0.1)
    assert mix.m_and_e == "" and not list((tmp_path / "run").rglob("M&E.wav"))
    assert any("own sound" in note and "20 dB" in note for note in mix.notes)
    assert np.abs(soundfile.read(Layout(tmp_path / "run").file(plain.wav))[0] - source).max() < 2.0**-22
    assert mix_job({"duck_db": 6.0}, separated=False).duck_db == 6.0, "what is asked for stands above it"
    assert mix_job({}) == MixJob()


def test_a_short_film_is_dubbed_without_stems(tmp_path: Path) -> None:
    film = sound_of(tmp_path / "film.wav")
    root = tmp_path / "film.dubline"
    job = LocalizeJob(
        media=FileMedia(path=film.as_posix()), separate=SeparateWish(budget="low"), transcribe=None
    )
    with Run(root) as run:
        done = localize(job, run, threads=1)
        told = summary(done, run)
    assert done.stems is None and "work/raw_audio.wav" in told["files"] and "stems" not in told
    raw = soundfile.info(root / "work/raw_audio.wav")
    assert (raw.samplerate, raw.channels, raw.subtype) == (44100, 1, "PCM_16")
    assert raw.frames == round(SECONDS * 44100)
    heard = soundfile.read(root / "work/raw_audio.wav")[0]
    middle = soxr.resample(soundfile.read(film)[0].mean(axis=1), RATE, 44100, "VHQ")
    assert np.abs(heard - middle).max() < 2 / 32768
    assert not (root / "stems").exists() and stems_of(root) is None

    said = ((1.0, 2.8, "SPEAKER_00", "Come with me."), (4.5, 5.3, "SPEAKER_01", "To the river."))
    put_lines(root, said)
    answer = dubline("dub", root, *hum(tmp_path))
    assert answer.status == 0, answer.err
    assert "own sound" in answer.err
    dub = read_dub(root / "work/dubbed.json")
    assert dub.mix is not None and dub.mix.m_and_e == ""
    assert (root / "final.m4a").is_file() and not (root / "M&E.wav").exists()

    programme = read_programme(root)
    assert [(s.role, s.enabled) for s in programme.sounds] == [("original", False), ("dub", True)]
    timeline = ResolveTimeline(name="T", rate="25", start=0, frames=round(SECONDS * 25))
    assert make_plan(root, timeline, Want()).mute == ("original",)
    without = make_plan(root, timeline, Want(dub=False, takes=True))
    assert without.mute == () and [track.enabled for track in without.audio] == [True, True]

    # With stems the same command mixes over them.
    again = dubline("separate", root, "--separator", "builtin")
    assert again.status == 0, again.err
    assert read_manifest(root).wishes["separate"].get("budget") is None
    assert dubline("dub", root).status == 0
    dub = read_dub(root / "work/dubbed.json")
    assert dub.mix is not None and dub.mix.m_and_e and (root / "M&E.wav").is_file()


def test_stems_that_are_there_are_used_and_a_voice_that_clones_needs_them(tmp_path: Path) -> None:
    film = sound_of(tmp_path / "film.wav", 3.0)
    root = tmp_path / "film.dubline"
    low = SeparateWish(budget="low")
    clone = DubWish(
        voice="command",
        voice_options={"command": ["clone", "{text_file}", "{reference}", "{wav}"]},
        rights=True,
    )
    job = LocalizeJob(
        media=FileMedia(path=film.as_posix()),
        separate=low,
        transcribe=None,
        translate=TranslateWish(to=("en",), translator="manual"),
        dub=clone,
    )
    with pytest.raises(InvalidJob, match="budget low"):
        decide(job, root)
    assert dubline("separate", film, "--separator", "builtin").status == 0
    before = stems_of(root)
    answer = dubline("separate", root, "--budget", "low")
    assert answer.status == 0, answer.err
    assert before is not None and background_of(root) == before == stems_of(root)
    assert json.loads((root / "work/run.json").read_text())["wishes"]["separate"]["budget"] == "low"
    assert before.source.rate == RATE


def test_the_command_says_where_the_raw_sound_lies(tmp_path: Path) -> None:
    answer = dubline("separate", sound_of(tmp_path / "film.wav", 2.0), "--budget", "low")
    assert answer.status == 0, answer.err
    named = Path(answer.out.split(": ", 1)[1].strip())
    assert named.name == "raw_audio.wav" and named.is_file()
