"""Shared by all tests: sockets are blocked in unit tests, so that one that reaches for the network fails."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest
import pytest_socket

from marketflow import bootstrap
from tests.cloud import cloud as cloud  # noqa: PLC0414 - a fixture for tests of every kind

# Powertools reads it when marketflow.observability is imported, by whichever test module is collected first.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "MarketFlow")

# No test asserts wall time: on a busy machine an example may take as long as it likes.
hypothesis.settings.register_profile("marketflow", deadline=None)
hypothesis.settings.load_profile("marketflow")

COST = ("unit", "functional", "cdk", "integration", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the cheap kinds first: what is wrong shows early."""

    def cost(item: pytest.Item) -> int:
        return max((COST.index(mark.name) for mark in item.iter_markers() if mark.name in COST), default=0)

    items.sort(key=cost)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Block sockets for tests marked `unit`; the other kinds talk to servers on the loopback interface."""
    if item.get_closest_marker("unit"):
        pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Give sockets back after a unit test."""
    if item.get_closest_marker("unit"):
        pytest_socket.enable_socket()


@pytest.fixture(autouse=True)
def unwired() -> Iterator[None]:
    """Every test wires its own handlers: nothing that bootstrap built survives a test."""
    yield
    bootstrap.close()
