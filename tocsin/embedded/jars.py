"""Kafka's jars: fetched once, every SHA-256 of the committed lock checked at every start."""

import os
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import platformdirs
import pooch
from jgo.constants import MAVEN_CENTRAL_URL
from requests import RequestException

from schemas.base import Frozen
from tocsin.errors import Refusal

LOCK: Final = Path(__file__).with_name("kafka.lock.toml")


class Jar(Frozen, extra="ignore"):
    """One entry of the lock, in Maven's own words."""

    groupId: str
    artifactId: str
    version: str
    packaging: str
    sha256: str

    @property
    def path(self) -> str:
        """Where a Maven repository keeps it."""
        folder = f"{self.groupId.replace('.', '/')}/{self.artifactId}/{self.version}"
        return f"{folder}/{self.artifactId}-{self.version}.{self.packaging}"


class Lock(Frozen, extra="ignore"):
    """The lock file, made once with jgo (see its first lines)."""

    dependencies: tuple[Jar, ...]


def class_path(lock: Path = LOCK) -> str:
    """Java's class path of verified jars.

    Only pooch fetches: jgo accepts a truncated jar and two jgo at once crash.
    """
    jars = Lock.model_validate(tomllib.loads(lock.read_text())).dependencies
    shelf = _shelf({jar.path: f"sha256:{jar.sha256}" for jar in jars})
    with ThreadPoolExecutor(8) as pool:
        return os.pathsep.join(pool.map(lambda jar: _fetch(shelf, jar), jars))


def _shelf(registry: dict[str, str]) -> pooch.Pooch:
    pooch.get_logger().setLevel("ERROR")
    base = os.environ.get("TOCSIN_MAVEN_URL") or MAVEN_CENTRAL_URL
    cache = os.environ.get("TOCSIN_CACHE_DIR") or platformdirs.user_cache_dir("tocsin")
    return pooch.create(Path(cache) / "jars", base.rstrip("/") + "/", registry=registry, retry_if_failed=2)


def _fetch(shelf: pooch.Pooch, jar: Jar) -> str:
    try:
        return str(shelf.fetch(jar.path))
    except ValueError:
        raise Refusal(
            f"{jar.artifactId} {jar.version} from {shelf.base_url} is not the file that {LOCK.name} names "
            "(its SHA-256 differs), so Kafka is not started. Check the repository named by TOCSIN_MAVEN_URL."
        ) from None
    except (RequestException, OSError) as error:
        raise Refusal(
            f"{jar.artifactId} {jar.version} could not be fetched from {shelf.base_url} ({type(error).__name__}). "
            "The network is needed once; set TOCSIN_MAVEN_URL for a mirror, HTTPS_PROXY for a proxy."
        ) from None


def main() -> int:
    """Fetch what is missing, so that the first start needs no network."""
    try:
        class_path()
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
