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

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from connectors.model_hosts.values import Capability
from connectors.model_hosts.yaml_fields import Fields, read_document

KIND_NAMES = ("ollama", "lmstudio", "exo", "vllm", "llamacpp")
_FLEET_KEYS = ("hosts",)
_HOST_KEYS = (
    "name",
    "kind",
    "address",
    "hardware",
    "memory_gib",
    "bandwidth_gb_s",
    "watts",
    "price_usd",
    "labels",
    "max_parallel",
    "api_key_file",
    "models",
)
_MODEL_KEYS = ("name", "public_name", "context_tokens", "capabilities", "quantisation")
_MAX_NAME_CHARS = 80
_MIN_CONTEXT_TOKENS = 256  # less cannot hold a persona's own words


@dataclass(frozen=True, slots=True)
class Model:
    """A model on a host.

    Attributes:
        name: as the host knows it, tag included.
        public_name: as people and personas name it.
        context_tokens: the window to use; 0 leaves it to what the host says.
        quantisation: how its weights are stored, such as `Q4_K_M`; for the reader.
    """

    name: str
    public_name: str
    context_tokens: int = 0
    capabilities: frozenset[Capability] = frozenset({Capability.CHAT})
    quantisation: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, or a cluster behind one address, that serves models.

    The capacity planner and the console read hardware, memory, bandwidth, watts, price, labels and quantisation; the
    choice of a host does not.

    Attributes:
        address: scheme, host name and port, without a path.
        memory_gib: what models may use of it, in GiB.
        bandwidth_gb_s: memory bandwidth in GB/s: bounds the tokens per second of one answer.
        watts: power under load.
        max_parallel: answers at once before one waits.
        models: empty takes every model that the host offers.
    """

    name: str
    kind: str
    address: str
    hardware: str = ""
    memory_gib: float = 0.0
    bandwidth_gb_s: float = 0.0
    watts: float = 0.0
    price_usd: float = 0.0
    labels: tuple[str, ...] = ()
    max_parallel: int = 1
    api_key: str = field(default="", repr=False)
    models: tuple[Model, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every host that the administrator named, in the file's order."""

    hosts: tuple[Host, ...]


def read_fleet(file: Path) -> Fleet:
    """Read and check a fleet.yaml.

    Raises:
        FleetError: something does not fit; the message names the file, the line, the field and what would be right.
    """
    fields = Fields(read_document(file), file=file, known=_FLEET_KEYS)
    nodes = fields.nodes("hosts")
    if not nodes:
        fields.refuse_field("hosts", "no host is named; add one, or unset CLOISTER_FLEET to look on this machine")
    hosts: list[Host] = []
    for node in nodes:
        host_fields = Fields(node, file=file, known=_HOST_KEYS)
        host = _parse_host(host_fields)
        _refuse_twin(host_fields, host, hosts)
        hosts.append(host)
    return Fleet(tuple(hosts))


def _parse_host(fields: Fields) -> Host:
    kind = fields.text("kind")
    if kind not in KIND_NAMES:
        fields.refuse_field("kind", f"{kind!r} is no kind of model host; known are {', '.join(KIND_NAMES)}")
    return Host(
        name=_parse_name(fields, "name"),
        kind=kind,
        address=_parse_address(fields),
        hardware=fields.text("hardware", default=""),
        memory_gib=fields.number("memory_gib"),
        bandwidth_gb_s=fields.number("bandwidth_gb_s"),
        watts=fields.number("watts"),
        price_usd=fields.number("price_usd"),
        labels=fields.texts("labels"),
        max_parallel=fields.count("max_parallel", default=1),
        api_key=_read_api_key(fields),
        models=_parse_models(fields),
    )


def _parse_name(fields: Fields, key: str, *, default: str | None = None) -> str:
    name = fields.text(key, default=default)
    if len(name) > _MAX_NAME_CHARS or not name.isprintable():
        fields.refuse_field(key, f"use at most {_MAX_NAME_CHARS} printable characters on one line")
    return name


def _parse_address(fields: Fields) -> str:
    address = fields.text("address").rstrip("/")
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good = False
        parts = urlsplit("")
    if not is_good or any(mark in address for mark in " \t\\"):
        fields.refuse_field("address", f"{address!r} is not an address such as http://dev1.lan:11434")
    if parts.username is not None or parts.password is not None:
        fields.refuse_field("address", "take the name and password out of the address; a key belongs in api_key_file")
    if parts.path or parts.query or parts.fragment:
        fields.refuse_field("address", f"{address!r} should end after the port; leave out paths such as /v1")
    return address


def _read_api_key(fields: Fields) -> str:
    name = fields.text("api_key_file", default="")
    if not name:
        return ""
    try:
        key = (fields.file.parent / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        fields.refuse_field("api_key_file", f"{name!r} cannot be read; it should be a text file with the key alone")
    if not key.isascii() or not key.isprintable() or not key:
        fields.refuse_field("api_key_file", f"{name!r} should hold one line with the key alone")
    return key


def _parse_models(fields: Fields) -> tuple[Model, ...]:
    models: list[Model] = []
    for node in fields.nodes("models"):
        model_fields = Fields(node, file=fields.file, known=_MODEL_KEYS)
        model = _parse_model(model_fields)
        if any(other.name == model.name for other in models):
            model_fields.refuse_field("name", f"{model.name!r} stands twice on this host; keep one")
        models.append(model)
    return tuple(models)


def _parse_model(fields: Fields) -> Model:
    name = _parse_name(fields, "name")
    if name.endswith((":cloud", "-cloud")):
        fields.refuse_field("name", f"{name!r} runs on somebody else's machines; name a model that runs on this host")
    context_tokens = fields.count("context_tokens")
    if context_tokens < _MIN_CONTEXT_TOKENS:
        fields.refuse_field("context_tokens", f"{context_tokens} is too small; give at least {_MIN_CONTEXT_TOKENS}")
    return Model(
        name=name,
        public_name=_parse_name(fields, "public_name", default=name),
        context_tokens=context_tokens,
        capabilities=_parse_capabilities(fields),
        quantisation=fields.text("quantisation", default=""),
    )


def _parse_capabilities(fields: Fields) -> frozenset[Capability]:
    names = fields.texts("capabilities")
    known = [capability.value for capability in Capability]
    for name in names:
        if name not in known:
            fields.refuse_field("capabilities", f"{name!r} is not one of {', '.join(known)}")
    return frozenset(Capability(name) for name in names) or frozenset({Capability.CHAT})


def _refuse_twin(fields: Fields, host: Host, others: Iterable[Host]) -> None:
    for other in others:
        if other.name.casefold() == host.name.casefold():
            fields.refuse_field("name", f"{host.name!r} is taken by another host; give each its own name")
        if other.address.casefold() == host.address.casefold():
            fields.refuse_field("address", f"{host.address!r} is already the address of {other.name}")
