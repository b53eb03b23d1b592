"""A look at a live service from outside: what its requests cost, where its CPU time goes, and what other stacks could save of it."""
