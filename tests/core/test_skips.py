"""The list of skips at the end of a test run, and reasons that nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest
import skips

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_that_runs(): ...

@pytest.mark.skipif(True, reason="there is no moon")
@pytest.mark.parametrize("n", [1, 2])
def test_marked(n): ...

def test_inside():
    pytest.skip("melt is not installed")

@pytest.mark.xfail
def test_that_fails():
    assert False
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest("from skips import pytest_addoption, pytest_configure")
    pytester.makepyfile(test_some=TESTS, test_whole="import pytest\npytest.importorskip('nosuch')")
    return pytester


def result(run: pytest.Pytester, *lines: str, workers: str = "0") -> pytest.RunResult:
    known = run.path / "known.txt"
    known.write_text("# reason | why\n\n" + "".join(f"{line}\n" for line in lines))
    return run.runpytest("-p", "xdist", "-n", workers, "--known-skips", str(known))


KNOWN = ("there is no moon | it sets", "* is not installed | a program", "could not import 'nosuch'* | none")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_known_reasons_are_listed_and_pass(run: pytest.Pytester, workers: str) -> None:
    done = result(run, *KNOWN, workers=workers)
    assert done.ret == 0
    done.stdout.fnmatch_lines_random(
        ["2: there is no moon", "1: melt is not installed", "1: could not import 'nosuch'*"]
    )
    done.stdout.no_fnmatch_line("*NOT KNOWN*")


@pytest.mark.parametrize(("gone", "workers"), [(0, "0"), (1, "0"), (2, "0"), (2, "2")])
def test_a_reason_that_is_not_in_the_list_fails(run: pytest.Pytester, gone: int, workers: str) -> None:
    done = result(run, *(line for line in KNOWN if line != KNOWN[gone]), workers=workers)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    told = ["there is no moon", "melt is not installed", "could not import 'nosuch'*"][gone]
    done.stdout.fnmatch_lines([f"NOT KNOWN: {told}", "    test_*.py*"])


def test_without_a_list_no_reason_fails(run: pytest.Pytester) -> None:
    done = run.runpytest()
    assert done.ret == 0
    done.stdout.fnmatch_lines(["2: there is no moon"])


def test_a_line_that_does_not_say_why_is_refused(tmp_path: Path) -> None:
    (tmp_path / "known.txt").write_text("there is no moon\n")
    with pytest.raises(AssertionError, match="says why"):
        skips.known_reasons(tmp_path / "known.txt")


def test_every_line_of_the_committed_list_says_why() -> None:
    assert skips.known_reasons(Path(__file__).resolve().parents[1] / "known_skips.txt")
