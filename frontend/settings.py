"""The only reader of the service's environment. Each field is the variable OCR_<NAME>."""

from __future__ import annotations

import base64
import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from limits import parse_many

PREFIX = "OCR_"
BODY_OVERHEAD_BYTES = 64 * 1024
SPARE_THREADS = 8
"""Threads of each process that never wait for the recognizer: they answer /healthz, /history and refusals."""
IN_FLIGHT_BYTES = 640 * 1024 * 1024
"""Images that all processes together have under way; TorchServe's heap (vmargs) holds them twice."""
DRAWN_AT_ONCE = 1
"""Files that one process draws or makes into PDFs: each may take half a gigabyte meanwhile."""
PAGES_IN_FLIGHT = 16
"""Images that may be pages which all processes together have given to TorchServe: one batch of it."""
DEFAULT_RATE_LIMIT = "3000/minute"
_ORIGIN = re.compile(r"https?://[a-z0-9._\-\[\]:]+")
MAX_MEGAPIXELS = 50
MAX_SIDE = 32_767
"""Larger images are refused by the recognizer; a test holds the two together."""
MAX_FILES = 200
"""Files in a batch, and in a ZIP."""
_KEY_ENTRY = re.compile(r"([A-Za-z0-9_.-]{1,64}):([0-9a-fA-F]{64})")
_SECRET_KEY_MIN_CHARACTERS = 16
WEBHOOK_SECRET_PREFIX = "whsec_"
_WEBHOOK_KEY_BYTES = range(24, 65)
"""As Standard Webhooks has it."""
_MAX_HISTORY_DAYS = 365_000
_PORTS = range(1, 32_768)
_INSTANCES = range(1, 17)
_RECOGNIZERS = range(17)
_CORES_OF_RECOGNIZER = 2
"""There is one for lines and one for pages; more than _DEFAULT_RECOGNIZERS of each are for who wants them."""
_DEFAULT_RECOGNIZERS = 4
_POSITIVE = (
    *("workers", "threads", "torchserve_timeout_seconds", "max_image_mb", "cache_ttl_seconds"),
    *("streams", "stream_frame_mb", "stream_idle_seconds", "stream_max_seconds", "url_timeout_seconds"),
    *("owner_tasks", "owner_tasks_mb"),
    *("async_megapixels", "max_batch_mb", "task_workers", "task_timeout_seconds"),
)
_LOG_LEVELS = ("debug", "info", "warning", "error")
_WORD = r"([^\s:/?#@%]|%[0-9A-Fa-f]{2})*"
_HOST = r"([\w.%-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?"
_ADDRESSES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "mongo_url": (
        re.compile(rf"mongodb(\+srv)?://({_WORD}(:{_WORD})?@)?{_HOST}(,{_HOST})*(/[^/?#\s]*)?(\?\S*)?"),
        "mongodb://user:password@mongo.example.com:27017/ocr",
    ),
    "redis_url": (
        re.compile(rf"rediss?://([^/?#\s]*@)?{_HOST}(/\d*)?(\?\S*)?|unix://\S+"),
        "redis://:password@redis.example.com:6379/0",
    ),
}
"""Patterns of the addresses of databases, with an example of each."""


class SettingsError(ValueError):
    """A setting is wrong; the message names the variable and says what to do."""


@dataclass(frozen=True)
class Canary:
    """A model that reads a share, above 0 and up to 1, of the images for which none is named."""

    model: str
    share: float


