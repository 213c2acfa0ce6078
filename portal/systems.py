"""What a receiving system sends back: a signed acknowledgement, in the same scheme as the webhook that it answers."""

import json
from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from notifiers.webhook.signing import verified
from portal.answering import Answering, named
from schemas.answers import Way
from storage import answers, endpoints

router = APIRouter()

TOLERANCE: Final = timedelta(minutes=5)
"""Standard Webhooks: an older or newer timestamp is a replay."""


@router.post("/api/v1/acknowledgements")
async def acknowledge(request: Request) -> Response:
    """Body `{"delivery_id": "…", "by": "…"}`, signed with the endpoint's own secret. 200 and, the second time, too;
    401 for a signature that is not the endpoint's, whatever the delivery."""
    answering: Answering = request.app.state.answering
    body, now = await request.body(), request.app.state.now()
    given = _fields(body)
    if given is None:
        return _problem(400, "The body must be a JSON object with delivery_id and by, both text.")
    delivery_id, by = given
    headers = {name: request.headers.get(name, "") for name in _SIGNED}
    done = await run_in_threadpool(_acknowledge, answering, delivery_id, by, body, headers, now)
    if not done:
        return _problem(401, "The signature is not that of the endpoint which got this delivery, or it is too old.")
    return JSONResponse({"delivery_id": delivery_id, "acknowledged": True})


_SIGNED: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


def _acknowledge(
    answering: Answering, delivery_id: str, by: str, body: bytes, headers: dict[str, str], now: datetime
) -> bool:
    def work(connection: Connection) -> bool:
        known = endpoints.shared_secrets(connection, delivery_id)
        matches = [verified(each, headers, body, now=now, tolerance=TOLERANCE) for each in known or (_NO_SECRET,)]
        if not known or not any(matches):
            return False
        answers.acknowledge(connection, delivery_id, by=by, way=Way.WEBHOOK)
        return True

    with answering.engine.begin() as connection:
        return work(connection)


_NO_SECRET: Final = "whsec_" + "A" * 43 + "="
"""Compared with where there is no such delivery, so that the answer takes as long."""


def _fields(body: bytes) -> tuple[str, str] | None:
    try:
        given = json.loads(body)
        delivery_id, by = given["delivery_id"], named(given["by"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return (delivery_id, by) if isinstance(delivery_id, str) and by is not None and len(delivery_id) == 32 else None


def _problem(status: int, sentence: str) -> Response:
    """RFC 9457."""
    body = {"type": "about:blank", "title": sentence, "status": status}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
