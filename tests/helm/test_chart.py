"""The chart renders what Kubernetes takes, refuses what would go wrong, and says what it does."""

import json
import re
import shutil
import subprocess

import jsonschema
import kubernetes_validate
import pytest
import yaml

import chart
import crds
import values_table
import wrong

CUSTOM = json.loads(crds.FILE.read_text())


def api(document):
    return f"{document['apiVersion']}/{document['kind']}"


@pytest.mark.parametrize("name", chart.VALUES)
def test_lint_has_no_complaint(name):
    is_clean, said = chart.helm("lint", "--strict", str(chart.CHART), "-f", chart.values_file(name))
    assert is_clean, said


@pytest.mark.parametrize("version", chart.KUBERNETES)
@pytest.mark.parametrize("name", chart.VALUES)
def test_kubernetes_takes_every_object(name, version):
    rendered = chart.documents(name, version)
    assert rendered
    for document in rendered:
        if api(document) in CUSTOM:
            jsonschema.Draft7Validator(CUSTOM[api(document)]).validate(document)
        else:
            kubernetes_validate.validate(document, version, strict=True)


def test_the_checks_would_notice():
    """A misspelt key in each kind of object, and one of KEDA's where its own validators are silent."""
    for document in chart.documents("msk-irsa") + chart.documents("keda-pod-identity"):
        part = document.get("spec", document)
        part["replicaz"] = 1
        with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
            if api(document) in CUSTOM:
                jsonschema.Draft7Validator(CUSTOM[api(document)]).validate(document)
            else:
                kubernetes_validate.validate(document, chart.KUBERNETES[-1], strict=True)


def test_the_scaling_behaviour_is_what_a_pod_autoscaler_takes():
    spec = chart.of_kind(chart.documents("keda-pod-identity"), "ScaledObject")["spec"]
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}, "spec": {
        "maxReplicas": spec["maxReplicaCount"], "minReplicas": spec["minReplicaCount"],
        "scaleTargetRef": spec["scaleTargetRef"], **spec["advanced"]["horizontalPodAutoscalerConfig"]}}
    for version in chart.KUBERNETES:
        kubernetes_validate.validate(scaler, version, strict=True)


@pytest.mark.parametrize("case", wrong.BY_SCHEMA)
def test_the_schema_refuses(case, tmp_path):
    changes, sentence = wrong.BY_SCHEMA[case]
    is_taken, said = chart.changed(changes, tmp_path / "values.yaml")
    assert not is_taken, "was taken"
    assert "don't meet the specifications of the schema" in said and sentence in said, said


@pytest.mark.parametrize("case", wrong.BY_SENTENCE)
def test_a_sentence_refuses(case, tmp_path):
    changes, sentence = wrong.BY_SENTENCE[case]
    is_taken, said = chart.changed(changes, tmp_path / "values.yaml")
    assert not is_taken, "was taken"
    assert sentence in said, said


