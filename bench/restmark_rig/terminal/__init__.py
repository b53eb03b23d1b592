"""The terminal: results to stdout, progress and errors to stderr."""
