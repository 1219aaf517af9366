"""Use cases: no HTTP, no SQL."""
