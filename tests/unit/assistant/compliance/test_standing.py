"""Where a hit or a case may go, and that no order of steps lets one person alone make or unmake a grave decision."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from assistant.compliance.standing import Disposition, Standing, State, Step, patience
from assistant.errors import BadInputError, NotAllowedError

ANNA, BEN = UUID(int=1), UUID(int=2)
PEOPLE = st.sampled_from([UUID(int=number) for number in (1, 2, 3)])


@pytest.mark.parametrize("disposition", Disposition)
def test_violations_and_incidents_wait_for_a_second_person_and_nothing_else_does(disposition: Disposition) -> None:
    decided = Standing().decided(ANNA, disposition)
    is_grave = disposition in {Disposition.VIOLATION, Disposition.INCIDENT}
    assert decided.state is (State.AWAITING_SECOND if is_grave else State.DECIDED)
    assert decided.decided_by == (None if is_grave else ANNA)


def test_nobody_is_their_own_second_person() -> None:
    waiting = Standing().decided(ANNA, Disposition.INCIDENT)
    with pytest.raises(NotAllowedError):
        waiting.confirmed(ANNA)
    confirmed = waiting.confirmed(BEN)
    assert (confirmed.state, confirmed.proposed_by, confirmed.decided_by) == (State.DECIDED, ANNA, BEN)


def test_what_was_called_grave_is_not_made_harmless_by_one_person() -> None:
    for undone in (
        Standing().decided(ANNA, Disposition.VIOLATION).moved(Step.SEND_BACK),
        Standing().decided(ANNA, Disposition.VIOLATION).confirmed(BEN).moved(Step.REOPEN),
    ):
        assert undone.disposition is None
        assert undone.decided(BEN, Disposition.BENIGN).state is State.AWAITING_SECOND


def test_each_step_has_its_states() -> None:
    allowed = {state: {step for step in Step if Standing(state).allows(step)} for state in State}
    work = {Step.ASSIGN, Step.DECIDE, Step.NOTE, Step.ADD_TURNS}
    assert allowed == {
        State.NEW: work | {Step.ASK},
        State.IN_REVIEW: work | {Step.ASK},
        State.REOPENED: work | {Step.ASK},
        State.NEEDS_INFO: work,
        State.AWAITING_SECOND: {Step.CONFIRM, Step.SEND_BACK, Step.NOTE},
        State.DECIDED: {Step.CLOSE, Step.REOPEN, Step.NOTE},
        State.CLOSED: {Step.REOPEN},
    }


@pytest.mark.parametrize("state", State)
def test_a_step_from_the_wrong_state_is_refused(state: State) -> None:
    standing = Standing(state)
    tried = {
        Step.ASSIGN: lambda: standing.assigned(ANNA),
        Step.DECIDE: lambda: standing.decided(ANNA, Disposition.BENIGN),
        Step.CONFIRM: lambda: standing.confirmed(ANNA),
        **{
            step: lambda step=step: standing.moved(step) for step in (Step.ASK, Step.SEND_BACK, Step.CLOSE, Step.REOPEN)
        },
    }
    for step, take in tried.items():
        if standing.allows(step):
            take()
        else:
            with pytest.raises(BadInputError):
                take()


def test_the_graver_the_sooner() -> None:
    days = [patience(severity).days for severity in range(5)]
    assert days == sorted(days, reverse=True)
    assert patience(99) == patience(4)


class Desk(RuleBasedStateMachine):
    """Three people do what they like with one thing."""

    standings = Bundle("standings")

    def __init__(self) -> None:
        super().__init__()
        self.now = Standing()
        self.called_grave_by: set[UUID] = set()
        self.agreed: set[UUID] = set()

    @initialize(target=standings)
    def begin(self) -> Standing:
        return self.now

    @rule(target=standings, last=consumes(standings), actor=PEOPLE, disposition=st.sampled_from(Disposition))
    def decide(self, last: Standing, actor: UUID, disposition: Disposition) -> Standing:
        if last.allows(Step.DECIDE):
            self.now = last.decided(actor, disposition)
            self.agreed = {actor}
            if disposition.is_grave:
                self.called_grave_by.add(actor)
        return self.now

    @rule(target=standings, last=consumes(standings), actor=PEOPLE)
    def confirm(self, last: Standing, actor: UUID) -> Standing:
        if last.allows(Step.CONFIRM):
            try:
                self.now = last.confirmed(actor)
                self.agreed.add(actor)
            except NotAllowedError:
                assert actor == last.proposed_by
        return self.now

    @rule(
        target=standings,
        last=consumes(standings),
        step=st.sampled_from([Step.ASK, Step.SEND_BACK, Step.CLOSE, Step.REOPEN, Step.NOTE]),
    )
    def move(self, last: Standing, step: Step) -> Standing:
        if last.allows(step):
            self.now = last.moved(step)
        return self.now

    @rule(target=standings, last=consumes(standings), assignee=PEOPLE)
    def assign(self, last: Standing, assignee: UUID) -> Standing:
        if last.allows(Step.ASSIGN):
            self.now = last.assigned(assignee)
        return self.now

    @invariant()
    def a_grave_matter_is_final_by_two_people_only(self) -> None:
        if self.called_grave_by and self.now.state in {State.DECIDED, State.CLOSED}:
            assert self.now.proposed_by != self.now.decided_by
            assert self.agreed == {self.now.proposed_by, self.now.decided_by}

    @invariant()
    def a_disposition_stands_exactly_while_it_is_decided_or_waits(self) -> None:
        stands = self.now.state in {State.AWAITING_SECOND, State.DECIDED, State.CLOSED}
        assert (self.now.disposition is not None) == stands
        assert (self.now.proposed_by is not None) == stands
        assert (self.now.decided_by is not None) == (self.now.state in {State.DECIDED, State.CLOSED})


TestDesk = Desk.TestCase
