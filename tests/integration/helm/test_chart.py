"""The chart: rendered by Helm itself, held against schemas of Kubernetes, and against settings, routes and metrics."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from archiveworker import __version__, composition, connectors
from archiveworker.runtime import metrics
from archiveworker.settings import Settings
from archiveworker.web.app import create_app
from tests.integration.docs.shown import ROOT, shown_commands
from tests.integration.helm.conftest import CHART, NAMESPACE, HelmRefusedError, Render

VALUES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
KUBERNETES = ["1.25", "1.30", kubernetes_validate.latest_version()]
NOT_KUBERNETES = {"ScaledObject"}


def _one(documents: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


def _pod(documents: list[dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = _one(documents, "StatefulSet")["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("values", VALUES)
def test_helm_finds_nothing_to_say(helm: Path, values: str) -> None:
    command = [helm, "lint", "--strict", CHART, "--values", CHART / "ci" / f"{values}-values.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", VALUES)
def test_kubernetes_knows_every_field(render: Render, values: str, version: str) -> None:
    documents = render(values)
    assert len(documents) >= 6
    for document in documents:
        if document["kind"] not in NOT_KUBERNETES:
            kubernetes_validate.validate(document, version, strict=True)


def test_a_wrong_field_would_be_found(render: Render) -> None:
    service = _one(render("plain"), "NetworkPolicy")
    service["spec"]["podSelektor"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="podSelektor"):
        kubernetes_validate.validate(service, KUBERNETES[-1], strict=True)


@pytest.mark.parametrize("values", VALUES)
def test_the_worker_takes_the_environment_of_its_pod(render: Render, values: str, tmp_path: Path) -> None:
    """As the kubelet would set it: the config map, then the container's own, secrets as files."""
    documents = render(values)
    (container,) = _pod(documents)["containers"]
    env: dict[str, str] = dict(_one(documents, "ConfigMap")["data"])
    secrets = {
        "ARCHIVEWORKER_DATABASE_URL": "postgresql://archive@database/archive",
        "ARCHIVEWORKER_POST_SECRET": "0123456789abcdef0123456789abcdef",
    }
    for variable in container["env"]:
        if variable["name"].endswith("_FILE"):
            name = variable["name"].removesuffix("_FILE")
            file = tmp_path / Path(variable["value"]).name
            file.write_text(secrets.get(name, "x" * 32))
            env[variable["name"]] = str(file)
        else:
            assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
            env[variable["name"]] = "exam-archiveworker-0"
    settings, notes = Settings.from_env(env)
    assert notes == ()
    assert settings.executor_id == "exam-archiveworker-0"
    assert settings.database_url is not None
    assert settings.shutdown_grace_s < _pod(documents)["terminationGracePeriodSeconds"]
    if values == "full":
        assert (settings.min_free_bytes, settings.poll_interval_s, settings.lms_items_count) == (2**30, 0.5, 24)


@pytest.mark.parametrize("values", VALUES)
def test_every_folder_that_is_written_is_a_volume(render: Render, values: str) -> None:
    """The root file system is read-only."""
    documents = render(values)
    pod = _pod(documents)
    (container,) = pod["containers"]
    mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert {volume["name"] for volume in pod["volumes"]} == set(mounted.values())
    data = _one(documents, "ConfigMap")["data"]
    for name in ("ARCHIVEWORKER_DATA_DIR", "ARCHIVEWORKER_SPOOL_DIR"):
        if name in data:
            assert any(Path(data[name]).is_relative_to(path) for path in mounted)
    assert {"/tmp", "/dev/shm"} < set(mounted)
    assert "database_url" not in str(_one(documents, "ConfigMap")).lower(), "secrets are in the Secret alone"


def test_a_pod_has_no_rights_that_it_does_not_need(render: Render) -> None:
    pod = _pod(render("plain"))
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    dockerfile = (CHART.parents[2] / "Dockerfile").read_text()
    assert f"--uid {pod['securityContext']['runAsUser']} " in dockerfile, "the user whom the image has"


