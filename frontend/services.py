"""The wiring: makes the services of the HTTP process and of the Celery worker from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from celery import Celery

from frontend import metrics
from frontend.auth.access import LOCAL_OWNER, Owners
from frontend.auth.keys import KeyRing, Keys
from frontend.files.disk import check_room
from frontend.files.download import Downloader
from frontend.history.images import Images
from frontend.history.records import History
from frontend.live.stream import Streams
from frontend.mongo import Mongo
from frontend.recognition.admission import Admission
from frontend.recognition.cache import Cache
from frontend.recognition.readiness import Readiness
from frontend.recognition.recognizer import Recognizer
from frontend.recognition.torchserve import TorchServe
from frontend.settings import DRAWN_AT_ONCE, PAGES_IN_FLIGHT, Settings
from frontend.tasks.celery_app import TaskQueue, make_celery, visibility_timeout
from frontend.tasks.items import Items
from frontend.tasks.processing import ItemLimits, Processor
from frontend.tasks.store import TaskStore
from frontend.tasks.tasks import Tasks


@dataclass(frozen=True)
class SharedServices:
    """The services of both processes."""

    settings: Settings
    torchserve: TorchServe
    cache: Cache
    mongo: Mongo
    history: History
    images: Images
    recognizer: Recognizer
    items: Items
    tasks: Tasks
    queue: TaskQueue

    def close(self) -> None:
        """Give back the connections."""
        self.queue.close()
        self.mongo.close()
        self.cache.close()
        self.torchserve.close()


@dataclass(frozen=True)
class Services(SharedServices):
    """The services of the HTTP process, which the routes call."""

    downloader: Downloader
    drawing: Admission
    """For drawing pages and writing PDFs, as each may take half a gigabyte."""
    streams: Streams
    readiness: Readiness
    owners: Owners


def connect_torchserve(settings: Settings, connections: int) -> TorchServe:
    """TorchServe, by at most so many connections."""
    return TorchServe(
        settings.torchserve_url,
        settings.torchserve_management_url,
        settings.torchserve_timeout_seconds,
        connections,
    )


def share_services(
    settings: Settings, torchserve: TorchServe, admission: Admission, celery: Celery
) -> SharedServices:
    """The services of both processes, which admit images and reach TorchServe each in its own way."""
    cache = Cache(settings.redis_url, settings.cache_ttl_seconds)
    mongo = Mongo(settings.mongo_url)
    history = History(mongo, settings.history_days)
    images = Images(mongo, settings.history_days)
    kept = images if settings.history_images else None
    store = TaskStore(mongo)
    items = Items(store, visibility_timeout(settings))
    tasks = Tasks(store, items)
    return SharedServices(
        settings=settings,
        torchserve=torchserve,
        cache=cache,
        mongo=mongo,
        history=history,
        images=images,
        recognizer=Recognizer(torchserve, cache, history, admission, settings.default_model, kept),
        items=items,
        tasks=tasks,
        queue=TaskQueue(tasks, celery),
    )


def make_services(settings: Settings, torchserve: TorchServe | None = None) -> Services:
    """The services of the HTTP process. `torchserve` stands in for the real one in tests."""
    torchserve = torchserve or connect_torchserve(settings, settings.all_threads)
    admission = _admission(settings, PAGES_IN_FLIGHT // settings.processes or 1, "reading")
    shared = share_services(settings, torchserve, admission, make_celery(settings))
    shared.mongo.prepare()
    pings = {"redis": shared.cache.ping, "mongodb": shared.mongo.ping, "disk": check_room}
    return Services(
        **vars(shared),
        downloader=Downloader(
            settings.url_allow, settings.max_image_bytes, settings.url_timeout_seconds, settings.max_downloads
        ),
        drawing=_admission(settings, DRAWN_AT_ONCE, "drawing"),
        streams=Streams(settings, shared.recognizer),
        readiness=Readiness(torchserve, settings.default_model, pings),
        owners=make_owners(settings, shared.mongo),
    )


def make_processor(shared: SharedServices) -> Processor:
    """The processor of items in the Celery worker."""
    settings = shared.settings
    limits = ItemLimits(settings.task_timeout_seconds, settings.max_image_bytes, settings.max_batch_bytes)
    return Processor(shared.items, shared.recognizer, shared.queue.publish, limits)


def _admission(settings: Settings, max_pages: int, work: str) -> Admission:
    metrics.IN_FLIGHT_LIMIT.labels(work).set(settings.max_images_in_flight)
    return Admission(
        settings.max_images_in_flight,
        settings.max_bytes_in_flight,
        max_pages=max_pages,
        wait_seconds=settings.torchserve_timeout_seconds,
        share=settings.owner_share,
        unlimited=LOCAL_OWNER,
        work=work,
    )


def make_owners(settings: Settings, mongo: Mongo) -> Owners:
    """Authentication: the owners of requests, by the keys of the settings and those in MongoDB."""
    owners = Owners(
        KeyRing(settings.api_keys, Keys(mongo).active),
        keys_needed=settings.keys_needed,
        anonymous=settings.anonymous,
        secret_key=settings.secret_key,
    )
    owners.is_alone()  # the keys are read now, so that MongoDB may go away as soon as the service is up
    return owners
