"""A job that the machine is not set up for: one refusal, the offer at a terminal, lines left to a person."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
from command import dubline

from dubline.backends import choosing
from dubline.cli import setup as cli
from dubline.errors import BackendMissing, Lacking, NotSetUp, WeightsError
from dubline.pipeline import decide
from dubline.run import Run
from dubline.values.timeline import FileMedia
from dubline.values.wishes import DubWish, LocalizeJob, SeparateWish, TranscribeWish, TranslateWish


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No models, no environments, and no voices of the system; nobody at the terminal."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("DUBLINE_WORKERS", str(tmp_path / "workers"))
    monkeypatch.setattr(cli, "watched", lambda: False)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "EPISODE 1.wav"
    soundfile.write(path, np.zeros((4800, 1)), 48000)
    return path


def job_of(film: Path, **more: Any) -> LocalizeJob:
    asked: dict[str, Any] = {"language": "tr", "to": ("en",), "voice": "piper", **more}
    return LocalizeJob(
        media=FileMedia(path=film.as_posix()),
        separate=SeparateWish(separator="builtin"),
        transcribe=TranscribeWish(language=asked["language"], recognizer=asked.get("recognizer")),
        translate=TranslateWish(to=asked["to"], translator=asked.get("translator")),
        dub=DubWish(voice=asked["voice"]) if asked["voice"] else None,
    )


def test_one_refusal_tells_all_that_is_missing_and_one_command(film: Path) -> None:
    with pytest.raises(NotSetUp) as caught:
        decide(job_of(film), film.with_suffix(".dubline"))
    told = caught.value
    assert [error.kind for error in told.errors] == ["recognizer", "translator", "voice"]
    for kind in ("recognizer", "translator", "voice"):
        assert f"\n  {kind}: " in told.message
    assert "dubline setup --from tr --to en --voice piper" in told.hint
    assert f"dubline separate '{film.as_posix()}'" in told.hint
    again = pickle.loads(pickle.dumps(told))
    assert isinstance(again, NotSetUp) and again.message == told.message


def test_the_command_line_says_it_and_leaves_no_run(film: Path) -> None:
    answer = dubline("localize", film, "--from", "tr", "--to", "en", "--voice", "piper")
    assert answer.status == 3 and not film.with_suffix(".dubline").exists()
    assert answer.err.count("dubline setup --from tr --to en --voice piper") == 1
    assert all(f"  {kind}: " in answer.err for kind in ("recognizer", "translator", "voice"))


def test_the_command_in_a_refusal_is_one_that_works(film: Path) -> None:
    answer = dubline("localize", film, "--from", "tr", "--to", "en", "--voice", "piper")
    (line,) = [line for line in answer.err.splitlines() if "dubline setup" in line]
    words = line.partition("dubline ")[2].split()
    shown = dubline(*words)
    assert shown.status == 1, shown.err
    assert "piper-en-joe" in shown.out and "whisper" in shown.out and "To fetch" in shown.out


def test_what_was_named_keeps_its_own_remedy(film: Path) -> None:
    with pytest.raises(NotSetUp) as caught:
        decide(job_of(film, recognizer="paddlespeech"), film.with_suffix(".dubline"))
    assert "dubline backends install paddlespeech" in caught.value.message


def test_diarizer_and_recognizer_are_told_together(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = choosing._declared

    def no_diarizer(kind: str) -> Any:
        return {} if kind == "diarizer" else declared(kind)

    monkeypatch.setattr(choosing, "_declared", no_diarizer)
    with pytest.raises(NotSetUp) as caught:
        decide(job_of(film, voice=None), film.with_suffix(".dubline"))
    assert [error.kind for error in caught.value.errors] == ["diarizer", "recognizer", "translator"]


def test_where_a_translator_alone_is_missing_the_lines_are_left_to_a_person(film: Path) -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    job = job_of(film, language="en", to=("tr",), voice=None)
    decided = decide(job, film.with_suffix(".dubline"))
    assert decided.by_hand == ("tr",)
    assert "left to a person" in decided.left and "dubline setup --from en --to tr" in decided.left
    assert any(decided.left in reason for reason in decided.reasons)
    with pytest.raises(NotSetUp, match="translator: "):
        decide(job_of(film, language="en", to=("tr",), voice=None, translator="firefox"), film)
    done = decide(
        job_of(film, language="en", to=("tr",), voice=None, translator="manual"), film.with_suffix(".dubline")
    )
    assert not done.left and not done.by_hand


def test_at_a_terminal_the_table_is_offered_and_the_work_goes_on_after_yes(
    film: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    monkeypatch.setattr(cli, "watched", lambda: True)
    answers, brought = iter([False, False, True]), []
    monkeypatch.setattr(cli.typer, "confirm", lambda *_, **__: next(answers))
    monkeypatch.setattr(cli, "carry_out", lambda plan, machine: brought.append(plan))
    root = film.with_suffix(".dubline")
    with pytest.raises(NotSetUp):
        cli.decide_or_set_up(job_of(film), root)
    shown = capsys.readouterr().out
    assert "This job needs" in shown and "piper-en-joe" in shown and "licence:" in shown
    # Who says no to a translator has the lines left to them; who says yes is asked no more.
    english = job_of(film, language="en", to=("tr",), voice=None)
    assert cli.decide_or_set_up(english, root).left and not brought
    assert "recognizer" not in capsys.readouterr().out, "what is here is not offered"
    cli.decide_or_set_up(english, root)
    (plan,) = brought
    assert {need.row.kind for need in plan.needs} == {"translator"}


def test_one_thing_alone_stays_the_error_that_it_is() -> None:
    lacking = Lacking()
    with lacking("voice"):
        raise BackendMissing("no voice", hint="get one")
    with pytest.raises(BackendMissing, match="no voice") as caught:
        lacking.tell()
    assert caught.value.kind == "voice"
    with lacking("translator"):
        raise WeightsError("no model", hint="fetch it")
    with pytest.raises(NotSetUp, match=r"no voice\. get one\n.*no model\. fetch it"):
        lacking.tell()
    Lacking().tell()


def test_where_setup_plans_no_translator_it_is_not_named(film: Path) -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    alone = decide(job_of(film, language="en", to=("ku",), voice=None), film.with_suffix(".dubline"))
    assert alone.by_hand == ("ku",) and "setup" not in alone.left
    assert "leave the lines to a person" in alone.left and "--translator llm" in alone.left
    both = decide(job_of(film, language="en", to=("ku", "tr"), voice=None), film.with_suffix(".dubline"))
    assert "`dubline setup --from en --to tr`" in both.left and "--translator llm" in both.left


@pytest.mark.parametrize(
    ("pair", "first"),
    [
        (("tr", "en"), "`dubline setup --from tr --to en` brings one"),
        (("en", "ku"), "--translator llm --server"),
    ],
)
def test_a_text_without_a_translator_is_told_the_one_command_first(
    tmp_path: Path, pair: tuple[str, str], first: str
) -> None:
    text = tmp_path / "lines.srt"
    text.write_text("1\n00:00:01,000 --> 00:00:02,000\nGel.\n", encoding="utf-8")
    words = ("translate", text, "--from", pair[0], "--to", pair[1])
    told = dubline(*words)
    hint = " ".join(told.err.partition("\n")[2].split())
    assert told.status and hint.index(first) < hint.index("--translator manual")
    assert "pip install" not in hint, "one way is enough"
    assert ("dubline setup" in hint) == (pair == ("tr", "en"))
    assert "dubline setup" not in dubline(*words, "--translator", "firefox").err, "what was named has its own"
    assert dubline(*words, "--translator", "manual").status == 0


def test_what_auto_took_for_another_source_does_not_stand_in_the_way(film: Path) -> None:
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    root = film.with_suffix(".dubline")
    had = TranslateWish(translator="firefox", translator_model="firefox-xx-tr", found_for="pt")
    with Run(root) as run:
        run.keep_wish("translate.tr", had)
    decided = decide(job_of(film, language="en", to=("tr",), voice=None), root)
    assert decided.by_hand == ("tr",), "auto finds none for English here"
    with Run(root) as run:
        run.keep_wish("translate.tr", msgspec.structs.replace(had, found_for=None))
    with pytest.raises(NotSetUp, match="firefox-xx-tr"):
        decide(job_of(film, language="en", to=("tr",), voice=None), root)
