"""Real back ends for a run: PostgreSQL and Redis, started, filled, counted and removed; or the user's own."""
