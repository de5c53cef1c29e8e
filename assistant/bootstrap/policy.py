"""The policy as this process reads it, and what the log hears of its changes."""

from __future__ import annotations

from assistant.audit.events import PolicyLoaded, PolicyRefused
from assistant.audit.writing.append import Appender
from assistant.errors import SettingsError
from assistant.policy.files import PolicyReader, ReadPolicy
from policies.errors import PolicyError
from policies.policy import Policy


def read_policy(reader: PolicyReader) -> ReadPolicy:
    """Read the policy and compile its rules; CPU work of a second.

    Raises:
        SettingsError: the policy does not fit; names file and line.
    """
    try:
        return reader.read()
    except PolicyError as error:
        raise SettingsError(f"The policy cannot be used: {error}") from error


class PolicyReports:
    """Changes of the policy, as the audit log notes them."""

    def __init__(self, audit: Appender) -> None:
        self._audit = audit

    async def loaded(self, policy: Policy) -> None:
        """Note the policy that is in force from now on."""
        await self._audit.append(PolicyLoaded(policy_version=policy.version, rules=len(policy.rules)))

    async def refused(self, error: PolicyError, kept: Policy) -> None:
        """Note files that do not fit, and the policy that stays in force."""
        await self._audit.append(PolicyRefused(policy_version=kept.version, place=error.where))