@pytest.mark.parametrize("name", chart.VALUES)
def test_a_container_has_no_rights(name):
    pod = chart.of_kind(chart.documents(name), "Deployment")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False and pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def test_only_the_process_itself_may_have_it_restarted():
    container = chart.container(chart.documents("minimal"))
    paths = {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/live", "livenessProbe": "/live", "readinessProbe": "/ready"}
    served = set(re.findall(r'route\("(/\w+)"', (chart.ROOT / "runtime/cli/src/http.rs").read_text()))
    monitor = chart.of_kind(chart.documents("msk-irsa"), "ServiceMonitor")["spec"]["endpoints"][0]["path"]
    assert set(paths.values()) | {monitor} <= served


def test_keda_is_kept_from_its_traps():
    rendered = chart.documents("keda-pod-identity")
    spec = chart.of_kind(rendered, "ScaledObject")["spec"]
    assert spec["maxReplicaCount"] == 24 and spec["minReplicaCount"] >= 1 and "idleReplicaCount" not in spec
    assert [trigger["metadata"]["topic"] for trigger in spec["triggers"]] == ["clicks", "views"]
    for trigger in spec["triggers"]:
        metadata = trigger["metadata"]
        assert metadata["consumerGroup"] == "sluicebox-clicks" and metadata["offsetResetPolicy"] == "latest"
        assert metadata["allowIdleConsumers"] == metadata["scaleToZeroOnInvalidOffset"] == "false"
    assert "replicas" not in chart.of_kind(rendered, "Deployment")["spec"]
    assert chart.of_kind(chart.documents("bare"), "Deployment")["spec"]["replicas"] == 3


def test_a_network_policy_lets_out_what_the_pipeline_needs():
    def ports(name):
        rules = chart.of_kind(chart.documents(name), "NetworkPolicy")["spec"]["egress"]
        return {port["port"] for rule in rules for port in rule["ports"]}

    assert ports("minimal") == {53, 9092, 443}
    assert ports("msk-irsa") == {53, 9098, 443}
    assert ports("keda-pod-identity") == {53, 9098, 443, 80}
    assert ports("sasl-secrets") == {53, 9094, 9000, 3128}
    assert ports("existing-configmap") == {53, 9092, 443, 9000}
    assert chart.of_kind(chart.documents("minimal"), "NetworkPolicy")["spec"]["ingress"] == []


def test_prometheus_objects_are_off_until_asked_for():
    kinds = {document["kind"] for document in chart.documents("minimal")}
    assert kinds == {"NetworkPolicy", "PodDisruptionBudget", "ServiceAccount", "ConfigMap", "Service", "Deployment"}


def test_secrets_are_only_referred_to():
    rendered = chart.documents("sasl-secrets")
    by_name = {variable["name"]: variable for variable in chart.container(rendered)["env"]}
    assert by_name["KAFKA_PASSWORD"]["valueFrom"] == {"secretKeyRef": {"name": "kafka-payments", "key": "password"}}
    assert chart.pipeline(rendered)["source"]["kafka"]["properties"]["sasl.password"] == {"env": "KAFKA_PASSWORD"}
    assert not any(document["kind"] == "Secret" for document in rendered)


def test_numbers_arrive_whole():
    """Helm's numbers are floats: YAML would have them as 2e+09."""
    document = chart.pipeline(chart.documents("msk-irsa"))
    assert document["transform"]["limits"]["record_fuel_max"] == 2_000_000_000
    text = chart.of_kind(chart.documents("msk-irsa"), "ConfigMap")["data"]["pipeline.yaml"]
    assert "2000000000" in text and "268435456" in text


def test_another_pipeline_means_other_pods():
    def mark(**changes):
        template = chart.of_kind(chart.documents("minimal", **changes), "Deployment")["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/pipeline"]

    assert mark() == mark() != mark(pipeline__flush={"interval": "5s"})


@pytest.mark.parametrize("name", [name for name in chart.VALUES if name != "existing-configmap"])
def test_the_command_takes_the_file(name, tmp_path):
    """Every key and value of the file, by the command itself; the artifact is not at hand, and stands in for by a file."""
    command, wasm = chart.TARGET.parent / "release/sluicebox", chart.TARGET.parent / "guests/clean_orders.wasm"
    if not (command.exists() and wasm.exists()):
        pytest.skip("needs target/release/sluicebox and target/guests: make guests")
    rendered = chart.documents(name)
    document = chart.pipeline(rendered)
    document["transform"] = {"wasm": str(wasm), "limits": document["transform"].get("limits", {})}
    document["tables"] = {"orders": {"path": "tables/orders"}}
    secret = tmp_path / "secret"
    secret.write_text("x")
    for value in document["source"]["kafka"].get("properties", {}).values():
        if isinstance(value, dict) and "file" in value:
            value["file"] = str(secret)
    (tmp_path / "pipeline.yaml").write_text(json.dumps(document))
    variables = {variable["name"]: variable.get("value", "x") for variable in chart.container(rendered)["env"]}
    variables["XDG_CACHE_HOME"] = str(chart.TARGET / "xdg")
    done = subprocess.run([command, "check", tmp_path / "pipeline.yaml"], env=variables, capture_output=True, text=True, timeout=60)
    # Exit code 2 is a fault of the file; other codes are of what this machine cannot reach.
    assert done.returncode != 2, done.stderr


def keys_of(struct):
    """The public fields of a struct of the settings, wherever it stands."""
    sources = [path.read_text() for path in sorted((chart.ROOT / "runtime/settings/src").rglob("*.rs"))]
    sources.append((chart.ROOT / "runtime/sandbox/src/limits.rs").read_text())
    body = next(found[1] for text in sources if (found := re.search(rf"struct {struct} \{{\n(.*?)\n\}}", text, re.S)))
    return set(re.findall(r"^    pub(?:\(\w+\))? (\w+):", body, re.M))


def test_the_schema_has_the_keys_of_the_settings():
    pipeline = chart.schema()["definitions"]["pipeline"]["properties"]
    parts = {
        "Kafka": pipeline["source"]["properties"]["kafka"],
        "Transform": pipeline["transform"],
        "Limits": pipeline["transform"]["properties"]["limits"],
        "DeadLetterSettings": pipeline["dead_letters"],
        "FlushSettings": pipeline["flush"],
        "BatchSettings": pipeline["batch"],
        "BreakerSettings": pipeline["breaker"]["anyOf"][2],
        "S3Settings": pipeline["s3"],
        "LambdaSettings": pipeline["lambda"],
    }
    assert keys_of("Pipeline") == set(pipeline) | {"http"}
    for struct, part in parts.items():
        assert keys_of(struct) == set(part["properties"]), struct


def test_alerts_ask_for_metrics_that_exist():
    rule = chart.of_kind(chart.documents("msk-irsa"), "PrometheusRule")
    listed = set(re.findall(r"^\| `(sluicebox_\w+)`", (chart.ROOT / "docs/metrics.md").read_text(), re.M))
    alerts = rule["spec"]["groups"][0]["rules"]
    assert len(alerts) >= 6
    for alert in alerts:
        assert "$" not in alert["expr"] and 'namespace="data", job="orders-sluicebox"' in alert["expr"]
        assert set(re.findall(r"sluicebox_\w+", alert["expr"])) <= listed
        runbook = alert["annotations"].get("runbook_url")
        assert runbook is None or (chart.ROOT / runbook.split("/main/")[1]).exists()


def test_prometheus_takes_the_alerts(tmp_path):
    if not shutil.which("promtool"):
        pytest.skip("needs promtool; on Debian: sudo apt-get install prometheus")
    file = tmp_path / "alerts.yaml"
    file.write_text(yaml.safe_dump(chart.of_kind(chart.documents("msk-irsa"), "PrometheusRule")["spec"]))
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_what_the_chart_takes_it_for():
    text = (chart.ROOT / "infra/container/Containerfile").read_text()
    pod = chart.of_kind(chart.documents("minimal"), "Deployment")["spec"]["template"]["spec"]
    user = pod["securityContext"]["runAsUser"]
    assert f"\nUSER {user}:{user}\n" in text and 'ENTRYPOINT ["/usr/bin/sluicebox"]' in text
    assert "/tmp" in [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]


def test_the_version_is_the_product_s():
    version = re.search(r'\[workspace\.package\]\nversion = "([^"]+)"', (chart.ROOT / "Cargo.toml").read_text())[1]
    assert str(yaml.safe_load((chart.CHART / "Chart.yaml").read_text())["appVersion"]) == version


def test_the_table_of_values_is_current(pytestconfig):
    if pytestconfig.getoption("--write-table"):
        values_table.write()
    assert values_table.written() == values_table.table(), "run tests/helm/run --write-table"
