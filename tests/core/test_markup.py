"""Formatting comes off and goes back: the same tags, in order and balanced, whatever the translation is."""
# ruff: noqa: RUF001 - Turkish has a dotless i

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline.language.line_checks import problems
from dubline.language.line_marks import TAGS
from dubline.language.markup import unmark, with_placeholders


@pytest.mark.parametrize(
    ("source", "plain", "translation", "marked"),
    [
        ("Gel.", "Gel.", "Come.", "Come."),
        (
            "<i>Nereye\ngidiyorsun?</i>",
            "Nereye gidiyorsun?",
            "Where are you going?",
            "<i>Where\nare you going?</i>",
        ),
        (r"{\an8}<i>Gel</i> buraya", "Gel buraya", "Come over here", r"{\an8}<i>Come</i> over here"),
        (r"{\i1}Gel{\i0} buraya", "Gel buraya", "Come over here", r"{\i1}Come{\i0} over here"),
        (r"Ben onu\Ndün gördüm", "Ben onu dün gördüm", "I saw him", r"I saw\Nhim"),
        ("Bu <b>çok</b> güzel bir <i>gün</i>.", "Bu çok güzel bir gün.", "Che bel giorno.", None),
        ('<font color="red">Dur!</font>', "Dur!", "Stop!", '<font color="red">Stop!</font>'),
        ("<v Tom>Gel, <c.loud>hemen</c>", "Gel, hemen", "Come, now", "<v Tom>Come, <c.loud>now</c>"),
        ("Gel <00:00:01.500>buraya", "Gel buraya", "Come here", "Come <00:00:01.500>here"),
        ("♪ La la ♪", "La la", "La la", "♪ La la ♪"),
        ("♪ La la ♪\n♪ Ne güzel ♪", "La la Ne güzel", "La la how nice", "♪ La la ♪\n♪ how nice ♪"),
        ("Ali &amp; Ayşe &lt;3", "Ali & Ayşe <3", "Ali & Ayşe <3", "Ali &amp; Ayşe &lt;3"),
        ("[kapı çalar] Gel.", "[kapı çalar] Gel.", "[knock] Come.", "[knock] Come."),
        ("Selam {name}, %s", "Selam {name}, %s", "Hi {name}, %s", "Hi {name}, %s"),
        ("Evet,\ngel.", "Evet, gel.", "Yes", "Yes"),
        ("Evet,\n<i>gel.</i>", "Evet, gel.", "Yes", None),
        ("", "", "", ""),
    ],
)
def test_off_and_on(source: str, plain: str, translation: str, marked: str | None) -> None:
    line = unmark(source)
    assert line.plain == plain
    out = line.mark(translation, "en")
    assert TAGS.findall(out) == TAGS.findall(source)
    if marked is not None:
        assert out == marked


@pytest.mark.parametrize(
    ("source", "plain", "translation", "marked"),
    [
        ("- Gel.\n- Git.", "- Gel. - Git.", "- Come. - Go.", "- Come.\n- Go."),
        ("- Gel.\n- Git.", "- Gel. - Git.", "Come. Go.", "- Come.\n- Go."),
        ("Tom mu?\n- Hayır.", "Tom mu? - Hayır.", "Is it Tom? - No.", "Is it Tom?\n- No."),
        (
            "- Ne? Ne zaman?\n- Dün.",
            "- Ne? Ne zaman? - Dün.",
            "What? When? Yesterday.",
            "- What? When?\n- Yesterday.",
        ),
        (
            "- Ben oraya çok uzun\nzaman önce gittim.\n- Sus.",
            "- Ben oraya çok uzun zaman önce gittim. - Sus.",
            "- I went there a very long time ago. - Shut up.",
            "- I went there\na very long time ago.\n- Shut up.",
        ),
        (
            "- <i>Gel.</i>\n- Git.",
            "- Gel. - Git.",
            "- Come - quick. - Go.",
            None,
        ),
        ("- Gel buraya.", "Gel buraya.", "Come here.", "- Come here."),
        ("- Gel buraya.", "Gel buraya.", "- Come here.", "- Come here."),
        ("<i>- Gel buraya.</i>", "Gel buraya.", "Come here.", "<i>- Come here.</i>"),
    ],
)
def test_each_speaker_has_a_line(source: str, plain: str, translation: str, marked: str | None) -> None:
    line = unmark(source)
    assert line.plain == plain
    out = line.mark(translation, "en")
    assert out.count("\n") == source.count("\n")
    if marked is not None:
        assert out == marked
    assert line.mark(line.plain, "tr") == source


def test_tags_of_the_translation_are_not_kept() -> None:
    assert unmark("<i>Gel</i>").mark("<b>Co<u>me</b>\n♪") == "<i>Come</i>"
    assert unmark("Gel").mark("<<i>b>Come") == "Come"


