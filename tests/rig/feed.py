"""Reads an Atom feed with feedparser, and prints how many entries it has and where the first leads."""
import sys

import feedparser

feed = feedparser.parse(sys.stdin.buffer.read())
assert not feed.bozo, feed.bozo_exception
assert feed.version == "atom10", feed.version
for needed in ("id", "updated_parsed", "author", "title", "links", "language"):
    assert feed.feed.get(needed), needed
for entry in feed.entries:
    for needed in ("id", "updated_parsed", "published_parsed", "title", "link"):
        assert entry.get(needed), needed
assert len({entry.id for entry in feed.entries}) == len(feed.entries)
first = feed.entries[0]
print(len(feed.entries), first.title, first.link)
