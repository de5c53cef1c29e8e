"""Whether a host went down over a prompt: its process is gone, and it had not said a word yet."""

from __future__ import annotations

import asyncio
from typing import Final

from yarl import URL

from connectors.model_hosts.asking.failures import Failure
from connectors.model_hosts.wire import CallError

DIED: Final = "went down before it said a word"
"""What became of it, completing its name."""

_CONNECT_SECONDS: Final = 1.0
_HANG_UP_SECONDS: Final = 0.1  # what stands before a host takes connections for it, and hangs up when it is gone


async def is_death(failure: Failure, address: str, *, has_begun: bool) -> bool:
    """Tell whether a host died with a prompt in its hands, before its answer began.

    A host that refuses, is busy, or is silent did not; one that was down before never had the prompt. A machine that
    is away altogether is not told from a broken cable, and does not count.

    Args:
        failure: what happened.
        address: of the host; empty for one that has none now.
        has_begun: it had said something; whoever is in the middle of an answer when a host dies did not kill it.
    """
    if has_begun or not isinstance(failure, CallError):
        return False
    return failure.is_crash or (failure.is_cut and (not address or await _is_gone(URL(address))))


async def _is_gone(url: URL) -> bool:
    """Tell whether nobody listens there: the system closes what a process listened on before its connections."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(url.host, url.port)
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    except OSError:  # a TimeoutError, too
        return False
    try:
        async with asyncio.timeout(_HANG_UP_SECONDS):
            return not await reader.read(1)
    except TimeoutError:
        return False
    except OSError:
        return True
    finally:
        writer.close()
