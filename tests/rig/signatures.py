"""How many DKIM signatures of a mail hold, by dkimpy: a line for each file named.

signatures.py KEYS FILE... finds public keys not in the DNS but in KEYS: a line is a record's name, a blank, and its text.
"""

import sys

import dkim
import nacl.signing  # noqa: F401 dkimpy cannot verify Ed25519 without it, and says so only then

with open(sys.argv[1], "rb") as file:
    records = dict(line.rstrip(b"\n").split(b" ", 1) for line in file)


def record(name, timeout):
    return records.get(name.rstrip(b"."))


def holds(mail, index):
    try:
        return dkim.DKIM(mail).verify(index, dnsfunc=record)
    except dkim.DKIMException:
        return False


for path in sys.argv[2:]:
    with open(path, "rb") as file:
        mail = file.read()
    signatures = mail.split(b"\r\n\r\n")[0].lower().count(b"dkim-signature:")
    print(sum(holds(mail, index) for index in range(signatures)))
