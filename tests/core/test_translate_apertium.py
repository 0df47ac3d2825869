"""The real program: its lines keep apart, its text survives, and what is missing is said."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_media import Shared

from dubline.backends.translators.apertium import CHUNK, Apertium, _piped
from dubline.backends.translators.manual import Manual
from dubline.errors import BackendFailed, BackendMissing, Cancelled, InvalidJob
from dubline.report import silent
from dubline.values.translated import Answer, SourceLine

needs_pair = pytest.mark.program("apertium-eng-spa")

AWKWARD = (
    "the big",
    "dog runs.",
    "He said",
    "that he would come",
    "no",
    "Mr",
    "no.",
    "etc",
    "Where is {name}?",
    "{a}{b} and <i>now</i>",
    "^x$ a/b \\n @home #1 *star +plus ~t| 50%",
    "C:\\new\\ [x] ]y[ ^^ $$ {{ }} @ \\",
    "&amp; &lt;b&gt; <br/>",
    "♪ la la ♪",
    "...",
    "What?!",
    "你好 😀 e\u0301",
    "two\n\nlines\x00here\u2028too",
    "the old",
)


def lines(*texts: str) -> list[SourceLine]:
    return [SourceLine(key=f"k{i}", text=text) for i, text in enumerate(texts)]


def english_to_spanish() -> Apertium:
    return Apertium(Apertium.Options(source="en", target="es"))


def answers(
    translator: Apertium | Manual, asked: list[SourceLine], known: dict[str, Answer]
) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for batch in translator.translate(asked, known, silent):
        found.update(batch)
    return found


@needs_pair
def test_a_line_is_translated_alone_as_it_is_in_company() -> None:
    asked, translator = lines(*AWKWARD), english_to_spanish()
    together = answers(translator, asked, {})
    assert list(together) == [line.key for line in asked]
    assert answers(translator, asked[::-1], {}) == together
    assert answers(translator, asked[::2] + asked[1::2], {}) == together
    for text in ("no", "the big", "Mr", "the old"):
        line = asked[AWKWARD.index(text)]
        assert answers(translator, [line], {}) == {line.key: together[line.key]}, text


@needs_pair
def test_real_dialogue_keeps_its_lines_apart(shared: Shared) -> None:
    rows = shared("text/tr_en_dialogue_2000.tsv").read_text(encoding="utf-8").splitlines()[1:]
    # Without their full stops little else keeps them apart.
    asked = lines(*[row.split("\t")[1].rstrip(".") for row in rows[: 3 * CHUNK]])
    forwards = answers(english_to_spanish(), asked, {})
    backwards = answers(english_to_spanish(), asked[::-1], {})
    assert list(forwards) == [line.key for line in asked] == list(backwards)[::-1]
    # What the program itself remembers turns one close decision in some hundred lines.
    assert sum(forwards[key] != backwards[key] for key in forwards) <= len(asked) // 100


@needs_pair
def test_it_is_really_spanish() -> None:
    found = answers(english_to_spanish(), lines("The old house is beside the river."), {})
    (candidate,) = found["k0"].candidates
    assert candidate.text == "La casa vieja es junto al río."
    assert candidate.origin == "program" and candidate.score is None


@needs_pair
@settings(max_examples=6, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=12))
def test_whatever_stands_in_a_line_every_line_has_its_own_answer(texts: list[str]) -> None:
    asked = [*lines(*texts), SourceLine(key="last", text="The house is old.")]
    found = answers(english_to_spanish(), asked, {})
    assert list(found) == [line.key for line in asked]
    assert all(bool(answer.candidates) != bool(answer.failure) for answer in found.values())
    assert all(c.text.strip() for answer in found.values() for c in answer.candidates)
    assert [c.text for c in found["last"].candidates] == ["La casa es vieja."]


@needs_pair
def test_placeholders_tags_and_marks_survive() -> None:
    texts = ("Where is {user_name}?", "He is <i>really</i> old!", "That is 50% of [it] at a^b.")
    found = answers(english_to_spanish(), lines(*texts), {})
    for key, kept in (
        ("k0", ["{user_name}", "?"]),
        ("k1", ["<i>", "</i>", "!"]),
        ("k2", ["50%", "[", "]", "^"]),
    ):
        (candidate,) = found[key].candidates
        assert all(mark in candidate.text for mark in kept), candidate.text


@needs_pair
def test_known_lines_are_passed_over_and_change_nothing() -> None:
    asked = lines(*[f"The house number {i} is old." for i in range(CHUNK + 5)])
    whole = answers(english_to_spanish(), asked, {})
    known = {key: answer for key, answer in whole.items() if key not in ("k3", "k204")}
    assert answers(english_to_spanish(), asked, known) == {key: whole[key] for key in ("k3", "k204")}
    assert answers(english_to_spanish(), asked, whole) == {}


@needs_pair
def test_a_pair_that_is_not_there_is_told_with_the_way_to_get_one() -> None:
    with pytest.raises(BackendMissing, match="tr to en") as failed:
        Apertium(Apertium.Options(source="tr", target="en"))
    assert "sudo apt install apertium-tur-eng" in failed.value.hint and "eng-spa" in failed.value.message


@needs_pair
@pytest.mark.parametrize(("source", "target"), [("en", "es"), ("eng", "spa"), ("en-GB", "es-MX")])
def test_languages_are_found_by_any_of_their_codes(source: str, target: str) -> None:
    (identity,) = Apertium(Apertium.Options(source=source, target=target)).identities
    assert identity.name == "apertium eng-spa" and "Apertium" in identity.origin


@needs_pair
@pytest.mark.program("apertium-spa-eng_US")
def test_a_region_s_own_mode_is_taken_where_there_is_one() -> None:
    (identity,) = Apertium(Apertium.Options(source="es", target="en-US")).identities
    assert identity.name == "apertium spa-eng_US"


@needs_pair
def test_a_locale_without_utf8_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("LANG", "C")
    (candidate,) = answers(english_to_spanish(), lines("The river is big, José."), {})["k0"].candidates
    assert candidate.text == "El río es grande, José."


def test_a_missing_program_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendMissing) as failed:
        english_to_spanish()
    assert "sudo apt install apertium" in failed.value.hint


def program(folder: Path, body: str) -> None:
    """A stand-in for the program that knows the pair and then does what the test wants."""
    path = folder / "apertium"
    listing = 'case "$1" in -l) echo eng-spa; exit;; -V) echo Apertium 0; exit 1;; esac\n'
    path.write_text(f"#!/bin/sh\n{listing}{body}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    if os.name != "posix":
        pytest.skip("shell scripts only")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def test_swallowed_breaks_are_noticed_and_the_lines_asked_for_one_by_one(broken: Path) -> None:
    program(broken, "grep -v '^$' | tr a-z n-za-m")  # drops the blank lines; rot13 else
    found = answers(english_to_spanish(), lines("one two", "three four five", "six"), {})
    texts = [answer.candidates[0].text for answer in found.values()]
    assert texts == ["bar gjb", "guerr sbhe svir", "fvk"]


@pytest.mark.parametrize(
    "body", ["echo no data >&2; exit 3", "cat > /dev/null", "cat > /dev/null; printf '\\377'"]
)
def test_a_program_that_breaks_is_an_error(broken: Path, body: str) -> None:
    program(broken, body)
    with pytest.raises(BackendFailed, match=r"no translation|status 3: no data") as failed:
        answers(english_to_spanish(), lines("one two", "three"), {})
    assert failed.value.hint and ("exit" not in body or "no data" in failed.value.message)


def test_stopping_ends_the_program_and_its_children(broken: Path) -> None:
    pids = broken / "pids"
    os.mkfifo(broken / "never")
    program(broken, f"sh -c 'echo $$ >> {pids}; read x < {broken}/never' & echo $$ >> {pids}; wait")
    started: list[int] = []

    def tick() -> None:
        if pids.exists() and len(pids.read_text().split()) == 2:
            started.extend(int(pid) for pid in pids.read_text().split())
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        _piped([str(broken / "apertium"), "-u", "eng-spa"], "text", tick)
    assert len(started) == 2
    deadline = time.monotonic() + 30  # a child that was told to end may still be on its way out
    while not all(ended(pid) for pid in started):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended(pid: int) -> bool:
    """Whether process pid is gone, or a zombie that nobody in this container picks up."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_language_must_be_named() -> None:
    with pytest.raises(InvalidJob):
        Apertium(Apertium.Options(source="", target="es"))


def test_by_hand_every_line_waits_for_a_person() -> None:
    asked = lines("One.", "Two.")
    with Manual(Manual.Options(source="tr", target="en")) as manual:
        assert manual.by_hand
        assert answers(manual, asked, {}) == {"k0": Answer(), "k1": Answer()}
        assert answers(manual, asked, {"k0": Answer(), "k1": Answer()}) == {}
