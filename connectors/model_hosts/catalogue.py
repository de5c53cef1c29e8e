"""The fleet as its administrator wrote it: fleet.yaml into frozen values.

A file looks like this; docs/fleet.md explains every key::

    hosts:
      - name: Dev1
        kind: ollama
        address: http://dev1.lan:11434
        models:
          - name: qwen2.5:instruct
            context_tokens: 32768
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from enum import StrEnum
from hashlib import sha256
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

from connectors.model_hosts import credentials
from connectors.model_hosts.code_models import is_base_code_model
from connectors.model_hosts.credentials import Tls
from connectors.model_hosts.facts.facts import (
    Accelerator,
    Facts,
    Release,
    parse_accelerators,
    parse_releases,
    shipped_facts,
)
from connectors.model_hosts.facts.quantisation import CACHE_BYTES, WEIGHT_BITS
from connectors.model_hosts.values import Capability, Patience
from connectors.model_hosts.yaml_fields import Fields, parse_document, read_bytes, suggestion

KIND_NAMES = ("ollama", "lmstudio", "exo", "vllm", "llamacpp", "openai")
_FLEET_KEYS = ("hosts", "accelerators", "releases")
_HOST_KEYS = (
    "name",
    "kind",
    "address",
    "hardware",
    "accelerator",
    "devices",
    "split",
    "memory_gib",
    "bandwidth_gb_s",
    "tflops",
    "watts",
    "price_usd",
    "labels",
    "max_parallel",
    "connect_seconds",
    "first_token_seconds",
    "load_seconds",
    "stall_seconds",
    *credentials.KEYS,
    "registry",
    "models",
)
_MODEL_KEYS = (
    "name",
    "public_name",
    "context_tokens",
    "capabilities",
    "release",
    "parameters_billions",
    "quantisation",
    "cache",
    "licence",
)
_MAX_NAME_CHARS = 80
_REGISTRY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.IGNORECASE)
_PUBLIC_REGISTRIES = ("ollama.ai", "ollama.com", "huggingface.co", "hf.co", "docker.io", "ghcr.io", "modelscope.cn")
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f\\]+")
_VERSION_CHARS = 12  # as the policy's
MOST_PATIENCE_SECONDS = 3600.0
MIN_CONTEXT_TOKENS = 256  # less cannot hold a persona's own words


class Split(StrEnum):
    """How several devices share one model."""

    PIPELINE = "pipeline"  # each holds some layers, and they work one after the other: more memory, no more speed
    TENSOR = "tensor"  # each holds a part of every layer, and all work at once


@dataclass(frozen=True, slots=True)
class Model:
    """A model on a host.

    Attributes:
        name: as the host knows it, tag included.
        public_name: as people and personas name it; several hosts may serve the same.
        context_tokens: the window to use; 0 leaves it to what the host says.
        quantisation: how its weights are stored, such as `Q4_K_M`; empty if nobody said.
        release: the published model that it is, if somebody said.
        parameters_billions: 0 if nobody said.
        cache: how its KV cache is stored.
    """

    name: str
    public_name: str
    context_tokens: int = 0
    capabilities: frozenset[Capability] = frozenset({Capability.CHAT})
    quantisation: str = ""
    release: Release | None = None
    parameters_billions: float = 0.0
    cache: str = "F16"
    licence: str = ""

    @property
    def code_name(self) -> str:
        """Return the name that tells which family it is of: its release's, or its own."""
        return self.release.name if self.release else self.name


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, or a cluster behind one address, that serves models.

    The capacity planner and the console read the facts about its hardware; the choice of a host does not. Where the
    file names an accelerator and not a figure, the figure is that of the accelerator.

    Attributes:
        address: scheme, host name and port, without a path.
        hardware: for the reader.
        devices: cards, or machines of a cluster, that share each model.
        memory_gib: what models may use of all devices together; 0 if nobody said, as for the following.
        bandwidth_gb_s: memory bandwidth of one device: bounds the tokens per second of an answer.
        tflops: 16-bit, dense, of one device: bounds how fast prompts are read.
        watts: power of all devices under load.
        price_usd: of all devices.
        max_parallel: answers at once before one waits.
        waits: how long it is waited for, where the file says so: fields of `Patience`.
        tls: how its certificate is checked, where that is not by what the public trusts.
        registry: of the site, from where it may pull models; empty where it may pull none.
        models: empty takes every model that the host offers.
    """

    name: str
    kind: str
    address: str
    hardware: str = ""
    accelerator: Accelerator | None = None
    devices: int = 1
    split: Split = Split.PIPELINE
    memory_gib: float = 0.0
    bandwidth_gb_s: float = 0.0
    tflops: float = 0.0
    watts: float = 0.0
    price_usd: float = 0.0
    labels: tuple[str, ...] = ()
    max_parallel: int = 1
    waits: tuple[tuple[str, float], ...] = ()
    api_key: str = field(default="", repr=False)
    api_key_file: str = ""
    tls: Tls | None = None
    registry: str = ""
    models: tuple[Model, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every host that the administrator named, in the file's order.

    Attributes:
        version: tells this file's bytes from others.
        key_files: where the hosts' keys and certificates were read.
        facts: what is known of hardware and models, the site's own included.
    """

    hosts: tuple[Host, ...]
    version: str = ""
    key_files: tuple[Path, ...] = ()
    facts: Facts = field(default_factory=shipped_facts, repr=False)


