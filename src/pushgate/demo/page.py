"""What a browser without a screen makes of an HTML page: its heading, its forms, and how to fill them in."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Button:
    """A button and what it sends."""

    name: str
    value: str
    label: str = ""


@dataclass
class Page:
    """A page as somebody who cannot see it would describe it."""

    heading: str = ""
    lead: str = ""
    action: str | None = None
    """Where its form goes; None where there is no form."""
    hidden: list[tuple[str, str]] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    """Names of the fields to type into."""
    ticked: list[tuple[str, str]] = field(default_factory=list)
    buttons: dict[str, Button] = field(default_factory=dict)

    @classmethod
    def read(cls, html: str) -> Page:
        """Read a page with at most one form."""
        reader = _Reader()
        reader.feed(html)
        return reader.page

    def form(self, button: str, typed: dict[str, str]) -> dict[str, list[str]]:
        """The form as pressing this button sends it."""
        pressed = self.buttons[button]
        data: dict[str, list[str]] = {}
        for name, value in [*self.hidden, *typed.items(), *self.ticked, (pressed.name, pressed.value)]:
            if name:
                data.setdefault(name, []).append(value)
        return data


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._into: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        page = self.page
        if tag == "h1":
            self._into = "heading"
        elif tag == "p" and "lead" in found.get("class", "").split():
            self._into = "lead"
        elif tag == "form":
            page.action = found.get("action", "")
        elif tag == "input" and "name" in found:
            self._input(found)
        elif tag == "button" and "id" in found:
            page.buttons[found["id"]] = Button(found.get("name", ""), found.get("value", ""))
            self._into = found["id"]

    def _input(self, found: dict[str, str]) -> None:
        kind = found.get("type", "text")
        if kind == "hidden":
            self.page.hidden.append((found["name"], found.get("value", "")))
        elif kind == "checkbox":
            if "checked" in found:
                self.page.ticked.append((found["name"], found.get("value", "on")))
        else:
            self.page.typed.append(found["name"])

    def handle_data(self, data: str) -> None:
        if self._into == "heading":
            self.page.heading += data
        elif self._into == "lead":
            self.page.lead += data
        elif self._into is not None:
            self.page.buttons[self._into].label += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h1", "p", "button"):
            self._into = None
