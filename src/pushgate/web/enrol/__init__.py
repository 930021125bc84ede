"""Forms that enrol a second factor or a passkey: inside a sign-in that needs one, and on the account page."""
