"""What `compose/compose.yaml` may say: whatever is not listed here is noticed by one of the checks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import yaml

from assistant.settings import SECRETS, Settings
from connectors.model_hosts.catalogue import read_fleet

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose"
Composition = dict[str, Any]
Check = Callable[[Composition], Iterator[str]]

OURS = f"cloister:{tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']['version']}"


@dataclass(frozen=True)
class Part:
    """What one service may have."""

    networks: set[str]
    command: tuple[str, ...]
    is_well: tuple[str, ...]  # what looks whether it is
    secrets: set[str]
    image: str = OURS
    user: str = "10001:10001"
    environment: frozenset[str] = frozenset()
    waits_for: frozenset[str] = frozenset()
    configs: tuple[dict[str, str], ...] = ()
    volumes: tuple[str, ...] = ()
    tmpfs: frozenset[str] = frozenset({"/run/cloister", "/tmp"})  # noqa: S108 - a place in a container
    more_keys: frozenset[str] = frozenset()


FLEET = ({"source": "fleet", "target": "/etc/cloister/fleet.yaml"},)
COMMON = frozenset(
    {"CLOISTER_DATABASE_URL", "CLOISTER_REDIS_URL_FILE", "CLOISTER_MASTER_KEY_FILE", "CLOISTER_FLEET"},
)
OF_OUR_IMAGE = frozenset({"build", "pull_policy"})
PARTS = {
    "proxy": Part(
        {"front", "page"},
        ("nginx", "-e", "/dev/stderr", "-g", "daemon off;"),
        ("wget", "-q", "--no-check-certificate", "-O", "/dev/null", "https://127.0.0.1:8443/nginx-is-up"),
        {"tls_certificate", "tls_key"},
        image="nginxinc/nginx-unprivileged:1.29-alpine",
        user="101:101",
        waits_for=frozenset({"web"}),
        configs=({"source": "nginx", "target": "/etc/nginx/nginx.conf"},),
        tmpfs=frozenset({"/tmp"}),  # noqa: S108
        more_keys=frozenset({"ports", "entrypoint"}),
    ),
    "web": Part(
        {"page", "data", "models"},
        ("cloister", "web"),
        ("python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8420/health/live', timeout=3)"),
        {"master_key", "redis_url"},
        environment=COMMON | {"CLOISTER_HOST", "CLOISTER_ORIGINS", "CLOISTER_IS_BEHIND_TLS"},
        waits_for=frozenset({"migrate", "redis"}),
        configs=FLEET,
        more_keys=OF_OUR_IMAGE | {"extra_hosts"},
    ),
    "console": Part(
        {"page", "data"},
        ("cloister", "console"),
        ("python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8421/health/live', timeout=3)"),
        {"master_key"},
        environment=frozenset(
            {
                *("CLOISTER_DATABASE_URL", "CLOISTER_MASTER_KEY_FILE", "CLOISTER_HOST", "CLOISTER_ORIGINS"),
                *("CLOISTER_IS_BEHIND_TLS", "CLOISTER_EXPORTS_DIR", "CLOISTER_LOG_KEY", "CLOISTER_FLEET"),
            }
        ),
        volumes=("exports:/var/lib/cloister/exports",),
        waits_for=frozenset({"migrate"}),
        configs=FLEET,
        more_keys=OF_OUR_IMAGE,
    ),
    "worker": Part(
        {"data", "models"},
        ("python", "-P", "-m", "workers", "worker"),
        ("python", "-c", "import sys; sys.exit(not open('/proc/1/task/1/children').read().split())"),
        {"master_key", "redis_url"},
        environment=COMMON | {"CLOISTER_EXPORTS_DIR", "CLOISTER_LOG_KEY"},
        volumes=("exports:/var/lib/cloister/exports",),
        waits_for=frozenset({"migrate", "redis"}),
        configs=FLEET,
        more_keys=OF_OUR_IMAGE | {"extra_hosts"},
    ),
    "scheduler": Part(
        {"data"},
        ("python", "-P", "-m", "workers", "scheduler"),
        ("python", "-c", "import socket; socket.create_connection(('redis', 6379), 3)"),
        {"redis_url"},
        environment=frozenset({"CLOISTER_REDIS_URL_FILE"}),
        waits_for=frozenset({"redis"}),
        more_keys=OF_OUR_IMAGE,
    ),
    "sealer": Part(
        {"data"},
        ("cloister", "audit", "seal"),
        ("python", "-c", "import socket; socket.create_connection(('postgres', 5432), 3)"),
        {"master_key"},
        environment=frozenset({"CLOISTER_DATABASE_URL", "CLOISTER_MASTER_KEY_FILE", "CLOISTER_SEAL_KEY_FILE"}),
        waits_for=frozenset({"migrate"}),
        volumes=("seal:/var/lib/cloister/seal",),
        more_keys=OF_OUR_IMAGE,
    ),
    "migrate": Part(
        {"data"},
        ("cloister", "migrate"),
        (),
        {"database_owner_url", "master_key"},
        environment=frozenset({"CLOISTER_DATABASE_URL_FILE", "CLOISTER_MASTER_KEY_FILE"}),
        waits_for=frozenset({"postgres"}),
        more_keys=OF_OUR_IMAGE,
    ),
    "postgres": Part(
        {"data"},
        ("postgres", "-c", "log_min_error_statement=panic", "-c", "log_error_verbosity=terse"),
        ("pg_isready", "-U", "cloister_owner", "-d", "cloister"),
        {"database_owner_password"},
        image="pgvector/pgvector:0.8.6-pg18-trixie",
        user="999:999",
        environment=frozenset({"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE", "POSTGRES_INITDB_ARGS"}),
        volumes=("database:/var/lib/postgresql",),
        tmpfs=frozenset({"/var/run/postgresql", "/tmp"}),  # noqa: S108
        more_keys=frozenset({"shm_size", "stop_grace_period"}),
    ),
    "redis": Part(
        {"data"},
        ("valkey-server", "/run/secrets/redis_conf"),  # and bounds, see REDIS_OPTIONS
        ("valkey-cli", "ping"),
        {"redis_conf"},
        image="valkey/valkey:8.1-alpine",
        user="999:1000",
        volumes=("queue:/data",),
        tmpfs=frozenset(),
        more_keys=frozenset({"entrypoint"}),
    ),
}
WITNESS = Part(  # of witness.yaml, on another machine: no secret, no setting, no way to begin anything
    {"front"},
    (
        *("cloister", "audit", "witness", "--folder", "/var/lib/cloister/witness", "--listen", "0.0.0.0:8430"),
        *("--log", "${LOG_KEY:?the content of seal.pub}"),
    ),
    ("python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8430/', timeout=3)"),
    set(),
    volumes=("witness:/var/lib/cloister/witness",),
    more_keys=OF_OUR_IMAGE | {"ports"},
)
VALUES = {
    "CLOISTER_DATABASE_URL": "postgresql://postgres:5432/cloister",
    "CLOISTER_DATABASE_URL_FILE": "/run/secrets/database_owner_url",
    "CLOISTER_REDIS_URL_FILE": "/run/secrets/redis_url",
    "CLOISTER_MASTER_KEY_FILE": "/run/secrets/master_key",
    "CLOISTER_SEAL_KEY_FILE": "/var/lib/cloister/seal/seal.key",
    "CLOISTER_EXPORTS_DIR": "/var/lib/cloister/exports",
    "CLOISTER_LOG_KEY": "${LOG_KEY:-}",
    "CLOISTER_FLEET": "/etc/cloister/fleet.yaml",
    "CLOISTER_HOST": "0.0.0.0",  # noqa: S104 - of a container that publishes no port
    "CLOISTER_ORIGINS": '["${ORIGIN:-https://cloister.corp.example}"]',
    "CLOISTER_IS_BEHIND_TLS": "true",
    "POSTGRES_USER": "cloister_owner",
    "POSTGRES_DB": "cloister",
    "POSTGRES_PASSWORD_FILE": "/run/secrets/database_owner_password",
    "POSTGRES_INITDB_ARGS": (
        "--data-checksums --encoding=UTF8 --auth-host=scram-sha-256 --locale-provider=builtin --builtin-locale=C.UTF-8"
    ),
}
LOCKED = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "dns": ["127.0.0.1"],
    "logging": {"driver": "local", "options": {"max-size": "10m", "max-file": "5"}},
}
BY_CHECKS_OF_THEIR_OWN = {
    *("image", "user", "command", "restart", "mem_limit", "pids_limit", "networks", "secrets", "depends_on"),
    *("healthcheck", "environment", "configs", "volumes", "tmpfs"),
}
TOP = {"name", "services", "networks", "volumes", "configs", "secrets"}
REDIS_OPTIONS = {
    *("--appendonly", "--save", "--databases", "--maxclients", "--maxmemory", "--maxmemory-policy", "--dir"),
}
BRIDGE = "com.docker.network.bridge.name"
PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
CONFIGS = {"nginx": {"file": "nginx.conf"}, "fleet": {"file": "fleet.yaml"}}
SIZE = re.compile(r"[1-9]\d{0,3}[mg]")
ON_TMPFS = re.compile(r"(uid=\d+|gid=\d+|mode=[01]?7\d\d|size=[1-9]\d*m)")


def read(file: str = "compose.yaml") -> Composition:
    composition: Composition = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    return composition


def services(composition: Composition) -> Iterator[tuple[str, dict[str, Any], Part]]:
    for name, service in composition["services"].items():
        if name in PARTS:
            yield name, service, PARTS[name]
        elif name == "witness":
            yield name, service, WITNESS


def check_keys(composition: Composition) -> Iterator[str]:
    """No key is there that nothing here looks at: a mount, a device, a mode of the machine's, an `extends`."""
    top = {key for key in composition if not key.startswith("x-")}
    if top != TOP or composition["name"] != "cloister":
        yield f"other parts: {sorted(top ^ TOP)}"
    if composition["services"].keys() != PARTS.keys():
        yield f"other services: {sorted(composition['services'].keys() ^ PARTS.keys())}"
    for name, service, part in services(composition):
        if others := service.keys() - LOCKED.keys() - BY_CHECKS_OF_THEIR_OWN - part.more_keys:
            yield f"{name} has {sorted(others)}"


