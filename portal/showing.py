"""Renders pages: templates of this package only, every value escaped, no script, no style in the page."""

from typing import Final, Literal

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifiers.purposes import purpose_of
from notifiers.sending import allowed_content
from notifiers.wording import compose
from notifiers.wording.compose import ENDINGS
from notifiers.wording.hours import answer_by
from notifiers.wording.phrases import REPLY
from notifiers.wording.tongue import Tongue, tongue
from portal import phrases
from portal.places import placed
from schemas.languages import ENGLISH, LANGUAGES
from storage.answers import Told

Notice = Literal["expired", "unknown", "cross_site", "busy", "unsubscribe", "unsubscribed"]

_NOTICES: Final[dict[Notice, tuple[str, str]]] = {
    "expired": (phrases.EXPIRED_TITLE, phrases.EXPIRED),
    "unknown": (phrases.UNKNOWN_TITLE, phrases.UNKNOWN),
    "cross_site": (phrases.CROSS_SITE_TITLE, phrases.CROSS_SITE),
    "busy": (phrases.BUSY_TITLE, phrases.BUSY),
    "unsubscribe": (phrases.UNSUBSCRIBE_TITLE, phrases.UNSUBSCRIBE_ASKED),
    "unsubscribed": (phrases.UNSUBSCRIBE_TITLE, phrases.UNSUBSCRIBED),
}


def tongue_of(request: Request) -> Tongue:
    """The first language of the browser that we speak, where no reader is known."""
    for part in request.headers.get("accept-language", "")[:200].split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return tongue(code)
    return tongue(ENGLISH)


def notice(name: Notice, t: Tongue, *, status: int = 200, button: str = "") -> HTMLResponse:
    """A page that says one thing, perhaps with one button that posts."""
    title, said = (t.say(text) for text in _NOTICES[name])
    page = _ENVIRONMENT.get_template("notice.html").render(t=t, title=title, said=said, button=button and t.say(button))
    return HTMLResponse(page, status_code=status)


def alert(
    told: Told, token: str, *, problem: str = "", typed: dict[str, str] | None = None, status: int = 200
) -> HTMLResponse:
    """What this reader was told, as far as they may see it now, and their answer."""
    t = tongue(told.language)
    content = allowed_content(told.content, told.channel, told.handling, told.clearance)
    wording = compose(told.event, purpose=purpose_of(told.event.kind), content=content, language=told.language)
    page = _ENVIRONMENT.get_template("alert.html").render(
        t=t,
        w=wording,
        told=told,
        token=token,
        ended=told.event.kind in ENDINGS,
        kinds=[(kind.value, t.say(words)) for kind, words in phrases.KIND.items()],
        said_kinds={kind.value: t.say(words) for kind, words in phrases.KIND.items()},
        tiles=placed(wording, told.event, t),
        problem=problem,
        typed=typed or {},
        due=answer_by(told.answer_by, told.country, t) if told.answer_by else "",
        footer=[sentence for sentence in wording.footer if sentence != t.say(REPLY)],
    )
    return HTMLResponse(page, status_code=status)


_ENVIRONMENT: Final = ImmutableSandboxedEnvironment(
    loader=PackageLoader("portal"),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals["phrases"] = phrases