def read_fleet(file: Path) -> Fleet:
    """Read and check a fleet.yaml.

    Raises:
        FleetError: something does not fit; the message names the file, the line, the field and what would be right.
    """
    raw = read_bytes(file)
    fields = Fields(parse_document(raw, file), file=file, known=_FLEET_KEYS)
    facts = shipped_facts().adding(parse_accelerators(fields), parse_releases(fields))
    nodes = fields.nodes("hosts")
    if not nodes:
        fields.refuse_field("hosts", "no host is named; add one, or unset CLOISTER_FLEET to look on this machine")
    hosts: list[Host] = []
    for node in nodes:
        host_fields = Fields(node, file=file, known=_HOST_KEYS)
        host = _parse_host(host_fields, facts)
        if "/" in host.name:
            host_fields.refuse_field("name", f"{host.name!r} has a '/', which stands between a host and its model")
        _refuse_twin(host_fields, host, hosts)
        hosts.append(host)
    version = sha256(raw).hexdigest()[:_VERSION_CHARS]
    key_files = tuple(each for host in hosts for each in _files_of(host, file))
    return Fleet(tuple(hosts), version=version, key_files=key_files, facts=facts)


def _parse_host(fields: Fields, facts: Facts) -> Host:
    accelerator = _parse_accelerator(fields, facts)
    devices = fields.count("devices", default=1)
    address = _parse_address(fields)
    return Host(
        name=_parse_name(fields, "name"),
        kind=fields.one_of("kind", KIND_NAMES),
        address=address,
        hardware=fields.text("hardware", default=accelerator.label if accelerator else ""),
        accelerator=accelerator,
        devices=devices,
        split=Split(fields.one_of("split", [split.value for split in Split], default=Split.PIPELINE.value)),
        memory_gib=_parse_memory(fields, accelerator, devices),
        bandwidth_gb_s=fields.positive("bandwidth_gb_s", default=accelerator.bandwidth_gb_s if accelerator else 0.0),
        tflops=fields.positive("tflops", default=accelerator.fp16_tflops if accelerator else 0.0),
        watts=fields.number("watts", default=devices * accelerator.watts if accelerator else 0.0),
        price_usd=fields.number("price_usd", default=devices * accelerator.price_usd if accelerator else 0.0),
        labels=fields.texts("labels"),
        max_parallel=fields.count("max_parallel", default=1),
        waits=_parse_waits(fields),
        api_key=credentials.read_api_key(fields),
        api_key_file=fields.text("api_key_file", default=""),
        tls=credentials.read_tls(fields, address),
        registry=_parse_registry(fields),
        models=_parse_models(fields, facts),
    )


def _parse_waits(fields: Fields) -> tuple[tuple[str, float], ...]:
    waits: list[tuple[str, float]] = []
    for name in (each.name for each in dataclass_fields(Patience)):
        key = f"{name}_seconds"
        if fields.has(key):
            seconds = fields.positive(key, default=0.0)
            if seconds > MOST_PATIENCE_SECONDS:
                fields.refuse_field(key, f"{seconds:g} is too long; {MOST_PATIENCE_SECONDS:g} is the most")
            waits.append((name, seconds))
    return tuple(waits)


def _parse_accelerator(fields: Fields, facts: Facts) -> Accelerator | None:
    if not fields.has("accelerator"):
        return None
    return facts.accelerators[fields.one_of("accelerator", facts.accelerators)]


def _parse_memory(fields: Fields, accelerator: Accelerator | None, devices: int) -> float:
    if accelerator is None:
        return fields.positive("memory_gib", default=0.0)
    built_in_gib = devices * accelerator.memory_gib
    memory_gib = fields.positive("memory_gib", default=built_in_gib * accelerator.usable)
    if memory_gib > built_in_gib:
        count = ceil(memory_gib / accelerator.memory_gib)
        fields.refuse_field(
            "memory_gib",
            f"{memory_gib:g} is more than {devices} x {accelerator.label} hold, {built_in_gib:g}; "
            f"did you mean 'devices: {count}'?",
        )
    return memory_gib


def _parse_name(fields: Fields, key: str, *, default: str | None = None) -> str:
    name = fields.text(key, default=default)
    if len(name) > _MAX_NAME_CHARS or not name.isprintable():
        fields.refuse_field(key, f"use at most {_MAX_NAME_CHARS} printable characters on one line")
    return name


