"""From an answer of a source to rows in the database: extract, transform, load, one strategy per asset type."""
