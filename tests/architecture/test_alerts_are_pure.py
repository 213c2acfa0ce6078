"""`alerts/` decides and does nothing else: no clock, chance, log, network or environment; every list is documented."""

import ast
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest
import yaml

from alerts.lifecycle import Silence
from alerts.responses import Circumstance, responses
from alerts.rulebook import EUROPEAN
from alerts.rulebook import read as read_rules

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "alerts").glob("*.py"))
NAMED = [pytest.param(path, id=path.stem) for path in MODULES if path.stem != "__init__"]

FORBIDDEN_IMPORTS = frozenset(
    [
        "time",
        "random",
        "secrets",
        "logging",
        "structlog",
        "socket",
        "ssl",
        "http",
        "urllib",
        "requests",
        "aiohttp",
        "asyncio",
        "threading",
        "subprocess",
        "os",
        "sys",
        "locale",
        "platform",
        "tempfile",
        "shutil",
        "sqlite3",
        "psycopg",
        "sqlalchemy",
        "faust",
        "aiokafka",
        "tocsin",
        "storage",
        "streams",
        "notifiers",
    ]
)
FORBIDDEN_CALLS = frozenset(
    [
        "now",
        "utcnow",
        "today",
        "fromtimestamp",
        "time",
        "time_ns",
        "monotonic",
        "perf_counter",
        "uuid1",
        "uuid4",
        "getenv",
        "getnode",
        "open",
        "input",
        "print",
        "write_text",
        "write_bytes",
        "urandom",
        "sleep",
        "system",
    ]
)
OWN_FILES = {
    "appearance": "appearance_words.csv",
    "classification": "class_rules.yaml",
    "catalogue": "substances.csv",
    "chemistry": "salts_and_solvents.csv",
    "responses": "responses.yaml",
    "rulebook": "european.yaml",
}
"""Modules that read a data file of their own at start, and one such file."""


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            yield name, node.lineno


def impurities(source: str) -> list[str]:
    """What a module does that a decision may not."""
    tree = ast.parse(source)
    found = [f"imports {name}" for name in imports(tree) if name.split(".")[0] in FORBIDDEN_IMPORTS]
    found += [f"line {line} calls {name}" for name, line in calls(tree) if name in FORBIDDEN_CALLS]
    found += [f"line {node.lineno} uses global" for node in ast.walk(tree) if isinstance(node, ast.Global)]
    found += [f"line {node.lineno} is async" for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    return found


@pytest.mark.parametrize("path", NAMED)
def test_no_clock_chance_log_network_or_environment(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    allowed = {"open"} if path.stem in OWN_FILES else set()
    found = [one for one in impurities(source) if not any(one.endswith(f"calls {name}") for name in allowed)]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from random import choice",
        "import logging",
        "from datetime import datetime\ndatetime.now()",
        "import uuid\nuuid.uuid4()",
        "from os import environ",
        "from storage import memory",
        "def f() -> None:\n    print('x')",
        "async def f() -> None: ...",
        "from datetime import date\ndate.today()",
    ],
)
def test_the_guard_sees_what_it_forbids(source: str) -> None:
    assert impurities(source)


@pytest.mark.parametrize("path", NAMED)
def test_files_are_read_only_by_the_modules_that_own_them(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    reads = {name for name, _ in calls(ast.parse(source)) if name in ("read_text", "open", "read_bytes", "files")}
    assert not reads or path.stem in OWN_FILES, f"{path.name} reads files: {sorted(reads)}"
    if path.stem in OWN_FILES:
        assert OWN_FILES[path.stem] in source


@pytest.mark.parametrize("path", NAMED)
def test_the_first_line_says_what_the_module_is_for(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith('"""') and len(first) > 25, first


@pytest.mark.parametrize("path", NAMED)
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", NAMED)
def test_every_list_of_words_has_distinct_ones(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in (one for one in ast.walk(tree) if isinstance(one, ast.ClassDef)):
        if any(isinstance(base, ast.Name) and base.id in ("StrEnum", "IntEnum", "Enum") for base in node.bases):
            values = [ast.dump(item.value) for item in node.body if isinstance(item, ast.Assign)]
            assert len(values) == len(set(values)), node.name
            assert ast.get_docstring(node), f"{node.name} says nothing of itself"


# Rules


def rules() -> list[tuple[str, str]]:
    tree = yaml.safe_load(EUROPEAN.read_text(encoding="utf-8"))
    parts = ("impact", "spread", "confidence", "overrides")
    return [(rule["id"], rule["says"]) for part in parts for rule in tree[part]]


def test_every_rule_has_an_id_of_its_own_and_a_sentence() -> None:
    ids = [rule for rule, _ in rules()]
    assert len(ids) == len(set(ids)) and all(len(says.split()) >= 3 for _, says in rules())
    assert set(read_rules().lines) == set(ids)


def test_the_id_of_a_rule_says_what_it_gives() -> None:
    book = read_rules().rules
    assert all(rule.id.startswith(f"I{rule.gives}-") for rule in book.impact)
    assert all(rule.id.startswith(f"P{rule.gives}-") for rule in book.spread)
    assert all(rule.id == f"C-{rule.gives}" for rule in book.confidence)
    assert all(rule.id.startswith("O-") for rule in book.overrides)


def test_every_number_of_the_rules_has_a_unit_and_a_source_and_every_rule_too() -> None:
    tree = yaml.safe_load(EUROPEAN.read_text(encoding="utf-8"))
    numbers = [*tree["doses"], *tree["bulk"], *tree["thresholds"], tree["user_level_units"]]
    assert all(entry["unit"] and entry["source"] in tree["sources"] for entry in numbers)
    assert all(entry["bounds"] and entry["source"] in tree["sources"] for entry in tree["windows"].values())
    parts = ("impact", "spread", "confidence", "overrides")
    assert all(rule["source"] in tree["sources"] for part in parts for rule in tree[part])


# Stages and reasons


def test_every_stage_of_the_first_line_is_described_and_called_in_order() -> None:
    source = (ROOT / "alerts" / "pipeline.py").read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(source)) or ""
    stages = re.findall(r"\w+", doc.splitlines()[0].split(":")[1].split(".")[0])
    described = [line.split()[0] for line in doc.splitlines()[2:] if line and not line.startswith(" ")]
    assert stages == described == ["read", "place", "file", "grade", "lead", "speak"]
    called = {"read": "def read(", "place": "standing(", "file": "file_report(", "lead": "leading("}
    positions = [source.index(f" {text}" if stage != "read" else text) for stage, text in called.items()]
    assert all(position > 0 for position in positions)
    assert source.index("= file_report(") < source.index("= leading(") < source.index("speak_after_report(touched")


def used(words: type[Enum], folder: str) -> set[str]:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / folder).glob("*.py"))
    return {word.name for word in words if f"{words.__name__}.{word.name}" in sources}


def test_every_reason_for_silence_is_given_somewhere() -> None:
    assert {word.name for word in Silence} == used(Silence, "alerts")


def test_every_circumstance_of_advice_can_hold_and_is_advised_about_or_asked() -> None:
    assert {word.name for word in Circumstance} == used(Circumstance, "alerts")
    said = {sentence.when for sentence in (*responses().advice, *responses().questions)}
    assert said <= set(Circumstance)
