"""`dubline doctor` tries what is installed; a missing model is told, and is no failure."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import dubline
from tiny_translator import folder
from tiny_whisper_folder import tiny_whisper

from dubline.doctor import try_listeners, try_translators
from dubline.weights.intake_folders import import_folder


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("DUBLINE_WORKERS", str(tmp_path / "workers"))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_recognizer_with_a_model_works_and_one_without_says_how_to_get_it() -> None:
    import_folder(tiny_whisper() / "ct2", name="turned")
    found = {name: (words, state) for name, words, state in try_listeners("recognizer")}
    assert found["faster-whisper"][1] == "ok"
    assert found["transformers"][1] == found["paddlespeech"][1] == "not set up"
    assert found["faster-whisper"][0].startswith("works with turned")
    assert found["transformers"][0] == "no model here: dubline models fetch openai/whisper-small"
    assert found["paddlespeech"][0] == "not installed: dubline backends install paddlespeech"


def test_a_recognizer_that_breaks_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from dubline.backends.recognizers.faster_whisper import FasterWhisper

    import_folder(tiny_whisper() / "ct2", name="turned")

    def broken(self: FasterWhisper, options: object) -> None:
        raise RuntimeError("the driver is gone")

    monkeypatch.setattr(FasterWhisper, "__init__", broken)
    monkeypatch.setattr("dubline.doctor.try_separators", lambda: iter(()))
    answer = dubline("doctor")
    assert answer.status == 1
    (line,) = [line for line in answer.out.splitlines() if "faster-whisper" in line]
    assert "broken" in line and "the driver is gone" in line
    assert [line for line in answer.out.splitlines() if not line.startswith(" ")] == [
        "diarizers",
        "recognizers",
        "translators",
        "voices",
        "",
        "1 back end broken: what is said there is what to mend",
    ]


def test_a_translator_with_a_model_translates_a_greeting_and_one_without_says_how_to_get_it() -> None:
    import_folder(folder(), name="turned")
    found = {name: (words, state) for name, words, state in try_translators()}
    assert found["transformers"][1] == "ok" and found["transformers"][0].startswith("works with turned: ")
    assert "(tr) is " in found["transformers"][0]
    assert found["firefox"][1] == "not set up" and found["firefox"][0].startswith("no model here: dubline ")
    assert found["llm"] == (
        "needs settings of yours: --translator llm",
        "not set up",
    )
    assert found["manual"][1] == "ok"
