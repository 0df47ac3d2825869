# ruff: noqa: RUF001 - other alphabets are meant
"""Encodings: taken as named, told when found out, never silently wrong."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubline.errors import InvalidJob
from dubline.subtitles.decoding import decode
from dubline.subtitles.writing import read_subtitles

SPOKEN = {
    ("tr", "cp1254"): ["Şimdi gel.", "Beni bırakma, çünkü geç oldu.\nÖğretmen ne söyledi?", "Teşekkürler."],
    ("tr", "iso8859-9"): ["Nereye gidiyorsun?\nEve gidiyorum, hava çok soğuk.", "İyi akşamlar, ağabey."],
    ("de", "cp1252"): ["Ich weiß nicht, was ich für dich tun könnte. Schöne Grüße."],
    ("fr", "cp1252"): ["Ça va très bien, merci.\nOù est le garçon ? Je n'ai pas été prévenu."],
    ("is", "cp1252"): ["Það er gott að sjá þig. Hvað heitir þú? Ég veit ekki hvert hann fór."],
    ("pl", "cp1250"): ["Nie wiem, gdzie on poszedł. Cześć, jak się masz?"],
    ("ru", "cp1251"): ["Я не знаю, куда он пошёл. Привет, как дела?"],
    ("ru", "koi8-r"): ["Я не знаю, куда он пошёл. Привет, как дела?"],
    ("el", "cp1253"): ["Δεν ξέρω πού πήγε. Γεια σου, τι κάνεις;"],
    ("he", "cp1255"): ["אני לא יודע לאן הוא הלך."],
    ("ar", "cp1256"): ["مرحبا، كيف حالك؟ أنا لا أعرف أين ذهب."],
    ("zh", "gb2312"): ["你好，我们去哪里？他说他不知道。"],
    ("zh", "gb18030"): ["這是一个很好的主意。他说他不知道。"],
    ("zh", "big5"): ["你好，我們去哪裡？他說他不知道。這是一個很好的主意。"],
    ("ja", "shift_jis"): ["こんにちは、どこへ行きますか？彼は知らないと言いました。"],
    ("ja", "euc_jp"): ["こんにちは、どこへ行きますか？彼は知らないと言いました。"],
    ("ko", "cp949"): ["안녕하세요, 어디 가세요? 저는 모릅니다."],
}  # fmt: skip
CASES = [(codec, text) for (_, codec), texts in SPOKEN.items() for text in texts]


def srt(text: str) -> str:
    return f"1\r\n00:00:01,000 --> 00:00:02,000\r\n{text}\r\n"


@pytest.mark.parametrize(("codec", "text"), CASES)
def test_old_encodings_are_found_and_told(codec: str, text: str) -> None:
    found = decode(srt(text).encode(codec), where="e.srt")
    assert found.text == srt(text)
    assert "e.srt is not UTF-8 and was read as" in found.note
    assert any(line[:50] in found.note for line in text.splitlines())


@pytest.mark.parametrize(("codec", "text"), CASES)
def test_what_was_found_is_never_another_text_without_a_note(codec: str, text: str) -> None:
    """Each word alone: it is read right, or as something else with a note that shows it, or refused."""
    for word in text.split():
        data = word.encode(codec)
        try:
            found = decode(data)
        except InvalidJob as error:
            assert error.hint
            continue
        assert found.text == word or found.note


@given(st.text(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
@settings(deadline=None)
def test_unicode_with_a_mark_or_as_utf_8_is_read_as_it_is(text: str, codec: str) -> None:
    text = text.replace("\0", "").removeprefix("\ufeff")
    found = decode(text.encode(codec))
    assert (found.text, found.note) == (text, "")


@pytest.mark.parametrize(
    ("mark", "codec"), [(codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_BE, "utf-32-be")]
)
def test_marks_of_both_ends_are_known(mark: bytes, codec: str) -> None:
    found = decode(mark + "Çay".encode(codec))
    assert (found.text, found.encoding) == ("Çay", codec)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told(codec: str) -> None:
    found = decode(srt("你好").encode(codec), where="e.srt")
    assert (found.text, found.encoding) == (srt("你好"), codec)
    assert codec in found.note


def test_a_named_encoding_is_used_and_nothing_else() -> None:
    assert decode("Şimdi".encode("cp1254"), encoding="cp1252").text == "Þimdi"
    assert decode("Şimdi".encode("cp1254"), encoding="windows-1254").encoding == "cp1254"
    with pytest.raises(InvalidJob, match="line 2: not written in ascii"):
        decode(b"a\n\xfe", encoding="ascii", where="e.srt")
    with pytest.raises(InvalidJob, match="there is no encoding 'cp9999'"):
        decode(b"a", encoding="cp9999")


def test_damaged_utf_8_is_not_taken_for_another_encoding() -> None:
    data = "Çünkü çok güzel\nbir öğleden sonra".encode()
    with pytest.raises(InvalidJob, match=r"e\.srt, line 2: UTF-8 with 1 damaged place"):
        decode(data.replace("ö".encode(), b"\xc3"), where="e.srt")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidJob, match="zero bytes"):
        decode(b"\xff\xfb\x90" * 40 + b"\0\xff")


def test_equals_are_refused_or_told_apart_by_the_language() -> None:
    """One Latin letter says nothing about its code page: a guess would be one."""
    data = b"\xa9"
    try:
        found = decode(data)
    except InvalidJob as error:
        assert "may be written in" in error.message
        assert "Name it" in error.hint
    else:
        assert found.note
    for language, codec in (("tr", "cp1254"), ("pl", "cp1250"), ("de", "cp1252")):
        assert decode("İyi şans, ağabey".encode("cp1254"), language="tr").encoding == "cp1254"
        try:
            assert decode(data, language=language).text == data.decode(codec)
        except InvalidJob as error:
            assert "may be written in" in error.message


def test_zero_bytes_in_utf_8_are_taken_out_and_told() -> None:
    found = decode(srt("Çay").encode() + b"\0", where="e.srt")
    assert (found.text, "1 zero bytes" in found.note) == (srt("Çay"), True)


def test_the_encoding_is_told_with_the_cues(tmp_path: Path) -> None:
    path = tmp_path / "e.srt"
    path.write_bytes(srt("Şimdi gel.").encode("cp1254"))
    found = read_subtitles(path)
    assert (found.cues[0].text, found.encoding) == ("Şimdi gel.", "cp1254")
    assert found.notes == (
        "e.srt is not UTF-8 and was read as cp1254, Turkish: 'Şimdi gel.'. "
        "If that is wrong, save it as UTF-8.",
    )
