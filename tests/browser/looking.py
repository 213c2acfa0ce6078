"""A real Chromium for the tests of looks: started once, without network services of its own, and axe-core in it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")

FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--blink-settings=imagesEnabled=false",
)

_LIVE: Final = re.compile(r"https?://")


@dataclass
class Look:
    """One page as a reader has it before them. `said` is the console, `asked` what the page loaded."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def fits(self) -> bool:
        """Nothing sticks out at the side."""
        return bool(self.page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"))

    def faults(self) -> list[str]:
        """What axe-core objects to: the rule, what it is about, and where."""
        found = Axe().run(self.page).response
        return [
            f"{fault['id']}: {fault['help']}: {node['html'][:200]}"
            for fault in (*found["violations"], *(each for each in found["incomplete"] if each["id"] in _DECIDED))
            for node in fault["nodes"]
        ]

    def picture(self, name: str) -> None:
        """Kept for a person to look at, in the directory that TOCSIN_SCREENSHOTS names."""
        if folder := os.environ.get("TOCSIN_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


_DECIDED: Final = frozenset({"color-contrast", "target-size"})
"""Rules where "cannot tell" counts as a fault: our pages hold nothing that axe could not judge."""


@contextmanager
def look(browser: Browser, *, width: int, scheme: Scheme, script: bool = True) -> Iterator[Look]:
    """An empty page of this width, in a profile of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script, locale="en-IE"
    )
    seen = Look(context.new_page())
    seen.page.on("console", lambda message: seen.said.append(message.text))
    seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
    seen.page.on("request", lambda request: seen.asked.append(request.url))
    try:
        yield seen
    finally:
        context.close()


def offline(seen: Look) -> None:
    """Let nothing be loaded: a mail is complete by itself."""

    def refuse(route: Route) -> None:
        route.abort()

    seen.page.route(_LIVE, refuse)
