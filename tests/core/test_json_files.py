"""One reader for JSON: a damaged file is refused with its name and the place, whatever the damage."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubline.cli.job_file import read_job
from dubline.errors import InvalidJob
from dubline.recognition.speaker_log import read_log
from dubline.run import Manifest, read_manifest
from dubline.subtitles.profiles import read_profile
from dubline.subtitles.sent import Sent, read_sent, write_sent
from dubline.values.base import to_json
from dubline.values.cast import read_cast
from dubline.values.dubbed import read_dub
from dubline.values.json_files import DEEPEST, kept_json, line_json, parse_json, raw_json
from dubline.values.layout import Layout
from dubline.values.sealed import told_sealed
from dubline.values.transcript import Transcript, read_transcript, transcript_json
from dubline.values.translated import read_translation

DAMAGE = {
    "nothing": (b"", "line 1"),
    "white space": (b" \n", "line"),
    "deep lists": (b'{"more":\n' + b"[" * 100_000, "line 2: more than 64 lists and objects"),
    "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "more than 64 lists and objects"),
    "not UTF-8": (b'{"language":\n"T\xfcrk"}', "not UTF-8 (line 2)"),
    "a half of a character in bytes": (b'{"language":\n"\xed\xa0\x80"}', "not UTF-8 (line 2)"),
    "a half of a character": (b'{"language":\n"a\\ud800"}', "line 2: 'a\\ud800' holds half of a character"),
    "the other half": (b'{"language":\n"\\ude00b"}', "line 2: '\\ude00b' holds half of a character"),
    "a key twice": (b'{"language": "tr",\n"language": "en"}', "line 2: 'language' stands twice"),
    "a key twice, once in escapes": (b'{"language": 1,\n"l\\u0061nguage": 2}', "'language' stands twice"),
    "a long number": (b'{"duration":\n' + b"9" * 5000 + b"}", "line 2: 99999999999999999999... is no number"),
    "cut off": (b'{"language": "tr",\n"dur', "line 2, column"),
    "zero bytes": (bytes(64), "line 1"),
    "words": (b"not found", "line 1"),
}
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
ANYTHING = st.recursive(PLAIN, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=20)
READERS = {
    "transcript.json": read_transcript,
    "translated.json": read_translation,
    "dubbed.json": read_dub,
    "a.srt.ids.json": read_sent,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_with_its_name_and_the_line(tmp_path: Path, name: str, damage: str) -> None:
    data, said = DAMAGE[damage]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidJob) as caught:
        READERS[name](tmp_path / name)
    assert caught.value.message.startswith(name)
    assert said in caught.value.message and caught.value.hint
    caught.value.message.encode()


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_speaker_log_is_refused_and_a_manifest_is_none(tmp_path: Path, damage: str) -> None:
    here = Layout(tmp_path)
    for path in (here.speaker_log, here.manifest):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DAMAGE[damage][0])
    with pytest.raises(InvalidJob, match=here.speaker_log.name):
        read_log(tmp_path)
    # The last of a key is taken here, and nobody writes such a file.
    assert read_manifest(tmp_path) == Manifest()
    assert kept_json(here.manifest, Manifest) is None
    assert line_json(DAMAGE[damage][0], Transcript) is None


@pytest.mark.parametrize(
    ("given_json", "said"),
    [
        ('{"language": "tr",\n"cues": [],\n"names": 3}', "names: expected true or false, got a whole number"),
        ('{"language": "tr"}', "'cues' is missing"),
        ('{"language": "tr", "cues": [], "size": 1}', "there is no 'size'"),
        (
            '{"language": "tr", "cues": [{"number": NaN}]}',
            "cue number 1, field number: expected a whole number",
        ),
        (
            '{"language": "tr", "cues": [], "format": "dubline.sent.9"}',
            "'dubline.sent.9', not 'dubline.sent.1'",
        ),
        ('{"language": "tr", "cues": [], "format": 5}', "the format is '5'"),
        ("[]", "expected a table, got a list"),
        ("null", "expected a table, got nothing"),
    ],
)
def test_what_the_types_forbid_is_told_by_its_place(tmp_path: Path, given_json: str, said: str) -> None:
    path = tmp_path / "a.srt.ids.json"
    path.write_text(given_json)
    with pytest.raises(InvalidJob, match=re.escape(said)):
        read_sent(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused_with_its_line_in_our_files(number: str) -> None:
    data = f'{{"a":\n{number}}}'.encode()
    with pytest.raises(InvalidJob, match=f"x.json, line 2: {number} is not a number"):
        parse_json(data, dict[str, float], "x.json", hint="Fix it.")
    assert str(raw_json(data, "x.json")["a"])[-3:] in ("nan", "inf")  # other programs write it


def test_whole_characters_and_depth_that_is_allowed_are_read() -> None:
    emoji = json.dumps({"a": "\N{GRINNING FACE} \\ud800 [[[{{{"})
    assert raw_json(emoji.encode(), "x") == {"a": "\N{GRINNING FACE} \\ud800 [[[{{{"}
    assert raw_json(b"\xef\xbb\xbf" + b"[" * DEEPEST + b"]" * DEEPEST, "x")
    assert raw_json(b"[" + b"[],[{}]," * 1000 + b"1]", "x")
    assert parse_json(b'{"a": {"id": 1}, "b": {"id": 1}}', dict[str, Any], "x", hint="") == {
        "a": {"id": 1},
        "b": {"id": 1},
    }


@given(ANYTHING)
@settings(deadline=None, max_examples=100)
def test_everything_that_json_says_is_read_as_python_reads_it(value: Any) -> None:
    data = json.dumps(value).encode()
    assert raw_json(data, "x") == json.loads(data)


def test_a_value_comes_back_from_its_file(tmp_path: Path) -> None:
    sent = Sent(language="tr", cues=())
    write_sent(sent, tmp_path / "a.json")
    assert told_sealed(tmp_path / "a.json", Sent, hint="") == sent
    (tmp_path / "plain.json").write_bytes(to_json(sent))
    assert told_sealed(tmp_path / "plain.json", Sent, hint="") == sent
    assert kept_json(tmp_path / "plain.json", Sent) == sent
    assert kept_json(tmp_path / "b.json", Sent) is None and kept_json(tmp_path / "b\0", Sent) is None
    with pytest.raises(InvalidJob, match="there is no file"):
        told_sealed(tmp_path / "b.json", Sent, hint="")


def test_a_transcript_in_a_list_is_refused_on_the_line_it_has_there(tmp_path: Path) -> None:
    whole = transcript_json(Transcript(language="tr", duration=1, segments=()))
    path = tmp_path / "t.json"
    path.write_bytes(b"[\n" + whole + b"]\n")
    assert read_transcript(path).language == "tr"
    path.write_bytes(b"[\n" + whole.replace(b'"duration"', b'"language": "en",\n"duration"') + b"]\n")
    line = path.read_text().splitlines().index('"duration": 1.0,')  # counted from 1, it is the one before
    with pytest.raises(InvalidJob, match=f"t.json, line {line}: 'language' stands twice"):
        read_transcript(path)


@pytest.mark.parametrize("read", [read_cast, read_job, lambda path: read_profile(str(path))])
def test_toml_that_is_nested_too_deep_is_refused_with_its_name(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "deep.toml"
    path.write_text("a = " + "[" * 5000 + "]" * 5000, encoding="utf-8")
    with pytest.raises(InvalidJob, match=r"deep\.toml"):
        read(path)
