"""X-Ray traces of the functions that do background work.

Apart from `observability`, because the read API and the ETL take no part in it: Lambda traces those as a whole, and
the X-Ray SDK would be a third of their cold start.
"""

from __future__ import annotations

from aws_lambda_powertools import Tracer

tracer = Tracer(auto_patch=False)
"""Subsegments are named by hand. botocore passes the trace on to SQS by itself, so a trace goes from tick to row."""
