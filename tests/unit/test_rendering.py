"""What a mail says and how it looks, byte for byte."""

import email
import os
import re
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from itertools import pairwise
from pathlib import Path

import pytest

from notifiers.email.message import UnfitForHeader
from notifiers.purposes import Content, Purpose, mail_content, purpose_of, webhook_content
from notifiers.rendering import BAND_COLOUR, TILE_SHADES, mail_body, render_mail, render_webhook
from schemas.alert_events import AlertEvent, CountryCount, FiredRule, Harm, Product
from schemas.vocabularies import AlertKind, Audience, Change, Handling, Level, PhysicalForm, Tense
from tests.speaking import CANCELLED, DELIVERY_ID, EXERCISE, PROVISIONAL, RED, RELAY, SENT_AT, URGENT, outline, words

GOLDEN = Path(__file__).parent.parent / "golden"
LAYOUT = Path(__file__).parents[2] / "notifiers" / "templates" / "layout.html"


def raw(event: AlertEvent, content: Content = Content.FULL, purpose: Purpose | None = None) -> bytes:
    template = render_mail(event, purpose=purpose or purpose_of(event.kind), content=content, relay=RELAY)
    return template.fill(delivery_id=DELIVERY_ID, recipient="desk@example.org", at=SENT_AT)


def read(event: AlertEvent, content: Content = Content.FULL, purpose: Purpose | None = None) -> EmailMessage:
    message = email.message_from_bytes(raw(event, content, purpose), policy=default)
    assert not message.defects
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def text(event: AlertEvent, content: Content = Content.FULL, purpose: Purpose | None = None) -> str:
    return part(read(event, content, purpose), "plain")


def html(event: AlertEvent, content: Content = Content.FULL, purpose: Purpose | None = None) -> str:
    return part(read(event, content, purpose), "html")


def flat(said: str) -> str:
    return " ".join(said.split())


@pytest.mark.parametrize(
    ("name", "event", "content"),
    [
        ("urgent", URGENT, Content.FULL),
        ("provisional", PROVISIONAL, Content.FULL),
        ("cancelled", CANCELLED, Content.FULL),
        ("exercise", EXERCISE, Content.FULL),
        ("waiting", RED, Content.BARE),
    ],
)
def test_the_bytes_of_a_mail_are_those_on_file(name: str, event: AlertEvent, content: Content) -> None:
    """`TOCSIN_WRITE_GOLDEN=1` writes them anew; read the difference before it is committed."""
    path, found = GOLDEN / f"{name}.eml", raw(event, content)
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):
        path.write_bytes(found)
    assert found == path.read_bytes()


@pytest.mark.parametrize(("name", "content"), [("full", Content.FULL), ("thin", Content.THIN), ("bare", Content.BARE)])
def test_the_bytes_of_a_webhook_are_those_on_file(name: str, content: Content) -> None:
    path, found = GOLDEN / f"webhook_{name}.json", render_webhook(URGENT, content=content)
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):
        path.write_bytes(found)
    assert found == path.read_bytes()


def test_level_and_handling_stand_first_in_the_subject() -> None:
    assert str(read(URGENT)["Subject"]) == (
        "[L4 URGENT] [TLP:AMBER] Level raised: Protonitazepyne in tablets sold as oxycodone (TOC-A-2026-0142)"
    )
    assert str(read(PROVISIONAL)["Subject"]).startswith("[L3 ALERT PROVISIONAL] [TLP:AMBER] Protonitazepyne")
    assert str(read(CANCELLED)["Subject"]).startswith("[CANCELLED] [TLP:AMBER] Withdrawn: Protonitazepyne")


def test_headers_thread_the_alert_and_ask_machines_for_silence() -> None:
    message = read(URGENT)
    assert message["Message-ID"] == f"<{DELIVERY_ID}@tocsin.example>"
    assert message["References"] == message["In-Reply-To"] == f"<{URGENT.alert_id}@tocsin.example>"
    assert message["To"] == "desk@example.org"
    assert message["Date"].datetime == SENT_AT
    assert message["Reply-To"] == "duty@tocsin.example"
    assert message["List-Id"] == "<alerts.tocsin.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert message["Importance"] == "high"
    assert "List-Unsubscribe" not in message


