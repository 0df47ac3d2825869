"""Edits of voices: on the file as it stands, and made again on another hearing of the same speech."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.recognition.edits import apply_edits
from dubline.recognition.intervals import overlapping
from dubline.recognition.publish import (
    merge_speakers,
    publish_transcript,
    rename_speaker,
    split_speaker,
    undo_edit,
)
from dubline.recognition.speaker_log import Link, Linked, meant, read_log
from dubline.recognition.voice_split import segments_named
from dubline.values.transcript import Segment, Speaker, Transcript, read_transcript

Piece = tuple[float, float, str]


def heard(pieces: Sequence[Piece], *, duration: float = 100.0) -> Transcript:
    """A transcript as recognition gives it: voices (labels) numbered by first appearance."""
    ordered = sorted(pieces)
    labels = list(dict.fromkeys(label for _, _, label in ordered))
    ids = {label: f"SPEAKER_{k:02d}" for k, label in enumerate(labels)}
    segments = tuple(
        Segment(id=k, start=a, end=b, speaker=ids[label], text=f"words {k}")
        for k, (a, b, label) in enumerate(ordered, 1)
    )
    together = overlapping(segments)
    return Transcript(
        language="en",
        duration=duration,
        segments=tuple(msgspec.structs.replace(s, overlap=k in together) for k, s in enumerate(segments)),
        speakers=tuple(
            Speaker(
                id=ids[v], label=v, seconds=sum(round((b - a) * 1000) for a, b, w in ordered if w == v) / 1000
            )
            for v in labels
        ),
    )


FIRST = [
    (0.0, 4.0, "S0"), (5.0, 8.0, "S1"), (9.0, 12.0, "S0"), (13.0, 17.0, "S2"), (18.0, 20.0, "S1"),
    (21.0, 25.0, "S3"), (26.0, 29.0, "S0"),
]  # fmt: skip


def who(transcript: Transcript) -> dict[float, str]:
    """Start of a segment -> name or id of the speaker."""
    return {s.start: transcript.name_of(s.speaker) for s in transcript.segments}


def again(root: Path, pieces: Sequence[Piece]) -> tuple[Transcript, list[str]]:
    """Publish another hearing; what was told comes with it."""
    told: list[str] = []
    return publish_transcript(heard(pieces), root, tell=told.append), told


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with the first hearing."""
    publish_transcript(heard(FIRST), tmp_path)
    return tmp_path


def test_edits_keep_the_other_numbers_and_never_use_one_twice(run: Path) -> None:
    merged = merge_speakers(run, "SPEAKER_00", ["SPEAKER_03"])
    assert [s.id for s in merged.speakers] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"]
    assert merged.speakers[0].seconds == 14.0
    split = split_speaker(run, "SPEAKER_01", segments_named("5"))
    assert [s.id for s in split.speakers] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_02", "SPEAKER_04"]
    assert split[5].speaker == "SPEAKER_04"
    assert split == read_transcript(run / "transcript.json")
    assert "SPEAKER_04" in (run / "work/transcript.rttm").read_text()


def edited(root: Path) -> Transcript:
    """One edit of each kind."""
    rename_speaker(root, "SPEAKER_00", "Ayşe")
    merge_speakers(root, "Ayşe", ["SPEAKER_03"])
    split_speaker(root, "SPEAKER_01", segments_named("5"))
    return rename_speaker(root, "SPEAKER_04", "Mehmet")


def test_the_same_hearing_gives_the_same_file_again(run: Path) -> None:
    edited(run)
    before = (run / "transcript.json").read_bytes()
    assert again(run, FIRST)[1] == []
    assert (run / "transcript.json").read_bytes() == before


def test_names_follow_the_voice_and_not_its_label(run: Path) -> None:
    now = who(edited(run))
    swapped = {"S0": "S7", "S1": "S0", "S2": "S1", "S3": "S2"}
    moved = [(a + 0.1, b - 0.2, swapped[label]) for a, b, label in FIRST]  # other labels, other borders
    transcript, told = again(run, moved)
    assert told == []
    assert list(who(transcript).values()) == list(now.values())
    assert {s.start for s in transcript.segments if transcript.name_of(s.speaker) == "Mehmet"} == {18.1}


def test_what_a_better_hearing_did_by_itself_needs_no_edit(run: Path) -> None:
    edited(run)
    right = [(a, b, "M" if a == 18 else "A" if label in ("S0", "S3") else label) for a, b, label in FIRST]
    transcript, told = again(run, right)
    assert told == []
    names = who(transcript)
    assert names[0.0] == names[21.0] == "Ayşe" and names[18.0] == "Mehmet"
    assert len(transcript.speakers) == 4


def test_a_voice_that_was_cut_up_is_joined_by_the_merge(run: Path) -> None:
    merge_speakers(run, "SPEAKER_00", ["SPEAKER_03"])
    pieces = [(a, b, "new" if a == 26 else label) for a, b, label in FIRST]
    transcript, told = again(run, pieces)
    assert told == []
    assert len({transcript[k].speaker for k in (1, 3, 6, 7)}) == 1


