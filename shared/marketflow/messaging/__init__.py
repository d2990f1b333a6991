"""How parts hand work to each other: the raw archive and small state objects in S3, messages in SQS."""
