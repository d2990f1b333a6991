"""CloudFormation resource types that MiniStack lacks: composite alarms, and queries saved in Logs Insights.

Composite alarms are there in its CloudWatch API. Saved queries are nowhere: they are taken and kept from nobody, since
there is no Logs Insights to run them.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Let templates have them."""
    provisioners._RESOURCE_HANDLERS |= {
        "AWS::CloudWatch::CompositeAlarm": {
            "create": create_composite,
            "update": update_composite,
            "delete": delete_composite,
        },
        "AWS::Logs::QueryDefinition": {
            "create": lambda *_: (str(uuid4()), {}),
            "update": lambda physical_id, *_: (physical_id, {}),
            "delete": lambda *_: None,
        },
    }


def create_composite(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    """By PutCompositeAlarm. Raises ValueError, which fails the deployment, with what that says."""
    del logical_id, stack_name
    status, _, body = cloudwatch._put_composite_alarm({}, properties, is_cbor=False, is_json=True)
    if status != 200:
        raise ValueError(f"AWS::CloudWatch::CompositeAlarm: {json.loads(body).get('message')}")
    name = properties["AlarmName"]
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def update_composite(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str
) -> tuple[str, dict[str, str]]:
    """The same: PutCompositeAlarm replaces what has the name."""
    del old
    return create_composite(physical_id, new, stack_name)


def delete_composite(physical_id: str, properties: dict[str, Any]) -> None:
    """Before the alarms that it reads, which cannot go while it is there."""
    del properties
    cloudwatch._composite_alarms.pop(physical_id, None)
