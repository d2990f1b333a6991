"""X-Ray traces of the functions that do background work.

Apart from `observability`, because the read API and the ETL take no part in it: Lambda traces those as a whole, and
the X-Ray SDK would be a third of their cold start. The ETL's notes are in observability/traces.py.
"""

from __future__ import annotations

from aws_lambda_powertools import Tracer

tracer = Tracer(auto_patch=False)
"""Subsegments are named by hand. botocore passes the trace on to SQS by itself, so a trace goes from tick to row.

A notification of S3 carries no trace: what an operator asked for, and a repair, go on in a trace of their own from the
dispatcher on. There the correlation id, which is the job's, links them.
"""


def annotate(**annotations: str) -> None:
    """Note by which names X-Ray finds this invocation's trace, such as `annotation.correlation_id = "…"`."""
    for name, value in annotations.items():
        tracer.put_annotation(name, value)
