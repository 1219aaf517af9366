"""Rulesets and their versions against each other."""
