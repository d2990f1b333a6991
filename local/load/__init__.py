"""The pipeline under load: saturation, backpressure, a soak and fault drills (docs/stress.md)."""
