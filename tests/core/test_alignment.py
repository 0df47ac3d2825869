"""Existing text on recognised words, and edges on sounds whose edges we know."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_media import Shared

from dubline.errors import InvalidJob
from dubline.media.sound import FloatFile
from dubline.media.speech import Speech
from dubline.recognition import alignment
from dubline.recognition.alignment import AlignedCue, align, match, normal_tokens, snap
from dubline.recognition.given_cues import Cue, read_cues
from dubline.recognition.sound_edges import sound_edge
from dubline.values.transcript import HeardWord

RATE = 16000


def heard(text: str, start: float = 0.0, each: float = 0.5) -> list[HeardWord]:
    return [
        HeardWord(text=f" {word}", start=start + n * each, end=start + (n + 0.8) * each, confidence=0.9)
        for n, word in enumerate(text.split())
    ]


# --- comparing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("Couldn't, COULDN\u2019T!", ["couldnt", "couldnt"]),
        ("DI\u015eARI \u0131\u015f\u0131k \u0130stanbul", ["disari", "isik", "istanbul"]),
        ("forty-two", ["forty", "two"]),
        ("\u4f60\u597d 42", ["\u4f60", "\u597d", "42"]),
        ("...", []),
    ],
)
def test_what_is_compared(text: str, tokens: list[str]) -> None:
    assert normal_tokens(text) == tokens


def cost(a: list[str], b: list[str], pairs: list[tuple[int, int]]) -> float:
    """What a way costs whose pairs are given; between them unlike words are taken for each other."""
    total, before = 0.0, (-1, -1)
    for i, j in [*pairs, (len(a), len(b))]:
        x, y = i - before[0] - 1, j - before[1] - 1
        total += min(x, y) * alignment.UNLIKE + abs(x - y)
        if i < len(a):
            total += 0.0 if a[i] == b[j] else alignment.LIKE
        before = (i, j)
    return total


def least(a: list[str], b: list[str]) -> float:
    """The least cost by the textbook's table."""
    row = [float(n) for n in range(len(b) + 1)]
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], float(i)
        for j, y in enumerate(b, 1):
            alike = len(x) >= 4 and len(y) >= 4 and x[:4] == y[:4]
            step = 0.0 if x == y else alignment.LIKE if alike else alignment.UNLIKE
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + step)
    return row[-1]


words = st.lists(st.sampled_from(["a", "b", "evden", "evdeki", "evde", "son"]), max_size=12)


@settings(max_examples=150, deadline=None)
@given(a=words, b=words, cells=st.sampled_from([1, 8, 1 << 22]))
def test_the_match_costs_least_whole_or_in_linear_space(a: list[str], b: list[str], cells: int) -> None:
    kept, alignment.CELLS = alignment.CELLS, cells
    try:
        pairs = match(a, b)
    finally:
        alignment.CELLS = kept
    assert all(x[0] < y[0] and x[1] < y[1] for x, y in pairwise(pairs))
    assert cost(a, b, pairs) == pytest.approx(least(a, b))


# --- cues ------------------------------------------------------------------------------------------


def test_a_script_gets_the_times_of_the_words_that_were_heard() -> None:
    cues = [Cue(text="Good morning, Vietnam!"), Cue(text="How are you?")]
    first, second = align(cues, heard("good morning vietnam uh how are you", 10))
    assert (first.start, first.end) == (10, pytest.approx(11.4))
    assert (second.start, second.end) == (12, pytest.approx(13.4))
    assert [w.text for w in first.words] == ["Good", "morning,", "Vietnam!"]
    assert first.matched == second.matched == 1
    assert not any(w.estimated for w in (*first.words, *second.words))


def test_words_misheard_are_placed_between_those_heard_and_marked() -> None:
    (cue,) = align([Cue(text="the movable metal letters")], heard("the mobile meth letters", 5))
    assert [w.estimated for w in cue.words] == [False, True, True, False]
    edges = [t for w in cue.words for t in (w.start, w.end)]
    assert edges == sorted(edges)  # type: ignore[type-var]
    assert cue.matched == 0.5


def test_forms_of_a_word_are_that_word() -> None:
    (cue,) = align([Cue(text="evlerimizden geldik")], heard("evlerimizde geldi"))
    assert cue.matched == 1 and not any(w.estimated for w in cue.words)


def test_a_cue_hardly_heard_keeps_its_own_times() -> None:
    cues = [Cue(text="one two three four five six", start=3, end=6), Cue(text="seven eight", start=8, end=9)]
    first, second = align(cues, heard("seven eight", 7.9))
    assert (first.start, first.end, first.matched) == (3, 6, 0)
    assert all(w.estimated and 3 <= w.start <= w.end <= 6 for w in first.words)  # type: ignore[operator]
    assert second.start == 7.9


def test_a_line_of_a_script_never_heard_goes_between_its_neighbours() -> None:
    cues = [Cue(text="good morning"), Cue(text="xyzzy plugh"), Cue(text="and good night")]
    before, lost, after = align(cues, [*heard("good morning", 1), *heard("and good night", 9)])
    assert before.end <= lost.start < lost.end <= after.start
    assert lost.matched == 0


def test_a_text_of_another_film_is_refused() -> None:
    with pytest.raises(InvalidJob) as error:
        align([Cue(text="good morning")], heard("bambaska bir film"))
    assert error.value.hint


