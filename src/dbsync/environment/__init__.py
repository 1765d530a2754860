"""Talking to the project's Python: where it is, what the worker is told, what it answers."""
