"""The wiring: makes the services of the HTTP process and of the Celery worker from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from frontend import metrics
from frontend.auth.access import LOCAL_OWNER, Owners
from frontend.auth.keys import KeyRing, Keys
from frontend.feedback.feedback import Feedback
from frontend.feedback.lines import Lines
from frontend.files.disk import check_room
from frontend.files.download import Downloader
from frontend.history.images import Images
from frontend.history.journal import Journal
from frontend.history.records import History
from frontend.live.stream import Streams
from frontend.mongo import Mongo
from frontend.recognition.admission import Admission
from frontend.recognition.cache import Cache
from frontend.recognition.models import sure_threshold
from frontend.recognition.readiness import Readiness
from frontend.recognition.recognizer import Recognizer
from frontend.recognition.serving import Serving, ServingRecord
from frontend.recognition.torchserve import TorchServe
from frontend.redis import Redis
from frontend.settings import DRAWN_AT_ONCE, PAGES_IN_FLIGHT, Settings
from frontend.tasks.celery_app import TaskQueue, make_celery, visibility_timeout
from frontend.tasks.heartbeat import Heartbeat
from frontend.tasks.items import Items
from frontend.tasks.processing import ItemLimits, Processor
from frontend.tasks.store import TaskStore
from frontend.tasks.tasks import Limits, Tasks
from frontend.tasks.webhooks import Webhooks


@dataclass(frozen=True)
class SharedServices:
    """The services of both processes."""

    settings: Settings
    serving: Serving
    redis: Redis
    cache: Cache
    mongo: Mongo
    journal: Journal
    history: History
    images: Images
    feedback: Feedback
    recognizer: Recognizer
    items: Items
    tasks: Tasks
    webhooks: Webhooks
    queue: TaskQueue
    heartbeat: Heartbeat

    @property
    def torchserve(self) -> TorchServe:
        """The one that serves now."""
        return self.serving.torchserve

    def close(self) -> None:
        """Give back the connections."""
        self.journal.close()
        self.queue.close()
        self.mongo.close()
        self.redis.close()
        self.serving.close()


@dataclass(frozen=True)
class Services(SharedServices):
    """The services of the HTTP process, which the routes call."""

    downloader: Downloader
    drawing: Admission
    """For drawing pages and writing PDFs, as each may take half a gigabyte."""
    uploading: Admission
    """For batches, which lie on the disk while they are taken in."""
    streams: Streams
    readiness: Readiness
    owners: Owners

    def start(self) -> None:
        """Begin what goes on beside the requests, in the process that serves them."""
        self.journal.start()


def follow_serving(settings: Settings, timeout_seconds: float, connections: int) -> Serving:
    """TorchServe, by at most so many connections; an answer is waited for so long."""
    configured = ServingRecord(
        settings.default_model, settings.torchserve_url, settings.torchserve_management_url
    )
    file = Path(settings.serving_file) if settings.serving_file else None
    return Serving(
        configured, file, lambda url, management: TorchServe(url, management, timeout_seconds, connections)
    )


def share_services(
    settings: Settings, serving: Serving, admission: Admission, celery: Celery
) -> SharedServices:
    """The services of both processes, which admit images and reach TorchServe each in its own way."""
    redis, mongo = Redis(settings.redis_url), Mongo(settings.mongo_url)
    cache, journal = Cache(redis, settings.cache_ttl_seconds), Journal(redis, mongo)
    history = History(mongo, settings.history_days, journal)
    images = Images(mongo, settings.history_days)
    kept = images if settings.history_images else None
    lines = Lines(mongo, settings.history_days, journal)
    feedback = Feedback(
        lines, history, images, lambda: sure_threshold(serving.torchserve.models()), is_on=settings.feedback
    )
    reviewed = feedback if feedback.is_on else None
    store = TaskStore(mongo)
    items = Items(store, visibility_timeout(settings))
    tasks = Tasks(store, items, Limits(settings.owner_tasks, settings.max_owner_bytes))
    webhooks = Webhooks(store, settings.webhook_secret, settings.url_allow)
    return SharedServices(
        settings=settings,
        serving=serving,
        redis=redis,
        cache=cache,
        mongo=mongo,
        journal=journal,
        history=history,
        images=images,
        feedback=feedback,
        recognizer=Recognizer(serving, cache, history, admission, kept, reviewed, settings.canary),
        items=items,
        tasks=tasks,
        webhooks=webhooks,
        queue=TaskQueue(tasks, webhooks, celery),
        heartbeat=Heartbeat(redis),
    )


def make_services(settings: Settings) -> Services:
    """The services of the HTTP process."""
    serving = follow_serving(settings, settings.torchserve_timeout_seconds, settings.all_threads)
    admission = _admission(settings, PAGES_IN_FLIGHT // settings.processes or 1, "reading")
    shared = share_services(settings, serving, admission, make_celery(settings))
    shared.mongo.prepare()
    pings = {
        "redis": shared.redis.ping,
        "mongodb": shared.mongo.ping,
        "disk": check_room,
        "worker": shared.heartbeat.check,
    }
    return Services(
        **vars(shared),
        downloader=Downloader(
            settings.url_allow, settings.max_image_bytes, settings.url_timeout_seconds, settings.max_downloads
        ),
        drawing=_admission(settings, DRAWN_AT_ONCE, "drawing"),
        uploading=_admission(settings, 1, "uploading", settings.max_upload_bytes),
        streams=Streams(settings, shared.recognizer),
        readiness=Readiness(serving, pings),
        owners=make_owners(settings, shared.mongo),
    )


def make_processor(shared: SharedServices) -> Processor:
    """The processor of items in the Celery worker."""
    settings = shared.settings
    limits = ItemLimits(settings.task_timeout_seconds, settings.max_image_bytes, settings.max_batch_bytes)
    return Processor(shared.items, shared.recognizer, shared.queue.publish, limits)


def _admission(settings: Settings, max_pages: int, work: str, max_bytes: int = 0) -> Admission:
    """`max_bytes`: where those are not the bytes of images under way."""
    metrics.IN_FLIGHT_LIMIT.labels(work).set(settings.max_images_in_flight)
    return Admission(
        settings.max_images_in_flight,
        max_bytes or settings.max_bytes_in_flight,
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
