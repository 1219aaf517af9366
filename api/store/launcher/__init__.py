"""The parts of the embedded PostgreSQL; `api.store.embedded` puts them together."""
