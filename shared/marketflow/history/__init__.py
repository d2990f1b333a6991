"""The export of old months: Parquet files in the data bucket, which Athena reads as tables."""
