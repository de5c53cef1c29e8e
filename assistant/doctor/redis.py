"""Redis: whether it answers, is new enough, and asks for a password where others could reach it."""

from __future__ import annotations

from typing import Final

import redis.asyncio
from pydantic import SecretStr

from assistant.doctor.check import Check, fail, ok, warn
from assistant.redis_client import open_redis

_OLDEST: Final = (6, 2)
_PATIENCE_SECONDS: Final = 3.0


async def check_redis(url: SecretStr) -> Check:
    """Look at the server that jobs are sent over."""
    name = "redis"
    address = url.get_secret_value()
    client = open_redis(url, patience_seconds=_PATIENCE_SECONDS)
    try:
        info = await client.info("server")
    except (redis.RedisError, OSError) as error:
        return fail(
            name,
            f"It does not answer ({type(error).__name__}); jobs wait until it does.",
            "Look whether it runs and CLOISTER_REDIS_URL, with its password, is right.",
        )
    finally:
        await client.aclose()
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < _OLDEST:
        return fail(name, f"Redis {version} is too old.", "Bring it to 6.2 or newer.")
    if not address.startswith("unix") and "@" not in address:
        return warn(name, f"Redis {version} answers without a password.", "Set requirepass there and in the address.")
    return ok(name, f"Redis {version} answers.")
