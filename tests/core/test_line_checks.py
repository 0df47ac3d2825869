"""Checks of a translated line: real translations pass, what no viewer should read does not."""
# ruff: noqa: RUF001 - Turkish has a dotless i, and marks of other scripts look like ours

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_media import Shared

from dubline.language.line_checks import problems
from dubline.language.line_marks import force, same_force, with_force
from dubline.language.numbers import figures, spoken


def hard(source: str, translation: str, a: str = "tr", b: str = "en") -> set[str]:
    return {p.code for p in problems(source, translation, a, b) if p.hard}


def soft(source: str, translation: str, a: str = "tr", b: str = "en") -> set[str]:
    return {p.code for p in problems(source, translation, a, b) if not p.hard}


@pytest.fixture(scope="module")
def pairs(shared: Shared) -> list[tuple[str, str]]:
    path = shared("text/tr_en_dialogue_2000.tsv", real=True)
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [(row[0], row[1]) for row in rows]


# --- people's own translations -------------------------------------------------------------------


def test_people_translate_without_problems(pairs: list[tuple[str, str]]) -> None:
    assert len(pairs) == 2000
    assert [p for p in pairs if problems(*p, "tr", "en")] == []
    assert [p for p in pairs if problems(p[1], p[0], "en", "tr")] == []


def test_people_keep_the_force(pairs: list[tuple[str, str]]) -> None:
    changed = [p for p in pairs if same_force(*p)]
    assert len(changed) < 0.02 * len(pairs)
    mended = [p for p in pairs if with_force(*p, "en") != p[1]]
    assert {p[0][-1] for p in mended} <= {"!", "?"}
    assert all(p[1].endswith(".") and force(p[0]).ending for p in mended)


def test_copies_and_strangers_are_found(pairs: list[tuple[str, str]]) -> None:
    """The same real lines, spoilt."""
    for source, translation in pairs:
        if len(source.split()) > 2 and not source.istitle():
            assert "source_copy" in hard(source, source) | soft(source, source)
        assert "chatter" in hard(source, f"Here is the translation: {translation}")
        assert "repetition" in hard(source, " ".join([translation] * 12))
        assert "unknown_token" in hard(source, f"__en__ {translation}")
        assert "wrong_script" in hard(source, "Я не знаю, что сказать")
        for figure, _ in figures(translation):
            changed = translation.replace(figure, "77")
            assert "numbers" in hard(source, changed) | soft(source, changed)


# --- one by one ----------------------------------------------------------------------------------


def test_empty() -> None:
    assert hard("Gel.", " ") == hard("Gel.", "\n") == {"empty"}
    assert "empty" in hard("Gel.", "...")
    assert hard("", "") == hard("♪ ♪", "♪ ♪") == hard("...", "...") == set()


@pytest.mark.parametrize(
    "line",
    [
        "Mehmet!",
        "Ali Yılmaz!",
        "Ha ha!",
        "OK",
        "Oh, ah...",
        "42",
        "3, 2, 1",
        "Ah! Oh!",
        "Tamam.",
        "Ayşe, Ali",
    ],
)
def test_what_may_be_the_same(line: str) -> None:
    assert not hard(line, line)


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Buraya gel.", "Buraya gel."),
        ("Işık yok.", "IŞIK YOK"),
        ("İyi ki geldin", "iyi ki geldin."),
        ("Bu ne?", "Bu ne"),
    ],
)
def test_source_copies(source: str, translation: str) -> None:
    assert "source_copy" in hard(source, translation)
    assert "source_copy" not in hard(source, translation, "en-GB", "en")


def test_capitals_prove_no_name() -> None:
    assert "source_copy" in soft("NEW YORK", "NEW YORK")


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("3 kişi geldi.", "Three people came."),
        ("Üç yüz dolar.", "$300."),
        ("1.000,50 lira eder.", "It's 1,000.50 liras."),
        ("1.500 kişi", "1500 people"),
        ("2003'te", "In two thousand and three"),
        ("1984'te", "In nineteen eighty-four"),
        ("Saat 20.00'de", "At 8 p.m."),
        ("Saat 2.30'da", "At half past two"),
        ("Saat iki buçukta", "At 2:30"),
        ("5 milyon", "5,000,000"),
        ("2 bin kişi", "2,000 people"),
        ("21. gün", "The twenty-first day"),
        ("3. gün", "The 3rd day"),
        ("%50 daha", "50% more"),
        ("Yüzde yüz.", "100%."),
        ("555 12 34", "555-1234"),
        ("1 saat", "An hour"),
        ("On ikiye kadar", "Until 12"),
        ("007 geldi.", "007 is here."),
        ("On üç yaşındayım.", "I'm 13."),
    ],
)
def test_numbers_that_are_the_same(source: str, translation: str) -> None:
    assert "numbers" not in hard(source, translation)
    assert "numbers" not in hard(translation, source, "en", "tr")


