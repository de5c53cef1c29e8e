"""People: who there is, how they sign in, and what they may do."""

from assistant.identity.attempts import AttemptLimits, TooManyAttemptsError
from assistant.identity.identity import Identity, SignedIn
from assistant.identity.names import parse_roles
from assistant.identity.people import PersonEntry

__all__ = ["AttemptLimits", "Identity", "PersonEntry", "SignedIn", "TooManyAttemptsError", "parse_roles"]
