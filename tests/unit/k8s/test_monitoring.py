"""Alerts, dashboard and scrapes: what they name is there, and promtool, where it is installed, agrees."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.frontend.views.test_metrics import PUBLISHED
from tests.unit.k8s import test_k8s_manifests as manifests

MONITORING = manifests.K8S / "components" / "monitoring"
ALERTS = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
SUFFIXES = ("", "_total", "_bucket", "_sum", "_count")
PROMTOOL = shutil.which("promtool")
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
needs_promtool = pytest.mark.skipif(
    not PROMTOOL, reason="promtool is not installed (apt-get install prometheus)"
)


def metrics() -> set[str]:
    """Names of all samples that are scraped: ours, TorchServe's, and Prometheus' own."""
    declared = yaml.safe_load((manifests.ROOT / "metrics.yaml").read_text())
    kinds = [kind for part in ("ts_metrics", "model_metrics") for kind in declared[part].values()]
    theirs = {metric["name"] for kind in kinds for metric in kind}
    return {name + suffix for name in PUBLISHED for suffix in SUFFIXES} | theirs | {"up", "ALERTS"}


def named(expression: str) -> set[str]:
    """The metrics in an expression of PromQL: the words that are neither labels nor the language's own."""
    expression = re.sub(r'"[^"]*"', "", expression)
    expression = re.sub(r"\b(by|ignoring|on|without)\s*\([^)]*\)", "", expression)
    expression = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", expression)
    own = {"and", "or", "unless", "group_left", "group_right", "bool"}
    return set(re.findall(r"\b[A-Za-z_]\w*\b(?!\s*\()", expression)) - own


def expressions() -> list[str]:
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [*found, *(each["expr"] for each in DASHBOARD["annotations"]["list"])]


@each_rule
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["alert"].startswith("OCR")
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert re.fullmatch(r"\d+m", rule["for"])
    assert set(rule["annotations"]) == {"summary", "todo"}
    for text in rule["annotations"].values():
        assert text.endswith("."), text


@each_rule
def test_what_an_alert_names_is_scraped(rule: dict[str, Any]) -> None:
    words = named(rule["expr"])
    assert words
    assert words <= metrics()


@each_rule
def test_advice_names_metrics_and_settings_that_are_there(rule: dict[str, Any]) -> None:
    advice = rule["annotations"]["todo"]
    assert set(re.findall(r"\bocr_\w+", advice)) <= metrics()
    assert set(re.findall(r"\bOCR_\w+", advice)) <= manifests.settings()
    assert set(re.findall(r"\bOCR[A-Z]\w+", advice)) <= {each["alert"] for each in RULES}
    for path in re.findall(r"\b(?:docs|k8s|model_store)/[\w/.-]+\w", advice):
        assert (manifests.ROOT / path).exists(), path


@pytest.mark.parametrize("expression", expressions())
def test_what_the_dashboard_shows_is_scraped(expression: str) -> None:
    words = named(expression.replace("$__rate_interval", "1m"))
    assert words
    assert words <= metrics()


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {word for expression in expressions() for word in named(expression.replace("$", ""))}
    for name in PUBLISHED:
        assert any(name + suffix in shown for suffix in SUFFIXES), name


def test_panels_have_titles_units_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in panels)


