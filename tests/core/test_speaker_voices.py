"""Samples, splitting, linking and naming by voice, on a real call heard by the built-in diarizer."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from command import dubline
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.media.probing import as_sound
from dubline.recognition.origin import origin_of
from dubline.recognition.publish import merge_speakers, publish_transcript, rename_speaker
from dubline.recognition.samples import LONGEST, PAUSE, sample_clips
from dubline.recognition.stage import DiarizationJob, Diarized, diarize, listen
from dubline.recognition.voice_names import cast_names
from dubline.run import Run
from dubline.values.base import Choice
from dubline.values.transcript import Segment, Speaker, Transcript, Turn, Word, read_transcript

JOB = DiarizationJob(diarizer=Choice(backend="builtin", options={"speakers": 2}))


def spoken(found: Diarized, duration: float) -> Transcript:
    """A transcript whose words are the diarizer's turns, cut into half seconds."""
    labels = list(dict.fromkeys(t.speaker for t in found.exclusive))
    segments = []
    for number, turn in enumerate(found.exclusive, 1):
        edges = [*np.round(np.arange(turn.start, turn.end, 0.5), 3).tolist(), round(turn.end, 3)]
        if len(edges) > 2 and edges[-1] - edges[-2] < 0.01:
            del edges[-2]
        words = tuple(Word(start=a, end=b, text=" la") for a, b in pairwise(edges))
        segments.append(
            Segment(
                id=number,
                start=edges[0],
                end=edges[-1],
                speaker=f"SPEAKER_{labels.index(turn.speaker):02d}",
                text="la",
                words=words,
            )
        )
    return Transcript(
        language="en",
        duration=duration,
        segments=tuple(segments),
        speakers=tuple(Speaker(id=f"SPEAKER_{k:02d}", label=label) for k, label in enumerate(labels)),
        diarizer=found.engine,
    )


@pytest.fixture(scope="module")
def call(shared: Shared) -> Path:
    """Two people on the telephone."""
    if not all(find_spec(name) for name in ("resemblyzer", "silero_vad")):
        pytest.skip("the built-in diarizer's weights are not installed")
    return shared("diarization/sample.wav")


