"""Files of records: what people and platforms send, read into records with their places; results written back."""
