"""The demo on a terminal: 80 columns, colours where there is a terminal, plain text elsewhere."""

from __future__ import annotations

import re
import sys
import textwrap
from typing import Any

from rich.console import Console
from rich.text import Text

from pushgate.demo.record import Exchange
from pushgate.demo.wire import reply_text, request_text

WIDTH = 80
NARROWEST = 40
_HEADER = re.compile(r"^([A-Z][A-Za-z-]+)(: )")
_PARAMETER = re.compile(r"^( *[?&]?[a-z_]+)(=)")
_MEMBER = re.compile(r'^( *"[A-Za-z_]+")(: )')


class Screen:
    """Prints the story."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, width=_width())

    def title(self, title: str, *paragraphs: str) -> None:
        """The beginning."""
        self._console.print(title, style="bold")
        for paragraph in paragraphs:
            self.say(paragraph)

    def step(self, number: int | str, title: str, text: str) -> None:
        """A step: what happens, and why."""
        self._console.print()
        self._console.rule(Text(f" {number}  {title} ", style="bold"), align="left", style="dim", characters="-")
        self.say(text)

    def say(self, text: str) -> None:
        """A paragraph."""
        self._console.print()
        self._console.print(textwrap.fill(text, self._console.width), soft_wrap=True)

    def exchange(self, who: str, exchange: Exchange, document: Any = None) -> None:
        """A request of `who` (client, browser) and the reply, with `document` as its body if that is given."""
        receiver = "server" if not exchange.path.endswith("/callback") else "client"
        self.block(f"{who} -> {receiver}", request_text(exchange.request), "cyan")
        bad = exchange.reply.status_code >= 400
        self.block(f"{receiver} -> {who}", reply_text(exchange.reply, document), "red" if bad else "green")

    def block(self, label: str, text: str, colour: str) -> None:
        """Something to read, with a bar beside it."""
        self._console.print()
        self._console.print(label, style=f"bold {colour}")
        for number, line in enumerate(text.splitlines()):
            for part in _folded(line, self._console.width - 2):
                styled = Text("| ", style=colour) if part else Text("|", style=colour)
                styled.append_text(_coloured(part, first=number == 0))
                self._console.print(styled, soft_wrap=True)

    def facts(self, title: str, rows: list[tuple[str, str]]) -> None:
        """A short table."""
        self._console.print()
        self._console.rule(Text(f" {title} ", style="bold"), align="left", style="dim", characters="-")
        self._console.print()
        column = max(len(name) for name, _ in rows) + 3
        for name, value in rows:
            self._console.print(Text.assemble((name.ljust(column), "dim"), value), soft_wrap=True)

    def end(self, text: str) -> None:
        """The last line."""
        self._console.print()
        self._console.print(text, style="bold")


def _width() -> int:
    """80 columns, or what a narrower terminal has."""
    return max(NARROWEST, min(WIDTH, Console().width))


def _folded(line: str, room: int) -> list[str]:
    """A line that fits; what is too long goes on below, further in than the line begins."""
    start = " " * (len(line) - len(line.lstrip()))
    inside = f"{start}    "
    parts = textwrap.wrap(line.lstrip(), room, initial_indent=start, subsequent_indent=inside, break_on_hyphens=False)
    return parts or [""]


def _coloured(line: str, *, first: bool) -> Text:
    """The first line stands out; names of headers, parameters and members step back."""
    text = Text(line, style="bold" if first else "not bold default")
    for pattern in (_HEADER, _PARAMETER, _MEMBER):
        found = pattern.match(line)
        if found and not first:
            text.stylize("dim", 0, found.end())
    return text


def complain(problem: object) -> None:
    """One clear line on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"pushgate: {problem}", style="red", markup=False)
    sys.stderr.flush()
