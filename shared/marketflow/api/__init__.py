"""The HTTP contract (v1): what a request may say, what an answer looks like, and which route leads where."""
