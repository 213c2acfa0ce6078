"""`tocsin conformance --lab ID FILE…`: a laboratory tries its own messages before it goes live."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Final

import typer

from tocsin import conformance, wiring
from tocsin.conformance import Check, Verdict
from tocsin.report_files import lines

app = typer.Typer(help="Try a laboratory's messages, rights and feedback before it goes live.")

_SIGNS: Final = {Verdict.PASSED: "ok", Verdict.FAILED: "FAILED", Verdict.SKIPPED: "skipped"}


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def conform(
    files: Annotated[list[Path], typer.Argument(help="Files of reports: JSON, JSON Lines or CSV.", metavar="FILE…")],
    laboratory: Annotated[str, typer.Option("--lab", help="The laboratory that tries.")],
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait for feedback.")] = 60,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Copies of the reports are sent as `status: test` with event ids of their own. Exit code 1 when a check fails."""
    given = [(f"{path}:{line.number}", line.value) for path in files for line in lines(path)]
    checks = list(conformance.offline(given, laboratory))
    if all(one.verdict is Verdict.PASSED for one in checks):
        settings = wiring.settings(data_dir)
        own, kafka = settings.kafka.user is not None, wiring.kafka(settings)
        checks += asyncio.run(conformance.online(kafka, given, laboratory, own_login=own, wait=wait))
    else:
        checks.append(Check(name="sending", verdict=Verdict.SKIPPED, said="mend the reports first; nothing was sent"))
    _print(checks, as_json=as_json)
    raise typer.Exit(1 if any(one.verdict is Verdict.FAILED for one in checks) else 0)


def _print(checks: list[Check], *, as_json: bool) -> None:
    if as_json:
        shown = [{"check": one.name, "verdict": one.verdict, "said": one.said} for one in checks]
        print(
            json.dumps({"passed": not any(one.verdict is Verdict.FAILED for one in checks), "checks": shown}, indent=2)
        )
        return
    widest = max(len(one.name) for one in checks)
    for one in checks:
        print(f"{_SIGNS[one.verdict]:<7}  {one.name:<{widest}}  {one.said}")
