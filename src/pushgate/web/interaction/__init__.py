"""The pages on the way to an authorization response: login, consent, sign-out."""