@dataclass(frozen=True)
class Settings:
    """All settings. `.env.example` explains each field; a test holds the two together."""

    host: str = "127.0.0.1"
    port: int = 8000
    instances: int = 1
    recognizers: int = 0
    nginx: bool = True
    tls_cert: str = ""
    tls_key: str = ""
    workers: int = 2
    threads: int = 64
    data_dir: str = ".data"
    mongo_url: str = "mongodb://127.0.0.1:27017/ocr"
    redis_url: str = "redis://127.0.0.1:6379/0"
    torchserve_url: str = "http://127.0.0.1:18080"
    torchserve_management_url: str = "http://127.0.0.1:18081"
    torchserve_timeout_seconds: float = 60.0
    default_model: str = "auto"
    serving_file: str = ""
    model_store: str = "model_store"
    canary: Canary | None = None
    streams: int = 24
    stream_model: str = "auto"
    stream_frame_mb: float = 2.0
    stream_idle_seconds: float = 30.0
    stream_max_seconds: float = 3600.0
    max_image_mb: float = 20.0
    url_timeout_seconds: float = 20.0
    url_allow: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    cache_ttl_seconds: int = 86_400
    history_days: float = 90.0
    history_images: bool = False
    feedback: bool = False
    async_megapixels: float = 40.0
    max_batch_mb: float = 200.0
    task_workers: int = 2
    task_timeout_seconds: float = 240.0
    owner_tasks: int = 500
    owner_tasks_mb: float = 2000.0
    api_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    anonymous: bool = False
    secret_key: str = field(default="", repr=False)
    trusted_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    trusted_proxies: int = 0
    cors_origins: tuple[str, ...] = ()
    rate_limit: str = ""
    owner_share: float = 0.5
    webhook_secret: str = field(default="", repr=False)
    log_level: str = "info"
    metrics_public: bool = False
    worker_metrics_port: int = 0
    build: str = "unknown"

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise SettingsError(f"{variable(name)} must be greater than 0.")
        self._check_port()
        self._check_databases()
        self._check_door()
        self._check_access()
        self._check_webhook_secret()
        if self.threads <= SPARE_THREADS:
            raise SettingsError(
                f"OCR_THREADS must be greater than {SPARE_THREADS}: "
                "that many are kept free for requests that do not wait for a recognition."
            )
        if not 0 <= self.history_days < _MAX_HISTORY_DAYS:
            raise SettingsError("OCR_HISTORY_DAYS must be 0 (records never expire) or a number of days.")
        if self.worker_metrics_port not in {0, *_PORTS}:
            raise SettingsError(f"OCR_WORKER_METRICS_PORT must be 0 (none) or up to {_PORTS.stop - 1}.")
        if self.log_level not in _LOG_LEVELS:
            raise SettingsError(f"OCR_LOG_LEVEL must be one of {', '.join(_LOG_LEVELS)}.")
        if self.anonymous and len(self.secret_key) < _SECRET_KEY_MIN_CHARACTERS:
            raise SettingsError(
                "OCR_ANONYMOUS=true needs OCR_SECRET_KEY to sign cookies: set it to the output of "
                "python -c 'import secrets; print(secrets.token_hex(32))'."
            )

    def _check_port(self) -> None:
        if self.port not in _PORTS:
            raise SettingsError(
                f"OCR_PORT must be from {_PORTS.start} to {_PORTS.stop - 1}: the system hands out the ports "
                "above for outgoing connections, so any of them may be taken at the next start."
            )

    def _check_databases(self) -> None:
        for name, (pattern, example) in _ADDRESSES.items():
            if not pattern.fullmatch(getattr(self, name)):  # not quoted: it may hold a password
                raise SettingsError(
                    f"{variable(name)} must be an address such as {example}, with special characters of the "
                    "user and the password as % and two hex digits (%2F for /)."
                )

    def _check_door(self) -> None:
        if self.instances not in _INSTANCES:
            raise SettingsError(f"OCR_INSTANCES must be from {_INSTANCES.start} to {_INSTANCES.stop - 1}.")
        if self.recognizers not in _RECOGNIZERS:
            raise SettingsError(f"OCR_RECOGNIZERS must be 0 (by cores) or up to {_RECOGNIZERS.stop - 1}.")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsError("OCR_TLS_CERT and OCR_TLS_KEY must be given together, or neither of them.")
        if not self.nginx and (self.instances > 1 or self.tls_cert):
            named = "OCR_INSTANCES above 1" if self.instances > 1 else "OCR_TLS_CERT"
            raise SettingsError(f"{named} needs nginx: OCR_NGINX must be true.")

    def _check_access(self) -> None:
        if wrong := [origin for origin in self.cors_origins if not _ORIGIN.fullmatch(origin)]:
            raise SettingsError(
                f"OCR_CORS_ORIGINS: {wrong[0]!r} is not an origin. List each one in full, such as "
                "https://app.example.com, without a path; * is not accepted: it would let every site in."
            )
        if self.trusted_proxies < 0:
            raise SettingsError("OCR_TRUSTED_PROXIES must be the number of proxies in front, or 0.")
        if not 0 < self.owner_share <= 1:
            raise SettingsError("OCR_OWNER_SHARE must be greater than 0 and at most 1.")
        try:
            parse_many(self.rate_limit or DEFAULT_RATE_LIMIT)
        except ValueError as error:
            message = "must be a number and a time, such as 600/minute, or several with ; between."
            raise SettingsError(f"OCR_RATE_LIMIT {message}") from error

    def _check_webhook_secret(self) -> None:
        encoded = self.webhook_secret.removeprefix(WEBHOOK_SECRET_PREFIX)
        with suppress(ValueError):
            key = base64.b64decode(encoded, validate=True)
            if not self.webhook_secret or (encoded != self.webhook_secret and len(key) in _WEBHOOK_KEY_BYTES):
                return
        raise SettingsError(
            f"OCR_WEBHOOK_SECRET must be {WEBHOOK_SECRET_PREFIX} and from {_WEBHOOK_KEY_BYTES.start} to "
            f"{_WEBHOOK_KEY_BYTES.stop - 1} random bytes in Base64; .env.example says how to make it."
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Settings from variables such as OCR_PORT; those absent or empty keep their default."""
        if bool(environ.get("OCR_TORCHSERVE_URL")) != bool(environ.get("OCR_TORCHSERVE_MANAGEMENT_URL")):
            raise SettingsError(
                "OCR_TORCHSERVE_URL and OCR_TORCHSERVE_MANAGEMENT_URL must be given together, "
                "or neither of them."
            )
        given = {f.name: environ[variable(f.name)] for f in fields(cls) if environ.get(variable(f.name))}
        values: dict[str, Any] = {name: _parse(name, text) for name, text in given.items()}
        return cls(**values)

    @property
    def workers_per_queue(self) -> int:
        """Workers of TorchServe for pages, and as many for lines: as set, else one for every two cores."""
        cores = len(os.sched_getaffinity(0))
        return self.recognizers or min(max(cores // _CORES_OF_RECOGNIZER, 1), _DEFAULT_RECOGNIZERS)

    @property
    def max_image_bytes(self) -> int:
        """Limit of the decoded image, in bytes."""
        return int(self.max_image_mb * 1024 * 1024)

    @property
    def max_body_bytes(self) -> int:
        """Limit of the HTTP body: the image as Base64, and 64 KiB for what stands around it."""
        return self.max_image_bytes * 4 // 3 + BODY_OVERHEAD_BYTES

    @property
    def keys_needed(self) -> bool:
        """Whether a key is needed even while there is none: others can reach the service."""
        return not (is_loopback(self.host) or self.anonymous)

    @property
    def stream_frame_bytes(self) -> int:
        """Limit of a frame of a video, in bytes."""
        return int(self.stream_frame_mb * 1024 * 1024)

    @property
    def all_threads(self) -> int:
        """Threads of one process: those for requests, and one for each stream besides."""
        return self.threads + self.streams

    @property
    def processes(self) -> int:
        """Processes of all instances together."""
        return self.workers * self.instances

    @property
    def max_batch_bytes(self) -> int:
        """Limit of a batch: of what is sent, and of what its ZIP files unpack to."""
        return int(self.max_batch_mb * 1024 * 1024)

    @property
    def max_upload_bytes(self) -> int:
        """How many bytes of batches one process may be taking in: they lie on its disk meanwhile."""
        return 4 * self.max_batch_bytes

    @property
    def max_owner_bytes(self) -> int:
        """How many bytes the files of one owner's unfinished tasks may have."""
        return int(self.owner_tasks_mb * 1024 * 1024)

    @property
    def max_batch_body_bytes(self) -> int:
        """Limit of the HTTP body of a batch: the batch, and as much around it as around an image."""
        return self.max_batch_bytes + BODY_OVERHEAD_BYTES

    @property
    def max_images_in_flight(self) -> int:
        """How many images one process may have under way."""
        return self.threads - SPARE_THREADS

    @property
    def max_downloads(self) -> int:
        """How many images one process may fetch at once: it has threads left for everything else then."""
        return SPARE_THREADS // 2

    @property
    def max_bytes_in_flight(self) -> int:
        """How many bytes of images one process may have under way."""
        return IN_FLIGHT_BYTES // self.processes


def variable(name: str) -> str:
    """The environment variable of the field `name`."""
    return PREFIX + name.upper()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _parse(name: str, text: str) -> object:
    """The text of one variable as its field's type."""
    parser = _PARSERS.get(type(Settings.__dataclass_fields__[name].default), str)
    parser = _PARSERS_BY_NAME.get(name, parser)
    try:
        return parser(text.strip())
    except ValueError as error:
        raise SettingsError(f"{variable(name)}: {error}") from error


def _parse_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("must be a whole number.") from None


def _parse_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("must be a number.") from None


def _parse_host(text: str) -> str:
    """An IPv6 address may stand in brackets, as in a URL."""
    return text.removeprefix("[").removesuffix("]")


def _parse_bool(text: str) -> bool:
    if text.lower() not in {"true", "false", "1", "0", "yes", "no"}:
        raise ValueError("must be true or false.")
    return text.lower() in {"true", "1", "yes"}


def _parse_names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def _parse_networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(ipaddress.ip_network(name) for name in _parse_names(text))
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.1.0.0/16,fd00::/8 ({error}).") from None


def _parse_canary(text: str) -> Canary:
    model, _, share = text.rpartition(":")
    with suppress(ValueError):
        if model and 0 < float(share) <= 1:
            return Canary(model, float(share))
    raise ValueError("must be a model and the share it reads, above 0 and up to 1, such as crnn_shop:0.1.")


def _parse_api_keys(text: str) -> Mapping[str, str]:
    keys: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        match = _KEY_ENTRY.fullmatch(entry)
        if not match or match[1] in keys:
            raise ValueError(
                "must be id:hash,id:hash… with each id once, and as hash the hex SHA-256 of the key."
            )
        keys[match[1]] = match[2].lower()
    return MappingProxyType(keys)


_PARSERS: Mapping[type, Callable[[str], object]] = {
    int: _parse_int,
    float: _parse_float,
    bool: _parse_bool,
    str: str,
    tuple: _parse_names,
}
_PARSERS_BY_NAME: Mapping[str, Callable[[str], object]] = {
    "api_keys": _parse_api_keys,
    "canary": _parse_canary,
    "host": _parse_host,
    "url_allow": _parse_networks,
}
