"""Kafka's jars are exactly those of the lock, or Kafka is not started and a sentence says why."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import clean_environment
from tocsin.embedded.jars import class_path
from tocsin.errors import Refusal

JAR = b"the jar of the lock"


@contextmanager
def repository(content: bytes) -> Iterator[str]:
    """A Maven repository that answers everything with these bytes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/maven"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of one jar, and an empty cache."""
    monkeypatch.setenv("TOCSIN_CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "lock.toml"
    digest = hashlib.sha256(JAR).hexdigest()
    coordinates = 'groupId = "org.one"\nartifactId = "two"\nversion = "3"\npackaging = "jar"'
    file.write_text(f'[[dependencies]]\n{coordinates}\nsha256 = "{digest}"\n')
    return file


def test_a_jar_is_fetched_once_and_then_needs_no_network(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with repository(JAR) as url:
        monkeypatch.setenv("TOCSIN_MAVEN_URL", url)
        fetched = class_path(lock)
    assert Path(fetched).read_bytes() == JAR
    assert fetched.endswith("org/one/two/3/two-3.jar")
    assert class_path(lock) == fetched


def test_a_jar_truncated_on_disk_is_fetched_again(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with repository(JAR) as url:
        monkeypatch.setenv("TOCSIN_MAVEN_URL", url)
        jar = Path(class_path(lock))
        os.truncate(jar, 3)
        class_path(lock)
    assert jar.read_bytes() == JAR


def test_a_jar_with_another_hash_is_refused_in_a_sentence(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with repository(b"another jar") as url:
        monkeypatch.setenv("TOCSIN_MAVEN_URL", url)
        with pytest.raises(Refusal, match=r"two 3 from .* is not the file that .* names \(its SHA-256 differs\)"):
            class_path(lock)


@pytest.mark.long
def test_without_network_and_cache_the_command_says_what_to_do(tmp_path: Path) -> None:
    environment = {"TOCSIN_CACHE_DIR": str(tmp_path), "TOCSIN_MAVEN_URL": "http://127.0.0.1:9/none"}
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "tocsin.embedded.jars"],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "could not be fetched from http://127.0.0.1:9/none/" in ended.stderr
    assert "Traceback" not in ended.stderr
