"""The thin HTTP shell around a world: HTTP/1.1 with keep-alive, on the loopback interface only."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.simulator.world import World

HOST = "127.0.0.1"
_IDLE_SECONDS = 65


class SimulatorServer(ThreadingHTTPServer):
    """Serves `world` on `port` of the loopback interface; port 0 picks a free one, `url` says which."""

    daemon_threads = True  # idle keep-alive connections must not hold up the end
    request_queue_size = 128

    def __init__(self, world: World, port: int = 0) -> None:
        self.world = world
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """The address without a slash at the end."""
        return f"http://{HOST}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: SimulatorServer
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True

    def handle_method(self) -> None:
        """Answer any method from the world."""
        length = self.headers.get("content-length", "0")
        if length.isdigit() and int(length):
            self.rfile.read(int(length))  # nothing here takes a body; an unread one would be the next request
        path, _, query = self.path.partition("?")
        answer = self.server.world.answer(self.command, path, query, dict(self.headers.items()))
        lines = [f"HTTP/1.1 {answer.status} {_reason(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        lines.append(f"content-length: {len(answer.body)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        body = b"" if self.command == "HEAD" or answer.status == HTTPStatus.NOT_MODIFIED else answer.body
        # One write, so that no answer waits for the acknowledgement of its own header.
        self.wfile.write(head + body)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = handle_method  # noqa: N815 - the base class looks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Keep silent: the one line on stdout is for the program that started this one."""


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
