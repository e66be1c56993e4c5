"""Batches and long documents: stored items, Celery's queue, processing."""
