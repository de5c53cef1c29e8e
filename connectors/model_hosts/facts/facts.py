"""What is known of hardware and of published models: shipped as YAML beside this file, added to by a site.

A fleet.yaml may have lists of the same form, `accelerators` and `releases`; an entry there takes the place of a shipped
one of its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml

from connectors.model_hosts.yaml_fields import Fields, read_document

_ACCELERATOR_KEYS = (
    "name",
    "label",
    "form",
    "memory_gib",
    "usable",
    "bandwidth_gb_s",
    "fp32_tflops",
    "fp16_tflops",
    "watts",
    "price_usd",
    "source",
)
_RELEASE_KEYS = (
    "name",
    "parameters_billions",
    "active_billions",
    "layers",
    "kv_heads",
    "head_size",
    "context_tokens",
    "licence",
)
_FOLDER = Path(__file__).parent
_HARDWARE = _FOLDER / "hardware.yaml"
_RELEASES = _FOLDER / "releases.yaml"


class Form(StrEnum):
    """What is bought when an accelerator is bought."""

    CARD = "card"  # needs a machine around it, whose price and power are not in its figures
    MAC = "mac"  # the whole machine


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A card, or a machine whose memory models share, such as a Mac; figures are of one.

    Attributes:
        usable: the share of its memory that models get.
        fp32_tflops: what data sheets compare.
        fp16_tflops: dense, with sums in 32 bits: bounds how fast prompts are read.
        watts: under load.
        source: where the figures stand.
    """

    name: str
    label: str
    memory_gib: float
    usable: float
    bandwidth_gb_s: float
    fp32_tflops: float
    fp16_tflops: float
    watts: float
    price_usd: float
    form: Form = Form.CARD
    source: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A published model.

    Attributes:
        active_billions: the parameters that one token passes; fewer than all where experts take turns.
        context_tokens: the longest window that it was made for.
    """

    name: str
    parameters_billions: float
    active_billions: float
    layers: int
    kv_heads: int
    head_size: int
    context_tokens: int
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known, by name."""

    accelerators: Mapping[str, Accelerator]
    releases: Mapping[str, Release]

    def adding(self, accelerators: Iterable[Accelerator], releases: Iterable[Release]) -> Facts:
        """Return these facts with more of them; the new ones win."""
        return Facts(
            {**self.accelerators, **{each.name: each for each in accelerators}},
            {**self.releases, **{each.name: each for each in releases}},
        )


@cache
def shipped_facts() -> Facts:
    """Read the facts that come with the product."""
    hardware = Fields(read_document(_HARDWARE), file=_HARDWARE, known=("accelerators",))
    releases = Fields(read_document(_RELEASES), file=_RELEASES, known=("releases",))
    return Facts({}, {}).adding(parse_accelerators(hardware), parse_releases(releases))


def parse_accelerators(fields: Fields) -> tuple[Accelerator, ...]:
    """Read the list `accelerators` of a file.

    Raises:
        FleetError: something does not fit; names file and line.
    """
    return tuple(_parse_accelerator(node, fields.file) for node in fields.nodes("accelerators"))


def parse_releases(fields: Fields) -> tuple[Release, ...]:
    """Read the list `releases` of a file.

    Raises:
        FleetError: something does not fit; names file and line.
    """
    return tuple(_parse_release(node, fields.file) for node in fields.nodes("releases"))


def _parse_accelerator(node: yaml.Node, file: Path) -> Accelerator:
    fields = Fields(node, file=file, known=_ACCELERATOR_KEYS)
    usable = fields.positive("usable")
    if usable > 1:
        fields.refuse_field("usable", f"{usable:g} is more than all of it; give a share such as 0.95")
    fp32_tflops = fields.positive("fp32_tflops")
    return Accelerator(
        name=fields.text("name"),
        label=fields.text("label", default=fields.text("name")),
        memory_gib=fields.positive("memory_gib"),
        usable=usable,
        bandwidth_gb_s=fields.positive("bandwidth_gb_s"),
        fp32_tflops=fp32_tflops,
        fp16_tflops=fields.positive("fp16_tflops", default=fp32_tflops),
        watts=fields.number("watts"),
        price_usd=fields.number("price_usd"),
        form=Form(fields.one_of("form", [form.value for form in Form], default=Form.CARD.value)),
        source=fields.text("source", default=""),
    )


def _parse_release(node: yaml.Node, file: Path) -> Release:
    fields = Fields(node, file=file, known=_RELEASE_KEYS)
    parameters_billions = fields.positive("parameters_billions")
    active_billions = fields.positive("active_billions", default=parameters_billions)
    if active_billions > parameters_billions:
        fields.refuse_field("active_billions", f"{active_billions:g} is more than all {parameters_billions:g}")
    return Release(
        name=fields.text("name"),
        parameters_billions=parameters_billions,
        active_billions=active_billions,
        layers=fields.count("layers"),
        kv_heads=fields.count("kv_heads"),
        head_size=fields.count("head_size"),
        context_tokens=fields.count("context_tokens"),
        licence=fields.text("licence", default=""),
    )
