"""Says in one screen what this machine lacks for Tocsin, and how to get it; standard library only."""

# Nothing here that Python 3.7 cannot read: an old Python must be able to say that it is too old.
from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

GIGABYTE = 10**9
OLDEST, NEWEST = (3, 11), (3, 12)


class Lacking:
    """One thing that is missing; `fatal` when nothing works without it."""

    def __init__(self, what: str, remedy: str, *, fatal: bool = True) -> None:
        self.what, self.remedy, self.fatal = what, remedy, fatal


def python() -> Lacking | None:
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return None
    return Lacking(
        f"Python 3.11 or 3.12 (this is {sys.version_info[0]}.{sys.version_info[1]})",
        "Debian, Ubuntu: apt-get install python3.11 python3.11-venv; Fedora: dnf install python3.11; "
        "macOS: brew install python@3.11. Then: make PYTHON=python3.11 …",
    )


def venv() -> Lacking | None:
    try:
        import ensurepip
        import venv as _

        del ensurepip, _
    except ImportError:
        return Lacking("Python's venv and ensurepip", "Debian, Ubuntu: apt-get install python3-venv")
    return None


def system() -> Lacking | None:
    machine, name = platform.machine().lower(), platform.system()
    if name == "Darwin" and machine == "arm64":
        return None
    if name != "Linux" or machine not in ("x86_64", "amd64", "aarch64", "arm64"):
        return Lacking(
            f"Linux on x86-64 or arm64, or macOS on arm64 (this is {name} on {machine})",
            "Kafka's and PostgreSQL's binaries come for these only: use such a machine or a container.",
        )
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, version.split(".")[:2])) < (2, 28):
        return Lacking(
            "glibc 2.28 or newer (found {})".format((library + " " + version).strip() or "another C library"),
            "use Debian 10, Ubuntu 20.04, RHEL 8 or newer; Alpine (musl) does not work.",
        )
    return None


def disk(root: Path, gigabytes: float) -> Lacking | None:
    free = shutil.disk_usage(root).free
    if free >= gigabytes * GIGABYTE:
        return None
    what = f"{gigabytes:g} GB of free disk in {root} ({free / GIGABYTE:.1f} GB are free)"
    return Lacking(what, "free some, or put the checkout on another disk.")


def memory() -> Lacking | None:
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    if free >= 1.5 * GIGABYTE:
        return None
    what = f"1.5 GB of free memory ({free / GIGABYTE:.1f} GB are free)"
    return Lacking(what, "close something; Kafka's Java may not start or be ended by the system.", fatal=False)


def writable(folder: Path, name: str, remedy: str) -> Lacking | None:
    there = folder
    while not there.exists():
        there = there.parent
    if os.access(there, os.W_OK | os.X_OK):
        return None
    return Lacking(f"a writable {name} ({there} is not)", remedy)


def network() -> Lacking | None:
    """Only whether the package index has an address; proxies, mirrors and local wheels are pip's business."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "PIP_INDEX_URL", "PIP_NO_INDEX")):
        return None
    try:
        from pip._internal.models.index import PyPI

        socket.getaddrinfo(urlsplit(PyPI.url).hostname, 443)
    except ImportError:
        return None
    except OSError:
        return Lacking(
            "the network (the package index has no address here)",
            "it is needed once, for about 400 MB; behind a proxy set HTTPS_PROXY, for a mirror PIP_INDEX_URL.",
            fatal=False,
        )
    return None


def lacking(root: Path, *, setting_up: bool) -> list[Lacking]:
    """Everything that is missing. Less is asked for when the environment is there already."""
    cache = os.environ.get("TOCSIN_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    checks = [
        python(),
        system(),
        memory(),
        disk(root, 2 if setting_up else 0.5),
        writable(
            Path(cache).expanduser().absolute(),
            "cache directory",
            "set HOME or TOCSIN_CACHE_DIR to a directory that you may write to.",
        ),
        writable(root / ".venv", "checkout", "clone it where you may write."),
    ]
    if setting_up:
        checks += [venv(), network()]
    return [found for found in checks if found is not None]


def report(found: list[Lacking]) -> bool:
    """Print what is missing; True when it is possible to go on."""
    for one in found:
        print(f"{'missing' if one.fatal else 'warning'}: {one.what}\n    {one.remedy}", file=sys.stderr)
    return not any(one.fatal for one in found)


def main() -> int:
    if report(lacking(Path(__file__).resolve().parent.parent, setting_up=True)):
        print("nothing is missing that Tocsin cannot do without", file=sys.stderr)
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
