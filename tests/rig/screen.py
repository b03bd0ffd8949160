"""A terminal's screen as a page: what `tmux capture-pane -e` prints in, HTML out; its title is its width and height.

Arguments: columns, and the command that was typed, if any.
"""

import html
import re
import sys

COLOURS = ["#5b6269", "#f08f85", "#93c79b", "#e2b25c", "#9cc4ee", "#d0a5e0", "#8fd0d0", "#e9e6df"]
LINE, LETTER, EDGE = 20, 8.45, 20


def style(codes, now):
    for code in codes:
        if code in (0, 39):
            now = {"bold": now["bold"] and code != 0, "colour": None, "dim": now["dim"] and code != 0}
        elif code in (1, 22):
            now = {**now, "bold": code == 1, "dim": False}
        elif code == 2:
            now = {**now, "dim": True}
        elif 30 <= code <= 37 or 90 <= code <= 97:
            now = {**now, "colour": COLOURS[code % 10]}
    return now


def shown(screen):
    now = {"bold": False, "colour": None, "dim": False}
    for at, part in enumerate(re.split(r"\x1b\[([0-9;]*)m", screen)):
        if at % 2:
            now = style([int(code or 0) for code in part.split(";")], now)
        elif part:
            colour = now["colour"] or ("#a8a39a" if now["dim"] else "inherit")
            weight = "bold" if now["bold"] else "normal"
            yield f'<span style="color:{colour};font-weight:{weight}">{html.escape(part)}</span>'


columns, command = int(sys.argv[1]), sys.argv[2]
screen = re.sub(r"\x1b\[(?![0-9;]*m)[0-9;?]*[A-Za-z]", "", sys.stdin.read()).rstrip()
prompt = f'<span style="color:#a8a39a">$</span> {html.escape(command)}\n' if command else ""
lines = screen.count("\n") + 1 + bool(command)
size = f"{round(columns * LETTER) + 2 * EDGE},{lines * LINE + 2 * EDGE}"
print(
    f"<!doctype html><meta charset=utf-8><title>{size}</title>"
    "<style>body{margin:0;background:#17191c;color:#e9e6df}"
    f"pre{{margin:0;padding:{EDGE}px;font:14px/{LINE}px 'Liberation Mono','DejaVu Sans Mono',monospace}}</style>"
    f"<pre>{prompt}{''.join(shown(screen))}</pre>"
)
