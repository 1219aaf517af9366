"""Measurements of speed. Answers are compared before anything is timed; numbers are ratios of one run."""
