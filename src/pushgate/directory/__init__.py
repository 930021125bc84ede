"""Who the users are."""

from pushgate.directory.port import Directory

__all__ = ["Directory"]
