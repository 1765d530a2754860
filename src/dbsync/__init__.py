"""dbsync makes the local development database follow Git."""

__version__ = "0.1.0"
