"""Who the users are."""

from pushgate.directory.port import Directory, OwnPasswords

__all__ = ["Directory", "OwnPasswords"]
