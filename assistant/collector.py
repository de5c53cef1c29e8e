"""Keep Python's collector of garbage off what a process has loaded for good.

A process that answers people holds some 600,000 objects once all is loaded. A full collection looks at every one of
them, for a third of a second in which no answer goes on, and finds next to nothing: what requests leave behind in
cycles is young. docs/decisions/0046-pauses-of-the-collector.md has the figures.
"""

from __future__ import annotations

import gc
from typing import Final

_YOUNG: Final = 10_000  # new objects until the youngest are looked at; an answer makes some hundreds that stay a while


def set_apart() -> None:
    """Have no later collection look at the objects that there are now; they go when nothing holds them, as ever.

    To be called after each long import, once it has come to its end.
    """
    gc.collect()  # what is in cycles now would stay for good
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