@pytest.fixture(scope="module")
def heard(call: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the call, made once."""
    root = tmp_path_factory.mktemp("made") / "call.dubline"
    sound = as_sound(call)
    assert sound is not None
    with Run(root) as run:
        speech = run.step(listen, sound, None)
        found = run.step(diarize, speech, JOB, hints={"threads": 1, "device": "cpu"})
        publish_transcript(spoken(found, sound.duration), root)
    return root


@pytest.fixture
def run(heard: Path, tmp_path: Path) -> Path:
    """A copy of that run, to be changed."""
    return Path(shutil.copytree(heard, tmp_path / "call.dubline"))


def test_the_list_comes_with_samples_as_they_sound(call: Path, run: Path) -> None:
    (run / "work/speakers").mkdir()
    (run / "work/speakers/SPEAKER_09.wav").touch()
    answer = dubline("speakers", run)
    assert answer.status == 0, answer.err
    assert "SPEAKER_00" in answer.out and "SPEAKER_01" in answer.out and "samples" in answer.out
    assert sorted(p.name for p in (run / "work/speakers").iterdir()) == ["SPEAKER_00.wav", "SPEAKER_01.wav"]
    transcript = read_transcript(run / "transcript.json")
    source, rate = soundfile.read(call, always_2d=True)
    clips = sample_clips(transcript, "SPEAKER_00", origin_of(run).diarized.turns)
    sample, its_rate = soundfile.read(run / "work/speakers/SPEAKER_00.wav", always_2d=True)
    assert its_rate == rate and 1 <= len(clips) <= 3
    at = 0
    for number, (start, end) in enumerate(clips):
        at += round(PAUSE * rate) if number else 0
        first, last = round(start * rate), round(end * rate)
        inner = slice(round(0.01 * rate), last - first - round(0.01 * rate))
        np.testing.assert_allclose(
            sample[at : at + last - first][inner], source[first:last][inner], atol=2**-22
        )
        at += last - first
    assert at == len(sample)


def test_without_the_sound_the_list_is_shown_all_the_same(call: Path, run: Path) -> None:
    text = (run / "work/run.json").read_text().replace(call.resolve().as_posix(), "/gone.wav")
    told = json.loads(text.replace(call.as_posix(), "/gone.wav"))
    (run / "work/run.json").write_text(json.dumps(told))
    answer = dubline("speakers", "list", run)
    assert answer.status == 0 and "SPEAKER_01" in answer.out and "is gone" in answer.out
    assert not (run / "work/speakers").exists()


def test_clips_hold_whole_words_of_one_person_alone() -> None:
    words = tuple(Word(start=k * 0.4, end=k * 0.4 + 0.3, text="x") for k in range(40))
    mine = Segment(id=1, start=0.0, end=15.9, speaker="SPEAKER_00", text="x", words=words)
    other = Segment(id=2, start=4.05, end=4.2, speaker="SPEAKER_01", text="y")
    both = Transcript(
        language="", duration=20.0, segments=(mine, other),
        speakers=(Speaker(id="SPEAKER_00", label="A"), Speaker(id="SPEAKER_01", label="B")),
    )  # fmt: skip
    busy = [Turn(start=9.0, end=9.1, speaker="B")]
    clips = sample_clips(both, "SPEAKER_00", busy)
    assert len(clips) == 3
    starts, ends = {w.start for w in words}, {w.end for w in words}
    for a, b in clips:
        assert a in starts and b in ends and b - a <= LONGEST
        assert b <= 4.05 or a >= 4.2
        assert b <= 9.0 or a >= 9.1
    assert all(a[1] <= b[0] for a, b in pairwise(clips))
    assert sample_clips(both, "SPEAKER_01") == (), "it is never alone"


def test_two_voices_merged_are_told_apart_again_by_how_they_sound(run: Path) -> None:
    before = read_transcript(run / "transcript.json")
    merge_speakers(run, "SPEAKER_00", ["SPEAKER_01"])
    answer = dubline("speakers", "split", run, "SPEAKER_00", "--into", "2", "--threads", "1")
    assert answer.status == 0, answer.err
    after = read_transcript(run / "transcript.json")
    assert [s.id for s in after.speakers] == ["SPEAKER_00", "SPEAKER_02"]
    pairs = [
        (a.speaker, b.speaker)
        for a, b in zip(before.segments, after.segments, strict=True)
        if a.end - a.start > 1.0
    ]
    assert len(set(pairs)) == 2, pairs
    assert "undone: split" in dubline("speakers", "undo", run).out
    assert "undone: merge" in dubline("speakers", "undo", run).out
    assert read_transcript(run / "transcript.json") == before


def test_the_same_voices_in_two_runs_get_one_number_and_one_name(run: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other.dubline"))
    first = read_transcript(other / "transcript.json")
    swap = {"SPEAKER_00": "SPEAKER_01", "SPEAKER_01": "SPEAKER_00"}
    publish_transcript(
        msgspec.structs.replace(
            first,
            segments=tuple(msgspec.structs.replace(s, speaker=swap[s.speaker]) for s in first.segments),
            speakers=tuple(msgspec.structs.replace(s, id=swap[s.id]) for s in first.speakers),
        ),
        other,
    )
    rename_speaker(run, "SPEAKER_00", "Ayşe")
    swapped = (other / "transcript.json").read_bytes()
    shown = dubline("speakers", "link", run, other, "--dry-run")
    assert shown.status == 0, shown.err
    assert "1.00" in shown.out and (other / "transcript.json").read_bytes() == swapped
    assert dubline("speakers", "link", run, other).status == 0
    linked = read_transcript(other / "transcript.json")
    assert [s.speaker for s in linked.segments] == [s.speaker for s in first.segments]
    assert linked.name_of("SPEAKER_00") == "Ayşe"
    assert "nothing" in dubline("speakers", "link", run, other).out.splitlines()[-1]
    rename_speaker(other, "SPEAKER_00", "Fatma")
    assert "Ayşe and Fatma" in dubline("speakers", "link", run, other).out
    assert read_transcript(other / "transcript.json").name_of("SPEAKER_00") == "Fatma"


def test_runs_heard_by_different_models_are_not_compared(run: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other.dubline"))
    (result,) = other.glob("work/steps/diarize-*/result.json")
    result.write_text(result.read_text().replace(origin_of(run).diarized.embedding, "another"))
    answer = dubline("speakers", "link", run, other)
    assert answer.status == 2 and "another" in answer.err and "same diarizer" in answer.err
    assert dubline("speakers", "link", run, run).status == 2


def test_people_are_named_by_their_clips(call: Path, run: Path, tmp_path: Path) -> None:
    transcript = read_transcript(run / "transcript.json")
    lines = ["[cast]"]
    for speaker, name in (("SPEAKER_00", "Zero"), ("SPEAKER_01", "One")):
        start, end = max(sample_clips(transcript, speaker), key=lambda clip: clip[1] - clip[0])
        lines.append(f'{name} = [{{ file = "{call.as_posix()}", start = {start}, end = {end} }}]')
    cast = tmp_path / "cast.toml"
    cast.write_text("\n".join(lines))
    rename_speaker(run, "SPEAKER_01", "By hand")
    answer = dubline("speakers", "name", run, "--cast", cast, "--threads", "1")
    assert answer.status == 0, answer.err
    named = read_transcript(run / "transcript.json")
    assert [s.name for s in named.speakers] == ["Zero", "By hand"]
    origin = origin_of(run)
    assert origin.speech is not None
    with Run(run) as again:
        names = cast_names(again, origin.diarized, JOB, cast)
    assert names == {transcript.speakers[0].label: "Zero", transcript.speakers[1].label: "One"}
    assert not list(run.glob("work/steps/cast-*/*.f32"))


def test_a_clip_that_is_no_good_is_named_with_its_person(run: Path, tmp_path: Path) -> None:
    origin = origin_of(run)
    assert origin.speech is not None
    soundfile.write(tmp_path / "silent.wav", np.zeros(32000), 16000)
    soundfile.write(tmp_path / "short.wav", np.random.default_rng(0).normal(size=3000) * 0.1, 16000)
    (tmp_path / "text.wav").write_text("no sound")
    for clip in ('"missing.wav"', '"silent.wav"', '"short.wav"', '"text.wav"',
                 '{ file = "silent.wav", start = 9.0 }'):  # fmt: skip
        cast = tmp_path / "cast.toml"
        cast.write_text(f"[cast]\n'Ayşe' = [{clip}]")
        with Run(run) as again, pytest.raises(InvalidJob, match=r"Ayşe.*\.wav") as caught:
            cast_names(again, origin.diarized, JOB, cast)
        assert caught.value.hint
