"""The page for a meeting: what moving from one stack to each other gains and costs, and what would turn each of its sentences."""
