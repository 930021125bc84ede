"""Adapters of the transient store. Drivers are used directly: this is the hot path."""
