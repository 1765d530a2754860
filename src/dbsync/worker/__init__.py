"""What runs inside the project's own Python: the only code that imports Alembic and SQLAlchemy.

It is sent over standard input as text, so that it needs nothing of the host: no files, no packages. Python 3.9+.
"""
