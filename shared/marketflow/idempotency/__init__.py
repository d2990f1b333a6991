"""What was done for a client's Idempotency-Key, kept in DynamoDB by Powertools."""
