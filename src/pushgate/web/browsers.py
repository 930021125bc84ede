"""Which browser somebody uses, in a few words: enough to know one's own devices again."""

from __future__ import annotations

# The first that is found counts: Edge and Opera also say Chrome, and Chrome also says Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str | None:
    """From a User-Agent header, such as "Firefox, Windows"; None where nothing in it is known."""
    found = (next((name for part, name in table if part in user_agent), None) for table in (BROWSERS, SYSTEMS))
    return ", ".join(name for name in found if name is not None) or None
