"""Results of a file of records, written for people and platforms: text, NDJSON, Parquet, workbooks."""
