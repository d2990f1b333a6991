"""What a log stream's policies are evaluated for.

MiniStack takes the name of the group, where AWS takes the stream's, which is what the `:*` at the end of a granted
group stands for: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_actions

_resource_arn = iam_actions.extract_resource_arn


def install() -> None:
    """Name the stream wherever a call does."""
    iam_actions.extract_resource_arn = resource_arn


def resource_arn(service: str, *arguments: Any) -> str:  # noqa: ANN401 - MiniStack has no types
    """The ARN that a call's policies are evaluated for; of a log stream where the call names one."""
    found = str(_resource_arn(service, *arguments))
    stream = iam_actions._safe_json_field(arguments[3], "logStreamName") if service == "logs" else ""
    return f"{found}:log-stream:{stream}" if stream else found