def test_probes_ask_what_is_served(render: Render) -> None:
    (container,) = _pod(render("plain"))["containers"]
    routes = connectors.routes_of(connectors.build_sources(Settings()))
    app = create_app(None, routes, composition.build_web_config(Settings()))  # type: ignore[arg-type]
    served = {route.resource.canonical for route in app.router.routes() if route.resource is not None}
    probes = [container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert probes == ["/health/live", "/health/live", "/health/ready"]
    assert set(probes) <= served
    assert container["ports"][0]["containerPort"] == Settings().port


def test_keda_asks_for_a_metric_that_is_there(render: Render) -> None:
    scaled = _one(render("keda"), "ScaledObject")
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    (name,) = re.findall(r"archiveworker_\w+", query)
    metrics.JOBS_ACTIVE.labels("queued").set(0)
    assert re.search(rf"^{name}{{state=", metrics.render().decode(), re.M), "/metrics serves it, by state"
    assert f'namespace="{NAMESPACE}"' in query
    target = scaled["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("StatefulSet", _one(render("keda"), "StatefulSet")["metadata"]["name"])


def test_who_scales_is_one(render: Render) -> None:
    counts = {values: _one(render(values), "StatefulSet")["spec"].get("replicas") for values in VALUES}
    assert counts == {"plain": 3, "full": None, "keda": None}, "an upgrade must not undo what was scaled"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("replicaCount=3", "replicaCount"),
        ("replicas=0", "replicas"),
        ('settings={"LMS_ITEMS_COUNT":"24"}', "LMS_ITEMS_COUNT"),
        ('settings={"ARCHIVEWORKER_ADMIN_TOKEN":"secret"}', "ARCHIVEWORKER_ADMIN_TOKEN"),
        ('settings={"ARCHIVEWORKER_EXECUTOR_ID":"one"}', "ARCHIVEWORKER_EXECUTOR_ID"),
        ('secret.keys=["ARCHIVEWORKER_DATABASE_URL"]', "keys"),
        ('secret={"existing":"","values":{}}', "secret.values lacks ARCHIVEWORKER_DATABASE_URL"),
        ('autoscaling.kind="keda"', "autoscaling.keda.prometheus is the address"),
        ('security.seccompType="Localhost"', "security.seccompProfile names the file"),
        ("ingress.enabled=true", "ingress.host is the name"),
    ],
)
def test_wrong_values_are_refused_with_their_name(render: Render, setting: str, reason: str) -> None:
    with pytest.raises(HelmRefusedError, match=re.escape(reason)):
        render("plain", setting)


def test_the_schema_has_every_value_and_no_other() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    jsonschema.Draft7Validator.check_schema(schema)

    def names(of: dict[str, Any], props: dict[str, Any]) -> None:
        assert set(of) == set(props)
        for name, value in of.items():
            if isinstance(value, dict) and value and "properties" in props[name]:
                names(value, props[name]["properties"])

    names(values, {name: prop for name, prop in schema["properties"].items() if name != "global"})


def test_secret_settings_cannot_stand_in_the_config_map() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    refused = set(schema["properties"]["settings"]["propertyNames"]["not"]["enum"])
    secrets = {
        f"ARCHIVEWORKER_{name.upper()}"
        for name, item in Settings.__dataclass_fields__.items()
        if "Secret" in str(item.type) and name not in ("tsa_urls", "delivery_webhooks")  # need not hold one
    }
    assert secrets <= refused


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__


def test_the_commands_of_the_documentation_make_a_release_that_works(helm: Path) -> None:
    """Secret, release and the name of the first pod, as docs/howto/install.md shows them, fit together."""
    shown = [one.command for one in shown_commands() if one.page == "docs/howto/install.md"]
    (release,) = [command for command in shown if command.startswith("helm upgrade --install ")]
    (secret,) = [command for command in shown if " create secret " in command]
    (doctor,) = [command for command in shown if command.startswith("kubectl") and "archiveworker doctor" in command]
    command = [helm, "template", *shlex.split(release)[3:], "--kube-version", "1.34"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document is not None]
    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES[-1], strict=True)
    assert f" exec {_one(documents, 'StatefulSet')['metadata']['name']}-0 " in doctor
    (mounted,) = [volume["secret"] for volume in _pod(documents)["volumes"] if "secret" in volume]
    assert f"generic {mounted['secretName']} " in secret
    assert {item["key"] for item in mounted["items"]} == set(re.findall(r"--from-literal=(\w+)=", secret))
    assert all(f" {namespace} " in secret for namespace in re.findall(r"--namespace (\S+)", release))
