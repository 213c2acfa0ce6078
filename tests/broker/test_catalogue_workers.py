"""Two real workers follow the catalogue without a restart, and say which version read what."""

import asyncio
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

from schemas.topics import detections_topic
from tests.programs import until
from tests.streaming.site import REAL, ROOT, Site, report, site
from tests.unit.deciding import UNLISTED

NOBODY_KNOWS = "Examplenitazepyne"


def test_two_workers_take_a_new_version_between_two_batches_and_identify_anew_what_waited(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=2, worker=REAL) as made:
        made.start(0)
        made.start(1)
        _send(made, 1)
        made.wait_for(2)
        said = ("--smiles", UNLISTED, "--category", "opioid", "--by", "Example curator", "--reason", "published")
        done = _command(made, "catalogue", "add", NOBODY_KNOWS, *said, "--json")
        assert done.returncode == 0, done.stderr
        version = json.loads(done.stdout)["version"]
        _send(made, 2)
        made.wait_for(4)
        until(lambda: made.query("SELECT DISTINCT catalogue FROM detections") == [(version,)], within=30)
        assert made.query("SELECT count(DISTINCT substance), count(*) FROM findings WHERE substance LIKE 'S:%'") == [
            (1, 4)
        ]
        assert "registry_changed" not in made.log()


def _send(made: Site, number: int) -> None:
    """One report of each laboratory."""
    asyncio.run(made.send({detections_topic(one): [_report(one, number)] for one in made.laboratories}))


def _report(laboratory: str, number: int) -> bytes:
    body = json.loads(report(laboratory, number))
    body["event_id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{laboratory} {number}"))
    body["components"][0]["name_reported"] = NOBODY_KNOWS
    return json.dumps(body).encode()


def _command(made: Site, *words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "tocsin", *words],
        cwd=ROOT,
        env={**os.environ, **made.environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
