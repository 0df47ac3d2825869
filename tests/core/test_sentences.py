"""Groups, sentences and splits: nothing is lost, order is kept, every segment gets its own text."""
# ruff: noqa: RUF001 - Turkish has a dotless i, and marks of other scripts look like ours

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubline.language.script import LEANING_ON_NEXT
from dubline.language.sentences import groups, join, rejoin, sentences
from dubline.language.splitting import split_back
from dubline.values.transcript import Segment


def said(*lines: tuple[str, float, float, str]) -> list[Segment]:
    return [Segment(id=n, start=a, end=b, speaker=who, text=t) for n, (who, a, b, t) in enumerate(lines, 1)]


def by_letters(word: str) -> float:
    return len(word) + 1.0


def solid(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())


# --- groups --------------------------------------------------------------------------------------


def test_a_sentence_that_was_cut_is_one_group() -> None:
    segments = said(
        ("A", 0.0, 1.0, "Babam bana paranın"),
        ("A", 1.1, 2.0, "eski evde olduğunu söyledi."),
        ("B", 2.1, 3.0, "Yalan!"),
        ("A", 3.1, 4.0, "Ben sana"),
    )
    assert groups(segments, "tr") == ((0, 1), (2,), (3,))


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("Ben sana", "gel dedim.", True),
        ("Ben sana,", "gel dedim.", True),
        ("Geldi.", "sonra gitti.", False),
        ("Dr.", "Yılmaz geldi.", True),
        ("Geldi mi?", "Bilmiyorum.", False),
        ('"Gel."', "Gitti.", False),
        ("Ben sana...", "...gel dedim.", True),
        ("Ben sana…", "gel dedim.", True),
        ("Ben sana...", "Neyse.", False),
        ("Ben sana -", "- gel dedim.", True),
        ("Ben sana", "- Sus!", False),
        ("[gülüyor]", "gel dedim.", False),
        ("Ben sana", "[gülüyor]", False),
        ("我们去", "吃饭。", True),
        ("我们去。", "吃饭。", False),
    ],
)
def test_marks_decide(first: str, second: str, joined: bool) -> None:
    segments = said(("A", 0.0, 1.0, first), ("A", 1.2, 2.0, second))
    assert groups(segments, "tr") == (((0, 1),) if joined else ((0,), (1,)))


@pytest.mark.parametrize(("pause", "joined"), [(0.0, True), (0.6, True), (0.601, False), (-0.2, True)])
def test_the_pause_decides_to_the_millisecond(pause: float, joined: bool) -> None:
    for start in (0.0, 0.1, 17.3):
        segments = said(("A", start, start + 1.1, "Ben"), ("A", start + 1.1 + pause, start + 3.0, "geldim"))
        assert (len(groups(segments, "tr")) == 1) is joined


def test_an_answer_breaks_a_group_and_an_interjection_does_not() -> None:
    answered = said(("A", 0, 1, "Ben sana"), ("B", 1.1, 1.3, "Ne?"), ("A", 1.4, 2, "gel dedim"))
    assert groups(answered, "tr") == ((0,), (1,), (2,))
    over = said(("A", 0, 1, "Ben sana"), ("B", 0.5, 0.8, "Hı hı."), ("A", 1.4, 2, "gel dedim"))
    assert groups(over, "tr") == ((0, 2), (1,))


def test_unknown_speakers_and_empty_texts_stay_alone() -> None:
    unknown = said(("", 0, 1, "Ben sana"), ("", 1.1, 2, "gel dedim"))
    assert groups(unknown, "tr") == ((0,), (1,))
    empty = said(("A", 0, 1, "Ben sana"), ("A", 1.0, 1.2, " "), ("A", 1.3, 2, "gel dedim"))
    assert groups(empty, "tr") == ((0, 2), (1,))


def test_groups_have_at_most_four() -> None:
    segments = said(*[("A", n * 1.0, n + 0.9, "ve") for n in range(10)])
    assert groups(segments, "tr") == ((0, 1, 2, 3), (4, 5, 6, 7), (8, 9))
    assert groups(segments, "tr", most=1) == tuple((n,) for n in range(10))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "A", "B", "C"]),
            st.integers(0, 900),
            st.integers(1, 1500),
            st.sampled_from(["", "ben", "Gel.", "gel,", "...ama", "Ama...", "- Ne?", "[ses]", "Dr.", "♪"]),
        ),
        max_size=30,
    )
)
def test_every_index_once_in_order(raw: list[tuple[str, int, int, str]]) -> None:
    start, lines = 0, []
    for who, step, length, text in raw:
        start += step
        lines.append((who, start / 1000, (start + length) / 1000, text))
    segments = said(*lines)
    found = groups(segments, "tr")
    assert sorted(itertools.chain(*found)) == list(range(len(segments)))
    assert [g[0] for g in found] == sorted(g[0] for g in found)
    for group in found:
        assert list(group) == sorted(group)
        assert len(group) <= 4
        assert len({segments[n].speaker for n in group}) == 1
        if len(group) > 1:
            assert all(segments[n].text and segments[n].speaker for n in group)
        for a, b in itertools.pairwise(group):
            assert segments[b].start - segments[a].end <= 0.6 + 1e-6


