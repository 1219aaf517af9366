"""Storage: the embedded PostgreSQL, migrations, the connection pool and the named queries."""
