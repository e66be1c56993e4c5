"""compose.yaml as it stands, started under another name, in a folder with settings of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from frontend.stack.ports import free_ports
from tests.container import engine
from tests.container.client import KEYS, Client
from tests.container.engine import Container
from tests.e2e.service import wait_for

ROOT = Path(__file__).parents[2]
START_SECONDS = 240
PROJECT = "crnn-ocr-container-test"
FILES = ("compose.yaml", "k8s/base/nginx.conf", "k8s/base/limits.envsh", "k8s/images/first-resolver.envsh")
SERVICES = ("nginx", "frontend", "worker", "torchserve", "mongo", "valkey")


class Compose:
    """The project, up from `up()` to `down()`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = free_ports(1)[0]
        self.client = Client(f"http://127.0.0.1:{port}")
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        (folder / ".env").write_text(f"OCR_PORT={port}\nOCR_API_KEYS={KEYS}\nOCR_RATE_LIMIT=100000/minute\n")

    @contextmanager
    def running(self) -> Iterator[Compose]:
        """The project, up and well; nothing of it is there before or after."""
        self.down()
        try:
            self.up()
            wait_for(self.client.is_well, START_SECONDS)
            yield self
        finally:
            self.down()

    def __call__(self, *arguments: str, check: bool = True) -> str:
        command = [*engine.compose_program(), "--project-name", PROJECT, *arguments]
        return engine.call(command, check=check, seconds=300, cwd=self.folder)

    def up(self) -> None:
        # podman-compose does not read `deploy`
        self("up", "--detach", "--no-build", "--scale", "frontend=2")

    def down(self) -> None:
        """Nothing of it is left. podman-compose forgets the second front end, and then the networks."""
        self("down", "--volumes", check=False)
        left = [each.name for service in SERVICES for each in self.containers(service)]
        if left:
            engine.run("rm", "--force", *left, check=False)
            self("down", "--volumes", check=False)

    def containers(self, service: str) -> list[Container]:
        labels = (f"project={PROJECT}", f"service={service}")
        filters = [word for label in labels for word in ("--filter", f"label=com.docker.compose.{label}")]
        return [
            Container(name) for name in engine.run("ps", "--all", *filters, "--format", "{{.Names}}").split()
        ]

    def container(self, service: str) -> Container:
        return self.containers(service)[0]
