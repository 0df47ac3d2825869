# ruff: noqa: RUF001 - Turkish has a dotless i
"""Subtitles out, through the hands of editors, and back in."""

from __future__ import annotations

import errno
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command import dubline, shown
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sent_run import CHINESE, ENGLISH, TURKISH, make_run, rewrite, with_

from dubline.errors import InvalidJob, StorageFull
from dubline.exchange import Imported, Wanted, export_subtitles, import_subtitles
from dubline.recognition.publish import publish_transcript
from dubline.run import Run
from dubline.subtitles.cues import SubtitleText
from dubline.subtitles.matching import Known, match
from dubline.subtitles.sent import SUFFIX, digest_of
from dubline.subtitles.writing import read_subtitles
from dubline.translation.kept import kept_lines
from dubline.translation.way import publish_translation
from dubline.values.transcript import read_transcript
from dubline.values.translated import read_translation, translation_json


def sent_file(root: Path, **wanted: Any) -> Path:
    (path,) = export_subtitles(root, Wanted(**wanted))
    return path


def kinds(done: Imported) -> list[tuple[str, tuple[int, ...]]]:
    return [(change.kind, change.ids) for change in done.comparison.changes]


def texts_of(root: Path, name: str = "translated.json") -> dict[int, str | None]:
    return {s.id: s.text for s in read_translation(root / name).segments}


def files_of(root: Path) -> dict[str, bytes]:
    return {p.as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


# --- nothing changed -----------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
                st.sampled_from(
                    [
                        "12",
                        "a\n\nb",
                        "00:00:01,000 --> 00:00:02,000",
                        "-->",
                        "7\n\n8",
                        "<i>x</i>",
                        "AYŞE: Gel!",
                    ]
                ),
            ),
            st.integers(0, 4000),
            st.integers(1, 3000),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_what_comes_back_untouched_changes_nothing(made: list[tuple[str, int, int]]) -> None:
    at, spans = 0, []
    for _, gap, length in made:
        spans.append(((at + gap) / 1000, (at + gap + length) / 1000))
        at += gap
    texts = [text if text.strip() else None for text, _, _ in made]
    if not any(texts):
        return
    with tempfile.TemporaryDirectory() as folder:
        root = make_run(Path(folder), texts, spans=spans)
        path = sent_file(root)
        before = files_of(root)
        done = import_subtitles(root, path)
        assert done.comparison.changes == ()
        assert 0 < done.comparison.unchanged == done.cues
        assert done.files == ()
        assert files_of(root) == before


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"bilingual": True},
        {"names": True},
        {"bilingual": True, "names": True},
        {"format": "vtt"},
        {"language": "tr"},
        {"language": "tr", "names": True},
    ],
)
@pytest.mark.parametrize("record", ["beside", "in the run"])
def test_every_kind_of_export_comes_back(tmp_path: Path, wanted: dict[str, Any], record: str) -> None:
    root = make_run(tmp_path)
    path = sent_file(root, **wanted)
    if record == "in the run":
        path = path.rename(tmp_path / f"sent back{path.suffix}")
    done = import_subtitles(root, path)
    assert (done.comparison.changes, done.comparison.unchanged) == ((), 6)


