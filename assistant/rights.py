"""Who may open what at the desk of compliance: one table, which every route and use case of it asks.

A right's value is the name that stands in `access:refused`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from assistant.conversation import Person, Role
from assistant.errors import NotAllowedError


class Right(StrEnum):
    """Something that only some roles may do."""

    READ_HITS = "console/queue"
    SEARCH_LOG = "console/search"
    READ_TURN = "console/turn"
    READ_CHARTS = "console/charts"
    READ_INTEGRITY = "console/integrity"
    CONFIRM_HEAD = "console/confirm-head"
    READ_OWN_LOG = "console/my-log"
    READ_DESK = "desk/read"  # hits, cases, samples, requests to unmask
    WORK_AT_DESK = "desk/work"  # decide, note, assign, open cases, draw and judge samples, look people up
    UNMASK = "desk/unmask"  # ask for it, and see what was granted; in an emergency alone
    ANSWER_UNMASK = "desk/answer-unmask"  # approve or deny, look at emergencies afterwards, put a notice off
    SETTLE_LOOKS = "desk/settle"  # say what is right where two readers of a hit differ
    ASK_ERASURE = "erasure/ask"  # ask for erasures, place holds, see both
    DECIDE_ERASURE = "erasure/decide"  # agree or not, release holds
    EXPORT_LOG = "desk/export"  # events as a file, by a page
    DECIDE_REPORTS = "review"
    READ_FLEET = "console/fleet"
    RUN_FLEET = "fleet/run"  # drain hosts, load and unload models


EVERYBODY: Final = frozenset(Role)
_REVIEWERS: Final = frozenset({Role.REVIEWER})
_READERS: Final = frozenset({Role.REVIEWER, Role.APPROVER})  # an approver sees what they are asked to approve

HOLDERS: Final[Mapping[Right, frozenset[Role]]] = MappingProxyType(
    {
        Right.READ_HITS: _REVIEWERS,
        Right.SEARCH_LOG: _REVIEWERS,
        Right.READ_TURN: _READERS,
        Right.READ_CHARTS: _READERS,
        Right.READ_INTEGRITY: _READERS | {Role.ADMINISTRATOR},
        Right.CONFIRM_HEAD: _READERS | {Role.ADMINISTRATOR},
        Right.READ_OWN_LOG: EVERYBODY,
        Right.READ_DESK: _READERS,
        Right.WORK_AT_DESK: _REVIEWERS,
        Right.UNMASK: _REVIEWERS,
        Right.ANSWER_UNMASK: frozenset({Role.APPROVER}),
        Right.SETTLE_LOOKS: frozenset({Role.APPROVER}),
        Right.ASK_ERASURE: _READERS | {Role.ADMINISTRATOR},
        Right.DECIDE_ERASURE: frozenset({Role.APPROVER}),
        Right.EXPORT_LOG: _READERS,
        Right.DECIDE_REPORTS: frozenset({Role.REVIEWER, Role.ADMINISTRATOR}),
        Right.READ_FLEET: frozenset({Role.ADMINISTRATOR}),
        Right.RUN_FLEET: frozenset({Role.ADMINISTRATOR}),
    }
)


def has_right(person: Person, right: Right) -> bool:
    """Tell whether one of a person's roles holds a right."""
    return person.has_any(HOLDERS[right])


def has_desk(person: Person) -> bool:
    """Tell whether somebody may open more of the console than everybody may."""
    return any(has_right(person, right) for right, roles in HOLDERS.items() if roles != EVERYBODY)


def refusal(right: Right) -> NotAllowedError:
    """Return what a person reads who lacks a right: which roles hold it."""
    roles = " or ".join(sorted(role.value for role in HOLDERS[right]))
    return NotAllowedError(f"This is for who holds the role {roles}. Ask an administrator for it.")
