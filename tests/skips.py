"""Which tests are skipped and why: a list at the end, held against the reasons that are known.

pytest --known-skips tests/known_skips.txt      fails where a reason is not in that file
"""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path

import pytest


class Skips:
    """What was skipped, by reason."""

    def __init__(self, known: list[str] | None) -> None:
        self.known = known
        self.reasons: defaultdict[str, set[str]] = defaultdict(set)

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
            self.reasons[report.longrepr[2].removeprefix("Skipped: ")].add(report.nodeid)

    pytest_runtest_logreport = note
    pytest_collectreport = note

    def unknown(self) -> list[str]:
        """Reasons that are in no line of the list; none where there is no list."""
        if self.known is None:
            return []
        return [r for r in sorted(self.reasons) if not any(fnmatchcase(r, k) for k in self.known)]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unknown() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.reasons:
            terminalreporter.section("skipped")
        for reason, tests in sorted(self.reasons.items()):
            terminalreporter.line(f"{len(tests)}: {reason}")
        for reason in self.unknown():
            terminalreporter.line(f"NOT KNOWN: {reason}", red=True)
            for test in sorted(self.reasons[reason]):
                terminalreporter.line(f"    {test}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--known-skips", metavar="FILE", help="fail where a test skips for another reason")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return  # the process that started the others hears of every test
    name = config.getoption("--known-skips")
    config.pluginmanager.register(Skips(known_reasons(Path(name)) if name else None), "skips")


def known_reasons(path: Path) -> list[str]:
    """Patterns from lines `reason | why it may be skipped`; '*' stands for anything."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    assert all(line.partition(" | ")[2].strip() for line in lines), "each line says why"
    return [line.partition(" | ")[0] for line in lines]
