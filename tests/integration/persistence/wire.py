"""A server that speaks just enough of PostgreSQL's protocol to see how a client logs in, with or without TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SSL_REQUEST = 80877103


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for the host `name` and its key, as files; whoever trusts it trusts the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "server.pem", folder / "server.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@dataclass
class WireServer:
    """Asks each client for its password in clear, notes it, answers each statement with nothing, then hangs up.

    Without a `certificate` it refuses TLS; `silent` never says a word, `mute` none after the login.
    """

    certificate: tuple[Path, Path] | None = None
    silent: bool = False
    mute: bool = False
    startups: list[bytes] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self.silent:
                self._open.append(connection)
                continue
            try:
                self._talk(connection)
            except (OSError, struct.error, ssl.SSLError):
                pass
            finally:
                connection.close()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        length, code = struct.unpack("!II", _exactly(connection, 8))
        if code == SSL_REQUEST:
            if self.certificate is None:
                connection.sendall(b"N")
                return
            connection.sendall(b"S")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            with context.wrap_socket(connection, server_side=True) as encrypted:
                length, _ = struct.unpack("!II", _exactly(encrypted, 8))
                self._log_in(encrypted, length)
        else:
            self._log_in(connection, length)

    def _log_in(self, connection: socket.socket, length: int) -> None:
        self.startups.append(_exactly(connection, length - 8))
        connection.sendall(struct.pack("!cII", b"R", 8, 3))
        self.passwords.append(_message(connection)[1].rstrip(b"\0").decode())
        connection.sendall(struct.pack("!cII", b"R", 8, 0) + b"Z\0\0\0\x05I")
        while _message(connection)[0] != b"S" or self.mute:
            pass
        connection.sendall(b"1\0\0\0\x04" + b"2\0\0\0\x04" + b"n\0\0\0\x04" + b"C\0\0\0\x0bSELECT\0" + b"Z\0\0\0\x05I")


@contextlib.contextmanager
def refusing_server(folder: Path, *, code: str, message: str) -> Iterator[list[bytes]]:
    """A server on a Unix socket that refuses each login with `code` and is gone before the client can say goodbye.

    Gives the startup packets that it got.
    """
    startups: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / ".s.PGSQL.5432"))
    listener.listen()
    fields = "".join(f"{name}{value}\0" for name, value in (("S", "FATAL"), ("C", code), ("M", message)))

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                first = connection.recv(4)
                if not first:
                    return
                startups.append(_exactly(connection, struct.unpack("!I", first)[0] - 4))
                connection.shutdown(socket.SHUT_RD)
                connection.sendall(struct.pack("!cI", b"E", 5 + len(fields)) + fields.encode() + b"\0")

    thread = threading.Thread(target=serve)
    thread.start()
    yield startups
    with socket.socket(socket.AF_UNIX) as last:
        last.connect(str(folder / ".s.PGSQL.5432"))
    thread.join()
    listener.close()


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (part := connection.recv(count - len(data))):
            raise ConnectionResetError
        data += part
    return data


def _message(connection: socket.socket) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!cI", _exactly(connection, 5))
    return kind, _exactly(connection, length - 4)
