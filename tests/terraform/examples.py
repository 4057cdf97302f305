"""The inputs of the examples."""

import mocked
from inputs import CLUSTER, DIGEST, SECRET

INPUTS = {
    "lambda-msk": {"name": "orders", "cluster_arn": CLUSTER, "topic": "orders", "transform": "orders@" + DIGEST,
                   "package": "bootstrap.zip"},
    "lambda-self-managed": {"name": "orders", "brokers": ["kafka-1.example.org:9096", "kafka-2.example.org:9096"],
                            "topic": "orders", "secret_arn": SECRET, "package": "bootstrap.zip"},
    "scheduled-drain": {"name": "orders", "cluster_arn": CLUSTER, "topic": "orders", "transform": "orders@prod",
                        "package": "bootstrap.zip"},
    "fargate": {"name": "orders", "cluster_arn": CLUSTER, "topic": "orders", "partitions": 12,
                "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/sluicebox:1.2.3"},
    "everything": {"name": "orders", "region": "eu-central-1", "transform": "orders@prod", "package": "bootstrap.zip",
                   "alarm_email": "oncall@example.org"},
}


# Subnets differ from one another, which one answer for all of them would not show.
OVERRIDES = {"everything": [
    mocked.override(f'aws_subnet.this["eu-central-1{zone}"]', id=f"subnet-0{zone}") for zone in "abc"
]}


def made(folder):
    """What an example would make, with a fault if it would make nothing."""
    complaints, resources = mocked.made(folder, INPUTS[folder.name], OVERRIDES.get(folder.name, ()))
    assert not complaints, f"{folder.name}: {complaints}"
    return resources
