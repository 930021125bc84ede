"""Administration: every act once, in `service`; manifests are a way to say many of them."""
