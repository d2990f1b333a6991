"""Notes on the X-Ray trace of an invocation, where the X-Ray SDK would be a third of a cold start: in the ETL.

A subsegment is one UDP datagram to the daemon that Lambda runs beside the function; when nobody listens it is lost.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping

from marketflow.config import Trace

_HEADER = b'{"format": "json", "version": 1}\n'


def annotate(name: str, annotations: Mapping[str, str]) -> None:
    """Note a finished piece of work under the names by which X-Ray finds its trace, if the trace is sampled at all."""
    trace = Trace.load()
    facts = dict(part.split("=", 1) for part in trace.header.split(";") if "=" in part)
    address, _, port = trace.daemon.rpartition(":")
    if facts.get("Sampled") != "1" or not {"Root", "Parent"} <= facts.keys() or not port.isdecimal():
        return
    now = time.time()
    segment = {
        "name": name,
        "id": os.urandom(8).hex(),
        "trace_id": facts["Root"],
        "parent_id": facts["Parent"],
        "type": "subsegment",
        "start_time": now,
        "end_time": now,
        "annotations": annotations,
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.sendto(_HEADER + json.dumps(segment).encode(), (address, int(port)))
