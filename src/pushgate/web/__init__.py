"""The server on the web: the ASGI application, its routes, and the pages that people see."""
