"""The service around the engine: HTTP, storage, command line."""
