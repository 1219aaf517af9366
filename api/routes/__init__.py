"""HTTP: decode, call a service, reply."""
