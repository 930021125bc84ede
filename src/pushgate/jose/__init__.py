"""JOSE: keys, signing, verifying, algorithm allow-lists and size limits. joserfc is behind it."""
