"""The Celery application and one file per task: a second door to the use cases in `assistant`."""
