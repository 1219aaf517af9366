"""Members → measures of their container, with bounds where members leave something open."""
