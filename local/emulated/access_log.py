"""A line of API Gateway's access log from the format of its stage: pure, without the emulator.

A variable without a value is `-`, as in AWS.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VARIABLE = re.compile(r"\$context\.([A-Za-z]+(?:\.[A-Za-z]+)*)")


def line(form: str, values: Mapping[str, object]) -> str:
    """`form` with the values of its variables, named as after `$context.`; quotes in them are escaped."""
    return VARIABLE.sub(lambda found: _shown(values.get(found[1])), form)


def _shown(value: object) -> str:
    return "-" if value is None or value == "" else str(value).replace("\\", "\\\\").replace('"', '\\"')
