"""Makes `.venv` as the pinned requirements say, once: `setup_venv.py run` or `setup_venv.py test`.

Quick and silent when it is there, offline then; two at once wait for each other; an interrupted one is taken up again.
"""

# Nothing here that Python 3.7 cannot read: an old Python must be able to say that it is too old.
from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import preflight

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
INCLUDED = {"run": ("run",), "test": ("test", "run")}
"""What is installed when this is: the test requirements hold all of the run requirements."""


def main() -> int:
    """Set up what is asked for, unless it is there."""
    wanted = sys.argv[1]
    lock = os.open(ROOT, os.O_RDONLY)  # the checkout itself is the lock: nothing to create, nothing to leave behind
    fcntl.flock(lock, fcntl.LOCK_EX)
    there = _current(wanted)
    if not preflight.report(preflight.lacking(ROOT, setting_up=not there)):
        return 1
    if there:
        return 0
    try:
        _set_up(wanted)
    except subprocess.CalledProcessError:
        _say("the set-up did not work; what failed is above. It needs the network once; then run the same again.")
        return 1
    return 0


def _set_up(wanted: str) -> None:
    if not _usable():
        shutil.rmtree(VENV, ignore_errors=True)
        _say("making .venv")
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    for name in INCLUDED:
        _stamp(name).unlink(missing_ok=True)
    _say(f"installing requirements/{wanted}.txt (a few minutes the first time)")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]
    requirements = str(ROOT / "requirements" / f"{wanted}.txt")
    subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", requirements], check=True)
    _link()
    _say("fetching Kafka")
    subprocess.run([str(PYTHON), "-m", "tocsin.embedded.jars"], check=True)
    for name in INCLUDED[wanted]:
        _stamp(name).write_text(_fingerprint(name))


def _link() -> None:
    """What is installed is the checkout itself, a path and the command: nothing is built, no build tool is needed."""
    query = [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(query, check=True, capture_output=True, text=True).stdout.strip())
    (packages / "tocsin-checkout.pth").write_text(f"{ROOT}\n")
    command = VENV / "bin" / "tocsin"
    command.write_text(f'#!/bin/sh\nexec "{PYTHON}" -P -m tocsin "$@"\n')
    command.chmod(0o755)


def _usable() -> bool:
    """Whether the environment's Python starts and is the version that we are."""
    try:
        query = [str(PYTHON), "-c", "import sys; print(sys.version_info[:2])"]
        said = subprocess.run(query, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return False
    return said == str(sys.version_info[:2])


def _current(name: str) -> bool:
    try:
        return _stamp(name).read_text() == _fingerprint(name)
    except OSError:
        return False


def _fingerprint(name: str) -> str:
    """Changes with the pins, the Python and the place of the checkout."""
    pins = (ROOT / "requirements" / f"{name}.txt").read_bytes()
    return hashlib.sha256(pins + repr((sys.version_info[:2], str(ROOT))).encode()).hexdigest()


def _stamp(name: str) -> Path:
    return VENV / f"tocsin-{name}.stamp"


def _say(sentence: str) -> None:
    print(f"set-up: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
