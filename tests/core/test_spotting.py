# ruff: noqa: RUF001 - Turkish has a dotless i
"""Subtitles as they are written from the start: by their language's profile, as far as the words allow."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from command import dubline
from episode import episode
from hypothesis import given
from hypothesis import strategies as st
from sent_run import make_run
from shared_media import Shared

from dubline.exchange import Wanted, export_subtitles, import_subtitles
from dubline.language.script import width
from dubline.programme.subtitle_files import publish_subtitles, shown
from dubline.programme.subtitle_tracks import cues_of
from dubline.recognition.publish import publish_transcript
from dubline.run import Run
from dubline.subtitles.checks import WARNINGS, Finding, check, visible_lines
from dubline.subtitles.cues import SubtitleText, frame_to_ms, ms_to_frame
from dubline.subtitles.profiles import PROFILES, Profile, profile_of
from dubline.subtitles.spotting import Spoken, spotted
from dubline.subtitles.writing import read_subtitles
from dubline.values.transcript import Segment, Speaker, Transcript, Word
from dubline.values.translated import TranslatedSegment, Translation, counted, read_translation

RATES = (Fraction(24000, 1001), Fraction(25), Fraction(60000, 1001))


def english(words: dict[int, str]) -> Translation:
    """The episode in English, where its lines have a reference of their own."""
    made = episode().transcript
    lines = []
    for segment in made.segments:
        line = TranslatedSegment(
            id=segment.id,
            start=segment.start,
            end=segment.end,
            speaker=segment.speaker,
            text=None,
            source_text=segment.text,
            state="pending",
        )
        text = words.get(segment.id)
        lines.append(line if text is None else _done(line, text))
    return Translation(
        source_language="tr",
        target_language="en",
        duration=made.duration,
        segments=tuple(lines),
        speakers=made.speakers,
        totals=counted(tuple(lines)),
    )


def _done(line: TranslatedSegment, text: str) -> TranslatedSegment:
    from msgspec.structs import replace

    return replace(line.with_text(text), state="translated")


def needed(cue: SubtitleText, profile: Profile) -> float:
    """Milliseconds that a cue's words take to be read."""
    return 1000 * sum(map(width, visible_lines(cue.text))) / profile.reading_speed


def avoidable(
    finding: Finding, cues: list[SubtitleText], profile: Profile, rate: Fraction, ends: dict[int, int]
) -> bool:
    """Whether a cue could be better without hiding another, or standing for over half a second of silence.

    `ends`: where the words of each cue end.
    """
    cue, frame = cues[finding.place], 1000 / float(rate)
    following = cues[finding.place + 1] if finding.place + 1 < len(cues) else None
    if finding.kind in ("overlap", "gap"):
        # Two people at once: there is no room for both, one after the other, with half a second to wait.
        assert following is not None
        after = [c.start_ms for c in cues[finding.place + 2 : finding.place + 3]]
        late = cue.start_ms + 1000 * profile.shortest + profile.gap * frame
        return late - following.start_ms <= 500 and late + 1000 * profile.shortest < min(
            [following.end_ms, *after]
        )
    if finding.kind in ("reading_speed", "too_short"):
        wanted = needed(cue, profile) if finding.kind == "reading_speed" else 1000 * profile.shortest
        room = following.start_ms - profile.gap * frame if following else float("inf")
        latest = ends[finding.place] + 1000 * profile.extension if finding.kind == "reading_speed" else 1e12
        return cue.end_ms + 1.5 * frame < min(room, latest, cue.start_ms + wanted)
    return True  # rows, frames, and how long it stands are always ours


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_nothing_is_found_in_1511_lines_that_could_be_better(rate: Fraction) -> None:
    turkish = episode().transcript
    first = {spoken.ids[0]: spoken.references[-1] for spoken in episode().spoken if len(spoken.ids) == 1}
    for text, language in ((turkish, "tr"), (english(first), "en")):
        made = cues_of(text, rate)
        cues, profile = shown(made), profile_of(language)
        by_id = {segment.id: segment for segment in text.segments}
        ends = {at: round(1000 * max(by_id[n].end for n in cue.ids)) for at, cue in enumerate(made)}
        found = check(cues, profile, rate)
        better = [f for f in found if avoidable(f, cues, profile, rate, ends)]
        assert not better, [str(f) for f in better[:5]]
        raw = [
            SubtitleText(index=s.id, start_ms=round(s.start * 1000), end_ms=round(s.end * 1000), text=t)
            for s in text.segments
            if (t := s.text)
        ]
        before = Counter(f.kind for f in check(raw, profile, rate))
        after = Counter(f.kind for f in found)
        assert not after.keys() & (WARNINGS | {"lines", "line_length", "too_long", "empty"})
        assert all(after[kind] <= before[kind] for kind in after if kind != "gap")


