"""What Python's own email package reads in each mail: paths as arguments, a JSON object for each mail on stdout.

Both parts, the headers that people see, and what is attached; `judges/mailparser.mjs` writes the same.
"""

import base64
import datetime
import email
import email.header
import email.policy
import email.utils
import json
import sys


def words(field):
    # By the older half of the package: before Python 3.13.2 the newer one takes the fold between two encoded words for a
    # space (gh-128110), against RFC 2047 section 6.2.
    return str(email.header.make_header(email.header.decode_header(field)))


def mailboxes(field):
    return [[words(name), address] for name, address in email.utils.getaddresses([field])] if field else []


def content(part):
    # Its lines end as they do on the wire.
    return part.get_content().replace("\r\n", "\n")


def read(path):
    with open(path, "rb") as file:
        source = file.read()
    mail = email.message_from_bytes(source, policy=email.policy.default)
    headers = email.message_from_bytes(source)
    defects = [str(defect) for part in mail.walk() for defect in part.defects]
    if defects:
        sys.exit(f"{path}: {defects}")
    date = mail["Date"].datetime.astimezone(datetime.timezone.utc)
    return {
        "subject": words(headers["Subject"]),
        "from": mailboxes(headers["From"]),
        "to": mailboxes(headers["To"]),
        "reply_to": mailboxes(headers["Reply-To"]),
        "message_id": headers["Message-ID"],
        "date": date.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "text": content(mail.get_body(["plain"])),
        "html": content(mail.get_body(["html"])),
        "attached": [
            [part.get_filename(), part.get_content_type(), part["Content-ID"], base64.b64encode(part.get_content()).decode()]
            for part in mail.walk()
            if part.get_content_maintype() not in ("multipart", "text")
        ],
    }


json.dump([read(path) for path in sys.argv[1:]], sys.stdout)