def test_only_an_urgent_alert_that_stands_is_important() -> None:
    assert "Importance" not in read(PROVISIONAL)
    assert "Importance" not in read(CANCELLED)


def test_a_cancellation_joins_the_thread_of_what_it_withdraws() -> None:
    assert read(CANCELLED)["References"] == read(URGENT)["References"]


def test_text_comes_first_and_html_second_and_both_are_seven_bit() -> None:
    message = raw(URGENT)
    assert message.isascii()
    assert [p.get_content_type() for p in read(URGENT).iter_parts()] == ["text/plain", "text/html"]


def test_no_line_of_a_mail_is_longer_than_smtp_allows() -> None:
    long = URGENT.model_copy(update={"substance": URGENT.substance.model_copy(update={"name": "α-" + "ü" * 50})})
    for message in (raw(URGENT), raw(long)):
        lines = message.split(b"\r\n")
        assert max(map(len, lines)) <= 998
        assert b"\n" not in b"".join(lines)


def test_a_name_in_any_script_survives_in_the_subject() -> None:
    name = "Πρωτονιταζεπύνη"
    event = URGENT.model_copy(update={"substance": URGENT.substance.model_copy(update={"name": name})})
    message = read(event)
    assert name in str(message["Subject"])
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^ \r\n]+\?=", raw(event)))


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_each_part_alone_says_everything(kind: str) -> None:
    said = part(read(URGENT), kind)
    said = flat(said) if kind == "plain" else words(said)
    for fact in (
        "L4 Urgent alert",
        "TLP:AMBER",
        "Protonitazepyne in tablets sold as oxycodone",
        "A nitazene opioid, found in 11 separate events in Estonia, Slovenia, Germany and Austria",
        "2 deaths, 1 life-threatening case and 4 people in hospital",
        "Urgent alert: act now, day or night.",
        "naloxone may need repeating",
        "A potent opioid was sold as a medicine, with harm.",
        "Estonia 5, Slovenia 3 (newly affected), Germany 2 (newly affected), Austria 1 (newly affected)",
        "green round tablet, imprint OC 80",
        "up to 3.2 mg per unit",
        "bromazolam and paracetamol",
        "exposure confirmed by analysis",
        "11 reports from 4 laboratories",
        "TOC-A-2026-0142, revision 3",
        "TOC-A-2026-0131",
        "22 February 2027, 08:14 UTC",
        "Not for publication before the inquest ends.",
        "Report any death or poisoning",
        "The level rose to L4 Urgent alert.",
    ):
        assert fact in said, fact


def test_what_where_how_serious_and_what_to_do_come_in_this_order() -> None:
    for said in (flat(text(URGENT)).lower(), words(html(URGENT)).lower()):
        places = [
            said.rindex("protonitazepyne in tablets sold as oxycodone", 0, said.index("how serious")),
            said.rindex("found in 11 separate events"),
            said.index("how serious"),
            said.index("what to do now"),
            said.index("why it is l4"),
            said.index("what is known"),
            said.index("what we ask you"),
        ]
        assert places == sorted(places)


def test_a_cancellation_says_what_is_withdrawn_and_repeats_no_claim() -> None:
    for said in (flat(text(CANCELLED)), words(html(CANCELLED))):
        assert "Withdrawn: Protonitazepyne in tablets sold as oxycodone" in said
        assert "Alert TOC-A-2026-0142 is cancelled. Everything sent under this number is withdrawn." in said
        assert "The reference standard was contaminated." in said
        assert "naloxone" not in said
        assert "2 deaths" not in said


@pytest.mark.parametrize("kind", [AlertKind.CLOSED, AlertKind.EXPIRED])
def test_an_ended_alert_asks_for_nothing_any_more(kind: AlertKind) -> None:
    said = flat(text(CANCELLED.model_copy(update={"kind": kind, "reason": None, "changes": ()})))
    assert said.startswith(kind.value.capitalize())
    assert "naloxone" not in said


def test_a_provisional_alert_says_so_in_every_place() -> None:
    message = read(PROVISIONAL)
    assert "PROVISIONAL" in str(message["Subject"])
    for said in (flat(part(message, "plain")), words(part(message, "html"))):
        assert "level 3 of 4, provisional, new alert" in said
        assert "To be confirmed or renewed by 1 December 2026, 08:00 UTC." in said


