"""What operators see: events, request ids, metrics. Never a body, a fact, the id of a record or a query."""