def check_networks(composition: Composition) -> Iterator[str]:
    """Two networks lead anywhere: where people come in, which only the proxy is on, and the one to the model hosts."""
    rules = (FOLDER / "nftables.conf").read_text(encoding="utf-8")
    bridges = re.search(r"set bridges \{.*?elements = \{(.*?)\}", rules, re.DOTALL)
    known = re.findall(r'"([^"]+)"', bridges[1] if bridges else "")
    if composition["networks"].keys() != {"front", "page", "data", "models"}:
        yield "other networks"
    for name, network in composition["networks"].items():
        wanted: dict[str, Any] = {"driver_opts": {BRIDGE: f"cloister-{name}"}}
        if name in {"page", "data"}:
            wanted["internal"] = True
        if name == "models":
            wanted["ipam"] = {"config": [{"subnet": "172.31.66.0/24"}]}
        if network != wanted:
            yield f"network {name} is {network}"
        if f"cloister-{name}" not in known:
            yield f"nftables.conf does not know the network {name}"
    for name, service, part in services(composition):
        networks = service.get("networks")
        if not isinstance(networks, list) or set(networks) != part.networks:
            yield f"{name} is on {networks}"


def check_published(composition: Composition) -> Iterator[str]:
    for name, service, _part in services(composition):
        if service.get("ports") != (["443:8443"] if name == "proxy" else None):
            yield f"{name} publishes {service.get('ports')}"


