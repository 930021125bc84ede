"""The endpoints: async shells that load facts, let `protocol` decide, store, and reply."""