def test_an_edit_without_a_place_is_told_kept_and_made_again_later(run: Path) -> None:
    edited(run)
    before = (run / "transcript.json").read_bytes()
    transcript, told = again(run, [piece for piece in FIRST if piece[0] != 18.0])  # he is not heard any more
    assert any("Mehmet" in line for line in told)
    assert read_log(run).notes == tuple(told)
    assert "Mehmet" not in {s.name for s in transcript.speakers}
    nobody, told = again(run, [])
    assert nobody.speakers == () and len(told) == 4
    again(run, FIRST)
    assert (run / "transcript.json").read_bytes() == before


def test_two_names_for_what_is_one_voice_now_are_not_both_given(run: Path) -> None:
    rename_speaker(run, "SPEAKER_02", "Short")
    rename_speaker(run, "SPEAKER_03", "Shorter")
    pieces = [(a, b, "S2" if label in ("S2", "S3") else label) for a, b, label in FIRST]
    transcript, told = again(run, pieces)
    assert len([s for s in transcript.speakers if s.name]) <= 1
    assert told, "a name that is not there any more must be told"


@settings(deadline=None, max_examples=12)
@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(1, 9), st.integers(0, 4)), min_size=2, max_size=12),
    st.lists(st.tuples(st.sampled_from(["rename", "merge", "split"]), st.integers(0, 9)), max_size=5),
)
def test_any_edits_are_made_again_exactly(
    tmp_path_factory: pytest.TempPathFactory, times: list[tuple[int, int, int]], wanted: list[tuple[str, int]]
) -> None:
    """Whatever overlaps: the same hearing gives the same speakers, and undoing all gives the first ones."""
    root = tmp_path_factory.mktemp("run")
    first = heard([(float(a), float(a + n), f"S{v}") for a, n, v in times], duration=200.0)
    publish_transcript(first, root)
    states = [read_transcript(root / "transcript.json")]
    for kind, number in wanted:
        now = states[-1]
        one = now.speakers[number % len(now.speakers)].id
        own = [s.id for s in now.segments if s.speaker == one]
        if kind == "rename":
            states.append(rename_speaker(root, one, f"name {len(states)}"))
        elif kind == "merge" and len(now.speakers) > 1:
            other = now.speakers[(number + 1) % len(now.speakers)].id
            states.append(merge_speakers(root, one, [other]))
        elif kind == "split" and len(own) > 1:
            states.append(split_speaker(root, one, segments_named(str(own[number % len(own)]))))
    told: list[str] = []
    if len({(s.start, s.end) for s in first.segments}) == len(first.segments):
        assert publish_transcript(first, root, tell=told.append) == states[-1]
        assert told == []
        for before in reversed(states[:-1]):
            assert undo_edit(root)[1] == before


# --- files that people changed -----------------------------------------------------------------


def correct(root: Path, number: int, text: str) -> None:
    """Change a segment's text in the file, as a person does in an editor."""
    path = root / "transcript.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    next(s for s in raw["segments"] if s["id"] == number)["text"] = text
    path.write_text(json.dumps(raw, ensure_ascii=False), encoding="utf-8")


def test_a_corrected_text_stays_under_edits_and_undo(run: Path) -> None:
    correct(run, 3, "What she really said.")
    edited(run)
    for _ in range(4):
        _, transcript = undo_edit(run)
        assert transcript[3].text == "What she really said."
    assert who(transcript) == who(heard(FIRST))
    assert "really" in (run / "subtitles/source.srt").read_text(encoding="utf-8")
    with pytest.raises(InvalidJob, match="no edit"):
        undo_edit(run)


@pytest.mark.parametrize("edit_after", [False, True])
def test_a_corrected_file_stays_until_something_else_is_heard(run: Path, edit_after: bool) -> None:
    heard_now: Sequence[Piece] = FIRST
    for number, name in ((1, "transcript.edited.json"), (2, "transcript.edited.2.json")):
        correct(run, number, "by hand")
        if edit_after:
            rename_speaker(run, "SPEAKER_00", f"Name {number}")
        before = (run / "transcript.json").read_bytes()
        for _ in range(2):
            transcript, told = again(run, heard_now)
            assert transcript[number].text == "by hand" and any("stays" in line for line in told)
            assert (run / "transcript.json").read_bytes() == before
            assert "by hand" in (run / "subtitles/source.srt").read_text(encoding="utf-8")
        heard_now = heard_now[:-1]
        _, told = again(run, heard_now)
        assert any(name in line for line in told)
        assert read_transcript(run / "work" / name)[number].text == "by hand"
        assert read_transcript(run / "transcript.json")[number].text == f"words {number}"
        assert not any("by hand" in line for line in again(run, heard_now)[1])
    assert not (run / "work/transcript.edited.3.json").exists()
    correct(run, 1, "by hand")
    (run / "transcript.json").unlink()
    assert again(run, heard_now)[0][1].text == "words 1", "who deletes it gets what was heard"


def test_a_file_as_we_left_it_is_simply_replaced(run: Path) -> None:
    edited(run)
    assert again(run, FIRST[:5])[1] != []
    assert not list(run.rglob("transcript.edited*"))


