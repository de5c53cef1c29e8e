from __future__ import annotations

import pytest
from celery import Celery
from pydantic import SecretStr

from assistant.errors import SettingsError
from assistant.jobs.broker import celery_url, configure


@pytest.mark.parametrize(
    ("redis", "celery"),
    [
        ("unix:///run/cloister/redis.sock", "redis+socket:///run/cloister/redis.sock?virtual_host=0"),
        ("unix:///run/redis.sock?db=2", "redis+socket:///run/redis.sock?virtual_host=2"),
        ("unix://:p%40ss@/run/redis.sock", "redis+socket://:p%40ss@/run/redis.sock?virtual_host=0"),
        ("unix:///run/redis.sock?password=p%40ss", "redis+socket://:p%40ss@/run/redis.sock?virtual_host=0"),
        ("redis://:pw@data1:6379/1", "redis://:pw@data1:6379/1"),
        ("rediss://data1/0", "rediss://data1/0?ssl_cert_reqs=required"),
        ("rediss://data1/0?ssl_cert_reqs=none", "rediss://data1/0?ssl_cert_reqs=none"),
    ],
)
def test_a_redis_address_is_spelled_for_celery(redis: str, celery: str) -> None:
    assert celery_url(SecretStr(redis)) == celery


@pytest.mark.parametrize("url", ["amqp://data1", "http://data1", "/run/redis.sock", ""])
def test_another_broker_is_refused_without_quoting_the_password(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        celery_url(SecretStr(url))
    assert "data1" not in str(refused.value)


def test_nothing_comes_back_through_redis_and_only_json_is_read() -> None:
    app = Celery(set_as_current=False)
    configure(app, SecretStr("unix:///run/redis.sock"))
    assert app.conf.task_ignore_result
    assert app.conf.result_backend is None
    assert app.conf.accept_content == ["json"]
