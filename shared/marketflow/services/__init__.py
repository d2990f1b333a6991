"""What MarketFlow does, told without AWS, HTTP or SQL: every dependency is a constructor argument."""
