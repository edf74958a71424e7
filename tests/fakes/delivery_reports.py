"""Reports of undelivered mail as mail servers write them (RFC 3464), made by hand, not by the library that reads."""

from __future__ import annotations

ORIGINAL = "From: Portal <portal@portal.test>\r\nSubject: End confirmed\r\n\r\nGood day.\r\n"


def report(
    to: str, *, action="failed", status="5.1.1", diagnostic="smtp; 550 5.1.1 No such user", header="To"
) -> bytes:
    """A report about one recipient, sent to the envelope's sender."""
    return (
        "From: MAILER-DAEMON@mx.test (Mail Delivery System)\r\n"
        f"{header}: {to}\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="cut"\r\n\r\n'
        "--cut\r\nContent-Type: text/plain\r\n\r\nI'm sorry to have to inform you.\r\n"
        "--cut\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.test\r\n\r\n"
        "Final-Recipient: rfc822; zoe@client.test\r\n"
        f"Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: {diagnostic}\r\n\r\n"
        f"--cut\r\nContent-Type: message/rfc822\r\n\r\n{ORIGINAL}\r\n--cut--\r\n"
    ).encode("utf-8", "surrogateescape")


def vacation(to: str) -> bytes:
    """An automatic answer, which says nothing of the delivery."""
    return (
        f"From: zoe@client.test\r\nTo: {to}\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\n"
        "Back on Monday. Action: failed\r\nStatus: 5.1.1\r\n"
    ).encode()
