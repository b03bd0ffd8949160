"""Reads an Atom feed with Python's own XML parser, and prints how many entries it has and where the first leads."""
import sys
import xml.etree.ElementTree as tree

ATOM = "{http://www.w3.org/2005/Atom}"
feed = tree.fromstring(sys.stdin.buffer.read())
for needed in ("id", "updated", "author", "title"):
    assert feed.find(ATOM + needed) is not None, needed
entries = feed.findall(ATOM + "entry")
first = entries[0]
for needed in ("id", "updated", "title"):
    assert first.find(ATOM + needed).text, needed
print(len(entries), first.find(ATOM + "title").text, first.find(ATOM + "link").get("href"))
