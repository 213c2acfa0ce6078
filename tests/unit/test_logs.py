"""What processes say on stderr holds nothing that names a person, whoever says it."""

import subprocess
import sys

PROGRAM = """
import logging
import structlog
from tocsin.logs import configure
configure("info")
log = structlog.get_logger("test")
delivery = "00112233445566778899001122334455"
log.info("delivery", delivery=delivery, answer="550 jane.roe@example.org unknown", seen=["+386 1 234 56 79"], offset=12)
try:
    raise ValueError("no mailbox jane.roe@example.org")
except ValueError as error:
    log.error("failed", error=error, exc_info=error)
logging.getLogger("a.library").warning("could not reach %s", "jane.roe@example.org")
try:
    raise ValueError("nor jane.roe@example.org")
except ValueError:
    logging.getLogger("a.library").exception("broken")
"""


def test_what_names_a_person_is_masked_in_values_errors_tracebacks_and_lines_of_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    said = done.stderr
    assert "jane" not in said and "234 56" not in said
    assert said.count("[removed]") >= 6
    for kept in (
        "550 ",
        " unknown",
        "00112233445566778899001122334455",
        "offset=12",
        "a.library",
        "Traceback",
    ):
        assert kept in said, kept
