"""Holds answers against the models that the aws CLI has of the services."""

import json
import re
import xml.etree.ElementTree as etree

import botocore

# An older CLI does not know all that the lab answers.
KNOWS = tuple(int(n) for n in botocore.__version__.split(".")[:2]) >= (1, 43)

# What AWS answers although its models do not say so, and members that are newer
# than the first CLI that is held to them.
FINE = re.compile("|".join((
    r"ec2:.*VpcEndpoints?(\[\])?\.State: 'available'",
    r"ec2:DescribeInternetGateways.*Attachments\[\]\.State: 'available'",
    r"ec2:CreateFleet\.Instances\[\]\.(availabilityZone|availabilityZoneId|subnetId)$",
    r"autoscaling:TerminateInstanceInAutoScalingGroup\.Activities$",
    r"cloudformation:DescribeStackEvents.*ResourceStatus: '(UPDATE_COMPLETE_CLEANUP|UPDATE_ROLLBACK_COMPLETE_CLEANUP)_IN_PROGRESS'",
)))
# Errors that every operation of a service has.
COMMON = {"ValidationError", "ValidationException", "InvalidAction", "UnknownOperationException", "InvalidParameterValue", "AccessDenied"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
JSON_TYPES = {"string": str, "blob": str, "boolean": bool, "integer": int, "long": int, "float": (int, float), "double": (int, float), "timestamp": (int, float)}


def doubts(name, operation, response):
    """What in an answer is not as the model of its operation has it."""
    if not KNOWS:
        return []
    found = []
    in_json = operation.service_model.metadata["protocol"] in ("json", "rest-json")
    if response["status_code"] >= 300:
        refusal(name, operation, response, found, in_json)
    elif operation.output_shape is not None:
        if in_json:
            of_json(name, operation.output_shape, json.loads(response["body"] or b"{}"), found)
        else:
            of_xml(name, operation.output_shape, result(operation, response["body"]), found)
    return [doubt for doubt in found if not FINE.match(doubt)]


def refusal(name, operation, response, found, in_json):
    if in_json:
        headers = {key.lower(): value for key, value in response["headers"].items()}
        code = headers.get("x-amzn-errortype") or json.loads(response["body"]).get("__type", "")
        code = code.split("#")[-1].split(":")[0]
    else:
        code = re.search(rb"<Code>([^<]*)", response["body"]).group(1).decode()
    declared = {}
    for shape in operation.error_shapes:
        error = shape.metadata.get("error", {})
        declared[error.get("code", shape.name)] = error.get("httpStatusCode")
    if operation.service_model.service_name == "ec2" or code in COMMON:
        return  # EC2 declares no errors
    if code not in declared:
        found.append(f"{name}: has no error {code}")
    elif declared[code] not in (None, response["status_code"]):
        found.append(f"{name}: {code} comes with {declared[code]}, not {response['status_code']}")


def result(operation, body):
    root = etree.fromstring(re.sub(rb' xmlns="[^"]+"', b"", body))
    wrapper = operation.output_shape.serialization.get("resultWrapper")
    return root.find(wrapper) if wrapper else root


def of_json(path, shape, value, found):
    kind = shape.type_name
    if value is None:
        return
    if kind == "structure":
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for key, part in value.items():
            if key in members:
                of_json(f"{path}.{key}", members[key], part, found)
            else:
                found.append(f"{path}.{key}")
    elif kind == "list":
        for part in value:
            of_json(path + "[]", shape.member, part, found)
    elif kind == "map":
        for part in value.values():
            of_json(path + "{}", shape.value, part, found)
    elif not isinstance(value, JSON_TYPES[kind]):
        found.append(f"{path}: {value!r} is no {kind}")
    else:
        of_enum(path, shape, value, found)


def of_enum(path, shape, value, found):
    if getattr(shape, "enum", None) and value not in shape.enum:
        found.append(f"{path}: {value!r} is none of {shape.enum}")


def element_name(name, member):
    serialization = member.serialization
    if member.type_name == "list" and serialization.get("flattened"):
        return member.member.serialization.get("name", serialization.get("name", name))
    return serialization.get("name", name)


def of_xml(path, shape, node, found):
    kind, text = shape.type_name, (node.text or "") if node is not None else ""
    if kind == "structure":
        members = {element_name(name, member): (name, member) for name, member in shape.members.items()}
        for child in node if node is not None else ():
            if child.tag in members:
                of_xml(f"{path}.{members[child.tag][0]}", members[child.tag][1], child, found)
            elif child.tag not in ("requestId", "ResponseMetadata"):
                found.append(f"{path}.{child.tag}")
    elif kind == "list":
        tag = shape.member.serialization.get("name", "member")
        for child in [node] if shape.serialization.get("flattened") else node:
            if child is not node and child.tag != tag:
                found.append(f"{path}[{child.tag}]")
            of_xml(path + "[]", shape.member, child, found)
    elif kind == "timestamp" and not TIME.fullmatch(text):
        found.append(f"{path}: {text!r} is no time")
    elif kind in ("integer", "long") and not re.fullmatch(r"-?\d+", text):
        found.append(f"{path}: {text!r} is no number")
    elif kind == "boolean" and text not in ("true", "false"):
        found.append(f"{path}: {text!r} is no boolean")
    elif kind == "string":
        of_enum(path, shape, text, found)
