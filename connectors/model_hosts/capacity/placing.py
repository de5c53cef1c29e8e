"""What the sums are about: a model in one form, a place to run it, and what is assumed about its use."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.model_hosts.catalogue import Host, Model, Split
from connectors.model_hosts.facts.facts import Accelerator, Form, Release
from connectors.model_hosts.facts.quantisation import CACHE_BYTES, WEIGHT_BITS

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Weights:
    """A published model as it is stored."""

    release: Release
    quantisation: str = "Q4_K_M"
    cache: str = "F16"

    @classmethod
    def of(cls, model: Model) -> Weights | None:
        """Return those of a model of the fleet; None if its release or quantisation is not named."""
        if model.release is None or not model.quantisation:
            return None
        return cls(model.release, model.quantisation, model.cache)

    @property
    def words(self) -> str:
        """Return its name for people."""
        return f"{self.release.name} {self.quantisation}"

    @property
    def all_bytes(self) -> float:
        """Return the size of all weights."""
        return self.release.parameters_billions * 1e9 * WEIGHT_BITS[self.quantisation] / 8

    @property
    def read_bytes(self) -> float:
        """Return the size of the weights that one token of one answer passes."""
        return self.release.active_billions * 1e9 * WEIGHT_BITS[self.quantisation] / 8

    @property
    def cache_bytes(self) -> float:
        """Return the size of the KV cache for one token: a key and a value a layer and head."""
        release = self.release
        return 2 * release.layers * release.kv_heads * release.head_size * CACHE_BYTES[self.cache]


@dataclass(frozen=True, slots=True)
class Place:
    """Devices that share a model.

    Attributes:
        memory_gib: what models may use of all devices together.
        bandwidth_gb_s, tflops: of one device.
        watts, price_usd: of all devices, and of what stands around them as far as that was said.
        most_answers: at once, as the host is set up; 0 where nothing is set up yet.
    """

    name: str
    memory_gib: float
    bandwidth_gb_s: float
    tflops: float
    watts: float
    price_usd: float
    devices: int = 1
    split: Split = Split.PIPELINE
    most_answers: int = 0

    @classmethod
    def of_host(cls, host: Host) -> Place:
        """Return a host of the fleet as it is."""
        return cls(
            name=host.name,
            memory_gib=host.memory_gib,
            bandwidth_gb_s=host.bandwidth_gb_s,
            tflops=host.tflops,
            watts=host.watts,
            price_usd=host.price_usd,
            devices=host.devices,
            split=host.split,
            most_answers=host.max_parallel,
        )

    @classmethod
    def of(cls, accelerator: Accelerator, devices: int = 1) -> Place:
        """Return some of an accelerator: cards side by side share tensors, Macs on a cable share layers."""
        return cls(
            name=f"{devices} x {accelerator.label}",
            memory_gib=devices * accelerator.memory_gib * accelerator.usable,
            bandwidth_gb_s=accelerator.bandwidth_gb_s,
            tflops=accelerator.fp16_tflops,
            watts=devices * accelerator.watts,
            price_usd=devices * accelerator.price_usd,
            devices=devices,
            split=Split.TENSOR if accelerator.form is Form.CARD else Split.PIPELINE,
        )

    @property
    def devices_at_once(self) -> int:
        """Return how many devices work on one token at the same time."""
        return self.devices if self.split is Split.TENSOR else 1


@dataclass(frozen=True, slots=True)
class Use:
    """How a model is used, and what it costs to run; each is an assumption that a command may change.

    Attributes:
        context_tokens: the window of each answer, for which memory is kept.
        prompt_tokens: of a typical prompt, for the time that reading it takes.
        tokens_per_second: that each person should get; people read some 5 to 8 a second.
        active_share: of the people, those that wait for or read an answer in the making at one moment.
        efficiency: the share of what bandwidth and arithmetic allow that engines reach; 0.6 to 0.8 were seen.
        busy_share: of the year, the time at full load.
    """

    context_tokens: int = 8192
    prompt_tokens: int = 2000
    tokens_per_second: float = 10.0
    active_share: float = 0.1
    efficiency: float = 0.7
    busy_share: float = 0.3
    usd_per_kwh: float = 0.15
    years: float = 3.0
