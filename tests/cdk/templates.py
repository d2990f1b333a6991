"""Synthesised stacks as plain data: what the CDK tests look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STAGES = ("local", "dev", "prod")
ROOT = Path(__file__).resolve().parent.parent.parent
CONTEXT: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
GIVEN = {"local": {"database_url": "postgresql://postgres@/marketflow?host=/tmp/marketflow", "api_key": "k" * 20}}
"""What the command line gives a stage."""

Resource = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """One stack of one stage."""

    stage: str
    concern: str
    body: dict[str, Any]

    def __str__(self) -> str:
        """How a failing test names it."""
        return f"marketflow-{self.stage}-{self.concern}"

    def resources(self, kind: str) -> dict[str, Resource]:
        """The resources of one CloudFormation type, by logical id."""
        return {name: entry for name, entry in self.body["Resources"].items() if entry["Type"] == kind}

    def resource(self, logical_id: str) -> Resource:
        """One resource."""
        found: Resource = self.body["Resources"][logical_id]
        return found

    def outputs(self) -> set[str]:
        """The outputs that a person or a program reads: those of CDK's own cross-stack references left out."""
        return {name for name in self.body.get("Outputs", {}) if not name.startswith("Exports")}

    def functions(self) -> dict[str, Resource]:
        """The Lambda functions."""
        return self.resources("AWS::Lambda::Function")

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every statement of the policies of roles, with the policy's logical id."""
        for name, policy in self.resources("AWS::IAM::Policy").items():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                yield name, statement
        for name, role in self.resources("AWS::IAM::Role").items():
            for policy in role["Properties"].get("Policies", ()):
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield name, statement


@dataclass(frozen=True)
class Assembly:
    """What the synth of one stage wrote."""

    stage: str
    folder: Path
    templates: dict[str, Template]

    def manifest(self, concern: str) -> dict[str, Any]:
        """What the CLI is told about one stack."""
        manifest = json.loads((self.folder / "manifest.json").read_text())
        found: dict[str, Any] = manifest["artifacts"][f"marketflow-{self.stage}-{concern}"]
        return found

    def with_resources(self, kind: str) -> Iterator[tuple[Template, str, Resource]]:
        """Every resource of one type in all stacks."""
        for template in self.templates.values():
            for name, resource in template.resources(kind).items():
                yield template, name, resource


def referred(value: object) -> str | None:
    """The logical id to which a Ref or Fn::GetAtt refers."""
    if isinstance(value, dict):
        if "Ref" in value:
            return str(value["Ref"])
        if "Fn::GetAtt" in value:
            return str(value["Fn::GetAtt"][0])
    return None


def text(value: object) -> str:
    """A value with its intrinsic functions written out: `Fn::Join` joined, references as `<LogicalId.Attribute>`."""
    match value:
        case {"Fn::Join": [separator, [*parts]]}:
            return str(separator).join(text(part) for part in parts)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case _:
            return value if isinstance(value, str) else json.dumps(value)


def listed(value: object) -> list[Any]:
    """A policy's field, which is one value or a list of them."""
    return value if isinstance(value, list) else [value]


def references(value: object) -> list[str]:
    """Every logical id that a value refers to, however deep."""
    if (name := referred(value)) is not None:
        return [name]
    if isinstance(value, dict):
        return [name for entry in value.values() for name in references(entry)]
    if isinstance(value, list):
        return [name for entry in value for name in references(entry)]
    return []


def invoked(template: Template, value: object) -> str:
    """The logical id of the function that is invoked by `value`: its reference, or that of an alias of it."""
    (name,) = set(references(value))
    resource = template.resource(name)
    if resource["Type"] != "AWS::Lambda::Alias":
        return name
    return invoked(template, resource["Properties"]["FunctionName"])