def check_names(composition: Composition) -> Iterator[str]:
    """The model hosts' names stand here; no other name is looked up outside, and none of ours means another machine."""
    fleet = read_fleet(FOLDER / "fleet.yaml").hosts
    wanted = sorted((host.address or "").removeprefix("http://").partition(":")[0] for host in fleet)
    for name, service, part in services(composition):
        if "extra_hosts" not in part.more_keys:
            continue
        hosts = service.get("extra_hosts")
        pairs = [each.partition(":")[::2] for each in hosts] if isinstance(hosts, list) else []
        if sorted(host for host, _ in pairs) != wanted:
            yield f"{name} knows {hosts}"
        yield from (f"{name}: {host} is {address}" for host, address in pairs if not is_private(address))


def is_private(address: str) -> bool:
    try:
        return any(ip_address(address) in network for network in PRIVATE)
    except ValueError:  # `host-gateway` among others
        return False


def check_witness(composition: Composition) -> Iterator[str]:
    """The witness is alone on its machine: one port, one folder, one network that begins nothing by nftables.conf."""
    if composition.keys() != {"name", "services", "networks", "volumes"} or composition["name"] != "cloister-witness":
        yield f"other parts: {sorted(composition)}"
    if composition["services"].keys() != {"witness"}:
        yield f"other services: {sorted(composition['services'])}"
    if composition["networks"] != {"front": {"driver_opts": {BRIDGE: "cloister-front"}}}:
        yield f"networks: {composition['networks']}"
    if composition["volumes"] != {"witness": None}:
        yield f"volumes: {composition['volumes']}"
    for name, service, part in services(composition):
        if others := service.keys() - LOCKED.keys() - BY_CHECKS_OF_THEIR_OWN - part.more_keys:
            yield f"{name} has {sorted(others)}"
        if given := {"environment", "secrets", "configs", "depends_on"} & service.keys():
            yield f"{name} is given {sorted(given)}"
        if service.get("ports") != ["8430:8430"] or service.get("networks") != ["front"]:
            yield f"{name} publishes {service.get('ports')} on {service.get('networks')}"
        if tuple(service.get("volumes", ())) != part.volumes:
            yield f"{name} mounts {service.get('volumes')}"