def test_the_scenes_own_lines_are_without_a_finding(shared: Shared, tmp_path: Path) -> None:
    truth = json.loads(shared("scene/truth_transcript.json", real=True).read_text(encoding="utf-8"))
    root = tmp_path / "scene.dubline"
    lines = [s for s in truth["segments"] if s["text"]]
    assert max(len(line["text"]) for line in lines) > 2 * 42, "some are too long for one cue"
    with Run(root):
        publish_transcript(
            Transcript(
                language="en",
                duration=truth["duration"],
                segments=tuple(
                    Segment(id=s["id"], start=s["start"], end=s["end"], speaker=s["speaker"], text=s["text"])
                    for s in lines
                ),
                speakers=tuple(Speaker(id=who, label=who) for who in {s["speaker"]: 0 for s in lines}),
            ),
            root,
        )
    (root / "work/run.json").write_text("{}", encoding="utf-8")
    path = root / "subtitles" / "source.srt"
    said = " ".join(" ".join(cue.text.split()) for cue in read_subtitles(path).cues)
    assert said == " ".join(line["text"] for line in lines), "every word is there, and nobody's id"
    found = dubline("subtitles", "check", path)
    assert (found.status, "0 errors, 0 warnings" in found.out) == (0, True), found.out


TEXTS = st.lists(
    st.tuples(
        st.text("abcdeğıİ ,.!?", min_size=1, max_size=260).filter(str.strip),
        st.integers(0, 3000),
        st.integers(40, 15_000),
        st.sampled_from(["A", "B"]),
    ),
    min_size=1,
    max_size=8,
)


@given(TEXTS, st.sampled_from(RATES), st.sampled_from(sorted(PROFILES)))
def test_no_word_is_lost_and_all_lie_on_frames(
    said: list[tuple[str, int, int, str]], rate: Fraction, name: str
) -> None:
    profile, at, lines = PROFILES[name], 0, []
    for number, (text, gap, length, who) in enumerate(said, 1):
        at += gap
        lines.append(Spoken(number, at, at + length, text, who))
    made = spotted(lines, profile, rate, language="en")
    order: list[int] = []
    for cue, ids in made:
        order += [number for number in ids if number not in order]
        assert 0 <= cue.start_ms < cue.end_ms
        assert {cue.start_ms, cue.end_ms} == {
            frame_to_ms(ms_to_frame(ms, rate), rate) for ms in (cue.start_ms, cue.end_ms)
        }
        rows = visible_lines(cue.text)
        # Only a word of that length is a row that is too long, and only one that nothing may be parted from.
        assert all(width(row) <= profile.line_length for row in rows) or max(map(len, cue.text.split())) > 20
    lines.sort(key=lambda line: (line.start_ms, line.end_ms, line.id))
    assert order == [line.id for line in lines]
    texts = {line.id: "".join(line.text.split()) for line in lines}
    for number in order:
        alone = [cue.text for cue, ids in made if ids == (number,)]
        if alone:
            assert "".join("".join(alone).split()) == texts[number]
    assert "".join("".join(cue.text for cue, _ in made).split()) == "".join(texts.values())


