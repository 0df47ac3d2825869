"""`--help` is one screen; `--help-all` has every option, in its panel, with its whole name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from command import dubline

from dubline.cli import app
from dubline.cli.help import ALL, PANELS

LONGEST = 50
"""Lines of a page on a terminal of 100 columns."""
MANY = 8
"""Options from which on a command's stand in panels."""


def commands(group: Any = None, *above: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command, by its words."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *above, name)
        else:
            yield (*above, name), command


def options(command: Any) -> list[Any]:
    return [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]


EACH = [pytest.param(words, command, id=" ".join(words)) for words, command in commands()]


@pytest.mark.parametrize(("words", "command"), EACH)
def test_help_is_one_screen_and_the_rest_is_not_hidden(
    words: tuple[str, ...], command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    page = dubline(*words, "--help").out
    lines = page.splitlines()
    assert len(lines) <= LONGEST and max(map(len, lines)) <= 100
    rare = [option for option in options(command) if option.hidden]
    assert bool(rare) == (f"{len(rare)} more options: dubline {' '.join(words)} {ALL}" in page)
    assert not [option.name for option in rare if re.search(rf"^  {re.escape(option.opts[0])}\b", page, re.M)]


@pytest.mark.parametrize("columns", ["80", "50"])
@pytest.mark.parametrize(("words", "command"), EACH)
def test_help_all_names_every_option_whole_and_once(
    words: tuple[str, ...], command: Any, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = dubline(*words, ALL).out.splitlines()
    panels = [number for number, line in enumerate(lines) if re.fullmatch(r"[A-Z][a-z ]+:", line)]
    lines = lines[panels[0] :] if panels else []
    heads = [line.split("  ")[1] for line in lines if line.startswith("  -")]
    named = [name for head in heads for name in re.findall(r"--[\w-]+", head)]
    assert sorted(named) == sorted(
        name for o in options(command) for name in (*o.opts, *o.secondary_opts) if name.startswith("--")
    )


@pytest.mark.parametrize(("words", "command"), EACH)
def test_every_option_of_a_command_with_many_has_a_panel(words: tuple[str, ...], command: Any) -> None:
    known = options(command)
    homeless = [o.opts[0] for o in known if o.rich_help_panel not in PANELS]
    assert len(known) < MANY or not homeless, f"{words}: give them a panel of dubline.cli.help.PANELS"


def test_the_commands_stand_in_panels_too() -> None:
    known = typer.main.get_command(app)
    assert not [
        name
        for name, command in known.commands.items()  # type: ignore[attr-defined]
        if command.rich_help_panel not in PANELS
    ]
    page = dubline("--help").out
    places = [page.index(f"\n{panel}:") for panel in PANELS[:4]]
    assert places == sorted(places)
    assert page.index("localize") < page.index("speakers") < page.index("export") < page.index("doctor")


def test_help_all_of_everything_has_the_page_of_every_command() -> None:
    whole = dubline(ALL).out
    for case in EACH:
        words = case.values[0]
        assert dubline(*words, ALL).out.strip() in whole, words
    assert "dubline speakers rename" in dubline("speakers", ALL).out


def test_a_value_that_is_no_option_is_none() -> None:
    answer = dubline("separate", "--", ALL)
    assert answer.status == 2 and ALL in answer.err


# --- what was typed wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "command"), EACH)
def test_a_usage_line_reads_as_it_is_typed(words: tuple[str, ...], command: Any) -> None:
    names = [p.name.upper() for p in command.params if p.param_type_name == "argument" and p.required]
    answer = dubline(*words, *(() if names else ("one", "two", "three")))
    assert answer.status == 2, answer
    usage = answer.err.partition("\n\n")[0]
    assert "{" not in usage and not re.search(r"\b[A-Z]*[a-z]+\b", usage.split("[OPTIONS]")[1].split("\n")[0])
    assert (f"Missing argument {names[0]}" if names else "There is no place for") in answer.err
    example = re.search(r"For example: dubline (.*)", answer.err)
    assert example is None or example[1].startswith(" ".join(words))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("speakers RUN rename A B", "speakers rename RUN A B"),
        ("speakers RUN undo", "speakers undo RUN"),
        ("subtitles RUN export", "subtitles export RUN"),
        ("transcript RUN export --names", "transcript export RUN --names"),
        ("models NAME fetch", "models fetch NAME"),
        ("RUN export --to srt", "export RUN --to srt"),
        ("RUN speakers rename A B", "speakers rename RUN A B"),
    ],
)
def test_a_run_may_stand_before_its_verb(said: str, meant: str, tmp_path: Path) -> None:
    run = str(tmp_path / "no such run")
    first, second = (dubline(*(run if w == "RUN" else w for w in text.split())) for text in (said, meant))
    assert first == second and first.status


def test_a_run_without_a_verb_is_told_what_can_be_done(tmp_path: Path) -> None:
    run = tmp_path / "a film.dubline"
    run.mkdir()
    told = dubline("subtitles", run).err
    for verb in ("export", "import", "check"):
        assert f"dubline subtitles {verb} '{run}'" in told, told
    every = dubline(run).err
    assert f"dubline dub '{run}'" in every and "doctor" not in every and "models" not in every
    assert "Did you mean 'rename'" in dubline("speakers", "renam", run, "A", "B").err


def test_what_is_no_number_is_said_in_words() -> None:
    for value, told in (("two", "give a whole number, such as 2"), ("0", "give 1 or more")):
        assert told in dubline("transcribe", "a.mov", "--speakers", value).err
    assert "give a number, such as 0.5" in dubline("separate", "a.mov", "--overlap", "half").err
