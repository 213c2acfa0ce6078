"""One good report, and ways to bend it."""

import copy
import json
from datetime import UTC, datetime

from schemas.records import Record

Report = dict[str, object]

_GOOD = """
{"schema_version": "1.0", "event_id": "0190f3d2-7a1c-7c11-9d0e-6f6b0a1d2c3e", "revision": 1, "action": "new",
 "status": "actual", "report_type": "collected_sample",
 "reporter": {"lab": "si-example", "role": "forensic_lab", "case_ref": "EX-2021-00117"},
 "reported_at": "2021-01-20T09:30:00Z", "event_date": {"value": "2021-01-11", "precision": "day"},
 "country": "SI", "region": "SI04",
 "components": [{"name_reported": "brorphine", "inchikey": "CNOFBGYRMCBVLO-UHFFFAOYSA-N", "role": "main_active",
   "methods": ["gc_ms", "nmr"], "reference_standard": "yes", "identification": "confirmed"}],
 "sample": {"physical_form": "tablet", "n_units": 2, "presentation": "fake_medicine", "sold_as": "oxycodone",
   "mis_sold": true, "distribution": ["online"], "appearance": {"colour": "blue", "imprint": "M 30"}},
 "handling": "AMBER", "public_consent": {"given": false}}
"""

ABSENT = object()


def good() -> Report:
    """The example of the format."""
    report: Report = json.loads(_GOOD)
    return report


def bent(**changes: object) -> Report:
    """The good report with fields changed: `sample__n_units=0`, `components__0__cas="x"`, `handling=ABSENT`."""
    report = copy.deepcopy(good())
    for path, value in changes.items():
        _set(report, path.split("__"), value)
    return report


def _set(part: object, path: list[str], value: object) -> None:
    head, *rest = path
    if isinstance(part, list):
        if rest:
            _set(part[int(head)], rest, value)
        else:
            part[int(head)] = value
    elif isinstance(part, dict):
        if rest:
            _set(part.setdefault(head, {}), rest, value)
        elif value is ABSENT:
            part.pop(head)
        else:
            part[head] = value


def record(report: Report | bytes | None, **headers: bytes) -> Record:
    """The record of a laboratory's topic, as the broker gives it."""
    return Record(
        topic="detections-si-example",
        partition=0,
        offset=0,
        timestamp=datetime(2021, 1, 20, 9, 30, tzinfo=UTC),
        value=json.dumps(report).encode() if isinstance(report, dict) else report,
        headers=tuple(headers.items()),
    )