def test_a_level_that_the_reports_no_longer_carry_is_explained() -> None:
    said = flat(text(URGENT.model_copy(update={"computed_level": Level.L2})))
    assert "The present reports alone would give L2; the level stays until a person lowers it." in said


@pytest.mark.parametrize("content", list(Content))
@pytest.mark.parametrize("kind", list(AlertKind))
@pytest.mark.parametrize(("tense", "mark"), [(Tense.EXERCISE, "EXERCISE"), (Tense.TEST, "TEST")])
def test_nothing_unreal_is_ever_said_without_its_mark_in_front(
    tense: Tense, mark: str, kind: AlertKind, content: Content
) -> None:
    event = URGENT.model_copy(update={"tense": tense, "kind": kind})
    message = read(event, content)
    assert str(message["Subject"]).startswith(f"{mark} ")
    assert part(message, "plain").startswith(f"{mark}: ")
    page = part(message, "html")
    assert f"<title>{mark} " in page
    assert words(page.partition("<body")[2].partition(">")[2].join(["<p>", "</p>"])).startswith(f"{mark} ")
    body = render_webhook(event, content=content)
    assert f'"type":"tocsin.{tense.value}.alert.{kind.value}"'.encode() in body
    assert f'"headline":"{mark} '.encode() in body


def test_the_real_thing_never_bears_a_mark() -> None:
    for content in Content:
        said = f"{read(URGENT, content)['Subject']} {text(URGENT, content)} {html(URGENT, content)}"
        assert "EXERCISE" not in said
        assert "TEST" not in said.replace("LATEST", "")


def test_a_test_of_a_destination_is_marked_whatever_the_alert() -> None:
    assert str(read(URGENT, purpose=Purpose.TEST)["Subject"]).startswith("TEST [L4 URGENT]")
    assert text(URGENT, purpose=Purpose.TEST).startswith("TEST: ")
    assert b'"type":"tocsin.test.alert.' in render_webhook(URGENT, content=Content.FULL, purpose=Purpose.TEST)


def test_a_bare_mail_names_the_urgency_and_whom_to_ask_and_nothing_else() -> None:
    said = flat(text(RED, Content.BARE))
    assert said.startswith("L4 Urgent alert (level 4 of 4) TLP:RED, only for the person it is addressed to.")
    assert "Contact your duty desk for the content." in said
    assert "TOC-A-2026" not in said


def test_every_kind_and_change_has_its_words() -> None:
    for kind in AlertKind:
        for content in Content:
            event = URGENT.model_copy(update={"kind": kind, "changes": tuple(Change), "audience": Audience.PRECURSOR})
            assert text(event, content)


def test_an_alert_with_nothing_optional_is_still_a_whole_message() -> None:
    event = URGENT.model_copy(
        update={
            **dict.fromkeys(("references", "countries", "rules", "advice", "questions", "sources", "changes"), ()),
            **dict.fromkeys(("first_event", "last_event", "valid_until", "review_at")),
            **{"use_conditions": (), "product": Product(), "harm": Harm(), "events_28d": 0, "events_total": 0},
        }
    )
    said = flat(text(event))
    assert "No country is reported." in said
    assert "No response option is on file" in said
    assert "none reported in the last 90 days" in said
    assert ": :" not in said
    assert "None" not in said


@pytest.mark.parametrize(
    ("name", "product", "title"),
    [
        ("MDMA", {"max_dose_mg": 216.0}, "MDMA in tablets, up to 216 mg per unit"),
        ("MDMA", {"sold_as": ("ecstasy",)}, "MDMA in tablets"),
        ("N,N-dimethyletonitazene", {"max_dose_mg": None}, "N,N-dimethyletonitazene in tablets"),
        ("not analysed, sold as sweets", {"forms": (PhysicalForm.EDIBLE,)}, "Not analysed, sold as sweets"),
        (
            "brorphine",
            {"mis_sold": True, "sold_as": ("oxycodone (OxyContin 80 mg)",)},
            "Brorphine in tablets sold as oxycodone",
        ),
        ("PMK", {"forms": (PhysicalForm.OTHER,)}, "PMK"),
    ],
)
def test_a_title_says_what_matters_about_the_product(name: str, product: dict[str, object], title: str) -> None:
    plain = Product(forms=(PhysicalForm.TABLET,)).model_copy(update=product)
    changed = {"product": plain, "substance": URGENT.substance.model_copy(update={"name": name})}
    assert title in text(URGENT.model_copy(update=changed)).splitlines()


