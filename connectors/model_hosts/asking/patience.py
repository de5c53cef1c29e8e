"""How long a deployment is waited for: what its kind needs, what the site sets, what fleet.yaml says of the host."""

from __future__ import annotations

from dataclasses import dataclass, replace

from connectors.model_hosts.catalogue import MOST_PATIENCE_SECONDS
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.values import Patience
from connectors.model_hosts.watching.watch import Deployment

_READING_SHARE = 3.0  # of the time that a prompt's reading takes as measured: others read theirs meanwhile


@dataclass(frozen=True, slots=True)
class SitePatience:
    """What the site set for all hosts; None leaves it to their kinds."""

    first_token_seconds: float | None = None
    stall_seconds: float | None = None

    def of(self, deployment: Deployment) -> Patience:
        """Return the patience with a deployment: the nearest word counts, the host's before the site's."""
        patience = deployment.kind.patience
        if self.first_token_seconds is not None:
            patience = replace(patience, first_token=self.first_token_seconds, load=self.first_token_seconds)
        if self.stall_seconds is not None:
            patience = replace(patience, stall=self.stall_seconds)
        said = dict(deployment.host.waits)
        if "first_token" in said:
            patience = replace(patience, load=max(patience.load, said["first_token"]))
        return replace(patience, **said)

    def first_seconds(self, deployment: Deployment, load: Load, prompt_tokens: int) -> float:
        """Return how long the first token of this very prompt may take: a book on a small Mac is read for minutes."""
        patience = self.of(deployment)
        seconds = patience.first_token if deployment.is_loaded else patience.load
        if load.prompt_tokens_per_second:
            seconds = max(seconds, _READING_SHARE * prompt_tokens / load.prompt_tokens_per_second)
        return min(seconds, MOST_PATIENCE_SECONDS)
