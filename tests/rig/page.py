"""What a reader sees of a page, by Python's own html.parser: HTML in, JSON out.

text: what is shown, a line for each block. links: the words of each link and where it leads.
"""

import html.parser
import json
import sys

INLINE = {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "i", "q", "s", "small", "span", "strong", "sub", "sup", "u"}
UNSEEN = {"head", "script", "style", "template", "title"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
        self.text = ""
        self.links = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        style = (attributes.get("style") or "").replace(" ", "")
        self.edge(tag)
        if tag == "a":
            self.links.append(["", attributes.get("href")])
        if tag not in VOID:
            self.open.append((tag, tag in UNSEEN or "display:none" in style))

    def handle_endtag(self, tag):
        self.edge(tag)
        if tag in VOID:
            return
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if any(unseen for _, unseen in self.open):
            return
        self.text += data
        if any(tag == "a" for tag, _ in self.open):
            self.links[-1][0] += data

    def edge(self, tag):
        if tag not in INLINE:
            self.text += "\n"


page = Page()
page.feed(sys.stdin.buffer.read().decode())
page.close()
json.dump({"text": page.text, "links": page.links}, sys.stdout)
