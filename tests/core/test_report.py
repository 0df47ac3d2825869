"""The page on top of a run: it says what the run says, its links lead somewhere, no text becomes markup."""

from __future__ import annotations

import html
import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from command import dubline
from episode import episode
from msgspec.structs import replace
from run_to_dub import LINES, dub, edit, read, run_to_dub

from dubline.exchange.report import write_report
from dubline.recognition.publish import publish_transcript
from dubline.run import Run, standing
from dubline.translation.way import publish_translation
from dubline.values.stems import Stems
from dubline.values.transcript import read_transcript, write_transcript
from dubline.values.translated import Fit, TranslatedSegment, Translation, counted, read_translation

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\" ' & <b>{x}</b> \0"
VOID = {"meta", "img", "br", "input", "link"}


class Reading(HTMLParser):
    """What a browser would find: tags with their attributes, text, and whether all that opens closes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    def values(self, name: str) -> list[str]:
        return [attrs[name] for _, attrs in self.tags if name in attrs]

    def rows(self) -> list[str]:
        return [value for value in self.values("id") if value[:1] == "l" and value[1:].isdigit()]

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


def reading(path: Path) -> Reading:
    return Reading(path.read_text(encoding="utf-8"))


def links_lead_somewhere(page: Reading, root: Path) -> list[str]:
    """The files that the page points to; each is there, and none is outside."""
    ids, files = set(page.values("id")), []
    for link in [*page.values("href"), *page.values("src")]:
        if link.startswith("#"):
            assert link[1:] in ids, link
            continue
        assert ":" not in link.split("/")[0] and not link.startswith(("/", "..")), link
        files.append(unquote(link))
        assert (root / files[-1]).exists(), link
    assert len(page.values("id")) == len(ids), "no id twice"
    return files


@pytest.fixture(scope="module")
def dubbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = run_to_dub(tmp_path_factory.mktemp("dubbed"))
    edit(root, 2, HOSTILE.replace("\0", ""))
    answer = dub(root)
    assert answer.status in (0, 1) and f"look at it: {root / 'report.html'}" in answer.out, answer.err
    return root


def stems_of(root: Path) -> Stems:
    stems = standing(root, "stems", Stems)
    assert stems is not None
    return stems


def test_a_dubbed_run_with_its_files_best_first(dubbed: Path) -> None:
    page = reading(dubbed / "report.html")
    files = links_lead_somewhere(page, dubbed)
    best = [file for file in files if file.startswith(("final", "M&E", "subtitles", "transcript"))]
    assert best == ["final.m4a", "final.wav", "M&E.wav", "subtitles/en.srt", "subtitles/source.srt",
                    "transcript.json"]  # fmt: skip
    assert {"work/stems.png", "translated.json"} <= set(files)
    assert [file for file in files if file.startswith("stems/")] == [
        f"stems/{stem.name}.wav" for stem in stems_of(dubbed).stems
    ]
    takes = read(dubbed).takes
    states = [take.state for take in takes.takes]
    assert f"{states.count('spoken')} spoken, {states.count('too_long')} too long" in page.words
    for role in takes.cast:
        assert role.voice in page.words
    assert len(page.rows()) == len(LINES)
    mix = read(dubbed).mix
    assert mix is not None and f"{mix.after.integrated:.1f} LUFS" in page.words
    used = stems_of(dubbed)
    assert used.separator is not None and used.separator.backend in page.words
    for model in used.models:
        assert model.name in page.words and model.licence in page.words


def test_the_film_stands_for_its_run(dubbed: Path) -> None:
    film = dubbed.with_name("Bölüm 1.wav")
    assert dubline("report", film).out.strip() == str(dubbed / "report.html")
    check = dubline("subtitles", "check", film, "--lang", "en")
    assert f"{dubbed.name}: " in check.out, check.err


def test_texts_are_data_and_nothing_is_fetched_or_run(dubbed: Path) -> None:
    text = (dubbed / "report.html").read_text(encoding="utf-8")
    page = Reading(text)
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "link", "form", "base"}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "alert(1)" in page.words and "<b>{x}</b>" in html.unescape(page.words), "shown as it is written"
    assert (
        "http://" not in text and "https://" not in text.replace("https://hf.co", "")
    ) or "url(" not in text
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv"))
    assert "script-src 'none'" in policy
    assert "prefers-color-scheme" in text and 'name="viewport"' in text


def test_every_text_of_a_run_may_be_hostile(tmp_path: Path) -> None:
    root = run_to_dub(tmp_path)
    transcript = read_transcript(root / "transcript.json")
    evil = replace(
        transcript,
        language=HOSTILE,
        segments=tuple(replace(s, text=HOSTILE, confidence=0.1) for s in transcript.segments),
        speakers=tuple(replace(s, name=f"{n} {HOSTILE}") for n, s in enumerate(transcript.speakers)),
    )
    write_transcript(evil, root / "transcript.json")
    now = read_translation(root / "translated.json")
    lines = tuple(
        replace(line, source_text=HOSTILE, state="failed", text=None, reasons=(HOSTILE,), warnings=(HOSTILE,))
        for line in now.segments
    )
    publish_translation(replace(now, segments=lines, totals=counted(lines)), root)
    (root / "subtitles" / "<script>x.srt").write_text("", encoding="utf-8")
    page = reading(write_report(root))
    links_lead_somewhere(page, root)
    assert "script" not in {tag for tag, _ in page.tags} and not page.values("onerror")
    assert page.words.count("alert(1)") > len(lines)
    assert "not translated" in page.words and "heard with little confidence" in page.words


def test_1511_lines_stay_light_and_say_what_the_run_says(tmp_path: Path) -> None:
    made = episode().transcript
    root = tmp_path / "E01.dubline"
    lines = []
    for number, s in enumerate(made.segments):
        line = TranslatedSegment(
            id=s.id, start=s.start, end=s.end, speaker=s.speaker, text=None, source_text=s.text,
            state="pending" if number % 9 else "failed", reasons=() if number % 9 else ("lost a number",),
        )  # fmt: skip
        if number % 3:
            status = "too_long" if number % 10 == 0 else "fits"
            fit = Fit(slot=1.0, borrowed=0.0, natural=1.1, speed=1.1, status=status)
            line = replace(line.with_text(f"In English: {s.text}"), state="translated", reasons=(), fit=fit)
        lines.append(line)
    totals = counted(tuple(lines))
    with Run(root):
        publish_transcript(made, root)
        publish_translation(
            Translation(
                source_language="tr",
                target_language="en",
                duration=made.duration,
                segments=tuple(lines),
                speakers=made.speakers,
                totals=totals,
            ),
            root,
        )
    path = write_report(root)
    assert path == root / "report.html" and path.stat().st_size < 2_000_000
    page = reading(path)
    links_lead_somewhere(page, root)
    assert page.rows() == [f"l{line.id}" for line in lines]
    assert (
        f"{totals.translated} translated, {totals.failed} failed, {totals.pending} left to a person, "
        f"{totals.too_long} too long" in page.words
    )
    for count, what in (
        (totals.failed, "not translated"),
        (totals.pending, "left to a person"),
        (totals.too_long, "too long for their time"),
    ):
        assert f"{count} lines {what}" in page.words
    before = path.read_bytes()
    assert write_report(root).read_bytes() == before
    shown = dubline("report", root)
    assert (shown.status, shown.out.strip()) == (0, str(path))


def test_a_run_that_has_stems_alone_and_one_of_subtitles_alone(tmp_path: Path) -> None:
    root = run_to_dub(tmp_path)
    for name in ("transcript.json", "translated.json"):
        (root / name).unlink()
    page = reading(write_report(root))
    assert "stems/vocals.wav" in links_lead_somewhere(page, root) and page.rows() == []
    (tmp_path / "lines.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nGel.\n", encoding="utf-8")
    answer = dubline(
        "translate", tmp_path / "lines.srt", "--from", "tr", "--to", "en", "--translator", "manual"
    )
    assert answer.status == 0, answer.err
    page = reading(tmp_path / "lines.dubline" / "report.html")
    assert "Gel." in page.words and "1 line left to a person" in page.words
    empty = tmp_path / "empty.dubline"
    empty.mkdir()
    assert dubline("report", empty).status == 2


def test_a_sample_of_each_speaker_is_there_to_be_played(tmp_path: Path) -> None:
    """Words on a sound, as `transcribe` leaves them."""
    root = run_to_dub(tmp_path)
    turns = tmp_path / "who.rttm"
    turns.write_text(
        "".join(f"SPEAKER x 1 {a} {b - a} <NA> <NA> {who} <NA> <NA>\n" for a, b, who, _ in LINES), "utf-8"
    )
    given = tmp_path / "lines.json"
    given.write_text(
        json.dumps(
            {"segments": [{"text": f"Line {n}.", "start": a, "end": b} for n, (a, b, *_) in enumerate(LINES)]}
        ),
        "utf-8",
    )
    answer = dubline(
        "transcribe", root, "--text", given, "--turns", turns, "--language", "en", "--threads", "1"
    )
    assert answer.status == 0, answer.err
    page = reading(root / "report.html")
    sounds = [attrs["src"] for tag, attrs in page.tags if tag == "audio"]
    speakers = [s.id for s in read_transcript(root / "transcript.json").speakers]
    assert len(sounds) == len(speakers) == 2
    assert all((root / unquote(path)).stat().st_size > 1000 for path in sounds)
