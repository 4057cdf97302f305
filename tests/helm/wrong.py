"""Values that have to be refused: a change to the minimal set, and what the refusal has to say."""

# By values.schema.json, before a template is read: the place of the mistake, and what is allowed there.
BY_SCHEMA = {
    "replica count misspelt": ({"replicaCount": 2}, "'replicaCount' not allowed"),
    "no image": ({"image": {"repository": ""}}, "at '/image/repository'"),
    "digest cut short": ({"image.digest": "sha256:abc"}, "at '/image/digest'"),
    "pull policy in lower case": ({"image.pullPolicy": "always"}, "at '/image/pullPolicy'"),
    "setting of the pipeline misspelt": ({"pipeline.flush.intervall": "5s"}, "'intervall' not allowed"),
    "pipeline without dead letters": ({"pipeline.dead_letters": None}, "missing property 'dead_letters'"),
    "source is a file": ({"pipeline.source": {"file": {"path": "orders.jsonl"}}}, "'file' not allowed"),
    "broker without port": ({"pipeline.source.kafka.brokers": ["kafka"]}, "at '/pipeline/source/kafka/brokers/0'"),
    "no topics": ({"pipeline.source.kafka.topics": None}, "missing property 'topics'"),
    "password in plain text": (
        {"pipeline.source.kafka.properties": {"sasl.password": "hunter2"}}, "sasl.password': got string, want object"),
    "table in the container": ({"pipeline.tables.orders.path": "tables/orders"}, "at '/pipeline/tables/orders/path'"),
    "channel missing": ({"pipeline.transform.artifact": "orders"}, "at '/pipeline/transform/artifact'"),
    "registry missing": ({"pipeline.transform.registry": None}, "missing property 'registry'"),
    "duration without unit": ({"pipeline.flush.interval": 30}, "at '/pipeline/flush/interval': got number, want string"),
    "everything may be rejected": ({"pipeline.breaker": {"rejected_share_max": 1}}, "exclusiveMaximum: got 1, want 1"),
    "port of the pipeline": ({"pipeline.http": {"listen": "0.0.0.0:1"}}, "'http' not allowed"),
    "pipeline beside a ConfigMap": ({"existingConfigMap.name": "orders"}, "at '/pipeline': maxProperties: got 5, want 0"),
    "no pods": ({"replicas": 0}, "at '/replicas': minimum: got 0, want 1"),
    "scaled to zero": ({"keda": {"enabled": True, "minReplicaCount": 0}}, "at '/keda/minReplicaCount': minimum: got 0, want 1"),
    "threshold of markers": ({"keda": {"enabled": True, "lagThreshold": 1}}, "at '/keda/lagThreshold': minimum: got 1, want 2"),
    "role that is none": ({"serviceAccount.roleArn": "sluicebox-orders"}, "at '/serviceAccount/roleArn'"),
    "no time for a flush": ({"terminationGracePeriodSeconds": 10}, "at '/terminationGracePeriodSeconds': minimum: got 10, want 60"),
    "secret without key": ({"secrets": [{"variable": "A", "secretName": "b"}]}, "at '/secrets/0': missing property 'key'"),
    "secret as a plain variable": ({"environment": {"AWS_SECRET_ACCESS_KEY": "x"}}, "invalid propertyName 'AWS_SECRET_ACCESS_KEY'"),
    "port that is none": ({"port": 99999}, "at '/port': maximum: got 99,999, want 65,535"),
    "budget of zero": ({"podDisruptionBudget.maxUnavailable": 0}, "at '/podDisruptionBudget/maxUnavailable'"),
    "range that is none": ({"networkPolicy.brokers": ["kafka.example.org"]}, "at '/networkPolicy/brokers/0'"),
}

# By a sentence of the chart: two values are compared, or the schema's words would not help.
BY_SENTENCE = {
    "tag that moves": ({"image.tag": "latest"}, "image.tag must not be latest"),
    "more pods than partitions": ({"replicas": 4, "partitions": 3}, "replicas (4) must be at most partitions (3)"),
    "more pods than partitions under KEDA": (
        {"keda": {"enabled": True, "minReplicaCount": 2}}, "keda.minReplicaCount (2) must be at most partitions (1)"),
    "property of Sluicebox's": ({"pipeline.source.kafka.properties": {"group.id": "x"}}, "properties must not hold group.id"),
    "topics twice": ({"pipeline.source.kafka.topics_regex": "^o"}, "topics or topics_regex, not both"),
    "transform twice": ({"pipeline.transform.wasm": "/a.wasm"}, "wasm or artifact with registry, not both"),
    "two identities": (
        {"serviceAccount": {"podIdentity": True, "roleArn": "arn:aws:iam::123456789012:role/a"}}, "roleArn (IRSA) or podIdentity, not both"),
    "secret over the pipeline": (
        {"secretFiles": [{"secretName": "a", "mountPath": "/pipeline/"}]}, "secretFiles.mountPath must not be /pipeline/"),
    "no way to the brokers": (
        {"pipeline": None, "existingConfigMap": {"name": "orders", "key": "a.yaml"}}, "set networkPolicy.brokerPorts beside existingConfigMap"),
    "KEDA without the group": (
        {"pipeline": None, "existingConfigMap": {"name": "orders", "key": "a.yaml"}, "networkPolicy.brokerPorts": [9092],
         "keda": {"enabled": True, "kafka": {"brokers": ["a:9092"], "topics": ["a"]}}}, "set keda.kafka.consumerGroup beside existingConfigMap"),
    "KEDA's topic in its metadata": (
        {"keda": {"enabled": True, "metadata": {"topic": "x"}}}, "keda.metadata must not hold topic"),
    "KEDA with topics by pattern": (
        {"keda.enabled": True, "pipeline.source.kafka.topics": None, "pipeline.source.kafka.topics_regex": "^o"}, "keda needs topics by name"),
}
