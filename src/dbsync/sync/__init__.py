"""Use cases: what is applied, what is wanted, and moving from one to the other."""
