"""A stage in the owner's AWS account: what `make deploy`, `make verify` and `make destroy` do beside the CDK."""