# --- joining -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["Babam bana", "gel dedi."], "Babam bana gel dedi."),
        (["Gitmek istedim...", "...ama olmadı."], "Gitmek istedim ama olmadı."),
        (["Gitmek istedim…", "… ama olmadı."], "Gitmek istedim ama olmadı."),
        (["Gitmek istedim --", "-- ama olmadı."], "Gitmek istedim ama olmadı."),
        (["Gitmek istedim...", "ama olmadı."], "Gitmek istedim... ama olmadı."),
        (["Ben-", "ben geldim."], "Ben- ben geldim."),
        (["我们去", "吃饭。"], "我们去吃饭。"),
        (["", "Gel.", " "], "Gel."),
        (["...", "..."], "... ..."),
        ([], ""),
    ],
)
def test_join(texts: list[str], whole: str) -> None:
    assert join(texts) == whole


@given(st.lists(st.text("ab çş我.,", max_size=12), max_size=5))
def test_joining_keeps_letters(texts: list[str]) -> None:
    assert [c for c in join(texts) if c.isalpha()] == [c for c in "".join(texts) if c.isalpha()]


# --- sentences -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language", "parts"),
    [
        ("Gel. Git! Ne?! Bekle...", "tr", ["Gel.", "Git!", "Ne?!", "Bekle..."]),
        ("Dr. Ali 3. Murat'ı gördü. Tom'un mu?", "tr", ["Dr. Ali 3. Murat'ı gördü.", "Tom'un mu?"]),
        ('Sonra "Gel. Git." dedi. Evet.', "tr", ['Sonra "Gel. Git." dedi.', "Evet."]),
        ('Dedi ki: "Gel. Git." Sonra gitti.', "tr", ['Dedi ki: "Gel. Git."', "Sonra gitti."]),
        ('"Gel. Git."', "tr", ['"Gel.', 'Git."']),
        ('"Really?" he asked. "Yes." She left.', "en", ['"Really?" he asked.', '"Yes."', "She left."]),
        ("He came at 5 p.m. Tom left.", "en", ["He came at 5 p.m.", "Tom left."]),
        ("No. 5 is alive, e.g. Tom. J. R. came.", "en", ["No. 5 is alive, e.g. Tom.", "J. R. came."]),
        ("Am 3. Mai kam er. Wait... what?", "de", ["Am 3. Mai kam er.", "Wait... what?"]),
        ("- Gel. - Git.", "tr", ["- Gel.", "- Git."]),
        ("♪ La la. Na na. ♪", "tr", ["♪ La la.", "Na na. ♪"]),
        ("他说：“你好。再见。”然后走了。好！", "zh", ["他说：“你好。再见。”", "然后走了。", "好！"]),
        ("Gel buraya", "tr", ["Gel buraya"]),
        ("...", "tr", ["..."]),
        ("  ", "tr", []),
    ],
)
def test_sentences(text: str, language: str, parts: list[str]) -> None:
    assert list(sentences(text, language)) == parts
    assert solid(rejoin(parts, language)) == solid(text)


def test_spaces_between_sentences_are_the_languages() -> None:
    assert rejoin(["好。", "“走！”", "再见。"], "zh") == "好。“走！”再见。"
    assert rejoin(["ไปแล้ว", "มาแล้ว"], "th") == "ไปแล้ว มาแล้ว"
    assert rejoin(["Come.", "", "Go."], "en") == "Come. Go."


@given(st.text("abA .!?…\"'“”()-3我。！", max_size=60), st.sampled_from(["tr", "en", "zh", "th"]))
def test_sentences_are_the_text(text: str, language: str) -> None:
    parts = sentences(text, language)
    assert all(part.strip() for part in parts)
    assert solid("".join(parts)) == solid(text)
    assert solid(rejoin(parts, language)) == solid(text)


# --- splitting back ------------------------------------------------------------------------------


def test_parts_follow_time_and_clauses() -> None:
    text = "My father told me that the money was in the old house, but I never believed him."
    assert split_back(text, [2.1, 1.6, 1.8], "en", by_letters) == (
        "My father told me that the money",
        "was in the old house,",
        "but I never believed him.",
    )
    text = "I swear I never touched that money and you know it."
    assert split_back(text, [0.6, 2.4], "en", by_letters) == (
        "I swear",
        "I never touched that money and you know it.",
    )


