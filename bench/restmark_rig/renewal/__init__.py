"""Newest versions for what contestants pin: lock files are rewritten, and the servers before and after are there to be compared."""
