"""The RDS instances that a stage may grow into, smallest first: what they can do. bench/cost/prices.json has prices."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance class: vCPUs, memory in GB, and the share of its vCPUs that a burstable one may use for ever."""

    name: str
    vcpus: int
    memory: int
    baseline: float = 1.0

    @property
    def steady_vcpus(self) -> float:
        """The vCPUs that cost nothing beyond the hourly price."""
        return self.vcpus * self.baseline

    @property
    def max_connections(self) -> int:
        """RDS' default for PostgreSQL: LEAST(DBInstanceClassMemory / 9531392, 5000)."""
        return min(int(self.memory * 1024 * MB / 9_531_392), 5000)


LADDER = (
    Instance("t4g.micro", 2, 1, 0.10),
    Instance("t4g.small", 2, 2, 0.20),
    Instance("t4g.medium", 2, 4, 0.20),
    Instance("t4g.large", 2, 8, 0.30),
    Instance("m7g.large", 2, 8),
    Instance("m7g.xlarge", 4, 16),
    Instance("m7g.2xlarge", 8, 32),
    Instance("m7g.4xlarge", 16, 64),
    Instance("m7g.8xlarge", 32, 128),
    Instance("m7g.16xlarge", 64, 256),
)
"""Graviton only, as the functions are."""


def instance_of(name: str) -> Instance:
    """The instance called `name`, with or without `db.`. Raises ValueError for one that the ladder does not have."""
    wanted = name.removeprefix("db.")
    for instance in LADDER:
        if instance.name == wanted:
            return instance
    raise ValueError(f"The instance {name} is not in bench/scaling/instances.py: add it with its price.")


def larger(instance: Instance) -> Instance | None:
    """The next larger one; None behind the largest."""
    place = LADDER.index(instance) + 1
    return LADDER[place] if place < len(LADDER) else None
