"""Stands between a client and PostgreSQL, passes everything on and remembers what the client sent.

The messages: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Sent:
    """One message of the client: its type's letter and what follows the length."""

    kind: str
    body: bytes

    def texts(self, count: int) -> list[str]:
        """The first `count` zero-terminated texts of the body."""
        return [part.decode() for part in self.body.split(b"\0")[:count]]


@dataclass
class Recorder:
    """Listens in `folder` as a server with a Unix socket there and forwards to `server`, the socket of the real one."""

    folder: Path
    server: str
    connections: int = 0
    sent: list[Sent] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / ".s.PGSQL.5432"))
        self._listener.listen()
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.server)
                self._open += [client, server]
                threading.Thread(target=self._record, args=(client, server), daemon=True).start()
                threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()

    def _record(self, client: socket.socket, server: socket.socket) -> None:
        """Pass the client's messages on; the first one has no letter."""
        buffer, letter = b"", 0
        with contextlib.suppress(OSError):
            while chunk := client.recv(65_536):
                buffer += chunk
                while len(buffer) >= letter + 4:
                    (length,) = struct.unpack_from("!i", buffer, letter)
                    if len(buffer) < letter + length:
                        break
                    if letter:
                        self.sent.append(Sent(chr(buffer[0]), buffer[5 : 1 + length]))
                    buffer, letter = buffer[letter + length :], 1
                server.sendall(chunk)
            server.shutdown(socket.SHUT_WR)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
