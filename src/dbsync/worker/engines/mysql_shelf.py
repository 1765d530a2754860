"""Rows of MySQL and MariaDB as the shelf takes them and puts them back."""

SHELVES = False
