"""What the market is made of: symbols, candles, prices, intervals. Standard library and pydantic only."""
