"""Pushgate: the authorization server whose front door is the pushed authorization request (RFC 9126)."""

__version__ = "0.1.0"
