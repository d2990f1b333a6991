"""Alarms of the error budgets of cdk/slos.py: one for each window, and those that read two windows together."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Duration

from cdk.alarms.alarm import Alarm, CompositeAlarm
from cdk.slos import FAST, PERIOD_DAYS, SLOS, SLOW, STEADY, Burn, Slo
from cdk.stages import Stage

BURNING, SPENDING = "slo-burning", "slo-spending"


def of_budgets(stage: Stage) -> Iterator[Alarm]:
    """Two windows for each objective and each pace; they tell nobody by themselves."""
    for slo in SLOS:
        for burn in (FAST, SLOW, STEADY):
            yield from _windows(stage, slo, burn)


def composites(stage: Stage) -> Iterator[CompositeAlarm]:
    """For each objective one that rings at once, and one that rings before the budget is spent."""
    for slo in SLOS:
        yield CompositeAlarm(
            name=f"slo-{slo.name}-burning",
            kind=BURNING,
            severity="page",
            help=f"{slo.title}: the error budget of {PERIOD_DAYS} days burns {_paces(FAST, SLOW)}.",
            any_of=(_windows(stage, slo, FAST), _windows(stage, slo, SLOW)),
        )
        yield CompositeAlarm(
            name=f"slo-{slo.name}-spending",
            kind=SPENDING,
            severity="ticket",
            help=f"{slo.title}: the error budget of {PERIOD_DAYS} days is being spent faster than it comes back.",
            any_of=(_windows(stage, slo, STEADY),),
        )


def _windows(stage: Stage, slo: Slo, burn: Burn) -> tuple[Alarm, ...]:
    return tuple(_window(stage, slo, burn, period) for period in (burn.long, burn.short))


def _window(stage: Stage, slo: Slo, burn: Burn, period: Duration) -> Alarm:
    length = period.to_human_string()
    return Alarm(
        name=f"slo-{slo.name}-{burn.name}-{length.replace(' ', '-')}",
        kind=SPENDING if burn is STEADY else BURNING,
        severity=None,
        help=f"{slo.title}: over {length} the budget burnt more than {burn.factor} times as fast as it may.",
        metric=slo.bad_share(stage, period),
        threshold=round(burn.factor * slo.budget, 6),
    )


def _paces(*burns: Burn) -> str:
    return " or ".join(f"{burn.factor} times as fast as it may ({burn.long.to_human_string()})" for burn in burns)
