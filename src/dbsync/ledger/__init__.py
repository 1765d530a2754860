"""What was applied to a database: one SQLite file each. Knows no Git and no configuration; takes a path."""
