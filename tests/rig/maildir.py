"""What arrived, by Python's own email package: addresses in, one a line, JSON out, an object for each of their mails.

maildir.py FOLDER SECONDS waits until each address has a mail, but no longer than so many seconds.
"""

import email
import email.header
import email.policy
import email.utils
import json
import pathlib
import sys
import time

new = pathlib.Path(sys.argv[1]) / "new"
until = time.monotonic() + float(sys.argv[2])
wanted = set(sys.stdin.read().split())


def receiver(path):
    """Tells who a mail was delivered to, by the header that the relay puts first."""
    with path.open("rb") as file:
        for line in file:
            if line.startswith(b"Delivered-To: "):
                return line.split()[1].decode()


def read(path):
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    headers = {name.lower(): str(value) for name, value in mail.items()}
    parts = {kind: mail.get_body((kind,)) for kind in ("plain", "html")}
    defects = [str(defect) for part in mail.walk() for defect in part.defects]
    for part in mail.walk():
        for name, value in part.items():
            defects += [f"{name}: {defect}" for defect in getattr(value, "defects", ())]
    # By the older half of the package: before Python 3.13.2 the newer one takes the fold between two encoded words for a
    # space (gh-128110), against RFC 2047 section 6.2.
    old = email.message_from_bytes(path.read_bytes())
    name, address = email.utils.parseaddr(old["to"])
    return {
        "receiver": receivers[path],
        "address": address,
        "name": str(email.header.make_header(email.header.decode_header(name))),
        "headers": headers,
        "text": parts["plain"].get_content(),
        "html": parts["html"].get_content(),
        "defects": defects,
    }


receivers = {}
while True:
    for path in new.iterdir() if new.exists() else ():
        if path not in receivers:
            receivers[path] = receiver(path)
    if wanted <= set(receivers.values()) or time.monotonic() > until:
        break
    time.sleep(0.1)
json.dump([read(path) for path, to in sorted(receivers.items()) if to in wanted], sys.stdout)
