"""Mails to try the mailbox with: plain ones and hostile ones."""

from email.message import EmailMessage
from typing import Final


def letter(subject: str, *, text: str = "text\n", html: str | None = None, to: str = "duty@authority.example") -> bytes:
    """A well-formed mail."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Tocsin <alerts@tocsin.example>", to, subject
    mail["Message-ID"] = "<1@tocsin.example>"
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    return bytes(mail)


HOSTILE: Final = {
    "script in subject": letter("<script>document.title='ran'</script>"),
    "script in text": letter("x", text="</pre><script>document.title='ran'</script><img src=x onerror=y>"),
    "script in html": letter(
        "x",
        html="<script>parent.document.title='ran'</script><img src=x onerror=\"document.title='ran'\">"
        "<iframe srcdoc='<script>1</script>'></iframe><meta http-equiv=refresh content='0;url=/'>",
    ),
    "script as attachment name": (
        b"Subject: x\r\nContent-Type: text/plain\r\n"
        b'Content-Disposition: attachment; filename="<script>x</script>"\r\n\r\nx'
    ),
    "script as header name": b"<script>x</script>: <img src=x>\r\nSubject: x\r\n\r\nx",
    "encoded script in sender": b"From: =?utf-8?q?=3Cscript=3Ex=3C/script=3E?= <a@b.example>\r\nSubject: x\r\n\r\nx",
    "quotes out of a title": letter('"></title><script>x</script>'),
}
"""What it tries → the mail."""
