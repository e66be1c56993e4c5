"""The pods of k8s/overlays/dev by `podman kube play`, which knows pods but not a cluster around them.

What is left out: Deployments and StatefulSets (their pods are played), Services (a pod's name is its
address), probes (podman makes health checks of them that need programs the images lack; `probe()` asks as
the kubelet does), hooks (`end()` runs them), limits of volumes, NetworkPolicies. What differs: nginx is a
container like the others, for podman takes a sidecar for a step that must end first; the Secret's values and
the files of ConfigMaps are put in place beforehand.
"""

from __future__ import annotations

import base64
import shutil
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
import yaml

from frontend.stack.ports import free_ports
from tests.container import engine
from tests.container.client import KEYS, Client
from tests.container.engine import Container
from tests.e2e.service import request

ROOT = Path(__file__).parents[2]
NETWORK = "crnn-ocr-container-test-pods"
PODS = ("mongo", "valkey", "torchserve", "frontend", "worker")
Manifest = dict[str, Any]
_METRICS = """
from urllib.request import urlopen
for line in urlopen("http://127.0.0.1:18082/metrics", timeout=10).read().decode().splitlines():
    if line.startswith("ts_inference_requests_total"):
        print(line)
"""
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_NOT_PLAYED = (*_PROBES, "lifecycle", "ports", "restartPolicy", "envFrom")


