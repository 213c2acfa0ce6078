"""Papers about one case: the draft of a formal notification and the public extract, each from what is stored."""

import html
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection

from alerts.notification import Basis, Draft, draft
from alerts.public_extract import NotPublic, PublicExtract, check, extract
from alerts.time_limits import Clock
from schemas.decoding import decode_bytes
from schemas.detections import Detection
from schemas.rejections import Rejection
from storage import archive, browsing, notifications
from storage.browsing import CaseDetail
from tocsin.errors import Refusal


def case_of(connection: Connection, asked: str) -> CaseDetail:
    """The one case that fits. Refused when none or several do."""
    found = browsing.case(connection, asked)
    if found is None:
        raise Refusal(f"No one case is {asked!r}: `tocsin case list --level 0` shows those there are.")
    return found


def notification(connection: Connection, asked: str) -> Draft:
    """The draft for a case, whatever its level."""
    found = case_of(connection, asked)
    grade, summary = found.grade, found.summary
    opened = notifications.of(connection, [found.row.id]).get(found.row.id)
    first = min((line.at for line in found.log), default=found.row.changed_at)
    return draft(
        Basis(
            case=found.row.id,
            alert=found.row.number,
            subject=found.subject,
            first_in_union=grade is not None and any("UNION-FIRST" in rule.id for rule in grade.fired),
            decided_on=(opened.opened_at if opened else first).date(),
            today=datetime.now(UTC).date(),
            number=opened.number if opened else None,
            done=opened.done if opened else {},
            handling=summary.handling,
            conditions=summary.use_conditions,
            reports=tuple(_reports(connection, found)),
        )
    )


def _reports(connection: Connection, found: CaseDetail) -> Iterator[Detection]:
    for body in archive.bodies(connection, [(one.laboratory, one.event_id, one.revision) for one in found.reports]):
        decoded = decode_bytes(body.encode(), laboratory=None)
        if not isinstance(decoded, Rejection):
            yield decoded.detection


def public(connection: Connection, asked: str) -> PublicExtract | tuple[NotPublic, ...]:
    """What might be published of the alert of a case, after a reviewer's release; or every reason against it."""
    found = case_of(connection, asked)
    events = browsing.alert(connection, found.row.number) if found.row.number else ()
    if not events:
        raise Refusal(f"Nobody was told of case {found.row.id}: there is no alert to publish.")
    regions = tuple(sorted({report.region for report in found.reports if report.region}))
    made = extract(events[-1], regions, found.summary)
    if isinstance(made, PublicExtract):
        check(made.model_dump_json().encode(), events[-1], found.reports)
    return made


def page(made: Draft) -> str:
    """The draft as one page to read and print: no script, no picture, nothing from elsewhere."""
    body = "".join(_section(item.letter, item.heading, item.known, item.missing) for item in made.items)
    clocks = "".join(
        f"<tr><td>{html.escape(clock.article)}</td><td>{html.escape(clock.what)}</td>"
        f"<td>{clock.weeks} weeks from {html.escape(clock.starts_with)}</td><td>{limit(clock)}</td></tr>"
        for clock in made.clocks
    )
    conditions = "".join(f"<p>Condition of use: {html.escape(condition)}</p>" for condition in made.conditions)
    first = "First finding in the Union." if made.first_in_union else "Not known as the first finding in the Union."
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(made.title)}</title>'
        "<style>body{font:16px/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
        "th,td{text-align:left;padding:.2rem .6rem;border-bottom:1px solid #ccc}.missing{color:#8a1c00}</style></head>"
        f"<body><p>TLP:{html.escape(made.handling)}</p><h1>{html.escape(made.title)}</h1><p>{first} "
        f"Draft {html.escape(made.number or '-')}, case {html.escape(made.case)}, "
        f"alert {html.escape(made.alert or '-')}. Content of Art. 13(2)(a)–(j) of "
        f"Regulation (EU) 2023/1322; {made.missing} things are still missing.</p>{conditions}{body}"
        f"<h2>Time limits</h2><table><tr><th>Article</th><th>What</th><th>Counted</th><th>Ends"
        f"</th></tr>{clocks}</table></body></html>\n"
    )


def limit(clock: Clock) -> str:
    """When a time limit ends, and how it stands."""
    if clock.done is not None:
        return f"done on {clock.done}"
    if clock.overdue:
        return f"{clock.due}, overdue"
    return f"{clock.due}" if clock.runs else f"{clock.due} at the earliest, does not run yet"


def _section(letter: str, heading: str, known: tuple[str, ...], missing: tuple[str, ...]) -> str:
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in known)
    lines += "".join(f'<li class="missing">missing: {html.escape(line)}</li>' for line in missing)
    return f"<h2>({letter}) {html.escape(heading)}</h2><ul>{lines}</ul>"
