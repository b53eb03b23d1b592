"""Pure data and what follows from it: no files, no processes, no clock."""
