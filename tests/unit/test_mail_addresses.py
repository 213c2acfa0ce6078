"""Which mail addresses are taken: one plain mailbox, else a refusal that never repeats the address."""

import pytest

from notifiers.email.addresses import AddressRefused, mailbox


@pytest.mark.parametrize(
    "address",
    [
        "desk@example.org",
        "duty.desk+l4@mx-1.example.org",
        "o'neill@example.ie",
        "a@localhost",
        "x@xn--bcher-kva.example",
    ],
)
def test_a_plain_mailbox_is_taken_as_it_is(address: str) -> None:
    assert mailbox(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "desk",
        "@example.org",
        "desk@",
        "desk@@example.org",
        "desk@example..org",
        "desk@-example.org",
        "desk@example.org.",
        ".desk@example.org",
        "de..sk@example.org",
        "desk @example.org",
        " desk@example.org",
        "desk@example.org\r\nBcc: evil@example.org",
        "desk@example.org\n",
        "desk@example.org\0",
        "desk\x1b@example.org",
        "desk@example.org,evil@example.org",
        "desk@example.org;evil@example.org",
        "desk@example.org evil@example.org",
        "Desk <desk@example.org>",
        "<desk@example.org>",
        '"desk evil"@example.org',
        "desk(comment)@example.org",
        "desk@[127.0.0.1]",
        "desk@127.0.0.1",
        "group:desk@example.org;",
        "=?utf-8?q?desk?=@example.org",
        "dësk@example.org",
        "desk@bücher.example",
        "desk\u202e@example.org",
        "desk\u200b@example.org",
        "d" * 65 + "@example.org",
        "desk@" + "a." * 130 + "org",
    ],
    ids=lambda address: ascii(address[:30]),
)
def test_anything_else_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        mailbox(address)
    assert "evil" not in str(refusal.value)
