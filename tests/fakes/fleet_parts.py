"""A fleet in memory, as its page reads it: hosts of every state, a day of history, orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from assistant.conversation import Person
from assistant.fleet.orders import Act, Order, OrderState
from assistant.fleet.records import Bench, SeenHost, Stretch, Trouble
from assistant.maintenance.maintenance import FleetView, Span, stretches_of
from connectors.model_hosts.catalogue import Fleet, read_fleet
from connectors.model_hosts.sampling import HostSample, ModelSample

_SHIPPED = Path(__file__).parents[2] / "compose" / "fleet.yaml"
_GIB = 1 << 30


@dataclass
class FakeFleet:
    """Knows nothing until it is filled; keeps what is ordered."""

    hosts: list[SeenHost] = field(default_factory=list)
    history: dict[str, dict[datetime, Stretch]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    benches: list[Bench] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    file: Path | None = None

    async def view(self, _person: Person, span: Span) -> FleetView:
        benches: Mapping[tuple[str, str], Bench] = {(each.host, each.model): each for each in self.benches}
        stretches = stretches_of(span, datetime.now(UTC))
        return FleetView(self.hosts, stretches, self.history, self.troubles, benches, self.orders)

    async def order(self, person: Person, act: Act, host: str, model: str = "") -> UUID:
        order = Order(uuid4(), person.id, datetime.now(UTC), act, host, model, OrderState.WAITING, "", None, "")
        self.orders.insert(0, order)
        return order.id

    def read(self) -> Fleet | None:
        return read_fleet(self.file) if self.file is not None else None

    def clear(self) -> None:
        """Make it a fleet of which nothing was seen so far."""
        self.file, self.hosts, self.history, self.troubles, self.benches, self.orders = None, [], {}, [], [], []

    def fill(self) -> None:
        """Make it the company's fleet on a working day."""
        now = datetime.now(UTC)
        self.file = _SHIPPED
        self.hosts = [SeenHost(now - timedelta(seconds=3), sample) for sample in _samples(now)]
        stretches = stretches_of(Span.DAY, now)
        for number, each in enumerate(self.hosts):
            self.history[each.sample.name] = {
                began: Stretch(
                    began,
                    up_share=0.4 if (each.sample.name == "Mini3-5" and hour > 19) else 1.0,
                    in_flight=max(0.0, (6 - abs(hour - 14)) / (number + 1)),
                    waiting=0,
                    tokens_per_second=each.sample.tokens_per_second * (0.9 + 0.02 * (hour % 6)),
                )
                for hour, began in enumerate(stretches)
            }
        down = "cannot be reached at http://mini3.lan:52415 (nobody listens there)"
        self.troubles = [
            Trouble("Mini3-5", down, 188, now - timedelta(minutes=1)),
            Trouble("Mini2", "said nothing for 30 s in the middle of its answer", 2, now - timedelta(hours=5)),
        ]
        self.benches = [
            Bench("Dev1", "qwen2.5:instruct", now - timedelta(days=2), 2043, 256, 0.41, 4983.0, 78.4, 18000.0, 107.8)
        ]
        somebody = uuid4()
        self.orders = [
            Order(uuid4(), somebody, now, Act.LOAD, "Mini2", "llama3.1:70b", OrderState.WAITING, "", None, ""),
            Order(
                uuid4(), somebody, now, Act.PULL, "Dev1", "qwen2.5:14b", OrderState.RUNNING, "pulling qwen2.5", 0.42, ""
            ),
            Order(
                uuid4(),
                somebody,
                now - timedelta(hours=1),
                Act.LOAD,
                "Mini3-5",
                "llama3.1:405b",
                OrderState.FAILED,
                "",
                None,
                "Mini3-5 placed no instance of it; its nodes may lack memory",
            ),
        ]


def _samples(now: datetime) -> list[HostSample]:
    hours = now - timedelta(hours=30)
    return [
        HostSample(
            "Dev1",
            "ollama",
            "http://dev1.lan:11434",
            "fleet",
            True,
            False,
            "answers",
            hours,
            hardware="RTX 4090",
            labels=("internal",),
            version="0.13.0",
            slots=2,
            running=0,
            memory_gib=22.8,
            watts=450,
            can_pull=True,
            models=(
                ModelSample("qwen2.5:instruct", True, 32768, 32768, 11 * _GIB, 0, 2, 81.2, 5200.0, 107.8),
                ModelSample("qwen2.5:14b", False, 8192, absence="does not offer qwen2.5:14b: it is not there; add it"),
            ),
            refused=(("gpt-oss:120b-cloud", "it runs on somebody else's machines, not on this host"),),
        ),
        HostSample(
            "Mini2",
            "lmstudio",
            "http://mini2.lan:1234",
            "fleet",
            True,
            True,
            "is drained for maintenance",
            hours,
            hardware="Apple M4 Pro, 64 GB",
            slots=1,
            memory_gib=48,
            watts=140,
            trouble="said nothing for 30 s in the middle of its answer",
            trouble_at=now - timedelta(hours=5),
            models=(ModelSample("llama3.1:70b", False, 16384, bound_tokens_per_second=6.3),),
        ),
        HostSample(
            "Einstein",
            "ollama",
            "http://einstein.lan:11434",
            "fleet",
            True,
            False,
            "can forward prompts to ollama.com; set OLLAMA_NO_CLOUD=1 on it and restart Ollama",
            hours,
            hardware="RTX 2060",
            version="0.13.0",
            slots=4,
            memory_gib=5.7,
            watts=160,
            note="can forward prompts to ollama.com; set OLLAMA_NO_CLOUD=1 on it and restart Ollama",
            models=(ModelSample("nomic-embed-text", True, 2048, 2048, _GIB, _GIB // 4, 0),),
        ),
        HostSample(
            "Mini3-5",
            "exo",
            "http://mini3.lan:52415",
            "fleet",
            False,
            False,
            "cannot be reached at http://mini3.lan:52415 (nobody listens there), for 3 h",
            now - timedelta(hours=3),
            note="cannot be reached at http://mini3.lan:52415 (nobody listens there)",
            hardware="4 x Apple M4 Pro, 64 GB",
            slots=1,
            memory_gib=192,
            watts=560,
            models=(ModelSample("llama3.1:405b", False, 8192, absence="cannot be reached"),),
        ),
    ]