def check_with_witness(composition: Composition) -> Iterator[str]:
    """What is laid over compose.yaml for it changes the sealer alone, and of it the way to one private address."""
    if composition.keys() != {"services"} or composition["services"].keys() != {"sealer"}:
        yield f"other parts: {composition}"
        return
    sealer = composition["services"]["sealer"]
    if sealer.keys() != {"environment", "networks", "extra_hosts"}:
        yield f"the sealer has {sorted(sealer)}"
    said = sealer.get("environment")
    wanted = {"CLOISTER_AUDIT_WITNESSES": '["${WITNESS:?the key of the witness, a blank, and its address}"]'}
    if said != wanted or not all(map(is_setting, wanted)):
        yield f"the sealer is told {said}"
    if sealer.get("networks") != ["data", "models"]:
        yield f"the sealer is on {sealer.get('networks')}"
    hosts = sealer.get("extra_hosts")
    pairs = [str(each).partition(":")[::2] for each in hosts] if isinstance(hosts, list) else []
    if [host for host, _ in pairs] != ["witness.lan"] or not all(is_private(address) for _, address in pairs):
        yield f"the sealer knows {hosts}"


def check_rights(composition: Composition) -> Iterator[str]:
    for name, service, part in services(composition):
        yield from (f"{name}: {key} is {service.get(key)}" for key in LOCKED if service.get(key) != LOCKED[key])
        if service.get("user") != part.user:
            yield f"{name} is {service.get('user')}"
        if service.get("restart") != ("no" if name == "migrate" else "unless-stopped"):
            yield f"{name} restarts {service.get('restart')}"
        if not is_bounded(service):
            yield f"{name} may take the whole machine"


def is_bounded(service: dict[str, Any]) -> bool:
    processes, sizes = service.get("pids_limit"), (service.get("mem_limit"), service.get("shm_size", "1m"))
    return all(SIZE.fullmatch(str(size)) for size in sizes) and isinstance(processes, int) and 0 < processes <= 256


def check_storage(composition: Composition) -> Iterator[str]:
    """Four named volumes that Docker keeps, folders in memory with a bound, and nothing of the machine."""
    if composition["volumes"] != {"database": None, "exports": None, "queue": None, "seal": None}:
        yield f"volumes: {composition['volumes']}"
    for name, service, part in services(composition):
        if tuple(service.get("volumes", ())) != part.volumes:
            yield f"{name} mounts {service.get('volumes')}"
        folders = [str(each).partition(":")[::2] for each in service.get("tmpfs", ())]
        if sorted(folder for folder, _ in folders) != sorted(part.tmpfs):
            yield f"{name} has {folders} in memory"
        for folder, options in folders:
            if not all(ON_TMPFS.fullmatch(each) for each in options.split(",")) or "size=" not in options:
                yield f"{name}: {folder} has {options}"


