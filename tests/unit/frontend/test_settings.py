"""Settings: from the environment, checked, and all of them explained in .env.example."""

from __future__ import annotations

import hashlib
import re
from dataclasses import MISSING, FrozenInstanceError, fields
from pathlib import Path

import pytest

from frontend.settings import MAX_MEGAPIXELS, MAX_SIDE, Canary, Settings, SettingsError, variable
from frontend.stack.plan import OURS
from handler import image

EXAMPLE = Path(__file__).parents[3] / ".env.example"
KEY_HASH = hashlib.sha256(b"a key").hexdigest()


def _example() -> dict[str, str]:
    return dict(re.findall(r"^#?(OCR_\w+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def test_the_example_lists_every_setting() -> None:
    assert set(_example()) == {variable(field.name) for field in fields(Settings)}


def test_the_example_shows_the_defaults() -> None:
    assert Settings.from_env(_example()) == Settings()


def test_the_example_loaded_as_it_stands_still_starts_everything() -> None:
    """An address in the environment means a server of the user's own."""
    loaded = re.findall(r"^(OCR_\w+)=", EXAMPLE.read_text(), re.MULTILINE)
    assert not {*OURS.values(), "OCR_TORCHSERVE_MANAGEMENT_URL"} & set(loaded)


def test_the_example_explains_each_setting() -> None:
    for paragraph in EXAMPLE.read_text().split("\n\n"):
        assert paragraph.startswith("# "), paragraph


def test_values_are_parsed() -> None:
    settings = Settings.from_env(
        {
            "OCR_PORT": "8100",
            "OCR_MAX_IMAGE_MB": "0.5",
            "OCR_API_KEYS": f"anna:{KEY_HASH.upper()}, ben:{'0' * 64}",
            "OCR_TRUSTED_HOSTS": "OCR.example.com, localhost",
            "OCR_ANONYMOUS": "true",
            "OCR_SECRET_KEY": "s" * 32,
            "OCR_HISTORY_DAYS": "",
            "OCR_CANARY": "crnn_shop:0.1",
            "OCR_URL_ALLOW": "10.1.0.0/16, FD00::/8,192.168.1.7",
            "UNRELATED": "x",
        }
    )
    assert settings.port == 8100
    assert settings.max_image_bytes == 512 * 1024
    assert settings.max_body_bytes == 512 * 1024 * 4 // 3 + 64 * 1024
    assert settings.api_keys == {"anna": KEY_HASH, "ben": "0" * 64}
    assert settings.trusted_hosts == ("ocr.example.com", "localhost")
    assert settings.history_days == 90
    assert settings.canary == Canary("crnn_shop", 0.1)
    assert [str(network) for network in settings.url_allow] == ["10.1.0.0/16", "fd00::/8", "192.168.1.7/32"]


@pytest.mark.parametrize(
    ("variable_name", "text"),
    [
        ("OCR_PORT", "http"),
        ("OCR_PORT", "0"),
        ("OCR_PORT", "-1"),
        ("OCR_PORT", "32768"),
        ("OCR_PORT", "70000"),
        ("OCR_MAX_IMAGE_MB", "much"),
        ("OCR_ANONYMOUS", "perhaps"),
        ("OCR_MAX_IMAGE_MB", "0"),
        ("OCR_MAX_IMAGE_MB", "nan"),
        ("OCR_HISTORY_DAYS", "-1"),
        ("OCR_CACHE_TTL_SECONDS", "1.5"),
        ("OCR_API_KEYS", "anna:too-short"),
        ("OCR_API_KEYS", KEY_HASH),
        ("OCR_API_KEYS", f"anna:{KEY_HASH},anna:{KEY_HASH}"),
        ("OCR_CANARY", "crnn_shop"),
        ("OCR_CANARY", ":0.1"),
        ("OCR_CANARY", "crnn_shop:0"),
        ("OCR_CANARY", "crnn_shop:1.5"),
        ("OCR_CANARY", "crnn_shop:nan"),
        ("OCR_CANARY", "crnn_shop:a tenth"),
        ("OCR_LOG_LEVEL", "loud"),
        ("OCR_THREADS", "8"),
        ("OCR_URL_ALLOW", "intranet"),
        ("OCR_URL_ALLOW", "10.1.2.3/8"),
        ("OCR_URL_TIMEOUT_SECONDS", "0"),
        ("OCR_INSTANCES", "0"),
        ("OCR_INSTANCES", "17"),
        ("OCR_RECOGNIZERS", "17"),
        ("OCR_RECOGNIZERS", "-1"),
        ("OCR_NGINX", "perhaps"),
        ("OCR_TLS_CERT", "cert.pem"),
        ("OCR_TLS_KEY", "key.pem"),
        ("OCR_TORCHSERVE_URL", "http://127.0.0.1:18080"),
        ("OCR_TORCHSERVE_MANAGEMENT_URL", "http://127.0.0.1:18081"),
        ("OCR_MONGO_URL", "secret"),
        ("OCR_MONGO_URL", "http://mongo:27017/ocr"),
        ("OCR_MONGO_URL", "mongodb://"),
        ("OCR_MONGO_URL", "mongodb://mongo:port/ocr"),
        ("OCR_MONGO_URL", "mongodb://user:se/cret@mongo/ocr"),
        ("OCR_MONGO_URL", "mongodb://user:secret%@mongo/ocr"),
        ("OCR_MONGO_URL", "mongodb://mongo/ocr\nsecret"),
        ("OCR_REDIS_URL", "secret"),
        ("OCR_REDIS_URL", "http://redis:6379/0"),
        ("OCR_REDIS_URL", "redis://:secret@redis:port/0"),
        ("OCR_REDIS_URL", "redis://:se/cret@redis:6379/0"),
        ("OCR_REDIS_URL", "redis://redis:6379/cache"),
    ],
)
def test_a_wrong_value_is_refused_by_name(variable_name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=variable_name) as raised:
        Settings.from_env({variable_name: text})
    assert " must be " in str(raised.value)
    assert "cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("variable_name", "text"),
    [
        ("OCR_MONGO_URL", "mongodb://mongo"),
        (
            "OCR_MONGO_URL",
            "mongodb://user:p%40ss!$&'()*+,;=@a.example:27017,b.example:27018/ocr?replicaSet=r",
        ),
        ("OCR_MONGO_URL", "mongodb+srv://user:password@cluster.example.com/?retryWrites=true"),
        ("OCR_MONGO_URL", "mongodb://[::1]:27017/ocr"),
        ("OCR_MONGO_URL", "mongodb://%2Ftmp%2Fmongodb-27017.sock/ocr"),
        ("OCR_REDIS_URL", "redis://redis"),
        ("OCR_REDIS_URL", "rediss://user:p@ss:word%2F@redis.example.com:6380/1?ssl_cert_reqs=none"),
        ("OCR_REDIS_URL", "redis://[::1]:6379/0"),
        ("OCR_REDIS_URL", "unix:///run/redis.sock?db=1"),
    ],
)
def test_addresses_of_databases_are_taken(variable_name: str, text: str) -> None:
    assert text in vars(Settings.from_env({variable_name: text})).values()


@pytest.mark.parametrize(
    "given",
    [{"OCR_INSTANCES": "2"}, {"OCR_TLS_CERT": "cert.pem", "OCR_TLS_KEY": "key.pem"}],
)
def test_what_only_nginx_can_do_needs_it(given: dict[str, str]) -> None:
    Settings.from_env(given)
    with pytest.raises(SettingsError, match=next(iter(given))) as raised:
        Settings.from_env(given | {"OCR_NGINX": "false"})
    assert "OCR_NGINX must be true" in str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    assert Settings(host=host).host == host


def test_an_ipv6_address_may_stand_in_brackets() -> None:
    assert Settings.from_env({"OCR_HOST": "[::1]"}).host == "::1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "ocr.example.com"])
def test_elsewhere_needs_keys_or_consent(host: str) -> None:
    assert Settings(host=host).keys_needed
    assert not Settings(host=host, anonymous=True, secret_key="s" * 32).keys_needed


def test_origins_are_listed_in_full() -> None:
    given = {"OCR_CORS_ORIGINS": "https://App.example, http://localhost:3000, http://[::1]:3000"}
    origins = ("https://app.example", "http://localhost:3000", "http://[::1]:3000")
    assert Settings.from_env(given).cors_origins == origins


@pytest.mark.parametrize("origin", ["*", "null", "app.example", "https://app.example/", "https://*.example"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(SettingsError, match="OCR_CORS_ORIGINS"):
        Settings(cors_origins=(origin,))


def test_rate_limits_are_checked() -> None:
    assert Settings(rate_limit="10/second;600/minute").rate_limit
    for wrong in ("600", "many", "600/blink"):
        with pytest.raises(SettingsError, match="OCR_RATE_LIMIT"):
            Settings(rate_limit=wrong)


def test_shares_and_proxies_are_checked() -> None:
    for share in (0, -1, 1.5, float("nan")):
        with pytest.raises(SettingsError, match="OCR_OWNER_SHARE"):
            Settings(owner_share=share)
    with pytest.raises(SettingsError, match="OCR_TRUSTED_PROXIES"):
        Settings(trusted_proxies=-1)


def test_anonymous_mode_needs_a_secret() -> None:
    assert next(f for f in fields(Settings) if f.name == "secret_key").default in {"", MISSING}
    with pytest.raises(SettingsError, match="OCR_SECRET_KEY"):
        Settings(anonymous=True)
    assert "s" * 32 not in repr(Settings(anonymous=True, secret_key="s" * 32))


def test_fifty_clients_at_once_fit_one_process() -> None:
    """Which process takes a connection is the kernel's choice."""
    assert Settings().max_images_in_flight >= 50


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_tasks_are_not_offered_for_what_the_recognizer_refuses() -> None:
    assert MAX_MEGAPIXELS * 1_000_000 == image.MAX_PIXELS
    assert MAX_SIDE == image.MAX_SIDE
    assert Settings().async_megapixels < MAX_MEGAPIXELS


@pytest.mark.parametrize(
    "secret", ["whsec_", "whsec_c2hvcnQ=", "A" * 44, "whsec_" + "ä" * 40, "whsec_" + "A" * 88]
)
def test_a_webhook_secret_has_the_form_of_the_standard(secret: str) -> None:
    with pytest.raises(SettingsError, match="OCR_WEBHOOK_SECRET") as raised:
        Settings(webhook_secret=secret)
    assert secret not in str(raised.value) or secret == "whsec_"
    assert Settings(webhook_secret="whsec_" + "A" * 44).webhook_secret
