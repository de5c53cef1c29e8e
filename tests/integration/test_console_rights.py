"""Every address of the console against every role: whoever lacks the right is refused, and that is in the log."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from assistant.audit.events import AccessRefused
from assistant.conversation import Role
from assistant.rights import EVERYBODY, HOLDERS, Right
from assistant.web.console.pages import console_pages
from tests.fakes.web_parts import FakeSite
from tests.fakes.web_site import RunningSite
from tests.integration.web_scene import Newcomer

pytestmark = pytest.mark.integration

REVIEWERS = frozenset({Role.REVIEWER})
READERS = frozenset({Role.REVIEWER, Role.APPROVER})
APPROVERS = frozenset({Role.APPROVER})
OVERSEERS = READERS | {Role.ADMINISTRATOR}
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
REPORTS = frozenset({Role.REVIEWER, Role.ADMINISTRATOR})

# Who may use each address, written down a second time: a route that is missing here fails the first test.
MATRIX = {
    ("GET", "/console"): EVERYBODY,
    ("GET", "/console/queue"): REVIEWERS,
    ("GET", "/console/search"): REVIEWERS,
    ("GET", "/console/turn/{turn}"): READERS,
    ("GET", "/console/charts"): READERS,
    ("POST", "/console/people"): REVIEWERS,
    ("GET", "/console/hits"): READERS,
    ("POST", "/console/hits"): REVIEWERS,
    ("GET", "/console/second-looks"): READERS,
    ("POST", "/console/second-look/{decision_id:uuid}"): REVIEWERS,
    ("POST", "/console/second-look/{decision_id:uuid}/settle"): APPROVERS,
    ("GET", "/console/cases"): READERS,
    ("POST", "/console/cases"): REVIEWERS,
    ("GET", "/console/case/{case_id:uuid}"): READERS,
    ("POST", "/console/case/{case_id:uuid}/step"): REVIEWERS,
    ("POST", "/console/case/{case_id:uuid}/turns"): REVIEWERS,
    ("POST", "/console/case/{case_id:uuid}/unmask"): REVIEWERS,
    ("POST", "/console/case/{case_id:uuid}/export"): READERS,
    ("POST", "/console/turn/{turn_id:uuid}/step"): REVIEWERS,
    ("GET", "/console/samples"): READERS,
    ("POST", "/console/samples"): REVIEWERS,
    ("GET", "/console/sample/{sample_id:uuid}"): READERS,
    ("POST", "/console/sample/{sample_id:uuid}"): REVIEWERS,
    ("GET", "/console/erasure"): READERS | {Role.ADMINISTRATOR},
    ("POST", "/console/erasure"): READERS | {Role.ADMINISTRATOR},
    ("POST", "/console/erasure/{request_id:uuid}"): APPROVERS,
    ("POST", "/console/erasure/{request_id:uuid}/withdraw"): READERS | {Role.ADMINISTRATOR},
    ("POST", "/console/hold/{hold_id:uuid}"): APPROVERS,
    ("GET", "/console/exports"): READERS,
    ("POST", "/console/exports"): READERS,
    ("POST", "/console/export/{export_id:uuid}"): READERS,
    ("GET", "/console/unmask"): READERS,
    ("GET", "/console/unmask/{grant_id:uuid}"): READERS,
    ("POST", "/console/unmask/{grant_id:uuid}/answer"): APPROVERS,
    ("POST", "/console/unmask/{grant_id:uuid}/delay"): APPROVERS,
    ("POST", "/console/unmask/{grant_id:uuid}/review"): APPROVERS,
    ("POST", "/console/unmask/{grant_id:uuid}/view"): REVIEWERS,
    ("GET", "/console/integrity"): OVERSEERS,
    ("GET", "/console/integrity/head"): OVERSEERS,
    ("POST", "/console/integrity/confirm"): OVERSEERS,
    ("GET", "/console/fleet"): ADMINISTRATORS,
    ("POST", "/console/fleet"): ADMINISTRATORS,
    ("GET", "/console/fleet/plan"): ADMINISTRATORS,
    ("GET", "/my-log"): EVERYBODY,
    ("GET", "/review"): REPORTS,
    ("GET", "/review/rules"): REPORTS,
    ("POST", "/review/{report_id:uuid}"): REPORTS,
}


def test_every_address_stands_in_the_matrix_with_the_holders_of_its_right() -> None:
    routes = console_pages(FakeSite().console_parts())
    declared = {(method, route.path): HOLDERS[route.right] for route in routes for method in route.methods}
    assert declared == MATRIX


def test_every_right_has_holders() -> None:
    assert set(HOLDERS) == set(Right)
    assert all(HOLDERS.values())


@pytest.mark.parametrize("role", list(Role))
async def test_whoever_lacks_the_right_is_refused_and_noted(web: RunningSite, newcomer: Newcomer, role: Role) -> None:
    somebody = await newcomer(role)
    for (method, path), holders in MATRIX.items():
        address = re.sub(r"\{[a-z_:]+\}", lambda _: str(uuid4()), path)
        before = len(web.fakes.audit.events)
        answer = await somebody.http.request(method, address)
        noted = web.fakes.audit.events[before:]
        refused = [event for event in noted if isinstance(event, AccessRefused) and event.actor == somebody.person.id]
        assert (answer.status_code == 403, len(refused)) == ((False, 0) if role in holders else (True, 1)), address