def test_samples_of_other_voices_do_not_stay(run: Path) -> None:
    folder = run / "work/speakers"
    folder.mkdir()
    (folder / "SPEAKER_00.wav").touch()
    (folder / "mine.wav").touch()
    again(run, FIRST)
    assert (folder / "SPEAKER_00.wav").exists()
    again(run, FIRST[1:])
    assert [p.name for p in folder.iterdir()] == ["mine.wav"]


# --- the log -----------------------------------------------------------------------------------


def test_names_of_the_first_format_are_read(run: Path) -> None:
    (run / "work/speakers.json").write_text('{"format": "dubline.speakers.1", "names": {"S1": "Ayşe"}}')
    transcript, _ = again(run, FIRST)
    assert transcript.name_of("SPEAKER_01") == "Ayşe"
    assert read_log(run).format == "dubline.speakers.2"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"format": "dubline.speakers.9"}', '{"format": 3}', '{"names": {}}',
     '{"format": "dubline.speakers.2", "edits": [{"edit": "paint"}]}',
     '{"format": "dubline.speakers.2", "heard": [{"id": "x", "spans": [[3, 1]]}]}'],
)  # fmt: skip
def test_a_damaged_log_is_refused_with_its_name(run: Path, text: str) -> None:
    (run / "work/speakers.json").write_text(text)
    shutil.rmtree(run / "work/.copies", ignore_errors=True)
    before = (run / "transcript.json").read_bytes()
    for act in (lambda: again(run, FIRST), lambda: rename_speaker(run, "SPEAKER_00", "X")):
        with pytest.raises(InvalidJob, match=r"speakers\.json") as caught:
            act()
        assert caught.value.hint
    assert (run / "transcript.json").read_bytes() == before


def test_a_damaged_log_is_put_back_from_its_copy(run: Path) -> None:
    rename_speaker(run, "SPEAKER_00", "Ayşe")
    path = run / "work/speakers.json"
    path.write_bytes(path.read_bytes()[:100])
    rename_speaker(run, "SPEAKER_01", "Tom")
    assert [s.name for s in again(run, FIRST)[0].speakers][:2] == ["Ayşe", "Tom"]
    assert (run / "work/damaged.speakers.json").stat().st_size == 100


def test_a_cast_name_gives_way_to_one_given_by_hand(run: Path) -> None:
    rename_speaker(run, "SPEAKER_00", "By hand")
    cast = {"S0": "Gallery", "S1": "Other"}
    transcript = publish_transcript(heard(FIRST), run, cast=cast)
    assert [s.name for s in transcript.speakers] == ["By hand", "Other", "", ""]
    transcript = publish_transcript(heard(FIRST), run, cast={"S2": "Third"})
    assert [s.name for s in transcript.speakers] == ["By hand", "", "Third", ""], "the new gallery counts"
    transcript = publish_transcript(heard(FIRST), run)
    assert [s.name for s in transcript.speakers] == ["By hand", "", "Third", ""], "names stay without one"


def test_linked_numbers_push_others_aside() -> None:
    first = heard(FIRST)
    edit = Link(voices=(Linked(voice=meant(first, "SPEAKER_02"), id="SPEAKER_00", name="Ayşe"),))
    done = apply_edits(first, [edit]).transcript
    assert done[4].speaker == "SPEAKER_00" and done.name_of("SPEAKER_00") == "Ayşe"
    assert done[1].speaker == "SPEAKER_04"
    assert [s.id for s in done.speakers] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_03", "SPEAKER_04"]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda run: rename_speaker(run, "SPEAKER_09", "X"), "SPEAKER_09"),
        (lambda run: rename_speaker(run, "", "X"), "no speaker"),
        (lambda run: rename_speaker(run, "SPEAKER_00", "  "), "empty"),
        (lambda run: rename_speaker(run, "SPEAKER_00", "SPEAKER_01"), "already"),
        (lambda run: merge_speakers(run, "SPEAKER_00", ["SPEAKER_00"]), "itself"),
        (lambda run: split_speaker(run, "SPEAKER_00", segments_named("1-99")), "all segments"),
        (lambda run: split_speaker(run, "SPEAKER_00", segments_named("2")), "not SPEAKER_00"),
        (lambda run: split_speaker(run, "SPEAKER_00", segments_named("77")), "77"),
        (lambda run: segments_named("4-"), "4-"),
        (lambda run: segments_named("9-4"), "9-4"),
    ],
)  # fmt: skip
def test_what_cannot_be_changes_nothing(run: Path, act: object, said: str) -> None:
    before = {p: p.read_bytes() for p in run.glob("*.json")}
    with pytest.raises(InvalidJob, match=said) as caught:
        act(run)  # type: ignore[operator]
    assert caught.value.hint and "RUN" not in caught.value.hint
    assert before == {p: p.read_bytes() for p in run.glob("*.json")}


def test_a_folder_that_is_no_run_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob):
        rename_speaker(tmp_path, "SPEAKER_00", "X")
    assert list(tmp_path.iterdir()) == []
