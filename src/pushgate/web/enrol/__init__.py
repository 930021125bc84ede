"""Enrolling a second factor or a passkey: forms that any page can show, and what they do."""
