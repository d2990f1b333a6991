"""The page of settings says which function reads what, and the stacks give each function just that."""

from __future__ import annotations

import pytest

from tests.cdk.templates import Assembly
from tests.settings_page import plain, rows

pytestmark = pytest.mark.cdk

EVERY = {"all", "all but token"}


def test_each_function_is_given_what_the_page_says(cloud: Assembly) -> None:
    """Every required variable, and none that the function does not read."""
    variables = {plain(row[0]): (row[1], set(row[3].split(", "))) for row in rows("Functions")}
    for template, _, function in cloud.with_resources("AWS::Lambda::Function"):
        name = function["Properties"]["FunctionName"].removeprefix(f"marketflow-{template.stage}-")
        folder = name.partition("-")[0]
        known = {
            variable
            for variable, (_, readers) in variables.items()
            if readers & {folder, "all"} or (readers & EVERY and folder != "token")
        }
        required = {variable for variable in known if variables[variable][0] == "required"}
        given = function["Properties"]["Environment"]["Variables"].keys() - {"MARKETFLOW_STAGE"}
        assert required - {"MARKETFLOW_STAGE"} <= given <= known, name
