"""What the tests share: real projects, a real PostgreSQL server, and the oracle for a database's schema."""
