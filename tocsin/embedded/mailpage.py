"""The pages of the embedded mailbox: a list, and each mail as a mail program shows it; nothing in a mail can run."""

from collections.abc import Sequence
from html import escape
from typing import Final

from tocsin.embedded.mailstore import Mail, Summary

PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
"""For a mail's own HTML: style and inline images, no script, no request to anywhere, also when opened by itself."""

SHOWN: Final = 300

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
p.note { margin: 0 0 1rem; opacity: .75; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); }
td, pre { overflow-wrap: break-word; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem; white-space: pre-wrap; margin: 0; font-size: 13px; }
iframe { width: 100%; height: 46rem; border: 1px solid var(--line); background: #fff; }
summary { cursor: pointer; }
"""
_MAIN_HEADERS: Final = ("from", "to", "subject", "date", "reply-to", "importance")


def listing(mails: Sequence[Summary], total: int) -> str:
    """The list, newest first."""
    rows = "".join(
        f'<tr><td class="time">{mail.received:%Y-%m-%d %H:%M:%S}</td><td>{escape(", ".join(mail.recipients))}</td>'
        f'<td><a href="/mail/{mail.id}">{escape(mail.subject) or "(no subject)"}</a></td></tr>'
        for mail in mails
    )
    shown = f"the newest {len(mails)} of {total}" if total > len(mails) else str(total)
    table = f"<table><thead><tr><th>Received (UTC)<th>To<th>Subject</thead><tbody>{rows}</tbody></table>"
    note = (
        f'<p class="note">Mails: {shown}. Nothing here left this machine. The page renews itself every 10 seconds; '
        '<a href="/mails.json">the list as JSON</a>.</p>'
    )
    body = table if mails else "<p>No mail yet.</p>"
    return _page("Mailbox", f"<h1>Mailbox</h1>{note}{body}", refresh=True)


def single(mail: Mail) -> str:
    """One mail: what a reader sees first, then the rest of it."""
    subject = escape(mail.summary.subject) or "(no subject)"
    parts = [
        f'<p class="note"><a href="/">All mails</a> · <a href="/mail/{mail.summary.id}/raw">raw source</a></p>',
        f"<h1>{subject}</h1>",
        _headers([item for item in mail.headers if item[0].lower() in _MAIN_HEADERS]),
        f"<details><summary>All {len(mail.headers)} headers</summary>{_headers(mail.headers)}</details>",
    ]
    if mail.html is not None:
        source = f"/mail/{mail.summary.id}/html"
        parts.append(f'<h2>HTML part</h2><iframe sandbox title="HTML part of the mail" src="{source}"></iframe>')
    if mail.text is not None:
        parts.append(f"<h2>Text part</h2><pre>{escape(mail.text)}</pre>")
    if mail.attachments:
        parts.append(f"<h2>Attachments</h2><p>{escape(', '.join(mail.attachments))}</p>")
    return _page(subject, "".join(parts))


def _headers(items: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in items) + "</dl>"


def _page(title: str, body: str, *, refresh: bool = False) -> str:
    again = '<meta http-equiv="refresh" content="10">' if refresh else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{again}'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )
