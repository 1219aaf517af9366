"""Other engines running the same rules: one translator each, answers compared before anything is timed."""
