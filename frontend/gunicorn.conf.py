"""How gunicorn serves the application: gunicorn --config frontend/gunicorn.conf.py"""

import os
from typing import Any

from gunicorn.workers import gthread

from frontend import logs, metrics
from frontend.settings import Settings

_settings = Settings.from_env(os.environ)
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host

wsgi_app = "frontend.app:create_app()"
# Behind nginx on one machine (frontend/stack) a socket that only nginx reaches.
_sockets = os.environ.get("STACK_SOCKETS")
bind = (
    f"unix:{_sockets}/frontend-{os.environ['STACK_INSTANCE']}.sock"
    if _sockets
    else f"{_host}:{_settings.port}"
)

# A request spends its time waiting for TorchServe, so threads are cheap. How many images are under way at
# once is bounded by frontend/recognition/admission.py, which leaves threads for everything else.
worker_class = "frontend.web.gunicorn_worker.ProblemWorker"
workers = _settings.workers
threads = _settings.all_threads

keepalive = 30  # seconds an idle connection stays open
timeout = 60  # seconds without a sign of life from a whole worker; a slow request is no reason
# Seconds to finish what is in flight: all of it at a rolling restart; the end of the whole service is sooner
# (stopwaitsecs in supervisord.conf).
graceful_timeout = 30 if _sockets else 3
if _sockets:
    # Idle connections are left for nginx to close: if we did, one of them might have a request on its way.
    gthread.STOP_KEEPALIVE_LINGER = keepalive

# Whose X-Forwarded-… headers count is for OCR_TRUSTED_PROXIES alone to say, also behind a socket.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

errorlog = "-"
accesslog = None  # the application logs each request itself, as JSON
logconfig_dict = logs.SERVER
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Before the first worker: nothing of a former run is counted."""
    logs.take_over(_settings.log_level)
    metrics.begin()


def child_exit(_server: Any, worker: Any) -> None:
    """A worker has ended."""
    metrics.forget(worker.pid)
