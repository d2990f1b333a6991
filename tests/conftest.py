"""Shared by all tests: sockets are blocked in unit tests, so that one that reaches for the network fails."""

from __future__ import annotations

import pytest
import pytest_socket


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Block sockets for tests marked `unit`; the other kinds talk to servers on the loopback interface."""
    if item.get_closest_marker("unit"):
        pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Give sockets back after a unit test."""
    if item.get_closest_marker("unit"):
        pytest_socket.enable_socket()
