"""A stand-in for S3 and SQS as a process of its own: objects in memory, messages counted and forgotten.

Only what fetchers and the auditor call: GET and PUT of an object, SendMessage and SendMessageBatch.
"""

from __future__ import annotations

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_objects: dict[str, bytes] = {}

MISSING = b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>There is no such object.</Message></Error>'


class Cloud(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""

    def do_GET(self) -> None:
        """An object."""
        body = _objects.get(self.path.partition("?")[0])
        self._answer(404 if body is None else 200, MISSING if body is None else body)

    def do_PUT(self) -> None:
        """Keep an object."""
        body = self._body()
        _objects[self.path.partition("?")[0]] = body
        self._answer(200, b"", etag=hashlib.md5(body, usedforsecurity=False).hexdigest())

    def do_POST(self) -> None:
        """Take messages."""
        asked = json.loads(self._body() or b"{}")
        entries = asked.get("Entries", [])
        answer = {
            "MessageId": "bench",
            "Successful": [{"Id": one["Id"], "MessageId": "bench", "MD5OfMessageBody": ""} for one in entries],
            "Failed": [],
        }
        self._answer(200, json.dumps(answer).encode(), kind="application/x-amz-json-1.0")

    def _body(self) -> bytes:
        """The body, out of the chunks in which botocore sends objects with a checksum behind them."""
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        else:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        return _unsigned(body) if "aws-chunked" in self.headers.get("Content-Encoding", "") else body

    def _answer(self, status: int, body: bytes, *, kind: str = "application/xml", etag: str = "bench") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{etag}"')
        self.end_headers()
        self.wfile.write(body)


def _unsigned(body: bytes) -> bytes:
    """The object inside an aws-chunked body."""
    whole = b""
    while body:
        head, _, body = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if size == 0:
            break
        whole, body = whole + body[:size], body[size + 2 :]
    return whole


def main(arguments: list[str]) -> Any:  # noqa: ANN401 - serves until it is ended
    """Serve on the port that is named."""
    ThreadingHTTPServer(("127.0.0.1", int(arguments[0])), Cloud).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
