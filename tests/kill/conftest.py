"""Shows how far a run of the kill suite is, and ends it with what it did in all."""

import time

import pytest
from _pytest.terminal import TerminalReporter

from tests.kill.summary import Told, lines
from tests.kill.trial import Say


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Say:
    """A line on the terminal at once: a run takes most of an hour, and pytest keeps what is printed until its end."""
    terminal = request.config.pluginmanager.getplugin("terminalreporter")
    assert isinstance(terminal, TerminalReporter)
    began, name = time.monotonic(), request.node.name

    def told(line: str) -> None:
        terminal.ensure_newline()
        terminal.write(f"{time.monotonic() - began:5.0f} s  {line}\n", flush=True)

    told(name)
    return told


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """What the trials told, whether they passed or not."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)]
    told = [value for one in reports for _, value in one.user_properties if isinstance(value, Told)]
    said = list(lines(told))
    if said:
        terminalreporter.section("kill suite")
        for line in said:
            terminalreporter.write_line(line)
