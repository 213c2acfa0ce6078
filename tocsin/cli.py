"""The command line: one file per command under `tocsin/commands`, each imported only when it is called."""

import importlib
import os
import sys
from typing import Annotated, Final, NoReturn

import typer

from tocsin.errors import Refusal, explained, single
from tocsin.reading import unknown_variables

_HELP: Final = "An open European drug alert system: laboratory detections in, graded alerts out."

COMMANDS: Final = {
    "alert": "alert",
    "audit": "audit",
    "bounces": "bounces",
    "case": "case",
    "catalogue": "catalogue",
    "conformance": "conformance",
    "courier": "courier",
    "database": "database",
    "dead-letters": "dead_letters",
    "deliveries": "deliveries",
    "destination": "destination",
    "demo": "demo",
    "feed": "feed",
    "escalation": "escalation",
    "evaluate": "evaluate",
    "identity": "identity",
    "lab": "lab",
    "portal": "portal",
    "person": "person",
    "positions": "positions",
    "publish": "publish",
    "recover": "recover",
    "render": "render",
    "rules": "rules",
    "settings": "settings",
    "simulate": "simulate",
    "subscriber": "subscriber",
    "topics": "topics",
    "up": "up",
    "validate": "validate",
    "who-gets": "who_gets",
    "worker": "worker",
}
"""Command word → module under `tocsin.commands` that exports `app: typer.Typer`."""

LOCAL: Final = frozenset({"demo", "up"})
"""Those that start engines of their own; production images leave the extra `local` out, and them with it."""


def main() -> None:
    """Run the command that the first word names; whatever goes wrong reaches a person as a sentence."""
    for warning in unknown_variables():
        print(f"tocsin: {warning}", file=sys.stderr)
    try:
        _application()()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as caught:
        error = single(caught)
        if isinstance(error, Refusal):
            _fail(str(error), error.exit_code)
        if os.environ.get("TOCSIN_LOG_LEVEL", "").lower() == "debug":
            raise
        _fail(explained(error), 1)


def _application() -> typer.Typer:
    application = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=_HELP)
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    names = {wanted: COMMANDS[wanted]} if wanted in COMMANDS else COMMANDS
    for word, module in names.items():
        application.add_typer(_command(word, module), name=word)
    return application


def _command(word: str, module: str) -> typer.Typer:
    try:
        found: typer.Typer = importlib.import_module(f"tocsin.commands.{module}").app
    except ModuleNotFoundError:
        if word not in LOCAL:
            raise
        return _left_out(word)
    return found


def _left_out(word: str) -> typer.Typer:
    """The command where the extra `local` is not installed."""
    absent = typer.Typer(help="Not installed here: it needs the extra `local`.")

    @absent.callback(invoke_without_command=True, context_settings={"ignore_unknown_options": True})
    def refuse(_: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        raise Refusal(
            f"`tocsin {word}` starts engines of its own, which this installation leaves out: install tocsin[local], "
            "or use your own Kafka and PostgreSQL with `tocsin worker` and `tocsin courier`."
        )

    return absent


def _fail(sentences: str, code: int) -> NoReturn:
    for sentence in sentences.splitlines():
        print(f"tocsin: {sentence}", file=sys.stderr)
    sys.exit(code)
