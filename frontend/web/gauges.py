"""Gauges computed at each scrape of the front end: the queue, the parts, the models, the release."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from frontend.client import release
from frontend.errors import OCRError
from frontend.services import Services


class Gauges(Collector):
    """Every instance of the front end tells the same, so take the maximum of them and not the sum."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        yield from self._queue()
        yield self._parts()
        yield self._models()
        yield _gauge("ocr_build_info", "The release.", release.version(), self._services.settings.build)

    def _queue(self) -> Iterator[Metric]:
        """Nothing while MongoDB is away."""
        waiting = GaugeMetricFamily("ocr_tasks_queued", "Images and pages of tasks that wait to be read.")
        running = GaugeMetricFamily("ocr_tasks_running", "Images and pages of tasks that are being read.")
        oldest = GaugeMetricFamily(
            "ocr_tasks_oldest_seconds", "How long ago the oldest task was accepted of which something waits."
        )
        try:
            backlog = self._services.tasks.backlog()
        except OCRError:
            pass
        else:
            waiting.add_metric([], backlog.waiting)
            running.add_metric([], backlog.running)
            oldest.add_metric([], backlog.oldest_seconds)
        yield from (waiting, running, oldest)

    def _parts(self) -> Metric:
        family = GaugeMetricFamily("ocr_part_up", "Whether a part answers, as /readyz says.", labels=["part"])
        for part, facts in self._services.readiness.parts().items():
            family.add_metric([part], facts["state"] == "ok")
        return family

    def _models(self) -> Metric:
        family = GaugeMetricFamily("ocr_model_info", "The models.", labels=["model", "version"])
        for name, model_version in self._services.torchserve.versions().items():
            family.add_metric([name, model_version], 1)
        return family


def _gauge(name: str, text: str, version: str, build: str) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["version", "build"])
    family.add_metric([version, build], 1)
    return family
