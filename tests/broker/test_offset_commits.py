"""Committed offsets only tell the broker how far a worker is: no batch waits until it knows."""

import asyncio
from pathlib import Path

from tests.streaming.site import UNCOMMITTED, site

MANY = 11_000
"""More than the 10,000 after which Faust itself would wait for a commit before it fetches on."""


def test_batches_go_on_while_a_commit_of_offsets_is_never_answered(kafka: str, database: str, tmp_path: Path) -> None:
    with site(kafka, database, tmp_path, count=1, worker=UNCOMMITTED) as made:
        topic = made.topics[0]
        asyncio.run(made.send({topic: [b"report"] * MANY}))
        made.start()
        made.wait_for(MANY)
        for more in (100, 200):
            asyncio.run(made.send({topic: [b"report"] * 100}))
            made.wait_for(MANY + more)

        assert made.query("SELECT count(*) FROM seen") == [(MANY + 200,)]
        assert made.log().count("commit asked") == 1, "no commit hung: this run proved nothing"
        assert " stalled " not in made.log(), "the watchdog read what the stream should have"