def test_words_with_times_say_where_a_long_line_is_divided() -> None:
    first, second = (
        "We waited for hours at the station in the cold,",
        "and nobody came to tell us anything at all.",
    )
    words = f"{first} {second}".split()
    cut = len(first.split())
    # Three seconds of silence after the comma.
    beats = [
        (200 * k + (3000 if k >= cut else 0), 200 * k + 180 + (3000 if k >= cut else 0))
        for k in range(len(words))
    ]
    line = Spoken(1, 0, beats[-1][1], " ".join(words), "A", tuple(beats))
    one, other = spotted([line], PROFILES["netflix-en"], Fraction(25), language="en")
    assert (one.cue.text.replace("\n", " "), other.cue.text.replace("\n", " ")) == (first, second)
    assert other.cue.start_ms == beats[cut][0]


def test_styles_go_on_in_every_part_and_positions_with_them() -> None:
    text = r"{\an8}<i>It was a dark and stormy night; the rain fell in torrents, except at intervals.</i>"
    made = spotted([Spoken(1, 0, 9000, text)], PROFILES["netflix-en"], Fraction(25), language="en")
    assert len(made) > 1
    for cue, _ in made:
        assert cue.text.startswith(r"{\an8}<i>") and cue.text.endswith("</i>")
        assert cue.text.count("<i>") == cue.text.count("</i>") == 1


def test_scripts_without_spaces_are_broken_by_their_own_measure() -> None:
    text = "昨日の夜は本当に長い時間ずっと駅で待っていました。でも誰も来ませんでした。"
    made = spotted([Spoken(1, 0, 20_000, text)], profile_of("ja"), Fraction(25), language="ja")
    assert "".join(cue.text for cue, _ in made).replace("\n", "") == text
    assert all(width(row) <= 23 for cue, _ in made for row in cue.text.split("\n"))
    assert (profile_of("ja").reading_speed, profile_of("zh").line_length) == (4, 16)
    assert profile_of("tr-TR") is PROFILES["netflix-tr"] and profile_of("de") is PROFILES["netflix"]


def test_torn_words_of_one_person_are_read_together_and_two_peoples_are_not() -> None:
    lines = [
        Spoken(1, 0, 300, "Tom", "A"),
        Spoken(2, 350, 600, "came", "A"),
        Spoken(3, 700, 1400, "too late.", "A"),
    ]
    (made,) = spotted(lines, PROFILES["netflix-en"], Fraction(25), language="en")
    assert (made.cue.text, made.ids) == ("Tom came too late.", (1, 2, 3))
    others = [line._replace(speaker=who) for line, who in zip(lines, "ABA", strict=True)]
    assert [ids for _, ids in spotted(others, PROFILES["netflix-en"], Fraction(25))] == [(1,), (2,), (3,)]


def test_a_label_is_read_once_and_has_its_place_in_the_row() -> None:
    text = "I never told him anything about it, because he would not have listened, and you know it."
    for above in ("", "Ona hiçbir şey söylemedim, çünkü dinlemezdi, sen de bilirsin."):
        line = Spoken(1, 0, 8000, text, "A", above=above, label="Ayşe Kaya")
        made = spotted([line], PROFILES["netflix-en"], Fraction(25), language="en")
        assert len(made) > 1 and made[0].cue.text.startswith("Ayşe Kaya: ")
        assert sum(cue.text.count("Ayşe") for cue, _ in made) == 1
        assert all(width(row) <= 42 for cue, _ in made for row in cue.text.split("\n"))


# --- files that follow, and come back ------------------------------------------------------------


LONG = (
    "Nobody had told us that the road was closed, so we stood there for hours in the rain, and in the end we "
    "walked all the way back home."
)