def _parse_address(fields: Fields) -> str:
    address = fields.text("address").rstrip("/")
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
        parts = urlsplit("")
    if not is_good or not _ADDRESS.fullmatch(address):
        fields.refuse_field("address", f"{address!r} is not an address such as http://dev1.lan:11434")
    if parts.username is not None or parts.password is not None:
        fields.refuse_field("address", "take the name and password out of the address; a key belongs in api_key_file")
    if parts.path or parts.query or parts.fragment or address.endswith(("?", "#")):  # empty, they cut off what follows
        fields.refuse_field("address", f"{address!r} should end after the port; leave out paths such as /v1")
    return address


def _parse_registry(fields: Fields) -> str:
    registry = fields.text("registry", default="")
    if registry and not _REGISTRY.fullmatch(registry):
        fields.refuse_field("registry", f"{registry!r} is not a name and port such as registry.lan:5000")
    if registry and any(f".{registry.casefold()}".endswith(f".{name}") for name in _PUBLIC_REGISTRIES):
        fields.refuse_field("registry", f"{registry!r} is on the internet; name a registry in the building")
    return registry


def _files_of(host: Host, file: Path) -> Iterator[Path]:
    """Yield the files beside fleet.yaml that a host's entry was read from."""
    if host.api_key_file:
        yield file.parent / host.api_key_file
    if host.tls is not None:
        yield from host.tls.files


def _parse_models(fields: Fields, facts: Facts) -> tuple[Model, ...]:
    models: list[Model] = []
    for node in fields.nodes("models"):
        model_fields = Fields(node, file=fields.file, known=_MODEL_KEYS)
        model = _parse_model(model_fields, facts)
        _refuse_chat_of_base(model_fields, model)
        if any(other.name == model.name for other in models):
            model_fields.refuse_field("name", f"{model.name!r} stands twice on this host; keep one")
        if any(other.public_name == model.public_name for other in models):
            key = "public_name" if model_fields.has("public_name") else "name"
            model_fields.refuse_field(key, f"{model.public_name!r} is the name of another model of this host")
        models.append(model)
    return tuple(models)


def _parse_model(fields: Fields, facts: Facts) -> Model:
    name = _parse_name(fields, "name")
    if name.endswith((":cloud", "-cloud")):
        fields.refuse_field("name", f"{name!r} runs on somebody else's machines; name a model that runs on this host")
    release = facts.releases[fields.one_of("release", facts.releases)] if fields.has("release") else None
    context_tokens = _parse_window(fields, release)
    return Model(
        name=name,
        public_name=_parse_name(fields, "public_name", default=name),
        context_tokens=context_tokens,
        capabilities=_parse_capabilities(fields),
        quantisation=fields.one_of("quantisation", WEIGHT_BITS, default=""),
        release=release,
        parameters_billions=fields.positive(
            "parameters_billions", default=release.parameters_billions if release else 0.0
        ),
        cache=fields.one_of("cache", CACHE_BYTES, default="F16"),
        licence=fields.text("licence", default=release.licence if release else ""),
    )


def _parse_window(fields: Fields, release: Release | None) -> int:
    context_tokens = fields.count("context_tokens")
    if context_tokens < MIN_CONTEXT_TOKENS:
        fields.refuse_field("context_tokens", f"{context_tokens} is too small; give at least {MIN_CONTEXT_TOKENS}")
    if release is not None and context_tokens > release.context_tokens:
        fields.refuse_field(
            "context_tokens", f"{context_tokens} is more than {release.name} was made for, {release.context_tokens}"
        )
    return context_tokens


def _parse_capabilities(fields: Fields) -> frozenset[Capability]:
    names = fields.texts("capabilities")
    known = [capability.value for capability in Capability]
    for name in names:
        if name not in known:
            fields.refuse_field("capabilities", f"{name!r} is not known; {suggestion(name, known)}")
    return frozenset(Capability(name) for name in names) or frozenset({Capability.CHAT})


def _refuse_chat_of_base(fields: Fields, model: Model) -> None:
    """Refuse a model that was never taught to answer and is said to chat."""
    if "chat" in fields.texts("capabilities") and is_base_code_model(model.code_name):
        fields.refuse_field(
            "capabilities",
            f"{model.code_name!r} is a base model, which completes code and cannot chat; did you mean 'capabilities: "
            "[fim]'? If it is an instruct model, give it a name that says so",
        )


def _refuse_twin(fields: Fields, host: Host, others: Iterable[Host]) -> None:
    for other in others:
        if other.name.casefold() == host.name.casefold():
            fields.refuse_field("name", f"{host.name!r} is taken by another host; give each its own name")
        if other.address.casefold() == host.address.casefold():
            fields.refuse_field("address", f"{host.address!r} is already the address of {other.name}")
