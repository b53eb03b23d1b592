"""The study of HTTP pipelining: what it does to figures, and what it would do to users."""