def test_a_file_for_each_speaker_comes_back(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    paths = export_subtitles(root, Wanted(per_speaker=True, place=tmp_path / "out"))
    assert [path.name for path in paths] == ["E01.en.Ayşe.srt", "E01.en.Tom.srt"]
    for path in paths:
        done = import_subtitles(root, path)
        assert (done.comparison.changes, done.comparison.unchanged) == ((), 3)
    rewrite(paths[1], lambda cues: [with_(cues[0], text="The road was closed, sorry."), *cues[1:]])
    assert kinds(import_subtitles(root, paths[1])) == [("edited", (12,))]


def nudged(cues: list[SubtitleText], by: int) -> list[SubtitleText]:
    return [with_(c, start_ms=c.start_ms + by, end_ms=c.end_ms - by) for c in cues]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: rewrite(path, lambda c: nudged(c, 1)),
        lambda path: rewrite(path, lambda c: nudged(c, -42)),
        lambda path: rewrite(path, lambda c: [with_(x, index=x.index + 500) for x in c]),
        lambda path: rewrite(path, lambda c: c[::-1]),
        lambda path: rewrite(path, lambda c: c[::-1], renumber=True),
        lambda path: rewrite(path, lambda c: [with_(x, text=x.text + "  ") for x in c]),
        lambda path: rewrite(path, list, crlf=True),
        lambda path: path.write_text(path.read_text("utf-8"), encoding="utf-8-sig"),
        lambda path: path.write_text(path.read_text("utf-8"), encoding="utf-16"),
        lambda path: path.write_text(path.read_text("utf-8").rstrip("\n"), encoding="utf-8"),
        lambda path: path.with_name(path.name + SUFFIX).unlink(),
        lambda path: path.with_name(path.name + SUFFIX).write_text("{damaged"),
    ],
    ids=[
        "1 ms", "a frame", "numbers", "order", "order and numbers", "spaces", "CRLF", "BOM", "UTF-16",
        "no last line feed", "no record", "damaged record",
    ],
)  # fmt: skip
def test_what_editors_do_by_themselves_changes_nothing(tmp_path: Path, damage: Callable[[Path], Any]) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    damage(path)
    done = import_subtitles(root, path)
    assert (done.comparison.changes, done.comparison.unchanged) == ((), 6)
    assert not (root / "work/translated.before.json").exists()


@pytest.mark.parametrize(
    ("texts", "target", "encoding"),
    [(TURKISH, "xx", "cp1254"), (CHINESE, "zh", "gb2312"), (CHINESE, "zh", "gb18030")],
)
def test_old_encodings_come_back(tmp_path: Path, texts: Sequence[str], target: str, encoding: str) -> None:
    root = make_run(tmp_path, texts, target=target)
    path = sent_file(root, language=target)
    rewrite(path, lambda cues: [with_(cues[0], text=texts[5]), *cues[1:]])
    path.write_bytes(path.read_text("utf-8").encode(encoding))
    done = import_subtitles(root, path, encoding=encoding)
    assert kinds(done) == [("edited", (11,))]
    assert texts_of(root)[11] == texts[5]
    assert (root / "translated.json").read_bytes().decode("utf-8")


# --- what people do ------------------------------------------------------------------------------


