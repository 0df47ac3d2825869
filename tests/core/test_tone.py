"""Tone of voice, on real speech: a line made louder, one quieter, one higher; the others stay the same."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from shared_media import Shared

from dubline.errors import Cancelled
from dubline.run import Run
from dubline.translation.tone import LEAST_SEGMENTS, LEAST_VOICED, Tones, measure, tag, tones
from dubline.values.media import Sound
from dubline.values.transcript import Segment, Speaker, Transcript, Word
from dubline.values.translated import Tone

pytest.importorskip("parselmouth", reason="Parselmouth is not installed")

RATE = 48000
LOUDER, QUIETER, HIGHER, ALREADY_QUIET = 1, 4, 6, 16
NOTHING = Tone()


def reader(shared: Shared) -> list[Segment]:
    """The lines of the scene's reader, in whole or cut in two, but for those that somebody talks over; the
    last one was mixed 8 dB lower."""
    truth = json.loads(shared("scene/truth_transcript.json").read_text(encoding="utf-8"))["segments"]
    found: list[Segment] = []
    for line in truth:
        if line["speaker"] != "LJ" or line["overlaps_with"]:
            continue
        parts = max(1, int((line["end"] - line["start"]) // 2.5))
        edges = np.linspace(line["start"], line["end"], parts + 1)
        words = np.array_split(line["text"].split(), parts)
        for (start, end), some in zip(itertools.pairwise(edges), words, strict=True):
            number = ALREADY_QUIET + len(found) if line["gain_db"] == -8 else len(found)
            found.append(Segment(id=number, start=start, end=end, speaker="LJ", text=" ".join(some)))
    return found


def span(segment: Segment) -> slice:
    return slice(round(segment.start * RATE), round(segment.end * RATE))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory, shared: Shared) -> tuple[Path, list[Segment]]:
    """The scene's dialogue with three of the reader's lines changed."""
    segments = reader(shared)
    sound, rate = soundfile.read(shared("scene/dialogue.flac", real=True), dtype="float32", always_2d=True)
    assert rate == RATE
    by_id = {segment.id: segment for segment in segments}
    sound[span(by_id[LOUDER])] *= 10 ** (9 / 20)
    sound[span(by_id[QUIETER])] *= 10 ** (-12 / 20)
    piece = span(by_id[HIGHER])
    length = piece.stop - piece.start
    # Played 1.5 times as fast, and again from its start: 7 semitones higher, as long as before.
    at = np.arange(length) * 1.5 % (length - 1)
    sound[piece] = sound[piece][at.astype(int)]
    path = tmp_path_factory.mktemp("tone") / "voices.wav"
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return path, segments


def test_the_changed_lines_are_told_and_the_others_are_not(
    changed: tuple[Path, list[Segment]], shared: Shared
) -> None:
    path, segments = changed
    found = measure(path, segments)
    before = measure(shared("scene/dialogue.flac"), segments)
    assert list(found) == [segment.id for segment in segments] and len(segments) >= 10
    assert "loud" in found[LOUDER].tag or "shouted" in found[LOUDER].tag
    assert "quiet" in found[QUIETER].tag
    assert "high" in found[HIGHER].tag
    for number, gain in ((LOUDER, 9.0), (QUIETER, -12.0)):
        then, now = before[number].level, found[number].level
        assert then is not None and now is not None and math.isclose(now - then, gain, abs_tol=1.0)
    then, now = before[HIGHER].pitch, found[HIGHER].pitch
    assert then is not None and now is not None and math.isclose(now - then, 7.0, abs_tol=1.5)
    # The last line was mixed 8 dB lower by whoever made the scene.
    assert all("quiet" in tone.tag for number, tone in found.items() if number >= ALREADY_QUIET)
    rest = [tone.tag for n, tone in found.items() if n < ALREADY_QUIET and n not in (LOUDER, QUIETER, HIGHER)]
    assert sum(words == "" for words in rest) >= 0.8 * len(rest)
    assert not any(word in words for words in rest for word in ("loud", "quiet", "shouted", "high", "low"))


def test_the_level_of_the_whole_recording_does_not_matter(
    changed: tuple[Path, list[Segment]], tmp_path: Path
) -> None:
    path, segments = changed
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    soundfile.write(tmp_path / "low.wav", sound[:, :1] * 0.25, rate, subtype="FLOAT")
    quieter, usual = measure(tmp_path / "low.wav", segments), measure(path, segments)
    same = [quieter[n].tag.split(", ")[0] == usual[n].tag.split(", ")[0] for n in usual]
    assert np.mean(same) >= 0.9


def buzz(pitch: float, seconds: float, level: float = 0.1) -> NDArray[np.float32]:
    """(n,) a voice-like tone with harmonics."""
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(level * sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 12)), np.float32)


def written(path: Path, *parts: NDArray[np.float32]) -> tuple[Path, list[Segment]]:
    """A sound of these parts, and a segment for each."""
    soundfile.write(path, np.concatenate(parts), RATE, subtype="FLOAT")
    ends = np.cumsum([len(part) for part in parts]) / RATE
    starts = [0.0, *ends[:-1]]
    return path, [
        Segment(id=i, start=float(start), end=float(end), speaker="A", text="a line of words")
        for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def test_known_pitches_levels_and_rates_are_measured(tmp_path: Path) -> None:
    path, segments = written(
        tmp_path / "a.wav",
        *[buzz(200, 1) for _ in range(4)],
        buzz(300, 1),
        buzz(100, 1, level=0.4),
        buzz(200, 0.5),
        buzz(200, 2),
    )
    found = measure(path, segments)
    assert found[0] == Tone(level=0.0, pitch=0.0, rate=1.0)
    assert found[4].pitch == pytest.approx(12 * math.log2(1.5), abs=0.1) and found[4].tag == "high"
    assert found[5].pitch == pytest.approx(-12, abs=0.1) and found[5].tag == "shouted, low"
    assert found[5].level == pytest.approx(12.0, abs=0.3)
    assert (found[6].rate, found[6].tag) == (2.0, "fast")
    assert (found[7].rate, found[7].tag) == (0.5, "slow")


def test_a_whisper_is_told_from_a_quiet_voice(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.02, RATE).astype(np.float32)
    parts = [*[buzz(200, 1) for _ in range(4)], noise, buzz(200, 1, level=0.01)]
    found = measure(*written(tmp_path / "a.wav", *parts))
    assert found[4].tag.startswith("whispered") and found[5].tag == "quiet"


def test_the_pace_counts_spoken_time_where_the_words_have_times(tmp_path: Path) -> None:
    path, segments = written(tmp_path / "a.wav", *[buzz(200, 2) for _ in range(5)])
    words = tuple(
        Word(start=8 + i / 4, end=8.25 + i / 4, text=text)
        for i, text in enumerate(("a", "line", "of", "words"))
    )
    segments[4] = Segment(id=4, start=8, end=10, speaker="A", text="a line of words", words=words)
    assert measure(path, segments)[4].rate == 2.0


def test_what_cannot_be_measured_is_none_and_has_no_tag(tmp_path: Path) -> None:
    usual = [buzz(200, 1) for _ in range(LEAST_SEGMENTS)]
    silence, sample = np.zeros(RATE, np.float32), np.full(1, 0.5, np.float32)
    hiss = np.full(RATE, 1e-5, np.float32)
    broken = np.full(RATE, np.nan, np.float32)
    short = buzz(200, LEAST_VOICED / 2)
    path, segments = written(tmp_path / "a.wav", *usual, silence, sample, hiss, broken, short)
    last = segments[-1].end
    segments += [
        Segment(id=90, start=last + 5, end=last + 6, speaker="A", text=""),
        Segment(id=91, start=0, end=1, speaker="A", text="No!", overlap=True),
        Segment(id=92, start=0, end=1, speaker="", text="Somebody or other"),
        Segment(id=93, start=0, end=1, speaker="B", text="The only line of B"),
    ]
    found = measure(path, segments)
    for number in range(LEAST_SEGMENTS, LEAST_SEGMENTS + 5):
        assert (found[number].level, found[number].pitch) == (None, None)
    assert [found[n] for n in (90, 91, 92, 93)] == [NOTHING] * 4
    for tone in found.values():
        assert all(value is None or math.isfinite(value) for value in (tone.level, tone.pitch, tone.rate))


def test_a_long_segment_is_measured_like_a_short_one(tmp_path: Path) -> None:
    path, segments = written(tmp_path / "a.wav", *[buzz(200, 1) for _ in range(4)], buzz(252, 31))
    found = measure(path, segments)
    assert found[4].pitch == pytest.approx(4.0, abs=0.1) and found[4].level == pytest.approx(0.0, abs=0.2)


maybe = st.none() | st.floats(-40, 40)


@given(maybe, maybe, st.none() | st.floats(0.01, 20))
def test_tags_come_from_the_vocabulary_and_do_not_contradict(
    level: float | None, pitch: float | None, rate: float | None
) -> None:
    words = tag(level, pitch, rate).split(", ")
    groups = [("shouted", "loud", "whispered", "quiet"), ("high", "low"), ("fast", "slow")]
    assert words == [""] or all(any(word in group for group in groups) for word in words)
    assert all(sum(word in group for word in words) <= 1 for group in groups)
    assert tag(None, None, None) == "" == tag(2.0, -1.5, 1.1)


@pytest.mark.parametrize(
    ("level", "pitch", "rate", "words"),
    [
        (6.0, 0.0, 1.0, "loud"),
        (5.9, 3.9, 1.39, ""),
        (12.0, 0.0, 1.0, "shouted"),
        (6.0, 4.0, 1.0, "shouted, high"),
        (-6.0, -4.0, 0.65, "quiet, low, slow"),
        (None, 4.0, 1.4, "high, fast"),
    ],
)
def test_each_word_begins_where_it_says(level: float | None, pitch: float, rate: float, words: str) -> None:
    assert tag(level, pitch, rate) == words


def test_as_a_step_it_is_done_once_and_says_who_speaks_too_little(tmp_path: Path) -> None:
    path, segments = written(tmp_path / "a.wav", *[buzz(200, 1) for _ in range(5)])
    segments.append(Segment(id=9, start=4, end=5, speaker="B", text="The only line of B"))
    speakers = (Speaker(id="A"), Speaker(id="B", name="Bora"))
    transcript = Transcript(language="tr", duration=5.0, segments=tuple(segments), speakers=speakers)
    sound = Sound(path=str(path), rate=RATE, channels=1, frames=5 * RATE, fingerprint="a")
    notes: list[str] = []
    with Run(tmp_path / "run", tell=notes.append) as run:
        first = run.step(tones, sound, transcript)
        path.unlink()
        assert run.step(tones, sound, transcript) == first
    assert isinstance(first, Tones) and first.measured == 5 and first.tones[9] == NOTHING
    assert len(notes) == 1 and "Bora" in notes[0]


def test_it_can_be_stopped(tmp_path: Path) -> None:
    path, segments = written(tmp_path / "a.wav", *[buzz(200, 1) for _ in range(5)])
    seen: list[float] = []

    def report(done: float, total: float) -> None:
        seen.append(done)
        if done == 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        measure(path, segments, report)
    assert seen == [0, 1, 2]
