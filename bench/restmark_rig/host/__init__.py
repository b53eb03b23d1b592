"""This Linux machine: its CPUs, control groups, processes and ports, and how fast it is at the moment."""
