"""Languages by name or by code, wherever one is asked for; what is none is refused with the nearest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from babel import Locale
from babel.core import get_global
from command import dubline
from hypothesis import given
from hypothesis import strategies as st

from dubline.backends.translators.seq2seq_languages import FLORES
from dubline.cli.job_file import read_job
from dubline.errors import InvalidJob
from dubline.serve.requests import Localize, read_request
from dubline.values.languages import language_code, language_codes, language_name
from dubline.values.wishes import DubWish, TranscribeWish, TranslateWish, wish_from

ENGLISH = Locale("en")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *(
            (word, "tr")
            for word in ("Turkish", "türkçe", "Türkçe", "TÜRKÇE", "turkce", "tur", "TR", "tur_Latn")
        ),
        *((word, "pt-BR") for word in ("Brazilian Portuguese", "Portuguese (Brazil)", "pt_br", "pt-BR")),
        ("tr-TR", "tr-TR"),
        (" German ", "de"),
        ("Almanca", "de"),  # by its Turkish name
        ("İngilizce", "en"),
        ("日本語", "ja"),
        ("русский", "ru"),
        ("Mandarin", "zh"),
        ("Chinese (Traditional)", "zh-Hant"),
        ("zho_Hant", "zh-Hant"),
        ("zh-tw", "zh-TW"),
        ("cmn", "zh"),
        ("Farsi", "fa"),
        ("Bengali", "bn"),
        ("Tagalog", "tl"),
        ("iw", "he"),
        ("Latin American Spanish", "es-419"),
        ("no", "no"),
    ],
)
def test_a_language_is_known_as_people_write_it(written: str, code: str) -> None:
    assert language_code(written) == code


def test_every_english_name_leads_to_its_own_language() -> None:
    aliases = get_global("language_aliases")
    for written, name in ENGLISH.languages.items():
        if written in ("und", "mul", "zxx", "root"):
            continue
        found = language_code(name)
        base = written.split("_")[0]
        same = {base, aliases.get(base, base), {"fil": "tl"}.get(base, base)}
        assert found.split("-")[0] in same, (written, name, found)


def test_languages_call_themselves_by_their_own_names() -> None:
    for code in (
        "tr",
        "en",
        "de",
        "fr",
        "es",
        "it",
        "pt",
        "ru",
        "uk",
        "el",
        "ar",
        "he",
        "hi",
        "ja",
        "ko",
        "zh",
    ):
        own = Locale(code).languages[code]
        assert language_code(own) == language_code(own.upper()) == code


def test_how_people_call_the_portuguese_of_brazil() -> None:
    for name in ("Brazilian", "Brazilian Portuguese", "Portuguese (Brazil)", "português brasileiro"):
        assert language_code(name) == "pt-BR"


@given(st.sampled_from(sorted({*FLORES, *FLORES.values()})))
def test_a_code_stays_itself_and_every_spelling_of_a_translator_is_known(written: str) -> None:
    code = language_code(written)
    assert language_code(code) == code
    assert language_name(code) != ""


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("turksih", "Turkish (tr)"),
        ("Englsh", "English (en)"),
        ("türkçee", "Turkish (tr)"),
        ("xx", "such as Turkish, tr or pt-BR"),
        ("tr-XX", "such as"),
        ("tr-Abcd", "such as"),
        ("", "such as"),
        ("../en", ""),
        ("und", ""),
    ],
)
def test_what_is_no_language_is_refused_with_the_nearest(written: str, nearest: str) -> None:
    with pytest.raises(InvalidJob) as told:
        language_code(written)
    assert nearest in told.value.hint
    assert repr(written) in told.value.message


@given(st.text(max_size=20))
def test_anything_is_a_code_or_refused(written: str) -> None:
    try:
        code = language_code(written)
    except InvalidJob as told:
        assert told.hint
    else:
        assert language_code(code) == code
        assert code.isascii() and not set(code) & set("/\\. ")  # it becomes part of a file's name


def test_several_with_commas_are_several() -> None:
    assert language_codes(["es, Deutsch", "German;tr"]) == ("es", "de", "tr")
    assert TranslateWish(to=("es,de",)).to == ("es", "de")
    assert DubWish(to=("Türkçe",)).to == ("tr",)
    assert TranslateWish(source="Turkish").source == "tr"
    assert (TranscribeWish(language="auto").language, TranscribeWish(language="").language) == ("", "")


def test_every_entrance_asks_the_same(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match="no language 'turksih'") as told:
        wish_from(TranslateWish, {"to": ("turksih",)})
    assert "Turkish (tr)" in told.value.hint
    job = tmp_path / "job.toml"
    job.write_text('[transcribe]\nlanguage = "türkçe"\n[translate]\nto = ["Englsh"]\n', encoding="utf-8")
    with pytest.raises(
        InvalidJob, match=r"job.toml: translate: there is no language 'Englsh'.*English \(en\)"
    ):
        read_job(job)
    job.write_text('[transcribe]\nlanguage = "türkçe"\n', encoding="utf-8")
    assert read_job(job).wishes["transcribe"] == TranscribeWish(language="tr")
    asked = {"media": {"kind": "file", "path": "/x.mov"}, "translate": {"to": ["Englsh"]}}
    with pytest.raises(InvalidJob, match="no language 'Englsh'") as told:
        read_request({"op": "localize", "id": 1, "folder": "/x", "job": asked})
    assert "English (en)" in told.value.hint
    asked["translate"] = {"to": ["Brazilian Portuguese"]}
    request = read_request({"op": "localize", "id": 1, "folder": "/x", "job": asked})
    assert isinstance(request, Localize) and request.job.languages == ("pt-BR",)


@pytest.mark.parametrize(
    "words",
    [
        ("translate", "{text}", "--from", "turksih", "--to", "en"),
        ("translate", "{text}", "--from", "tr", "--to", "en,turksih"),
        ("transcribe", "{text}", "--language", "turksih", "--text", "{text}"),
        ("localize", "{text}", "--from", "tr", "--to", "turksih"),
        ("dub", "{folder}", "--to", "turksih"),
        ("subtitles", "export", "{folder}", "--lang", "turksih"),
        ("transcript", "export", "{folder}", "--lang", "turksih"),
        ("export", "{folder}", "--to", "srt", "--lang", "turksih"),
    ],
)
def test_commands_refuse_at_once_and_leave_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "lines.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nGel.\n", encoding="utf-8")
    places = {"text": str(tmp_path / "lines.srt"), "folder": str(tmp_path)}
    answer = dubline(*(word.format(**places) for word in words))
    assert answer.status == 2
    assert "no language 'turksih'" in answer.err and "Turkish (tr)" in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["lines.srt"]


def test_help_and_a_wish_without_languages_load_no_names() -> None:
    code = "import sys; from dubline.values.wishes import TranslateWish; import dubline.cli; TranslateWish()"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print('babel' in sys.modules)"], capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr
