"""The account page: what is a user's own, and what they can do about it."""
