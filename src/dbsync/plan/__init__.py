"""Plans: what to take down and what to put up. Pure and total: a refusal is a value."""