def divided_run(folder: Path) -> Path:
    """A run in English with a line that takes several cues, and two that are read as one."""
    spans = [(0.5, 2.0), (2.5, 12.0), (13.0, 13.3), (13.4, 14.5)]
    root = make_run(folder, ("Where have you been?", LONG, "Tom", "came too late."), spans=spans)
    now = read_translation(root / "translated.json")
    from msgspec.structs import replace

    from dubline.translation.way import publish_translation

    last = now.segments[2].speaker
    lines = (*now.segments[:3], replace(now.segments[3], speaker=last))
    publish_translation(replace(now, segments=lines), root)
    return root


@pytest.mark.parametrize("wanted", [{}, {"bilingual": True}, {"names": True}, {"format": "vtt"}])
def test_divided_and_joined_lines_come_back_as_they_were(tmp_path: Path, wanted: dict[str, object]) -> None:
    root = divided_run(tmp_path)
    (path,) = export_subtitles(root, Wanted(**wanted))  # type: ignore[arg-type]
    cues = read_subtitles(path).cues
    assert len(cues) > 3
    done = import_subtitles(root, path)
    assert (done.comparison.changes, done.comparison.unchanged) == ((), len(cues))


def test_what_is_published_comes_back_without_a_record(tmp_path: Path) -> None:
    root = divided_run(tmp_path)
    done = import_subtitles(root, root / "subtitles" / "en.srt")
    assert (done.comparison.changes, done.files) == ((), ())


def test_a_word_changed_in_one_part_changes_the_line_and_no_other(tmp_path: Path) -> None:
    root = divided_run(tmp_path)
    path = root / "subtitles" / "en.srt"
    path.write_text(path.read_text("utf-8").replace("rain", "snow").replace("Tom came", "Ann came"), "utf-8")
    import_subtitles(root, path)
    texts = {s.id: s.text for s in read_translation(root / "translated.json").segments}
    assert " ".join(str(texts[12]).split()) == LONG.replace("rain", "snow")
    assert f"{texts[13]} {texts[14]}" == "Ann came too late." and texts[11] == "Where have you been?"


def test_ids_of_speakers_never_stand_in_the_picture(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    now = read_translation(root / "translated.json")
    text = (root / "transcript.json").read_text("utf-8").replace('"name": "Tom"', '"name": ""')
    (root / "transcript.json").write_text(text, "utf-8")
    out = dubline("subtitles", "export", root, "--speaker-labels", "-o", tmp_path / "out")
    assert out.status == 0, out.err
    shown_ = (tmp_path / "out" / "E01.en.srt").read_text("utf-8")
    assert "Ayşe: Where" in shown_ and "SPEAKER" not in shown_ and now[12].text in shown_


def test_files_follow_a_change_by_hand(tmp_path: Path) -> None:
    root = make_run(tmp_path)
    path = root / "translated.json"
    path.write_text(path.read_text("utf-8").replace("Shall we go now?", "Off we go!"), "utf-8")
    before = (root / "subtitles" / "source.srt").stat().st_mtime_ns
    files = publish_subtitles(root)
    assert [file.name for file in files] == ["source.srt", "en.srt"]
    assert "Off we go!" in (root / "subtitles" / "en.srt").read_text("utf-8")
    assert (root / "subtitles" / "source.srt").stat().st_mtime_ns == before, "what is the same stays"
    (out,) = export_subtitles(root, Wanted(language="en"))
    assert "Off we go!" in out.read_text("utf-8")


def test_words_keep_their_times_in_the_films_own_language() -> None:
    words = tuple(Word(start=k, end=k + 0.9, text=f" w{k}ordswithletters") for k in range(12))
    text = Transcript(
        language="en",
        duration=13,
        segments=(
            Segment(
                id=1,
                start=0,
                end=11.9,
                speaker="SPEAKER_00",
                text="".join(word.text for word in words).strip(),
                words=words,
            ),
        ),
        speakers=(Speaker(id="SPEAKER_00"),),
    )
    starts = [cue.start for cue in cues_of(text, Fraction(25))]
    assert len(starts) > 1 and all(start in range(12) for start in starts)