@pytest.mark.parametrize(
    ("key", "name", "told"),
    [
        ("U:adverse:SI:-:sweets", "not analysed, sold as sweets", "Nicht analysiert, verkauft als sweets"),
        ("U:adverse:SI:-:", "not analysed", "Nicht analysiert (Tabletten)"),
        ("U:nitazene", "unidentified nitazene", "Nicht identifizierter Stoff: Nitazen (Tabletten)"),
        ("N:not analysed", "not analysed", "Not analysed (Tabletten)"),
    ],
)
def test_what_has_no_name_is_named_in_the_language_of_the_reader(key: str, name: str, told: str) -> None:
    substance = URGENT.substance.model_copy(update={"key": key, "name": name})
    plain = Product(forms=(PhysicalForm.TABLET,))
    event = URGENT.model_copy(update={"substance": substance, "product": plain})
    said = mail_body(event, purpose=purpose_of(event.kind), content=Content.FULL, language="de")
    assert told in said.text.splitlines()
    assert told in said.subject
    assert key.startswith("N:") or name not in f"{said.subject} {said.text} {said.html}".casefold()


def test_a_rule_that_speaks_in_fragments_is_said_in_sentences() -> None:
    said = ("an extreme dose of 216 mg", "3 newly affected countries", "Whole already.")
    rules = tuple(FiredRule(id=line, axis="impact", score="3", says=line) for line in said)
    lines = text(URGENT.model_copy(update={"rules": rules})).splitlines()
    assert {"- An extreme dose of 216 mg.", "- 3 newly affected countries.", "- Whole already."} <= set(lines)


def test_one_event_is_said_in_the_singular() -> None:
    event = URGENT.model_copy(
        update={
            "events_total": 1,
            "first_event": URGENT.last_event,
            "countries": (CountryCount(country="SI", events=1),),
            "harm": Harm(deaths=1),
            "sources": URGENT.sources[:1],
        }
    )
    said = flat(text(event))
    assert "found in 1 event in Slovenia on 22 November 2026." in said
    assert "Linked to it in the last 90 days: 1 death." in said
    assert "1 report from 1 laboratory" in said


def test_the_page_fits_any_reader() -> None:
    page = html(URGENT)
    tags = outline(page)
    assert ("html", (("lang", "en"), ("dir", "ltr"), ("style", "color-scheme: light dark;"))) in tags
    names = [name for name, _ in tags]
    assert names.count("h1") == 1
    assert "h2" in names
    assert not {"a", "img", "script", "iframe", "link", "form", "object", "svg", "button", "base"} & set(names)
    assert all(dict(attributes)["scope"] == "row" for name, attributes in tags if name == "th")
    assert "http" not in page.replace("http-equiv", "")
    assert len(page) < 100_000


def test_the_page_keeps_its_look_without_its_style_sheet() -> None:
    tags = outline(re.sub(r"<style.*?</style>", "", html(URGENT), flags=re.DOTALL))
    dressed = {name for name, attributes in tags if "class" in dict(attributes) and "style" in dict(attributes)}
    naked = [(name, a) for name, a in tags if "class" in dict(a) and "style" not in dict(a)]
    assert {"td", "h1", "p", "ul", "th"} <= dressed
    assert not naked
    assert ("bgcolor", "#7f0b2b") in next(a for name, a in tags if dict(a).get("class") == "lvl l4")


def _luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _colours(sheet: str) -> dict[str, dict[str, str]]:
    rules = re.findall(r"^([a-z.][^{}]*)\{([^{}]*)\}", sheet, flags=re.MULTILINE)
    return {
        selector.strip(): dict(re.findall(r"(background|color):(#[0-9a-f]{6})", body))
        for group, body in rules
        for selector in group.split(",")
        if "#" in body
    }