@pytest.mark.parametrize(
    ("source", "translation", "target"),
    [
        ("300 dolar aldım.", "I got 500 dollars.", "en"),
        ("300 dolar aldım.", "I got some dollars.", "en"),
        ("65 yaşında", "at the age of fifty-six", "en"),
        ("300 dolar aldım.", "Ich habe 500 Dollar.", "de"),
        ("45", "I have 45 thousand people in 1999.", "en"),
        ("1984'te 3 kişi", "1984", "en"),
    ],
)
def test_numbers_that_changed(source: str, translation: str, target: str) -> None:
    assert "numbers" in hard(source, translation, "tr", target)


def test_numbers_that_may_have_been_told_in_words() -> None:
    assert "numbers" in soft("3 kişi geldi.", "Drei Leute kamen.", "tr", "de")
    assert "numbers" in soft("Polisi ara!", "Call 911!")
    assert "numbers" in soft("Saat 22.45'te", "At a quarter to eleven")


ONES = """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


@given(st.integers(1, 999_999))
def test_english_numbers_are_read(number: int) -> None:
    ones = ["", *ONES.split()]
    tens = ["", "", *TENS.split()]

    def small(n: int) -> str:
        words = f"{ones[n // 100]} hundred " if n >= 100 else ""
        n %= 100
        return words + (ones[n] if n < 20 else f"{tens[n // 10]}-{ones[n % 10]}".rstrip("-"))

    text = (small(number // 1000) + " thousand " if number >= 1000 else "") + small(number % 1000)
    assert str(number) in spoken(f"I saw {text.strip()} of them.", "en")


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Gel.", "Come come come come come"),
        ("Bilmiyorum.", "I don't know what to say. " * 3),
        ("Ah", "A" + "h" * 30),
        ("Güzel.", "Nicenicenicenicenicenicenice"),
        ("Ne?", "What" + "?" * 40),
        ("Hayır, hayır!", "No, no, no, no, no, no, no, no, no!"),
    ],
)
def test_loops(source: str, translation: str) -> None:
    assert "repetition" in hard(source, translation)


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Hayır, hayır, hayır, hayır!", "No, no, no, no!"),
        ("Git git git!", "Go, go, go, go!"),
        ("Hahaha", "Hahahahahaha!"),
        ("Ha ha", "Ha ha ha ha ha"),
        ("Hayırrrrr!", "Nooooooooooooo!"),
        ("Çok çok çok iyi", "Very, very, very good"),
        ("Bekle.......", "Wait............"),
        ("1000000000 lira", "1000000000 liras"),
    ],
)
def test_what_may_repeat(source: str, translation: str) -> None:
    assert not hard(source, translation)


def test_loops_without_spaces() -> None:
    assert "repetition" in hard("Bilmiyorum.", "我不知道" * 5, "tr", "zh")
    assert not hard("Ha ha ha!", "哈哈哈哈！", "tr", "zh")


@pytest.mark.parametrize(
    "translation",
    [
        "Here is the translation: Come.",
        "Sure, here's the translation:\nCome.",
        "Translation: Come.",
        "English: Come.",
        '"Come."',
        "«Come.»",
        "```\nCome.\n```",
        "Come. (Note: informal)",
        "Come. [Literally: arrive]",
        "Come.\n\nNote: this is informal.",
        "<think>He says come.</think> Come.",
        "As an AI language model, I cannot do that.",
        '{"1": "Come."}',
    ],
)
def test_chatter(translation: str) -> None:
    assert "chatter" in hard("Gel.", translation)


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Elbette, gelirim.", "Sure, I'll come."),
        ("İşte paltonuz.", "Here is your coat."),
        ("Bu çeviriyi al.", "Here is the translation."),
        ("Üzgünüm ama yardım edemem.", "I'm sorry, but I can't help you."),
        ('"Gel" dedi.', '"Come," he said.'),
        ("“Gel.”", '"Come."'),
        ("Tom: Gel.", "Tom: Come."),
        ("(bağırır) Gel.", "(shouts) Come."),
        ("Not: gelmeyin.", "Note: don't come."),
    ],
)
def test_talk_that_is_the_films_own(source: str, translation: str) -> None:
    assert not hard(source, translation)


def test_scripts() -> None:
    assert "wrong_script" in hard("Ben geldim.", "Я пришёл.")
    assert "wrong_script" in hard("Ben geldim.", "I came.", "tr", "ru")
    assert "wrong_script" in soft("Biz gidelim mi dersin?", "Do you think 我们 should go?")
    right = {
        "ru": ("Mehmet пришёл.", "OK."),
        "zh": ("FBI来了。", "Mehmet来了。"),
        "ja": ("Mehmetが来た。",),
        "sr": ("Дошао је", "Došao je"),
        "ar": ("Mehmet", "جاء"),
        "ko": ("메흐메트",),
        "en": ("α",),
        "tlh": ("Qapla!", "да"),
    }
    for translation, language in [(text, code) for code, texts in right.items() for text in texts]:
        assert "wrong_script" not in hard("Mehmet geldi.", translation, "tr", language)


def test_marks_and_tokens() -> None:
    assert "placeholders" in hard("Selam {name}, %s", "Hi {nom}, %s")
    assert "placeholders" in hard("Selam", "Hi %s")
    assert not hard("%50 doğru, %5'i", "50% right, 5% of it")
    assert "tags" in hard("<i>Gel</i>", "Come")
    for token in ("<unk>", "⁇", "__en__", "eng_Latn", ">>tur<<", "</s>", "<|im_end|>", "▁", "\ufffd"):
        assert "unknown_token" in hard("Gel.", f"Come {token}")
    assert not hard("Ne ⁇", "What ⁇")
    assert "control" in hard("Gel.", "Co\x07me.") & hard("Gel.", "Co\ue000me.")
    assert not hard("Gel.", "\u200fCome.\u200e")


def test_lengths() -> None:
    long = "Babam bana paranın eski evde olduğunu söyledi ama ben ona hiç inanmadım, inanmak da istemedim."
    assert "too_long_text" in hard("Gel.", long)
    assert "too_short" in soft(long, "My father.")
    assert not problems(long, "父亲告诉我钱在老房子里，但我从不相信他，也不想相信。", "tr", "zh")
    assert not problems("我不相信他", "I do not believe him at all", "zh", "en")


def test_glossary() -> None:
    terms = [("Ankara", "Ankara"), ("at", "horse"), ("karargâh", "headquarters")]
    codes = [p.code for p in problems("Ankara'da at var", "There is a horse in Angora", "tr", "en", terms)]
    assert codes == ["glossary"]
    assert not problems("Atlar Ankara'dan, karargâhtan", "From Ankara and headquarters.", "tr", "en", terms)
    assert not problems("Sat gitsin.", "Just sell it.", "tr", "en", terms)


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(["tr", "en", "zh", "de", ""]))
def test_any_text_can_be_checked(source: str, translation: str, language: str) -> None:
    found = problems(source, translation, "tr", language, [(source[:3], translation[:3])])
    assert set(found.hard) | set(found.soft) == {p.detail for p in found}
    assert force(with_force(source, translation, language)).words == force(translation).words
    assert same_force(source, source) == 0


# --- force ---------------------------------------------------------------------------------------


def test_force_counts() -> None:
    loud = force("GEL BURAYA!! Ne?!")
    assert (loud.exclamations, loud.questions, loud.ending, loud.capitals, loud.words) == (3, 1, "?!", 2, 3)
    assert force("Bekle... ve gel…").ellipses == 2
    assert force('"Gel!"').ending == force("<i>Gel!</i>").ending == force("来！").ending == "!"
    assert force("Γιατί;").ending == force("لماذا؟").ending == "?"
    assert force("Gel;").ending == ""


@pytest.mark.parametrize(
    ("source", "translation", "differ"),
    [
        ("Gel!", "Come!", 0),
        ("Gel!", "Come.", 2),
        ("Ne!?", "What?!", 0),
        ("Ne...", "What…", 0),
        ("GEL BURAYA!", "Come here!", 1),
        ("GEL BURAYA!", "COME OVER HERE!", 0),
        ("GEL!", "来！", 0),
        ("Neden?", "¿Por qué?", 0),
        ("Gel!!", "Come!", 1),
    ],
)
def test_same_force(source: str, translation: str, differ: int) -> None:
    assert same_force(source, translation) == differ


@pytest.mark.parametrize(
    ("source", "translation", "language", "mended"),
    [
        ("Gel!", "Come.", "en", "Come!"),
        ("Gel!", "Come", "en", "Come!"),
        ("Gel...", "Come.", "en", "Come..."),
        ("Ne?!", "What?", "en", "What?!"),
        ("Gel!", '"Come."', "en", '"Come!"'),
        ("Gel!", "♪ Come ♪", "en", "♪ Come! ♪"),
        ("Saat 5 mi?", "Is it 5 p.m.", "en", "Is it 5 p.m.?"),
        ("Gel!", "Ven.", "es", "¡Ven!"),
        ("Neden?", "Hola. ¿Por qué.", "es", "Hola. ¿Por qué?"),
        ("Neden?", "Γιατί.", "el", "Γιατί;"),
        ("Gel!", "来。", "zh", "来！"),
        ("Neden?", "لماذا.", "ar", "لماذا؟"),
        ("Gel!", "Viens.", "fr", "Viens\u00a0!"),
    ],
)
def test_a_lost_mark_is_mended(source: str, translation: str, language: str, mended: str) -> None:
    assert with_force(source, translation, language) == mended
    assert with_force(source, mended, language) == mended


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Gel!", "Come..."),
        ("Gel!", "Come,"),
        ("Gel!", "Come?"),
        ("Gel.", "Come!"),
        ("Gel", "Come."),
        ("Gel!", ""),
        ("Ne?", "…"),
    ],
)
def test_nothing_else_is_touched(source: str, translation: str) -> None:
    assert with_force(source, translation, "en") == translation