def test_the_sources_marks_pull_the_break() -> None:
    text = "If he comes, tell him that, well, I left."
    plain = split_back(text, [1.0, 1.0], "en", by_letters, sources=["O gelirse ona", "gitti dersin."])
    marked = split_back(text, [0.8, 1.2], "en", by_letters, sources=["O gelirse,", "gitti dersin."])
    assert marked == ("If he comes,", "tell him that, well, I left.")
    assert plain is not None and plain[0] != marked[0]


def test_quotations_numbers_titles_and_placeholders_stay_whole() -> None:
    quoted = split_back('He said "come here my friend" and left for good.', [1, 1], "en", by_letters)
    assert quoted == ('He said "come here my friend"', "and left for good.")
    for text, whole in [
        ("We paid them 300 000 dollars yesterday evening", "300 000"),
        ("Yesterday evening Dr. Brown came late", "Dr. Brown"),
        ("Tell them {the first name} when asked", "{the first name}"),
    ]:
        for share in (0.2, 0.5, 1.0, 2.0, 5.0):
            parts = split_back(text, [share, 1.0], "en", by_letters)
            assert parts is not None and any(whole in part for part in parts)


def test_too_few_breaks_is_none() -> None:
    assert split_back("Run!", [1, 1], "en", by_letters) is None
    assert split_back("to the king", [1, 1], "en", by_letters) is None
    assert split_back("", [1], "en", by_letters) is None
    assert split_back("Run!", [3], "en", by_letters) == ("Run!",)
    assert split_back("", [], "en", by_letters) == ()


def test_scripts_without_spaces() -> None:
    assert split_back("我的父亲告诉我钱在老房子里，但是我从来不相信他。", [2, 1], "zh", by_letters) == (
        "我的父亲告诉我钱在老房子里，",
        "但是我从来不相信他。",
    )
    assert split_back("พ่อบอกฉันว่าเงินอยู่ในบ้านเก่า แต่ฉันไม่เคยเชื่อเขา", [1, 1], "th", by_letters) == (
        "พ่อบอกฉันว่าเงินอยู่ในบ้านเก่า",
        "แต่ฉันไม่เคยเชื่อเขา",
    )
    parts = split_back("ちょっと待ってください。", [1] * 4, "ja", by_letters)
    assert parts is not None and not any(part[0] in "っょ。" for part in parts)


def test_strange_slots_and_lengths_still_split() -> None:
    for slots in ([0.0, 0.0], [0.0, 5.0], [math.inf, 1.0], [1e-9, 1e9]):
        parts = split_back("one two three four", slots, "", lambda word: 0.0)
        assert parts is not None and " ".join(parts) == "one two three four" and all(parts)


def test_long_texts_split_too() -> None:
    text = "the quick brown fox, jumps over it and " * 130
    parts = split_back(text, [1, 2, 3, 4], "en", by_letters)
    assert parts is not None
    assert [round(10 * len(part) / len(text)) for part in parts] == [1, 2, 3, 4]
    many = split_back("ev " * 400, [1e-6] * 60 + [1.0], "", by_letters)
    assert many is not None and len(many) == 61 and all(many)


WORDS = [
    "the",
    "to",
    "I",
    "gel",
    "ve",
    "ama,",
    "dedi.",
    '"Gel',
    'git"',
    "(ne",
    "mi?)",
    "-",
    "3",
    "000",
    "{a",
    "b}",
    "我们去。",
]


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=25),
    st.lists(st.floats(0.0, 10.0), min_size=1, max_size=6),
    st.sampled_from(["en", "tr", "zh", ""]),
)
def test_no_word_is_lost(words: list[str], slots: list[float], language: str) -> None:
    text = " ".join(words)
    parts = split_back(text, slots, language, by_letters)
    if parts is None:
        assert len(slots) > 1
        return
    assert len(parts) == len(slots)
    assert all(part and part == part.strip() for part in parts)
    assert solid("".join(parts)) == solid(text)
    for part in parts[:-1]:
        assert part.split()[-1].casefold() not in LEANING_ON_NEXT.get(language, frozenset())


@given(st.text("ab我去吃ーっ、。「」ไปเา้ {}\"'-.", min_size=1, max_size=40), st.integers(2, 5))
def test_any_text_splits_or_says_so(text: str, count: int) -> None:
    parts = split_back(text, [1.0] * count, "ja", by_letters)
    if parts is not None:
        assert len(parts) == count and all(parts)
        assert solid("".join(parts)) == solid(text)
