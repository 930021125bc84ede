"""One file per grant type: what a token request of that type must satisfy."""