@needs_promtool
def test_promtool_takes_the_alerts_and_the_scrapes() -> None:
    for arguments in (
        ("rules", "alerts.yaml"),
        ("config", "--syntax-only", "prometheus.yaml"),
    ):
        command = [str(PROMTOOL), "check", *arguments]
        done = subprocess.run(command, cwd=MONITORING, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_alerts_fire_when_they_should_and_not_otherwise(tmp_path: Path) -> None:
    for file in (MONITORING / "alerts.yaml", Path(__file__).with_name("alerts_test.yaml")):
        shutil.copy(file, tmp_path)
    command = [str(PROMTOOL), "test", "rules", "alerts_test.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_operators_rule_is_the_same_alerts() -> None:
    rule = yaml.safe_load((MONITORING / "prometheus-rule.yaml").read_text())
    assert rule["kind"] == "PrometheusRule"
    assert rule["spec"] == ALERTS, "run `make alerts`"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[manifests.Manifest, ...]:
    """The overlay cpu with the component."""
    return manifests.build_with("monitoring", tmp_path_factory.mktemp("overlay"))


class TestComponent:
    def test_pods_are_found_by_their_labels_and_ports(self, built: tuple[manifests.Manifest, ...]) -> None:
        monitors = [each for each in built if each["kind"] == "PodMonitor"]
        jobs = {job["job_name"] for job in compose_config()["scrape_configs"]}
        assert {monitor["metadata"]["name"] for monitor in monitors} == jobs
        for monitor in monitors:
            (workload,) = (
                each
                for each in built
                if each["kind"] in manifests.WORKLOADS
                and manifests.selects(monitor["spec"]["selector"], manifests.labels(each))
            )
            pod = workload["spec"]["template"]["spec"]
            ports = {port["name"] for c in manifests.containers(pod) for port in c.get("ports", [])}
            assert {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]} <= ports

    def test_prometheus_alone_comes_to_the_metrics(self, built: tuple[manifests.Manifest, ...]) -> None:
        rules = [
            rule
            for policy in built
            if policy["kind"] == "NetworkPolicy"
            for rule in policy["spec"].get("ingress", [])
            if {"protocol": "TCP", "port": "metrics"} in rule["ports"]
        ]
        name = {"kubernetes.io/metadata.name": "monitoring"}
        assert [rule["from"] for rule in rules] == [[{"namespaceSelector": {"matchLabels": name}}]]
        (policy,) = (
            each
            for each in built
            if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == "metrics"
        )
        manifests.validate(policy, manifests.VERSIONS[0], strict=True)

    def test_grafana_finds_the_dashboard(self, built: tuple[manifests.Manifest, ...]) -> None:
        (found,) = (each for each in built if each["metadata"]["name"] == "crnn-ocr-dashboard")
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(found["data"]["dashboard.json"]) == DASHBOARD


def compose_config() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())
    return found


class TestCompose:
    COMPOSE: dict[str, Any] = yaml.safe_load((manifests.ROOT / "compose.yaml").read_text())

    def services(self) -> dict[str, Any]:
        services: dict[str, Any] = self.COMPOSE["services"]
        return {name: each for name, each in services.items() if each.get("profiles") == ["monitoring"]}

    def test_images_are_pinned_and_have_no_privileges(self) -> None:
        assert set(self.services()) == {"prometheus", "grafana"}
        for service in self.services().values():
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert service["user"] not in {"0", "root", "0:0"}

    def test_only_grafana_is_published_and_to_this_machine_alone(self) -> None:
        published = {name: each["ports"] for name, each in self.services().items() if "ports" in each}
        assert published == {"grafana": ["127.0.0.1:3000:3000"]}
        assert "outside" not in self.services()["prometheus"]["networks"]

    def test_mounted_files_are_there(self) -> None:
        for service in self.services().values():
            for volume in service["volumes"]:
                source = volume.split(":")[0]
                assert source in self.COMPOSE["volumes"] or (manifests.ROOT / source).is_file()

    def test_each_part_is_scraped_where_it_listens_and_can_be_reached(self) -> None:
        container = (manifests.ROOT / "Containerfile").read_text()
        ports = {int(port) for line in re.findall(r"^EXPOSE (.*)$", container, re.M) for port in line.split()}
        for job in compose_config()["scrape_configs"]:
            (target,) = job["dns_sd_configs"]
            (part,) = target["names"]
            assert target["port"] in ports
            reached = set(self.COMPOSE["services"][part]["networks"])
            assert reached & set(self.services()["prometheus"]["networks"])
            assert ("authorization" in job) == (part != "torchserve")

    def test_the_workers_port_is_the_same_everywhere(self) -> None:
        container = (manifests.ROOT / "Containerfile").read_text()
        (port,) = re.findall(r"OCR_WORKER_METRICS_PORT=(\d+)", container)
        assert self.COMPOSE["x-frontend"]["environment"]["OCR_WORKER_METRICS_PORT"] == port
        (worker,) = manifests.pods("cpu")["worker"]["containers"]
        assert worker["ports"] == [{"name": "metrics", "containerPort": int(port)}]