class Pods:
    """The pods of the overlay, each played and removed by its name.

    A second one of a Deployment, such as frontend-2, has the first one's address as well.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(("frontend", "frontend-2"), free_ports(2), strict=True))
        """Of each front end, on loopback."""
        self.client = self.client_of("frontend")
        text = engine.call(["kubectl", "kustomize", str(ROOT / "k8s" / "overlays" / "dev")])
        self.manifests: list[Manifest] = list(yaml.safe_load_all(text))
        engine.run("network", "create", NETWORK)

    def client_of(self, pod: str) -> Client:
        return Client(f"http://127.0.0.1:{self.ports[pod]}")

    def play(self, *names: str) -> None:
        """Start pods, all at once."""
        for name in names:
            path = self.folder / f"{name}.yaml"
            path.write_text(yaml.safe_dump(self._pod(name)))
            engine.run("kube", "play", "--network", f"{NETWORK}:alias={_workload(name)}", path)

    def end(self, pod: str) -> None:
        """As the kubelet does: all hooks at once, SIGTERM to the containers, then to the sidecars."""
        template = self._template(_workload(pod))
        with ThreadPoolExecutor() as pool:
            hooks = [
                pool.submit(self._run_hook, self.container(pod, each["name"]), each)
                for each in _containers(template)
            ]
            for hook in hooks:
                hook.result()
        for each in reversed(_containers(template)):
            self.container(pod, each["name"]).stop(template.get("terminationGracePeriodSeconds", 30))
        self.remove(pod)

    @staticmethod
    def _run_hook(container: Container, manifest: Manifest) -> None:
        hook = manifest.get("lifecycle", {}).get("preStop", {})
        time.sleep(hook.get("sleep", {}).get("seconds", 0))
        if command := hook.get("exec", {}).get("command"):
            container.run(*command)

    def is_ready(self, pod: str) -> bool:
        """Whether the cluster would send requests there."""
        template = self._template(_workload(pod))
        return all(
            self.probe(self.container(pod, each["name"]), each, "readinessProbe")
            for each in _containers(template)
        )

    def restore(self) -> None:
        """The first pods again, in the place of the second ones."""
        for name in PODS:
            if engine.run("pod", "ps", "--filter", f"name=^{name}-2$", "--quiet"):
                self.remove(name, f"{name}-2")
                self.play(name)

    def inferences(self) -> int:
        """Of all requests that TorchServe has been sent since its start, its own count."""
        text = self.container("torchserve").run("python", "-c", _METRICS)
        return sum(int(float(line.split()[-1])) for line in text.splitlines())

    def remove(self, *names: str) -> None:
        for name in names:
            engine.run("pod", "rm", "--force", "--time", "0", name, check=False)

    def close(self) -> None:
        self.remove(*PODS, *(f"{name}-2" for name in PODS))
        for name in ("mongo", "valkey"):
            engine.run("volume", "rm", "--force", _claim(name), check=False)
        engine.run("network", "rm", "--force", NETWORK, check=False)

    def container(self, pod: str, name: str = "") -> Container:
        return Container(f"{pod}-{name or _workload(pod)}")

    def containers(self) -> Iterator[tuple[Container, Manifest]]:
        """Each container with what its manifest says."""
        for pod in PODS:
            for container in _containers(self._template(pod)):
                yield self.container(pod, container["name"]), container

    def probe(self, container: Container, manifest: Manifest, kind: str) -> bool:
        """Ask as the kubelet would."""
        probe = manifest[kind]
        if "exec" in probe:
            return container.succeeds(*probe["exec"]["command"])
        ports = {port["name"]: port["containerPort"] for port in manifest["ports"]}
        address = self._address(container)
        if "tcpSocket" in probe:
            with suppress(OSError), socket.create_connection((address, ports[probe["tcpSocket"]["port"]]), 3):
                return True
            return False
        asked = probe["httpGet"]
        headers = {header["name"]: header["value"] for header in asked.get("httpHeaders", [])}
        with suppress(requests.RequestException):
            url = f"http://{address}:{ports[asked['port']]}{asked['path']}"
            return request("GET", url, headers=headers).ok
        return False

    @staticmethod
    def _address(container: Container) -> str:
        pod = container.facts["Pod"]
        template = "{{.InfraContainerID}}"
        infra = Container(engine.run("pod", "inspect", pod, "--format", template).strip())
        return str(infra.facts["NetworkSettings"]["Networks"][NETWORK]["IPAddress"])

    def _template(self, name: str) -> Manifest:
        (found,) = [
            each
            for each in self.manifests
            if each["kind"] in {"Deployment", "StatefulSet"} and each["metadata"]["name"] == name
        ]
        spec: Manifest = found["spec"]["template"]["spec"]
        claims = [claim["metadata"]["name"] for claim in found["spec"].get("volumeClaimTemplates", [])]
        volumes = [{"name": claim, "persistentVolumeClaim": {"claimName": _claim(name)}} for claim in claims]
        return {**spec, "volumes": [*spec.get("volumes", []), *volumes]}

    def _pod(self, name: str) -> Manifest:
        """The pod, as podman can play it."""
        template = self._template(_workload(name))
        volumes = {volume["name"]: volume for volume in template["volumes"]}
        played: dict[str, Manifest] = {}
        containers = []
        for given in _containers(template):
            container = {key: value for key, value in given.items() if key not in _NOT_PLAYED}
            container["env"] = [*self._environment(given)]
            container["volumeMounts"] = [
                self._mount(name, mount, volumes[mount["name"]], played) for mount in given["volumeMounts"]
            ]
            if container["name"] == "nginx":
                container["ports"] = [
                    {"containerPort": 8080, "hostPort": self.ports[name], "hostIP": "127.0.0.1"}
                ]
            containers.append(container)
        spec = {
            "securityContext": template["securityContext"],
            "restartPolicy": "Always",
            "containers": containers,
            "volumes": [*played.values()],
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}

    def _mount(self, pod: str, mount: Manifest, volume: Manifest, played: dict[str, Manifest]) -> Manifest:
        """The mount, its volume put among `played`: under the pod's name, as one name is one volume."""
        name = f"{pod}-{volume['name']}"
        if "configMap" not in volume:
            played[name] = {**volume, "name": name}
            return {**mount, "name": name}
        path = self._file(volume["configMap"]["name"], mount["subPath"])
        name = f"{name}-{len(played)}"
        played[name] = {"name": name, "hostPath": {"path": str(path), "type": "File"}}
        return {"name": name, "mountPath": mount["mountPath"], "readOnly": True}

    def _environment(self, container: Manifest) -> Iterator[dict[str, str]]:
        """The container's variables with their values, and the key of the tests."""
        for source in container.get("envFrom", []):
            for name, value in self._data("ConfigMap", source["configMapRef"]["name"]).items():
                yield {"name": name, "value": value}
        for variable in container.get("env", []):
            value = variable["value"] if "value" in variable else self._value(variable["valueFrom"])
            if value is not None:
                yield {"name": variable["name"], "value": value}
        if container["name"] == "frontend":
            yield {"name": "OCR_API_KEYS", "value": KEYS}
            yield {"name": "OCR_RATE_LIMIT", "value": "100000/minute"}

    def _value(self, source: Manifest) -> str | None:
        if "secretKeyRef" in source:
            text = self._data("Secret", source["secretKeyRef"]["name"]).get(source["secretKeyRef"]["key"])
            return None if text is None else base64.b64decode(text).decode()
        return self._data("ConfigMap", source["configMapKeyRef"]["name"]).get(
            source["configMapKeyRef"]["key"]
        )

    def _data(self, kind: str, name: str) -> dict[str, str]:
        (found,) = [
            each for each in self.manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)
        ]
        data: dict[str, str] = found["data"]
        return data

    def _file(self, config_map: str, key: str) -> Path:
        path = self.folder / config_map / key
        path.parent.mkdir(exist_ok=True)
        path.write_text(self._data("ConfigMap", config_map)[key])
        path.chmod(0o555)
        return path


def _containers(template: Manifest) -> list[Manifest]:
    """Sidecars first."""
    return [*template.get("initContainers", []), *template["containers"]]


def _workload(pod: str) -> str:
    """The command that makes the pod."""
    return pod.removesuffix("-2")


def _claim(name: str) -> str:
    return f"{NETWORK}-{name}"


def works() -> bool:
    """Whether pods can be played here."""
    return engine.PROGRAM == "podman" and shutil.which("kubectl") is not None