def test_a_long_film_fits_into_memory_and_keeps_its_order() -> None:
    """3,000 words against 3,000, a tenth of them misheard: far more than one table may hold."""
    rng = np.random.default_rng(0)
    text = [f"w{n}" for n in rng.integers(0, 900, 3000)]
    other = ["hm" if rng.random() < 0.1 else w for w in text]
    cues = [Cue(text=" ".join(text[n : n + 10])) for n in range(0, 3000, 10)]
    aligned = align(cues, heard(" ".join(other)))
    assert sum(c.matched for c in aligned) / len(aligned) > 0.85
    off = [abs(c.start - n * 5.0) for n, c in enumerate(aligned)]
    assert np.percentile(off, 90) < 0.5


# --- edges -----------------------------------------------------------------------------------------


@pytest.fixture
def bursts(tmp_path: Path) -> Speech:
    """Noise like speech at 2.00-3.50 s and 4.20-5.00 s over a quiet background."""
    rng = np.random.default_rng(3)
    sound = rng.normal(size=RATE * 8) * 1e-3
    for start, end in ((2.0, 3.5), (4.2, 5.0)):
        sound[round(start * RATE) : round(end * RATE)] += rng.normal(size=round((end - start) * RATE)) * 0.1
    path = tmp_path / "bursts.raw"
    with FloatFile(path, 1) as file:
        file.append(sound.astype(np.float32)[None])
    return Speech(path)


@pytest.mark.parametrize("at", [1.7, 1.95, 2.0, 2.2, 2.35])
def test_a_start_moves_to_the_sound(bursts: Speech, at: float) -> None:
    assert sound_edge(bursts, at) == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize("at", [3.2, 3.5, 3.8])
def test_an_end_moves_to_the_sound(bursts: Speech, at: float) -> None:
    assert sound_edge(bursts, at, rising=False) == pytest.approx(3.5, abs=0.02)


@pytest.mark.parametrize("at, rising", [(2.8, True), (7.0, True), (2.0, False), (1.0, True)])
def test_an_edge_without_sound_near_stays(bursts: Speech, at: float, rising: bool) -> None:
    assert sound_edge(bursts, at, rising=rising) == at


def test_digital_silence_has_no_edges(tmp_path: Path) -> None:
    with FloatFile(tmp_path / "s.raw", 1) as file:
        file.append(np.zeros((1, RATE * 3), np.float32))
    assert sound_edge(Speech(tmp_path / "s.raw"), 1.0) == 1.0


def test_a_cue_snaps_to_its_sound_with_its_first_and_last_word(bursts: Speech) -> None:
    words = tuple(heard("a b c", 1.9))
    cue = AlignedCue(start=1.9, end=3.3, text="a b c", words=words, matched=1)
    moved = snap(cue, bursts)
    assert (moved.start, moved.end) == (pytest.approx(2.0, abs=0.02), pytest.approx(3.5, abs=0.02))
    assert moved.words[0].start == moved.start and moved.words[-1].end == moved.end
    assert moved.words[1] == words[1] and moved.text == cue.text


# --- files -----------------------------------------------------------------------------------------


def written(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_srt(tmp_path: Path, encoding: str) -> None:
    text = "1\r\n00:00:01,500 --> 00:00:03,000\r\n<i>Ne</i> haber?\r\n\u0130yi.\r\n\r\n"
    text += "2\n01:00:00,000 --> 01:00:01,000\n\n"
    assert read_cues(written(tmp_path, "a.srt", text, encoding)) == (
        Cue(text="Ne haber? \u0130yi.", start=1.5, end=3),
    )


def test_vtt_with_voices_and_settings(tmp_path: Path) -> None:
    text = "WEBVTT\n\nNOTE hello\n\nid\n00:01.000 --> 00:02.500 align:start\n<v Roger>Rock &amp; roll</v>\n"
    assert read_cues(written(tmp_path, "a.vtt", text)) == (
        Cue(text="Rock & roll", start=1, end=2.5, speaker="Roger"),
    )


def test_script_and_json(tmp_path: Path) -> None:
    assert read_cues(written(tmp_path, "a.txt", "One.\n\n  Two.\n")) == (Cue(text="One."), Cue(text="Two."))
    data = '{"segments": [{"text": "One.", "start": 1, "end": 2, "speaker": "A"}, {"text": "Two."}]}'
    assert read_cues(written(tmp_path, "a.json", data)) == (
        Cue(text="One.", start=1, end=2, speaker="A"),
        Cue(text="Two."),
    )


@pytest.mark.parametrize(
    "name, data",
    [
        ("a.srt", b""),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n\u015fey\n".encode("cp1254")),
        ("a.srt", b"1\n00:00:03,000 --> 00:00:02,000\nback\n"),
        ("a.srt", b"1\n00:xx --> 00:00:02,000\nodd\n"),
        ("a.json", b"{}"),
        ("a.json", b'{"segments": [{"text": "x", "start": 2, "end": 1}]}'),
        ("a.docx", b"x"),
    ],
)
def test_what_cannot_be_read_is_refused_with_advice(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidJob) as error:
        read_cues(tmp_path / name)
    assert error.value.hint


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob):
        read_cues(tmp_path / "none.srt")


@pytest.mark.parametrize(
    "name, encoding, first", [("se_test.srt", "", 0.0), ("cdown_gb2312.srt", "gb2312", None)]
)
def test_real_subtitles(name: str, encoding: str, first: float | None, shared: Shared) -> None:
    path = shared(f"subtitles/{name}")
    cues = read_cues(path, encoding=encoding)
    assert cues and all(c.text and c.start is not None and c.end is not None for c in cues)
    if not encoding:
        assert cues[0].start is not None and cues[0].start >= (first or 0)