def test_wrapped_lines_are_balanced() -> None:
    line = unmark("Bunu sana daha önce de\nsöylemiştim, hatırlıyor musun?")
    first, second = line.mark("I have told you that before, do you remember?", "en").split("\n")
    assert first == "I have told you that before,"
    assert second == "do you remember?"


WORDS = st.sampled_from(["gel", "Git.", "ne?", "ama,", "{ad}", "A&amp;B", "-", "我们去", "[ses]", "%s", "<3"])
TAGS_OF_ALL_KINDS = (
    r'<i>|</i>|<b>|</b>|<font color="#fff">|</font>|{\an8}|{\i1}|{\i0}|<c.x>|</c>|<v Ad Soyad>'
)
MARKS = st.sampled_from([*TAGS_OF_ALL_KINDS.split("|"), "<00:00:01.000>", "♪", "\n", r"\N", " ", " ", " "])


@given(st.lists(st.one_of(WORDS, MARKS), max_size=14), st.text(max_size=40))
def test_tags_in_are_tags_out(pieces: list[str], translation: str) -> None:
    source = "".join(pieces)
    line = unmark(source)
    assert not TAGS.search(line.plain) and "\n" not in line.plain
    for text in (translation, line.plain, "", "one two three four"):
        out = line.mark(text, "en")
        assert TAGS.findall(out) == TAGS.findall(source)
        assert out.count("♪") == source.count("♪")


def balanced(text: str) -> bool:
    open_tags: list[str] = []
    for closing, name in re.findall(r"<(/?)([a-z])>", text):
        if not closing:
            open_tags.append(name)
        elif not open_tags or open_tags.pop() != name:
            return False
    return not open_tags


@st.composite
def formatted(draw: st.DrawFn, depth: int = 2) -> str:
    parts = draw(
        st.lists(st.sampled_from(["gel", "buraya,", "hemen.", "ve", "我们"]), min_size=1, max_size=5)
    )
    text = " ".join(parts)
    if depth and draw(st.booleans()):
        name = draw(st.sampled_from("ibu"))
        text = f"{text} <{name}>{draw(formatted(depth - 1))}</{name}> {draw(formatted(depth - 1))}"
    return draw(st.sampled_from([text, f"<i>{text}</i>", text.replace(" ", "\n", 1)]))


@given(formatted(), st.lists(st.sampled_from(["come", "here,", "now.", "and", "go"]), max_size=12))
def test_balanced_in_is_balanced_out_and_words_are_kept(source: str, words: list[str]) -> None:
    assert balanced(source)
    out = unmark(source).mark(" ".join(words), "en")
    assert balanced(out)
    assert TAGS.sub("", out).split() == words


@given(
    st.lists(
        st.sampled_from(["gel", "buraya,", "hemen.", "<i>", "</i>", r"{\b1}", "♪"]), min_size=1, max_size=10
    )
)
def test_a_text_on_its_own_marks_is_itself(pieces: list[str]) -> None:
    source = " ".join(pieces)
    line = unmark(source)
    again = unmark(line.mark(line.plain))
    assert again.plain == line.plain
    assert TAGS.findall(again.mark("x y")) == TAGS.findall(source)


def test_respelt_placeholders_are_mended_and_others_left_to_the_check() -> None:
    assert with_placeholders("Selam {name}", "Hi { Name }") == "Hi {name}"
    assert with_placeholders("{n} kişi, %s", "{nombre} people, %s") == "{n} people, %s"
    for source, translation in [
        ("Selam {name}", "Hi Tom"),
        ("{a} ve {b}", "{x} and {y}"),
        ("Gel", "Come {x}"),
        ("Selam {name}", "Hi %s"),
    ]:
        assert with_placeholders(source, translation) == translation
        assert "placeholders" in {p.code for p in problems(source, translation, "tr", "en")}


@pytest.mark.parametrize(
    ("source", "answer", "marked"),
    [
        ("<i>I'm so happy!</i> la", "¡Estoy tan feliz! la", "<i>¡Estoy tan feliz!</i> la"),
        ("<i>I'm so happy!</i>", "<i>¡Estoy tan feliz</i>!", "<i>¡Estoy tan feliz!</i>"),
        ("<i>No...</i> yes.", "No... sí.", "<i>No...</i> sí."),
        ("{\\an8}- Home.", "- A casa.", "{\\an8}- A casa."),
        ("<i>- Home.</i>", "— A casa.", "<i>- A casa.</i>"),
        ("- Where to?\n- Home.", "- ¿Adónde? - A casa.", "- ¿Adónde?\n- A casa."),
        ("♪ The sun ♪", "♪ El sol ♪", "♪ El sol ♪"),
        ("♪ The sun ♪", "♫ El sol", "♪ El sol ♪"),
        ("«Hello»", "«Hola»", "«Hola»"),
    ],
)
def test_marks_that_come_back_are_not_doubled(source: str, answer: str, marked: str) -> None:
    assert unmark(source).mark(answer, "es") == marked
