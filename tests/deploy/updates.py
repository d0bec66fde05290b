# SPDX-License-Identifier: Apache-2.0
"""What CloudFormation does to each resource of a stack when parameters change, from AWS's resource schemas.

The schemas come with cfn-lint. They say which properties are set at creation only, so that a new value means
a new resource, and for which of them that depends on the resource; those that occur here are decided below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: What the schemas call conditional, and what happens here. An instance with its root volume on EBS, as ours,
#: is stopped and started; of a block device, only DeleteOnTermination can change; groups are those of a VPC.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-instance.html
CONDITIONAL = {
    ("AWS::EC2::Instance", "UserData"): "restarted",
    ("AWS::EC2::Instance", "InstanceType"): "restarted",
    ("AWS::EC2::Instance", "BlockDeviceMappings"): "replaced",
    ("AWS::EC2::Instance", "SecurityGroupIds"): "changed",
}
#: "Updates are not supported": the update fails before anything is lost. The schemas do not say so.
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-volume.html
REFUSED = {("AWS::EC2::Volume", name) for name in ("AvailabilityZone", "SnapshotId", "Encrypted", "KmsKeyId")}
#: From the least to the most.
EFFECTS = ("changed", "restarted", "replaced", "refused")


def effects(template: Any, before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Return what happens to each resource that does not stay as it is, by logical id.

    :param template: as a document
    :param before: parameters; one that is not there has its default
    :param after: the parameters of the update
    :return: ``created``, ``deleted``, or one of ``EFFECTS``
    """
    defaults = {name: each["Default"] for name, each in template["Parameters"].items() if "Default" in each}
    before, after = defaults | dict(before), defaults | dict(after)
    found: dict[str, str] = {}
    # A resource that is replaced has a new id, which changes those that refer to it.
    while True:
        new = {name for name, effect in found.items() if effect in ("replaced", "created")}
        again = {
            name: effect
            for name, resource in template["Resources"].items()
            if (effect := _effect(resource, _View(template, before, set()), _View(template, after, new)))
        }
        if again == found:
            return found
        found = again


class _View:
    """A template with values for its parameters.

    :param new: logical ids of the resources that have another physical id than before
    """

    def __init__(self, template: Any, given: Mapping[str, str], new: set[str]) -> None:
        self.template, self.given, self.new = template, given, new

    def exists(self, resource: Any) -> bool:
        return "Condition" not in resource or self.holds(resource["Condition"])

    def holds(self, condition: str) -> bool:
        # Each of them is that a parameter is not empty.
        (equals,) = self.template["Conditions"][condition]["Fn::Not"]
        reference, empty = equals["Fn::Equals"]
        assert empty == ""
        return bool(self.given[reference["Ref"]])

    def value(self, expression: Any) -> Any:
        """Resolve an expression as far as texts can be compared."""
        match expression:
            case {"Ref": str(name)}:
                return self._named(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return f"{self._named(name)}.{attribute}"
            case {"Fn::If": [condition, then, otherwise]}:
                return self.value(then if self.holds(condition) else otherwise)
            case {"Fn::Sub": str(text)}:
                return self._filled(text, {})
            case {"Fn::Sub": [text, extra]}:
                return self._filled(text, {name: self.value(each) for name, each in extra.items()})
            case {"Fn::ImportValue": name}:
                return f"the export {self.value(name)}"
            case dict():
                return {key: self.value(each) for key, each in expression.items()}
            case list():
                values = [self.value(each) for each in expression]
                return [each for each in values if each is not None]
        return expression

    def _named(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return None
        if name in self.given:
            return self.given[name]
        return f"the new {name}" if name in self.new else f"the {name}"

    def _filled(self, text: str, extra: Mapping[str, Any]) -> str:
        return re.sub(r"\${([^}]+)}", lambda found: str(extra.get(found[1], self._named(found[1]))), text)


def _effect(resource: Any, before: _View, after: _View) -> str | None:
    """Return what happens to one resource."""
    existed, exists = before.exists(resource), after.exists(resource)
    if not (existed and exists):
        return None if existed == exists else "created" if exists else "deleted"
    old, new = before.value(resource.get("Properties", {})), after.value(resource.get("Properties", {}))
    kind = resource["Type"]
    found = [_of_property(kind, name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    return max(found, key=EFFECTS.index, default=None)


def _of_property(kind: str, name: str) -> str:
    """Return what another value of a property does to its resource."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

    if (kind, name) in REFUSED:
        return "refused"
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema

    def listed(key: str) -> bool:
        return any(path.split("/")[2] == name for path in schema.get(key, []))

    if listed("createOnlyProperties"):
        return "replaced"
    return CONDITIONAL[kind, name] if listed("conditionalCreateOnlyProperties") else "changed"
