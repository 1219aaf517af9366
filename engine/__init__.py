"""The ruleset engine: bytes in, verdicts out; no clock, no network, no files."""
