#!/usr/bin/env python3
"""Runs a command in a terminal of a given size and keeps what the screen shows as SVG.

Needs pyte and rich. Usage: terminal_picture.py --columns 100 --lines 30 [--until TEXT] [--keys q] OUT.svg -- COMMAND …
With --until the picture is of the screen as it was when TEXT first stood on it; else of the screen at the end.
"""
import argparse
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import pyte
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

# The background and letters of a dark terminal, then its 8 colours and their bright twins.
THEME = TerminalTheme(
    (27, 32, 40), (221, 226, 232),
    [(27, 32, 40), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194),
     (171, 178, 191)],
    [(92, 99, 112), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194),
     (255, 255, 255)])

# As rich's own, but with the reader's fonts: a picture asks no network.
SVG = """<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: 'DejaVu Sans Mono', Menlo, Consolas, monospace; font-size: {char_height}px;
  line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
<rect fill="#1b2028" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def show(columns, lines, until, keys, seconds, command):
    """The screen of `command` as pyte has it."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS=str(columns), LINES=str(lines))
        os.environ.pop("NO_COLOR", None)
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    screen = pyte.Screen(columns, lines)
    stream = pyte.ByteStream(screen)
    deadline = time.monotonic() + seconds
    found = not until
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the end
            break
        if not data:
            break
        stream.feed(data)
        if until and any(until in line for line in screen.display):
            found = True
            break
    if until:
        os.write(terminal, keys.encode())
        os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    if not found:
        raise SystemExit(f"terminal_picture: {until!r} did not appear within {seconds} s")
    return screen


def style(cell):
    def name(colour):
        if colour == "default":
            return "default"
        is_hex = len(colour) == 6 and all(c in "0123456789abcdefABCDEF" for c in colour)
        return f"#{colour}" if is_hex else {"brown": "yellow"}.get(colour, colour)

    words = (["bold"] if cell.bold else []) + (["reverse"] if cell.reverse else [])
    return " ".join(words + [name(cell.fg), "on", name(cell.bg)])


def picture(screen, columns):
    console = Console(record=True, width=columns, file=open(os.devnull, "w", encoding="utf-8"), force_terminal=True,
                      color_system="truecolor", legacy_windows=False)
    rows = list(range(screen.lines))
    while rows and not screen.display[rows[-1]].strip():
        rows.pop()
    for row in rows:
        text = Text()
        for column in range(columns):
            cell = screen.buffer[row][column]
            text.append(cell.data, style(cell))
        console.print(text, overflow="crop", no_wrap=True)
    return console.export_svg(theme=THEME, code_format=SVG, unique_id="terminal")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--lines", type=int, default=30)
    parser.add_argument("--until", default="", help="text to wait for")
    parser.add_argument("--keys", default="", help="what is typed once it is there")
    parser.add_argument("--seconds", type=float, default=120, help="how long to wait")
    parser.add_argument("output")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    screen = show(options.columns, options.lines, options.until, options.keys, options.seconds, options.command)
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(picture(screen, options.columns))


if __name__ == "__main__":
    main()
