"""The `pushgate` command."""
