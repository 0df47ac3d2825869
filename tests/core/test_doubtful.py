# ruff: noqa: RUF001 - Turkish has a dotless i
"""A line that may be made up says so wherever a person looks at it, until a person says that it is not."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from run_to_dub import dub, run_to_dub
from sent_run import make_run
from small_programme import small_programme

from dubline.exchange.report import write_report
from dubline.exchange.returning import import_subtitles
from dubline.programme.reading import read_programme
from dubline.programme.resolve_plan import MARKERS
from dubline.recognition import resegment, segment
from dubline.recognition.publish import merge_speakers, publish_transcript
from dubline.translation.way import _as_heard
from dubline.values.programme import Mark
from dubline.values.transcript import (
    HeardWord,
    Transcript,
    Turn,
    parse_transcript,
    read_transcript,
    transcript_json,
    write_transcript,
)
from dubline.values.translated import read_translation
from otio_dubline.build import build
from otio_dubline.exporters import TARGETS, export

WHY = "the second detector hears no speech here"


def words(text: str, start: float, doubt: str = "") -> list[HeardWord]:
    return [
        HeardWord(
            text=f" {word}", start=start + k * 0.4, end=start + k * 0.4 + 0.3, confidence=0.9, doubt=doubt
        )
        for k, word in enumerate(text.split())
    ]


def heard() -> Transcript:
    return segment(
        [*words("Kim var orada?", 1.0), *words("Kimse yok.", 5.0, WHY), *words("♪ Uyu yavrum ♪", 9.0)],
        [Turn(start=0.0, end=7.0, speaker="a"), Turn(start=8.0, end=12.0, speaker="b")],
        duration=20.0,
        language="tr",
    )


def test_the_doubt_of_words_is_their_segments() -> None:
    made = heard()
    assert [s.doubted for s in made.segments] == ["", WHY, ""]
    assert [s.flags for s in made.segments] == [(), ("doubtful",), ("sung",)]
    again = parse_transcript(transcript_json(made))
    assert again.segments == made.segments
    assert [s.doubted for s in resegment(again).segments] == ["", WHY, ""]


def test_it_lives_through_edits_and_another_run_until_a_person_takes_it_off(tmp_path: Path) -> None:
    publish_transcript(heard(), tmp_path)
    merge_speakers(tmp_path, "SPEAKER_00", ["SPEAKER_01"])
    publish_transcript(heard(), tmp_path)
    file = tmp_path / "transcript.json"
    kept = read_transcript(file)
    assert kept.segments[1].doubted == WHY and len(kept.speakers) == 1
    checked = tuple(replace(s, flags=(), doubt=UNSET) for s in kept.segments)
    write_transcript(replace(kept, segments=checked), file)
    publish_transcript(heard(), tmp_path)
    assert not any(s.doubted for s in read_transcript(file).segments)


def test_it_lives_through_subtitles_and_stands_in_the_translation(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    file = root / "transcript.json"
    before = read_transcript(file)
    doubted = tuple(replace(s, flags=("doubtful",), doubt=WHY) if s.id == 12 else s for s in before.segments)
    write_transcript(replace(before, segments=doubted), file)
    publish_transcript(read_transcript(file), root)
    path = root / "subtitles" / "source.srt"
    path.write_text(path.read_text("utf-8").replace("kapalıydı", "kapanmıştı"), encoding="utf-8")
    assert import_subtitles(root, path).files
    now = read_transcript(file)
    assert now[12].text == "Özür dilerim, yol kapanmıştı." and now[12].doubted == WHY
    translation = _as_heard(read_translation(root / "translated.json"), now)
    assert [line.doubt for line in translation.segments] == [UNSET, WHY, UNSET, UNSET, UNSET, UNSET]


def test_report_dub_and_terminal_name_it(tmp_path: Path) -> None:
    root = run_to_dub(tmp_path)
    file = root / "transcript.json"
    before = read_transcript(file)
    first = replace(before.segments[0], flags=("doubtful",), doubt="<b>" + WHY)
    write_transcript(replace(before, segments=(first, *before.segments[1:])), file)
    answer = dub(root, "--to", "en")
    assert answer.status == 0, answer.err
    assert "1 line may be made up, listen to 1 first" in answer.out
    page = write_report(root).read_text("utf-8")
    assert "1 line that may be made up" in page and f"&lt;b&gt;{WHY}" in page and "<b>" not in page
    (mark,) = (m for m in read_programme(root).marks if m.kind == "doubtful")
    assert (mark.id, mark.text) == (1, f"<b>{WHY}: {first.text}")


@pytest.mark.parametrize("target", [t for t, module in TARGETS.items() if module not in ("subtitles", "edl")])
def test_every_timeline_with_markers_carries_it(tmp_path: Path, target: str) -> None:
    mark = Mark(id=1, start=0.5, end=1.0, kind="doubtful", text=f"{WHY}: Kimse yok.")
    programme = replace(small_programme(tmp_path, seconds=1), marks=(mark,))
    (done,) = export(build(programme), [target], tmp_path / "out")
    data = b"".join(
        b"".join(map(ZipFile(path).read, ZipFile(path).namelist()))
        if path.suffix == ".otioz"
        else path.read_bytes()
        for path in done.files
    )
    assert WHY.encode() in data or WHY.encode("utf-16-le") in data
    assert "doubtful" in MARKERS
