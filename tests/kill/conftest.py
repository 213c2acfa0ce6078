"""Ends a run of the kill suite with what it did in all."""

from _pytest.terminal import TerminalReporter

from tests.kill.summary import Told, lines


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """What the trials told, whether they passed or not."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)]
    told = [value for one in reports for _, value in one.user_properties if isinstance(value, Told)]
    said = list(lines(told))
    if said:
        terminalreporter.section("kill suite")
        for line in said:
            terminalreporter.write_line(line)