@pytest.mark.parametrize("dark", [False, True])
def test_every_word_has_contrast_in_light_and_dark(dark: bool) -> None:
    sheet, _, keep = LAYOUT.read_text().partition('<style data-css-inline="keep">')
    colours = _colours(keep.partition("prefers-color-scheme:dark")[2] if dark else sheet)
    own = [(name, pair) for name, pair in colours.items() if {"background", "color"} <= pair.keys()]
    assert {"l0", "l1", "l2", "l3", "l4", "ended", "s0", "s1", "s2", "s3", "note", "mark", "tlp"} <= {
        name.lstrip(".") for name, _ in own
    }
    for name, pair in own:
        assert _contrast(pair["background"], pair["color"]) >= 4.5, name
    for ink in (".ink", ".ink2"):
        for paper in (".paper", ".act"):
            assert _contrast(colours[ink]["color"], colours[paper]["background"]) >= 4.5, (ink, paper)


def test_readers_without_style_sheets_see_the_same_colours() -> None:
    colours = _colours(LAYOUT.read_text().partition('<style data-css-inline="keep">')[0])
    assert {tone: colours[f".{tone}"]["background"] for tone in BAND_COLOUR} == BAND_COLOUR
    assert tuple(colours[f".s{step}"]["background"] for step in range(4)) == TILE_SHADES


def test_the_tiles_are_the_29_reporting_countries() -> None:
    tags = re.findall(r'<td class="t s\d"[^>]*>(?:<b>)?([A-Z]{2})', html(URGENT))
    assert len(tags) == len(set(tags)) == 29
    assert re.findall(r"<b>([A-Z]{2})<br>(\d)</b>", html(URGENT)) == [
        ("EE", "5"),
        ("DE", "2"),
        ("AT", "1"),
        ("SI", "3"),
    ]


def test_a_template_is_filled_without_touching_its_body() -> None:
    template = render_mail(URGENT, purpose=Purpose.UPDATE, content=Content.FULL, relay=RELAY)
    one = template.fill(delivery_id="0" * 32, recipient="one@example.org", at=SENT_AT)
    two = template.fill(delivery_id="f" * 32, recipient="two@example.org", at=SENT_AT)
    assert one.partition(b"\r\n\r\n")[2] == two.partition(b"\r\n\r\n")[2]
    assert one.replace(b"one@", b"two@").replace(b"0" * 32, b"f" * 32) == two


@pytest.mark.parametrize("name", ["Tocsin", "Urad za zdravje č ž š, (Ljubljana)", 'a"b\\c <x@example.org>'])
def test_a_sender_may_have_any_name_and_keeps_its_address(name: str) -> None:
    template = render_mail(URGENT, purpose=Purpose.UPDATE, content=Content.FULL, relay=replace(RELAY, from_name=name))
    filled = template.fill(delivery_id=DELIVERY_ID, recipient="desk@example.org", at=SENT_AT)
    (sender,) = email.message_from_bytes(filled, policy=default)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "alerts@tocsin.example")


def test_a_delivery_id_of_another_shape_is_refused() -> None:
    template = render_mail(URGENT, purpose=Purpose.UPDATE, content=Content.FULL, relay=RELAY)
    with pytest.raises(UnfitForHeader):
        template.fill(delivery_id="x>\r\nBcc: all@example.org", recipient="desk@example.org", at=SENT_AT)


def test_what_a_channel_may_carry_only_shrinks_as_handling_tightens() -> None:
    order = [Content.FULL, Content.THIN, Content.BARE]
    for choose in (mail_content, webhook_content):
        for clearance in Handling:
            carried = [order.index(choose(handling, clearance=clearance)) for handling in Handling]
            assert all(before <= after for before, after in pairwise(carried))
            assert all(
                choose(handling, clearance=clearance) is Content.BARE
                for handling in Handling
                if not handling.within(clearance)
            )
    assert mail_content(Handling.RED, clearance=Handling.RED) is Content.BARE
    assert webhook_content(Handling.AMBER, clearance=Handling.RED) is Content.THIN
    assert webhook_content(Handling.GREEN, clearance=Handling.GREEN) is Content.FULL
