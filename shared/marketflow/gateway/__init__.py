"""API Gateway's control plane: where API keys live."""
