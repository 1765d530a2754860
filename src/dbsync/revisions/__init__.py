"""Alembic revisions as data: read from source text, never run. Pure: no files, no Git."""
