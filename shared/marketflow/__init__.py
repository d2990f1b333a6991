"""MarketFlow: exact, traceable market data from public sources to an HTTPS API."""
