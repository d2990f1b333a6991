"""Deterministic simulation: the pipeline from fetch to rows under a seeded world, on virtual time, in one thread.

A seed decides everything: the market, what the vendors get wrong, what breaks between the parts, and when. `checks`
compares the tables with an oracle that knows the market itself and shares no code with the pipeline.
"""
