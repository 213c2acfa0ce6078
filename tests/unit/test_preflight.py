"""The preflight names what is missing and how to get it, on any Python."""

import subprocess
import sys
from pathlib import Path

from scripts import preflight

ROOT = Path(__file__).parents[2]


def test_a_disk_that_is_too_small_is_named_with_what_is_free(tmp_path: Path) -> None:
    lacking = preflight.disk(tmp_path, 10**6)
    assert lacking is not None
    assert lacking.what.startswith(f"1e+06 GB of free disk in {tmp_path} (")
    assert lacking.fatal


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lacking = preflight.writable(tmp_path / "file" / "cache", "cache directory", "set TOCSIN_CACHE_DIR")
    assert lacking is not None
    assert str(tmp_path / "file") in lacking.what


def test_only_what_is_fatal_stops() -> None:
    assert preflight.report([preflight.Lacking("x", "y", fatal=False)])
    assert not preflight.report([preflight.Lacking("x", "y")])


def test_it_needs_nothing_but_the_standard_library() -> None:
    ended = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "scripts" / "preflight.py")], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