def check_secrets(composition: Composition) -> Iterator[str]:
    for name, secret in composition["secrets"].items():
        if secret.keys() != {"file"} or not re.fullmatch(r"secrets/[a-z_]+(\.[a-z]+)?", str(secret["file"])):
            yield f"the secret {name} is no file of compose/secrets"
    if composition["configs"] != CONFIGS:
        yield f"configs: {composition['configs']}"
    given = set().union(*(part.secrets for part in PARTS.values()))
    if composition["secrets"].keys() != given:
        yield f"other secrets: {sorted(composition['secrets'].keys() ^ given)}"
    for name, service, part in services(composition):
        secrets = service.get("secrets", [])
        if not all(isinstance(each, str) for each in secrets) or set(secrets) != part.secrets:
            yield f"{name} is given {secrets}"
        if tuple(service.get("configs", ())) != part.configs:
            yield f"{name} is given {service.get('configs')}"


def check_environment(composition: Composition) -> Iterator[str]:
    for name, service, part in services(composition):
        environment = service.get("environment", {})
        if not isinstance(environment, dict) or environment.keys() != part.environment:
            yield f"{name} is told {environment}"
            continue
        for variable, value in environment.items():
            if value != VALUES[variable]:
                yield f"{name}: {variable} is {value}"
            if variable.startswith("CLOISTER_") and not is_setting(variable):
                yield f"{name}: {variable} is no setting"


def is_setting(variable: str) -> bool:
    field = variable.removeprefix("CLOISTER_").lower()
    return field in Settings.model_fields or field.removesuffix("_file") in SECRETS


def check_image(composition: Composition) -> Iterator[str]:
    for name, service, part in services(composition):
        image = str(service.get("image"))
        if image != part.image or not re.search(r":\d[\w.-]*$|@sha256:[0-9a-f]{64}$", image):
            yield f"{name} runs the image {image}"
        if part.image != OURS:
            continue
        if service.get("build") != {"context": "..", "dockerfile": "compose/Dockerfile"}:
            yield f"{name} is built from {service.get('build')}"
        if service.get("pull_policy") != "never":
            yield f"{name} is asked for elsewhere"


def check_commands(composition: Composition) -> Iterator[str]:
    for name, service, part in services(composition):
        command, rest = service.get("command", []), []
        if name == "redis":
            command, rest = command[:2], command[2:]
        if not isinstance(command, list) or tuple(command) != part.command:
            yield f"{name} runs {command}"
        if not set(rest[::2]) <= REDIS_OPTIONS or any(str(value).startswith("--") for value in rest[1::2]):
            yield f"{name} runs with {rest}"
        if service.get("entrypoint") != ([] if "entrypoint" in part.more_keys else None):
            yield f"{name} enters by {service.get('entrypoint')}"


def check_health(composition: Composition) -> Iterator[str]:
    for name, service, part in services(composition):
        health = dict(service.get("healthcheck", {}))
        if name == "migrate":
            if health != {"disable": True}:
                yield "migrate is over before anybody could ask"
        else:
            if health.pop("test", None) != ["CMD", *part.is_well]:
                yield f"nobody looks whether {name} is well"
            if not health.keys() <= {"interval", "timeout", "start_period", "retries"} or not all(
                re.fullmatch(r"[1-9]|[1-6]\ds?|[1-9]s", str(value)) for value in health.values()
            ):
                yield f"{name} is asked {health}"
        waits = service.get("depends_on", {})
        if not isinstance(waits, dict) or waits.keys() != part.waits_for:
            yield f"{name} waits for {waits}"
            continue
        for other, condition in waits.items():
            awaited = "service_completed_successfully" if other == "migrate" else "service_healthy"
            if condition != {"condition": awaited}:
                yield f"{name} does not wait for {other}"


CHECKS_OF_THE_WITNESS: tuple[Check, ...] = (
    check_witness,
    check_rights,
    check_image,
    check_commands,
    check_health,
)
CHECKS: tuple[Check, ...] = (
    check_keys,
    check_networks,
    check_published,
    check_names,
    check_rights,
    check_storage,
    check_secrets,
    check_environment,
    check_image,
    check_commands,
    check_health,
)
