"""What of a page its text part leaves out, or adds: a parser that is not ours reads the HTML, and both are walked along.

On stdin a JSON object for each copy: its `name`, `html` and `text`, and `furniture`, the words that only the text part
needs (what it calls its list of links, and a picture). On stdout a line for each copy whose parts do not agree; nothing
where all say the same in the same order.

A chart's data are words of the text part alone: the HTML has their picture, and what it says to those who do not see it.

White space counts for nothing, since each part wraps its own way. Between two words of the HTML the text part may
have only what stands in for what HTML shows otherwise: rules and underlines, bullets and numbers, brackets, colons,
addresses, the furniture, and, where a table is set as records, the heads of its columns.
"""

import json
import re
import sys

import html5lib

# What the HTML has above the sheet, the text part has in its footer.
MOVED = "above"

# A picture whose data stand below it in the text part, as a table; what stands for them.
CHART = "chart"
DATA = object()

# The colon behind a label, as each language has it.
COLONS = str.maketrans("：", ":")


def tight(text):
    return "".join(text.split()).translate(COLONS)


def words(element, table=None, column=None):
    """Yields (words, the table they are the head of a column in, or are in, whether they are a head)."""
    style = tight(element.get("style", ""))
    if not isinstance(element.tag, str) or element.get("aria-hidden") == "true" or "display:none" in style:
        return
    if element.tag == "table" and element.get("role") != "presentation":
        table = element
    if element.tag == "img":
        yield tight(element.get("alt")), table, False
        if element.get("class") == CHART:
            yield DATA, table, False
    head = element.tag == "th"
    if element.text:
        yield tight(element.text), table, head or column
    for child in element:
        if element.get("class") != MOVED:
            yield from words(child, table, head or column)
        if child.tail:
            yield tight(child.tail), table, head or column


def compare(html, text, furniture):
    page = html5lib.parse(html, namespaceHTMLElements=False)
    body = page.find("body")
    addresses = {element.get("href") for element in body.iter("a")}
    shown = {tight(re.sub("^(mailto|tel):", "", address)) for address in addresses} | addresses
    # A callout has a bar before each of its lines, in the middle of its words.
    rest = tight(re.sub(r"(?m)^(\s*\|)+", "", text))
    for element in body.iter():
        if element.get("class") == MOVED:
            moved = tight("".join(element.itertext()))
            before, found, after = rest.rpartition(moved)
            if not found:
                return f"the text part has no `{moved}`"
            rest = before + after
    between = [re.escape(word) for word in sorted(shown | {tight(word) for word in furniture}, key=len, reverse=True)]
    between += [r"\d+\.", r"\[\d+\]", r"[=\-.*|\[\]]"]
    heads = {}
    for said, table, head in words(body):
        if head and said and said is not DATA:
            heads.setdefault(table, []).append(said)
    unseen = []
    at = 0
    data = False
    for said, table, head in words(body):
        if said is DATA:
            data = True
        if not said or said is DATA:
            continue
        # Heads that stand in a row have nothing between them; those of records have their cells.
        extra = [re.escape(head) for head in heads.get(table, ())] + [":"] if not head else []
        gap = re.compile(f"(?:{'|'.join(between + extra)})*")
        found = next((start for start in starts(rest, said, at) if data or gap.fullmatch(rest, at, start)), None)
        data = False
        if found is None and head:
            unseen.append(said)
        elif found is None:
            return f"the text part has no `{said}` after `{rest[max(0, at - 60):at]}`, but `{rest[at:at + 60]}`"
        else:
            at = found + len(said)
    for head in unseen:
        if head + ":" not in rest:
            return f"the text part has no `{head}:` in its records"
    gap = re.compile(f"(?:{'|'.join(between)}|:)*")
    if not gap.fullmatch(rest, at):
        return f"only the text part has `{rest[at:]}`"
    return None


def starts(text, said, at):
    start = text.find(said, at)
    while start >= 0:
        yield start
        start = text.find(said, start + 1)


for copy in json.load(sys.stdin):
    name = copy.pop("name")
    if fault := compare(**copy):
        print(f"{name}: {fault}")
