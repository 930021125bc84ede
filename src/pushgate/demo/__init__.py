"""`pushgate demo`: a server with sample data, a whole flow to read along, and the same in your own browser."""
