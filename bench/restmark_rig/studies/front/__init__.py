"""What a front server costs, and what moving one route at a time behind it gains."""
