"""The program reload-proof: reloads pre-forked servers under load and counts what clients lose. The clients are in clients/."""