def test_an_edited_line_is_locked_and_the_file_before_is_kept(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    before = (root / "translated.json").read_bytes()
    path = sent_file(root)
    rewrite(path, lambda cues: [cues[0], with_(cues[1], text="<i>Sorry!</i>\nThe road…  "), *cues[2:]])
    done = import_subtitles(root, path)
    assert kinds(done) == [("edited", (12,))]
    line = read_translation(root / "translated.json")[12]
    assert (line.text, line.locked, line.state) == ("<i>Sorry!</i>\nThe road…", True, "translated")
    assert (root / "work/translated.before.json").read_bytes() == before
    kept = kept_lines(read_translation(root / "translated.json"), read_transcript(root / "transcript.json"))
    assert [k.text for k in kept.lines] == [line.text], "the next translation takes it over"
    assert "Sorry!" in (root / "subtitles/en.srt").read_text("utf-8")
    again = import_subtitles(root, path)
    assert (again.comparison.changes, again.files) == ((), ())


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    rewrite(path, lambda cues: [with_(cues[0], text="Hello."), *nudged(cues[1:3], 400)])
    before = files_of(root)
    done = import_subtitles(root, path, dry_run=True, take_times=True, remove=True)
    assert len(done.comparison.changes) == 6
    assert files_of(root) == before


def test_a_line_translated_anew_since_is_not_put_back(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    now = read_translation(root / "translated.json")
    lines = tuple(s.with_text("Newer.") if s.id == 13 else s for s in now.segments)
    (root / "translated.json").write_bytes(translation_json(msgspec.structs.replace(now, segments=lines)))
    rewrite(path, lambda cues: [with_(cues[0], text="Well?"), *cues[1:]])
    assert kinds(import_subtitles(root, path)) == [("edited", (11,))]
    assert texts_of(root)[13] == "Newer."


@pytest.mark.parametrize("gone", range(6))
def test_a_removed_cue_is_told_and_its_line_stays(tmp_path: Path, gone: int) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    rewrite(path, lambda cues: cues[:gone] + cues[gone + 1 :], renumber=True)
    done = import_subtitles(root, path)
    assert kinds(done) == [("removed", (11 + gone,))]
    assert (done.comparison.unchanged, done.files) == (5, ())
    import_subtitles(root, path, remove=True)
    line = read_translation(root / "translated.json")[11 + gone]
    assert (line.text, line.state, line.locked) == (None, "pending", False)


@pytest.mark.parametrize("place", range(7))
def test_an_added_cue_is_told_and_disturbs_no_other(tmp_path: Path, place: int) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    at = 2000 * place + 100
    new = SubtitleText(index=0, start_ms=at, end_ms=at + 300, text="Evet.")
    rewrite(path, lambda cues: [*cues[:place], new, *cues[place:]], renumber=True)
    done = import_subtitles(root, path)
    assert [c.kind for c in done.comparison.changes] == ["added"]
    assert done.comparison.unchanged == 6


def test_an_emptied_cue_is_a_removed_one(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    rewrite(path, lambda cues: [cues[0], with_(cues[1], text=""), *cues[2:]])
    done = import_subtitles(root, path)
    assert kinds(done) == [("removed", (12,))]


def merged(cues: list[SubtitleText], text: str) -> list[SubtitleText]:
    return [*cues[:2], with_(cues[2], end_ms=cues[3].end_ms, text=text), *cues[4:]]


def test_merged_cues_keep_their_lines_apart(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    rewrite(path, lambda c: merged(c, "Yes. Shall we go now?"), renumber=True)
    done = import_subtitles(root, path)
    assert kinds(done) == [("merged", (13, 14))]
    assert done.files == ()


def test_a_merged_and_edited_text_is_shared_among_the_lines(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    rewrite(path, lambda c: merged(c, "Oh yes, I do. Shall we leave now?"), renumber=True)
    assert kinds(import_subtitles(root, path)) == [("merged", (13, 14))]
    now = texts_of(root)
    assert (now[13], now[14]) == ("Oh yes, I do.", "Shall we leave now?")
    assert now[12] == ENGLISH[1] and now[15] == ENGLISH[4]


def test_two_people_in_one_cue_come_apart_again(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    rewrite(path, lambda c: merged(c, "- Yes.\n- Shall we go now?"), renumber=True)
    done = import_subtitles(root, path)
    assert (kinds(done), done.files) == ([("merged", (13, 14))], ())
    rewrite(path, lambda c: [*c[:2], with_(c[2], text="- Sure.\n- Let's go!"), *c[3:]])
    import_subtitles(root, path)
    assert [texts_of(root)[k] for k in (13, 14)] == ["Sure.", "Let's go!"]


def test_split_cues_are_one_line(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)

    def cut(cues: list[SubtitleText], second: str) -> list[SubtitleText]:
        middle = (cues[1].start_ms + cues[1].end_ms) // 2
        one = with_(cues[1], end_ms=middle, text="I'm sorry,")
        return [cues[0], one, with_(cues[1], start_ms=middle + 80, text=second), *cues[2:]]

    rewrite(path, lambda c: cut(c, "the road was closed."), renumber=True)
    done = import_subtitles(root, path)
    assert (kinds(done), done.files) == ([("split", (12,))], ())
    path = sent_file(root)
    rewrite(path, lambda c: cut(c, "they closed the road."), renumber=True)
    assert kinds(import_subtitles(root, path)) == [("split", (12,))]
    assert texts_of(root)[12] == "I'm sorry, they closed the road."


def test_a_shifted_file_is_known_line_by_line(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    # By exactly one line, so that every cue lies where the next one was.
    rewrite(path, lambda cs: [with_(c, start_ms=c.start_ms + 2000, end_ms=c.end_ms + 2000) for c in cs])
    done = import_subtitles(root, path)
    assert kinds(done) == [("retimed", (k,)) for k in range(11, 17)]
    assert done.files == (), "times are taken over only when that is asked for"


def test_taken_times_move_the_transcript_and_all_translations(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    other = read_translation(root / "translated.json")
    publish_translation(msgspec.structs.replace(other, target_language="de"), root)
    path = sent_file(root, language="en")
    # Line 12 goes behind line 13, and gets longer.
    rewrite(path, lambda c: [c[0], with_(c[1], start_ms=6100, end_ms=6450), *c[2:]])
    done = import_subtitles(root, path, take_times=True)
    assert kinds(done) == [("retimed", (12,))]
    transcript = read_transcript(root / "transcript.json")
    assert [s.id for s in transcript.segments] == [11, 13, 12, 14, 15, 16]
    assert (transcript[12].start, transcript[12].end) == (6.1, 6.45)
    words = transcript[12].words
    assert (words[0].start, words[-1].end) == (6.1, 6.45)
    assert words[0].end == words[1].start and all(word.estimated for word in words)
    for name in ("translated.json", "translated.de.json"):
        translation = read_translation(root / name)
        assert [(s.id, s.start, s.end) for s in translation.segments] == [
            (s.id, s.start, s.end) for s in transcript.segments
        ]
    for name in ("transcript.before.json", "translated.de.before.json"):
        assert (root / "work" / name).exists()
    again = import_subtitles(root, path, take_times=True)
    assert (again.comparison.changes, again.files) == ((), ())


def test_the_file_of_lines_that_wait_is_named_where_there_is_one(tmp_path: Path) -> None:
    root = make_run(tmp_path, [*ENGLISH[:4], None, None])
    told: list[str] = []
    export_subtitles(root, Wanted(), tell=told.append)
    assert told == ["left out without a translation: 2 lines; subtitles/en.to-translate.srt has them"]
    for silent, said in ((1, "; subtitles/en.to-translate.srt has 1 of them"), (2, "")):
        translation = read_translation(root / "translated.json")
        segments = [*translation.segments]
        segments[-silent] = msgspec.structs.replace(segments[-silent], state="silent")
        publish_translation(msgspec.structs.replace(translation, segments=tuple(segments)), root)
        told.clear()
        export_subtitles(root, Wanted(), tell=told.append)
        assert told == [f"left out without a translation: 2 lines{said}"]
        assert (root / "subtitles/en.to-translate.srt").exists() == bool(said)


def test_pending_lines_that_were_filled_in_are_translated(tmp_path: Path) -> None:
    root = make_run(tmp_path, [ENGLISH[0], None, "Yes.", None, "Yes.", "Bye!"])
    path = root / "subtitles" / "en.to-translate.srt"
    rewrite(path, lambda cues: [with_(cues[0], text="Sorry, the road was closed."), cues[1]])
    done = import_subtitles(root, path, language="en", remove=True)
    assert kinds(done) == [("filled", (12,))]
    assert not any("no record" in note for note in done.notes)
    translation = read_translation(root / "translated.json")
    assert (translation[12].text, translation[12].locked) == ("Sorry, the road was closed.", True)
    assert translation[14].state == "pending", "a line left in the source's words is not translated"
    assert {k: v for k, v in texts_of(root).items() if k not in (12, 14)} == {
        11: ENGLISH[0], 13: "Yes.", 15: "Yes.", 16: "Bye!",
    }  # fmt: skip


@pytest.mark.parametrize("spans", [None, [(0.5 * k + 0.5, 0.5 * k + 1.0) for k in range(6)]])
def test_a_half_done_file_may_come_in_as_often_as_it_goes_on(
    tmp_path: Path, spans: Sequence[tuple[float, float]] | None
) -> None:
    root = make_run(tmp_path, [None] * 6, spans=spans)
    path = tmp_path / "half.srt"
    path.write_bytes((root / "subtitles/en.to-translate.srt").read_bytes())
    for place in (1, 4, 0, 2, 5, 3):
        rewrite(path, lambda cues, at=place: [*cues[:at], with_(cues[at], text=ENGLISH[at]), *cues[at + 1 :]])
        done = import_subtitles(root, path)
        assert kinds(done) == [("filled", (11 + place,))]
        assert done.comparison.unchanged == 5
        assert kinds(import_subtitles(root, path)) == []
    assert [*texts_of(root).values()] == [*ENGLISH]


def test_a_run_of_a_text_alone_lets_a_translator_work(tmp_path: Path) -> None:
    text = tmp_path / "E01.json"
    (tmp_path / "heard").mkdir()
    text.write_bytes((make_run(tmp_path / "heard") / "transcript.json").read_bytes())
    words = ("translate", text, "--from", "tr", "--to", "en", "--translator", "manual")
    assert dubline(*words).status == 0
    root = tmp_path / "E01.dubline"
    waiting = root / "subtitles/en.to-translate.srt"
    nothing = dubline("subtitles", "export", root)
    assert nothing.status == 2 and f"The lines to translate are in {waiting}." in nothing.err
    path = tmp_path / "done.srt"
    path.write_bytes(waiting.read_bytes())
    rewrite(path, lambda cues: [with_(c, text=t) for c, t in zip(cues, ENGLISH, strict=True)])
    answer = dubline("subtitles", "import", root, path)
    assert answer.status == 0 and "6 filled" in answer.out
    for export in (("subtitles", "export", root), ("export", root, "--to", "srt"), ("report", root)):
        answer = dubline(*export)
        assert answer.status == 0, answer.err
    for exported in ("subtitles/E01.en.srt", "srt/E01.en.srt"):
        assert [c.text for c in read_subtitles(root / "exports" / exported).cues] == [*ENGLISH]
    rewrite(sent_file(root, language="tr"), lambda cues: [with_(cues[0], text="Neredesin?"), *cues[1:]])
    own = dubline("subtitles", "import", root, root / "exports/subtitles/E01.tr.srt")
    assert own.status == 2 and "made of a text alone" in own.err
    assert not (root / "transcript.json").exists()


def test_a_new_cue_where_a_line_waits_fills_it(tmp_path: Path) -> None:
    root = make_run(tmp_path, [ENGLISH[0], None, *ENGLISH[2:]])
    path = sent_file(root)
    new = SubtitleText(index=0, start_ms=2550, end_ms=3900, text="Sorry.")
    rewrite(path, lambda cues: [cues[0], new, *cues[1:]], renumber=True)
    assert kinds(import_subtitles(root, path)) == [("filled", (12,))]
    assert texts_of(root)[12] == "Sorry."


def test_another_speaker_is_told(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root, names=True)
    assert read_subtitles(path).cues[0].text == "Ayşe: Where have you been?"
    rewrite(path, lambda c: [with_(c[0], text="TOM: Where were you?"), *c[1:]])
    done = import_subtitles(root, path)
    assert kinds(done) == [("respeakered", (11,)), ("edited", (11,))]
    assert f"dubline speakers split {root} SPEAKER_00 --segments 11" in done.comparison.changes[0].note
    assert texts_of(root)[11] == "Where were you?"


def test_a_speaker_written_into_the_text_stays_in_it(tmp_path: Path) -> None:
    root = make_run(tmp_path, ["AYŞE: Come!", *ENGLISH[1:]])
    path = sent_file(root)
    rewrite(path, lambda c: [with_(c[0], text="AYŞE: Come on!"), *c[1:]])
    import_subtitles(root, path)
    assert texts_of(root)[11] == "AYŞE: Come on!"


def test_in_two_languages_only_the_translation_is_taken(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root, bilingual=True)
    assert read_subtitles(path).cues[0].text == f"{TURKISH[0]}\n{ENGLISH[0]}"
    rewrite(path, lambda c: [with_(c[0], text=f"{TURKISH[0]}\nWhere were\nyou?"), *c[1:]])
    import_subtitles(root, path)
    assert texts_of(root)[11] == "Where were\nyou?"


# --- the film's own language ---------------------------------------------------------------------


def test_the_transcript_is_corrected_and_stays_so(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    before = read_transcript(root / "transcript.json")
    publish_transcript(before, root)
    path = root / "subtitles" / "source.srt"  # as the transcription wrote it, without a record
    text = path.read_text("utf-8").replace("kapalıydı", "kapanmıştı")
    path.write_text(text, encoding="utf-8")
    done = import_subtitles(root, path)
    assert (done.language, kinds(done)) == ("tr", [("edited", (12,))])
    assert read_transcript(root / "transcript.json")[12].text == "Özür dilerim, yol kapanmıştı."
    assert "kapanmıştı" in (root / "subtitles/source.srt").read_text("utf-8")
    assert (root / "work/transcript.before.json").exists()
    told: list[str] = []
    publish_transcript(before, root, tell=told.append)
    assert told, "recognising again does not pass over it in silence"
    assert "kapanmıştı" in (root / "transcript.json").read_text("utf-8")


def test_new_breaks_are_no_change_of_the_transcript(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root, language="tr")
    rewrite(path, lambda c: [with_(x, text=x.text.replace(" ", "\n")) for x in c])
    assert import_subtitles(root, path).comparison.changes == ()


# --- bad input -----------------------------------------------------------------------------------


def test_clear_words_for_what_cannot_be(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    with pytest.raises(InvalidJob, match="'de'"):
        export_subtitles(root, Wanted(language="de"))
    with pytest.raises(InvalidJob, match="'doc'"):
        export_subtitles(root, Wanted(format="doc"))
    with pytest.raises(InvalidJob, match="own language"):
        export_subtitles(root, Wanted(language="tr", bilingual=True))
    with pytest.raises(InvalidJob, match="no transcript"):
        import_subtitles(tmp_path, path)
    with pytest.raises(InvalidJob, match="'en', not 'tr'"):
        import_subtitles(root, path, language="tr")
    with pytest.raises(InvalidJob, match=r"gone\.srt"):
        import_subtitles(root, tmp_path / "gone.srt")
    (tmp_path / "no.srt").write_text("nothing here")
    with pytest.raises(InvalidJob, match=r"no\.srt"):
        import_subtitles(root, tmp_path / "no.srt", language="en")
    assert not (tmp_path / "work/.lock").exists()


def test_another_runs_record_is_not_used(tmp_path: Path) -> None:
    one, two = make_run(tmp_path / "a"), make_run(tmp_path / "b", first=501)
    path = sent_file(one)
    done = import_subtitles(two, path)
    assert any("another run" in note for note in done.notes)
    assert (done.comparison.changes, done.comparison.unchanged) == ((), 6)


def test_a_full_disk_and_a_busy_run_leave_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_run(tmp_path)
    path = sent_file(root)
    rewrite(path, lambda cues: [with_(cues[0], text="Well?"), *cues[1:]])
    before = (root / "translated.json").read_bytes()
    with Run(root), pytest.raises(InvalidJob, match="another Dubline"):
        import_subtitles(root, path)

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr("dubline.run.together.write_whole", full)
        with pytest.raises(StorageFull):
            import_subtitles(root, path)
    assert (root / "translated.json").read_bytes() == before
    assert kinds(import_subtitles(root, path)) == [("edited", (11,))]


# --- matching ------------------------------------------------------------------------------------


def test_every_cue_is_in_exactly_one_pair() -> None:
    rng = random.Random(7)
    for _ in range(200):

        def spans(rng: random.Random = rng) -> list[tuple[int, int]]:
            starts = [rng.randrange(0, 9000) for _ in range(rng.randrange(9))]
            return [(start, start + rng.randrange(0, 2500)) for start in starts]

        texts = ("a", "b", "c d", "")
        known = [
            Known(number=n, start_ms=s, end_ms=e, digest=digest_of(t), text=t, ghost=rng.random() < 0.2)
            for n, (s, e) in enumerate(spans(), 1)
            for t in [rng.choice(texts)]
        ]
        cues = [
            SubtitleText(index=rng.randrange(9), start_ms=s, end_ms=e, text=rng.choice(texts))
            for s, e in spans()
        ]
        pairs = match(known, cues, [digest_of(c.text) for c in cues])
        assert sorted(k for p in pairs for k in p.known) == list(range(len(known)))
        assert sorted(c for p in pairs for c in p.cues) == list(range(len(cues)))
        assert all(min(len(p.known), len(p.cues)) <= 1 for p in pairs)


def test_twenty_thousand_cues_go_out_and_come_back(tmp_path: Path) -> None:
    rng = random.Random(20)
    words = ["yes", "no", "come", "where", "road", "the", "closed", "sorry", "go", "now"]
    texts = [" ".join(rng.choices(words, k=rng.randrange(1, 9))).capitalize() + "." for _ in range(20_000)]
    root = make_run(tmp_path, texts)
    path = sent_file(root)
    edited = {n: f"{texts[n]} Really." for n in range(50, 20_000, 100)}
    gone = set(range(77, 20_000, 500))
    rewrite(
        path,
        lambda cues: [
            with_(c, text=edited.get(n, c.text), start_ms=c.start_ms + rng.randrange(-20, 21))
            for n, c in enumerate(cues)
            if n not in gone
        ],
        renumber=True,
    )
    done = import_subtitles(root, path)
    assert sorted(kinds(done)) == sorted(
        [("edited", (11 + n,)) for n in edited] + [("removed", (11 + n,)) for n in gone]
    )
    now = texts_of(root)
    assert all(now[11 + n] == edited.get(n, text) for n, text in enumerate(texts))


# --- as it is typed ------------------------------------------------------------------------------


def test_the_command(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    out = dubline("subtitles", "export", root, "--lang", "en", "-o", tmp_path / "out")
    path = tmp_path / "out" / "E01.en.srt"
    assert out.status == 0 and out.out.strip() == str(path)
    assert shown(tmp_path / "out") == ["E01.en.srt", "E01.en.srt.ids.json"]
    rewrite(path, lambda c: [with_(c[0], text="Well?"), *c[1:5]])
    dry = dubline("subtitles", "import", root, path, "--dry-run")
    assert dry.status == 0
    assert "edited" in dry.out and "cue 1, line 11  00:00:00,520 - 00:00:02,000" in dry.out
    assert "5 cues in en: 4 as they were, 1 edited, 1 removed" in dry.out
    assert "--remove takes it off" in dry.out and "nothing was written" in dry.out
    assert texts_of(root)[11] == ENGLISH[0]
    done = dubline("subtitles", "import", root, path)
    assert done.status == 0 and str(root / "translated.json") in done.out
    assert texts_of(root)[11] == "Well?"
    bad = dubline("subtitles", "import", root, path, "--lang", "de")
    assert bad.status == 2 and "'en', not 'de'" in bad.err


def test_what_goes_out_only(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    for kind in ("ass", "ttml", "csv"):
        path = sent_file(root, format=kind)
        assert path.read_bytes() and not path.with_name(path.name + SUFFIX).exists()
