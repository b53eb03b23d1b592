"""Servers on another machine: the agent that builds, runs and watches them there, and the Placement that speaks to it from here."""
