"""Who the users are."""

from pushgate.directory.port import Directory, OwnPasswords
from pushgate.model import User

__all__ = ["Directory", "OwnPasswords", "User"]
