# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""EC2 Instance Connect endpoints, which moto lacks: an interface in a subnet, through which users reach instances of its VPC.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInstanceConnectEndpoint.html
"""

from __future__ import annotations

import uuid
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response

from .common import error

_endpoints: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}


def _of(response: EC2Response) -> dict[str, dict[str, Any]]:
    return _endpoints.setdefault((response.current_account, response.region), {})


def create_instance_connect_endpoint(self: EC2Response) -> ActionResult:
    subnet = self.ec2_backend.get_subnet(self._get_param("SubnetId"))
    interface: Any = self.ec2_backend.create_network_interface(subnet, None, description="EC2 Instance Connect Endpoint")
    interface.interface_type, interface.status = "ec2_instance_connect_endpoint", "in-use"
    made = {
        "InstanceConnectEndpointId": f"eice-{uuid.uuid4().hex[:17]}",
        "OwnerId": self.current_account,
        "State": "create-complete",
        "SubnetId": subnet.id,
        "VpcId": subnet.vpc_id,
        "NetworkInterfaceIds": [interface.id],
        "Tags": [tag for one in self._get_param("TagSpecifications", []) for tag in one.get("Tags", [])],
    }
    _of(self)[made["InstanceConnectEndpointId"]] = made
    return ActionResult({"InstanceConnectEndpoint": made})


def describe_instance_connect_endpoints(self: EC2Response) -> ActionResult:
    wanted = {one["Name"]: one.get("Values", []) for one in self._get_param("Filters", [])}
    found = [one for one in _of(self).values() if all(one.get({"vpc-id": "VpcId", "subnet-id": "SubnetId"}[key]) in values for key, values in wanted.items())]
    return ActionResult({"InstanceConnectEndpoints": found})


def delete_instance_connect_endpoint(self: EC2Response) -> ActionResult:
    identity = self._get_param("InstanceConnectEndpointId")
    found = _of(self).pop(identity, None)
    if found is None:
        raise error("InvalidInstanceConnectEndpointId.NotFound", f"The instance connect endpoint ID '{identity}' does not exist")
    for interface in found["NetworkInterfaceIds"]:
        self.ec2_backend.enis.pop(interface, None)
    return ActionResult({"InstanceConnectEndpoint": {**found, "State": "delete-in-progress"}})


def install() -> None:
    for action in (create_instance_connect_endpoint, describe_instance_connect_endpoints, delete_instance_connect_endpoint):
        setattr(EC2Response, action.__name__, action)
