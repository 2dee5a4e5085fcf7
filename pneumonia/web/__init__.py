"""The page: what app.py shows, says and lets in. HTML comes from pure functions."""
