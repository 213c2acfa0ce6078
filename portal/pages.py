"""The pages for people: GET shows and changes nothing, whoever opens the link; a person's POST acts."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from notifiers.wording.tongue import tongue
from portal import phrases, showing
from portal.answering import LONGEST_WORDS, Answering, named, worded
from portal.headers import from_our_page
from schemas.answers import AnswerKind
from schemas.personal_data import find

router = APIRouter()

SEE_OTHER: Final = 303
Field = Annotated[str, Form()]


@router.get("/a/{token}")
async def show(request: Request, token: str) -> Response:
    """What the reader was told. A scanner that opens every link changes nothing."""
    answering, now = _parts(request)
    return showing.alert(await run_in_threadpool(answering.told, token, now), token)


@router.post("/a/{token}")
async def acknowledge(request: Request, token: str, by: Field = "") -> Response:
    """The button: who read it. Needs a name, so that no machine does it by accident."""
    answering, now = _parts(request)
    told = await run_in_threadpool(answering.told, token, now)
    if not _ours(request):
        return showing.notice("cross_site", tongue(told.language), status=403)
    name = named(by)
    if name is None:
        problem = tongue(told.language).say(phrases.NEED_NAME)
        return showing.alert(told, token, problem=problem, typed={"by": by[:200]}, status=422)
    await run_in_threadpool(answering.acknowledge, token, now, by=name)
    return RedirectResponse(f"/a/{token}", SEE_OTHER)


@router.post("/a/{token}/report")
async def report(request: Request, token: str, by: Field = "", kind: Field = "", text: Field = "") -> Response:
    """A measure taken, or further information: it goes to the case. What identifies a person does not (P8)."""
    answering, now = _parts(request)
    told = await run_in_threadpool(answering.told, token, now)
    t = tongue(told.language)
    if not _ours(request):
        return showing.notice("cross_site", t, status=403)
    name, words = named(by), worded(text)
    persons = ", ".join(text[found.start : found.end] for found in find(text[:LONGEST_WORDS]))
    if name is None or words is None or persons or kind not in set(AnswerKind):
        needed = phrases.NEED_NAME if name is None else phrases.NEED_WORDS
        problem = t.say(phrases.PERSONAL, what=persons) if persons else t.say(needed)
        typed = {"report_by": by[:200], "kind": kind[:40], "text": text[:2000]}
        return showing.alert(told, token, problem=problem, typed=typed, status=422)
    await run_in_threadpool(answering.report, token, now, by=name, kind=AnswerKind(kind), text=words)
    return RedirectResponse(f"/a/{token}#reported", SEE_OTHER)


@router.get("/u/{token}")
async def ask_to_unsubscribe(request: Request, token: str) -> Response:
    """Shows a button; opening the link ends nothing."""
    answering, now = _parts(request)
    answering.may_unsubscribe(token, now)
    return showing.notice("unsubscribe", showing.tongue_of(request), button=phrases.UNSUBSCRIBE_BUTTON)


@router.post("/u/{token}")
async def unsubscribe(request: Request, token: str) -> Response:
    """The button, or a mail program's one click (RFC 8058), which comes from no page and sends no cookie."""
    answering, now = _parts(request)
    await run_in_threadpool(answering.unsubscribe, token, now)
    return showing.notice("unsubscribed", showing.tongue_of(request))


def _parts(request: Request) -> tuple[Answering, datetime]:
    return request.app.state.answering, request.app.state.now()


def _ours(request: Request) -> bool:
    answering, _ = _parts(request)
    return from_our_page(request.headers, origin=answering.links.base)
