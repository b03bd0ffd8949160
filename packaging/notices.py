"""What the libraries in the program ask to be said: `cargo metadata --format-version 1 | python3 packaging/notices.py`.

Prints every licence and notice that a library brings along, once, below the names of all that bring it. One that brings
none is named with its licence and where it comes from.
"""

import json
import pathlib
import sys

BEGIN = ("LICEN", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def main():
    metadata = json.load(sys.stdin)
    texts = {}
    for package in built_in(metadata):
        name = f"{package['name']} {package['version']}"
        found = files(pathlib.Path(package["manifest_path"]).parent)
        for text in found or [f"{package['license']}, from {package['repository'] or 'crates.io'}"]:
            # The same words, however their lines are broken.
            texts.setdefault(" ".join(text.split()), (text, []))[1].append(name)
    for text, names in texts.values():
        print("=" * 72, ", ".join(names), "-" * 72, text.strip("\n"), "", sep="\n")


def built_in(metadata):
    """Follows what the program itself depends on; what only builds or tests it is not in it."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    reached, left = {root}, [root]
    while left:
        for edge in nodes[left.pop()]["deps"]:
            if edge["pkg"] not in reached and any(kind["kind"] is None for kind in edge["dep_kinds"]):
                reached.add(edge["pkg"])
                left.append(edge["pkg"])
    return [package for package in metadata["packages"] if package["id"] in reached - {root}]


def files(folder):
    """Reads the licences and notices beside a library's manifest."""
    named = [path for path in sorted(folder.iterdir()) if path.name.upper().startswith(BEGIN) and path.is_file()]
    return [path.read_text(encoding="utf-8", errors="replace") for path in named]


main()
