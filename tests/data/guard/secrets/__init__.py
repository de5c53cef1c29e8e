"""Types of secrets by source. Each source counts once in the mean over sources, however many types it has."""

from __future__ import annotations

from tests.data.guard.secrets import (
    clouds,
    code_hosts,
    databases,
    keys,
    long_tail,
    messaging,
    passwords,
    payments,
    saas,
    wallets,
    web,
)
from tests.data.guard.secrets.table import SecretType

TYPES: tuple[SecretType, ...] = (
    *clouds.TYPES,
    *code_hosts.TYPES,
    *payments.TYPES,
    *messaging.TYPES,
    *saas.TYPES,
    *long_tail.TYPES,
    *databases.TYPES,
    *keys.TYPES,
    *passwords.TYPES,
    *web.TYPES,
    *wallets.TYPES,
)
