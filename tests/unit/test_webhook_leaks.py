"""Nothing of a restricted report stands in a webhook: a word planted in every field of the event, one after another."""

import json
from collections.abc import Iterator

import pytest
from pydantic import JsonValue, ValidationError

from alerts.disclosure import hidden_words, shown_to
from notifiers.purposes import Content
from notifiers.webhook.body import render_webhook
from schemas.alert_events import AlertEvent, Correction, NearMiss, OverrideRef, View
from schemas.vocabularies import AlertKind, Handling, Level, Statement, Turn
from tests.telling import NOON, alert_event

PLANTED = "Zanzibarquux"
Path = tuple[str | int, ...]

TELLS_NOTHING = frozenset(
    {"schema_version", "alert_id", "number", "case_id", "references", "decided_by", "rule_set", "catalogue_version"}
)
"""Fields that name the alert, who decides and by which rules, never what a report says. An override's person too."""


def whole() -> AlertEvent:
    """A RED event in which every field that can hold words holds some, and a part of it for readers of GREEN."""
    event = alert_event(handling=Handling.RED, use_conditions=("a condition",))
    substance = event.substance.model_copy(update={"cas": "1-1-1", "inchikey": "AAAAAAAAAAAAAA-AAAAAAAAAA-A"})
    product = event.product.model_copy(
        update={"sold_as": ("a name",), "appearance": ("a look",), "other_substances": ("another",)}
    )
    shown = {name: getattr(event, name) for name in View.SHOWN} | {"use_conditions": ()}
    view = View(up_to=Handling.GREEN, conditions=False, rests_on_unseen=False, explanation="as may be shown", **shown)
    override = OverrideRef(level=Level.L3, by="example-desk", reason="a reason", since=NOON, until=NOON)
    return event.model_copy(
        update={
            "substance": substance,
            "product": product,
            "references": ("TOC-A-2026-0002",),
            "near": (NearMiss(level=Level.L4, turn=Turn.BULK, says="a bulk quantity"),),
            "explanation": "an explanation",
            "advice": ("an advice",),
            "questions": ("a question",),
            "reason": "a reason",
            "decided_by": "example-desk",
            "withdrawn": event.sources,
            "corrections": (Correction(what=Statement.DOSE, was="1", now="2"),),
            "override": override,
            "views": (view,),
            "more_restricted": True,
        }
    )


def leaves(value: JsonValue, path: Path = ()) -> Iterator[Path]:
    """Where words stand in it."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))


def planted(path: Path) -> AlertEvent | None:
    """The event with the word at this place; None where no such word can stand."""
    try:
        return AlertEvent.model_validate(_put(whole().model_dump(mode="json"), path))
    except ValidationError:
        return None


def _put(value: JsonValue, path: Path) -> JsonValue:
    if not path:
        return PLANTED
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {name: _put(inner, rest) if name == step else inner for name, inner in value.items()}
    assert isinstance(value, list)
    return [_put(inner, rest) if place == step else inner for place, inner in enumerate(value)]


def places() -> list[Path]:
    """Every place of the restricted event itself at which any word may stand."""
    document: JsonValue = whole().model_dump(mode="json", exclude={"views"})
    return [path for path in leaves(document) if planted(path) is not None]


def test_every_field_that_can_hold_a_word_is_tried() -> None:
    assert {path[0] for path in places()} >= {
        *("substance", "countries", "product", "rules", "near", "explanation", "advice", "questions", "reason"),
        *("use_conditions", "corrections", "override", "withdrawn", "sources"),
    }


@pytest.mark.parametrize("path", places(), ids=str)
def test_a_reader_of_a_part_gets_no_word_of_the_rest(path: Path) -> None:
    event = planted(path)
    assert event is not None
    seen = shown_to(event, Handling.GREEN, accepts_conditions=True)
    assert seen is not None and seen.handling is Handling.GREEN
    expected = path[0] in TELLS_NOTHING or path == ("override", "by")
    for content in Content:
        assert PLANTED not in render_webhook(seen, content=content).decode() or expected


@pytest.mark.parametrize("path", places(), ids=str)
@pytest.mark.parametrize("kind", list(AlertKind))
def test_thin_and_bare_bodies_of_the_whole_hold_no_word_of_it(path: Path, kind: AlertKind) -> None:
    event = planted(path)
    assert event is not None
    told = event.model_copy(update={"kind": kind})
    for content, named in ((Content.THIN, {"alert_id", "number"}), (Content.BARE, {"alert_id"})):
        assert PLANTED not in render_webhook(told, content=content).decode() or path[0] in named


def test_the_same_words_do_stand_in_the_body_of_who_may_read_all() -> None:
    """Else the tests above prove nothing."""
    said = [path for path in places() if PLANTED in _full(path)]
    assert {path[0] for path in said} >= {"substance", "product", "rules", "near", "explanation", "reason", "override"}
    assert not any(path[0] in ("sources", "withdrawn") for path in said)


def _full(path: Path) -> str:
    event = planted(path)
    assert event is not None
    return render_webhook(event, content=Content.FULL).decode()


@pytest.mark.parametrize("content", list(Content))
def test_that_others_lost_sight_of_it_is_told_to_nobody_and_that_more_exists_only_with_the_rest(
    content: Content,
) -> None:
    restricted = whole().model_copy(update={"restricted": True})
    data = json.loads(render_webhook(restricted, content=content))["data"]
    assert "more_restricted" not in data
    assert ("restricted" in data) is (content is Content.FULL)


def test_the_last_look_knows_every_hidden_word_of_the_product_the_rules_and_the_substance() -> None:
    for path in places():
        event = planted(path)
        assert event is not None
        seen = shown_to(event, Handling.GREEN, accepts_conditions=True)
        assert seen is not None
        if path[0] in ("product", "use_conditions", "explanation", "reason") or path[:2] == ("substance", "name"):
            assert PLANTED in hidden_words(event, seen), path
