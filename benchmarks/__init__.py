"""Paired benchmarks: Pushgate, node-oidc-provider and a bare ASGI responder, on the same core in one run."""
