"""Where things are kept: ports, adapters, and the contract suite that every adapter runs."""
