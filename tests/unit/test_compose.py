"""`compose/compose.yaml` keeps its promises; each check is shown to notice a file that breaks it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.settings import SECRETS, Settings
from connectors.model_hosts.catalogue import read_fleet

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose"
Composition = dict[str, Any]
Check = Callable[[Composition], Iterator[str]]

COMMANDS = {
    ("cloister", "web"),
    ("cloister", "migrate"),
    ("python", "-P", "-m", "workers", "worker"),
    ("python", "-P", "-m", "workers", "scheduler"),
}
PARTS = {"proxy", "web", "worker", "scheduler", "migrate", "postgres", "redis"}


def read() -> Composition:
    composition: Composition = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return composition


def services(composition: Composition) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from composition["services"].items()


def check_parts(composition: Composition) -> Iterator[str]:
    if missing := PARTS - composition["services"].keys():
        yield f"missing: {sorted(missing)}"


def check_networks(composition: Composition) -> Iterator[str]:
    """Two networks lead anywhere: where people come in, which only the proxy is on, and the one to the model hosts."""
    for name, network in composition["networks"].items():
        if name not in {"front", "models"} and not (network or {}).get("internal"):
            yield f"network {name} is not internal"
    for name, service in services(composition):
        if "front" in service["networks"] and name != "proxy":
            yield f"{name} is on the network that people reach"
        if "models" in service["networks"] and name not in {"web", "worker"}:
            yield f"{name} is on the network of the model hosts"
        if service.get("network_mode"):
            yield f"{name} has a network mode of its own"
    if set(composition["services"]["proxy"]["networks"]) & {"data", "models"}:
        yield "the proxy reaches more than the page"
    bridge = composition["networks"]["models"]["driver_opts"]["com.docker.network.bridge.name"]
    if f'"{bridge}"' not in (FOLDER / "nftables.conf").read_text(encoding="utf-8"):
        yield "nftables.conf does not know the way to the model hosts"


def check_published(composition: Composition) -> Iterator[str]:
    for name, service in services(composition):
        if service.get("ports") and name != "proxy":
            yield f"{name} publishes a port"
    if not composition["services"]["proxy"].get("ports"):
        yield "nobody publishes a port"


def check_rights(composition: Composition) -> Iterator[str]:
    for name, service in services(composition):
        if service.get("privileged") or service.get("cap_add") or service.get("devices") or service.get("pid"):
            yield f"{name} has rights that it does not need"
        if service.get("cap_drop") != ["ALL"] or "no-new-privileges:true" not in service.get("security_opt", ()):
            yield f"{name} keeps rights"
        if service.get("read_only") is not True:
            yield f"{name} may write to its own files"
        if str(service.get("user", "0")).split(":")[0] in {"0", "root"}:
            yield f"{name} is root"
        if any(str(volume).startswith(("/", ".")) for volume in service.get("volumes", ())):
            yield f"{name} has a folder of the machine"
        if not service.get("mem_limit") or not service.get("pids_limit"):
            yield f"{name} may take the whole machine"


def check_secrets(composition: Composition) -> Iterator[str]:
    for name, service in services(composition):
        given = service.get("secrets", ())
        yield from (f"{name} wants an unknown secret {each}" for each in given if each not in composition["secrets"])
        for variable, value in service.get("environment", {}).items():
            if variable.startswith("CLOISTER_") and not is_setting(variable):
                yield f"{name}: {variable} is no setting"
            if str(value).startswith("/run/secrets/") and Path(value).name not in given:
                yield f"{name}: {variable} names a secret that it is not given"
            if holds_secret(variable, str(value)):
                yield f"{name}: {variable} holds a secret"
    for name, secret in composition["secrets"].items():
        if not str(secret.get("file", "")).startswith("secrets/"):
            yield f"the secret {name} is no file of compose/secrets"
    owners = {name for name, service in services(composition) if "database_owner_url" in service.get("secrets", ())}
    if owners != {"migrate"}:
        yield f"the owner's password is known to {sorted(owners)}"


def is_setting(variable: str) -> bool:
    field = variable.removeprefix("CLOISTER_").lower()
    return field in Settings.model_fields or field.removesuffix("_file") in SECRETS


def holds_secret(variable: str, value: str) -> bool:
    is_named_so = re.search(r"(?i)passw|secret", variable) is not None and not variable.endswith("_FILE")
    return is_named_so or re.search(r"://[^/\s]*:[^/\s]*@", value) is not None


def check_image(composition: Composition) -> Iterator[str]:
    for name, service in services(composition):
        if service["image"] != "cloister":
            if name not in {"proxy", "postgres", "redis"}:
                yield f"{name} is not of our image"
            continue
        if service["build"] != {"context": "..", "dockerfile": "compose/Dockerfile"}:
            yield f"{name} is built from something else"
        if tuple(service["command"]) not in COMMANDS:
            yield f"{name} runs {service['command']}"


def check_health(composition: Composition) -> Iterator[str]:
    for name, service in services(composition):
        health = service.get("healthcheck", {})
        if name == "migrate":
            if service.get("restart") != "no":
                yield "migrate never ends"
        elif not health.get("test"):
            yield f"nobody looks whether {name} is well"
        for other, condition in service.get("depends_on", {}).items():
            awaited = "service_completed_successfully" if other == "migrate" else "service_healthy"
            if condition["condition"] != awaited:
                yield f"{name} does not wait for {other}"


CHECKS: tuple[Check, ...] = (
    check_parts,
    check_networks,
    check_published,
    check_rights,
    check_secrets,
    check_image,
    check_health,
)


@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_its_promise(check: Check) -> None:
    assert list(check(read())) == []


def change(*path: str, to: object) -> Callable[[Composition], None]:
    def apply(composition: Composition) -> None:
        place: Any = composition
        for step in path[:-1]:
            place = place[step]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to

    return apply


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_parts, change("services", "scheduler", to=None)),
        (check_networks, change("networks", "data", to={})),
        (check_networks, change("networks", "page", "internal", to=False)),
        (check_networks, change("services", "web", "networks", to=["front", "page"])),
        (check_networks, change("services", "postgres", "networks", to=["data", "models"])),
        (check_networks, change("services", "proxy", "networks", to=["front", "page", "data"])),
        (check_networks, change("services", "worker", "network_mode", to="host")),
        (check_networks, change("networks", "models", "driver_opts", "com.docker.network.bridge.name", to="other")),
        (check_published, change("services", "redis", "ports", to=["6379:6379"])),
        (check_published, change("services", "proxy", "ports", to=None)),
        (check_rights, change("services", "web", "privileged", to=True)),
        (check_rights, change("services", "web", "cap_add", to=["NET_ADMIN"])),
        (check_rights, change("services", "worker", "cap_drop", to=[])),
        (check_rights, change("services", "redis", "read_only", to=False)),
        (check_rights, change("services", "postgres", "user", to="0:0")),
        (check_rights, change("services", "proxy", "user", to=None)),
        (check_rights, change("services", "web", "volumes", to=["/var/run/docker.sock:/var/run/docker.sock"])),
        (check_rights, change("services", "web", "mem_limit", to=None)),
        (check_secrets, change("services", "web", "environment", "CLOISTER_REDIS_URL", to="redis://:word@redis/0")),
        (check_secrets, change("services", "web", "environment", "CLOISTER_REDIS_ULR", to="x")),
        (check_secrets, change("services", "postgres", "environment", "POSTGRES_PASSWORD", to="word")),
        (check_secrets, change("services", "web", "secrets", to=["redis_url"])),
        (check_secrets, change("services", "web", "secrets", to=["master_key", "redis_url", "database_owner_url"])),
        (check_secrets, change("secrets", "master_key", to={"environment": "MASTER_KEY"})),
        (check_image, change("services", "worker", "image", to="other")),
        (check_image, change("services", "worker", "build", to={"context": "."})),
        (check_image, change("services", "web", "command", to=["cloister", "serve"])),
        (check_health, change("services", "redis", "healthcheck", to=None)),
        (check_health, change("services", "migrate", "restart", to="always")),
        (check_health, change("services", "web", "depends_on", "redis", "condition", to="service_started")),
    ],
)
def test_a_broken_promise_is_noticed(check: Check, broken: Callable[[Composition], None]) -> None:
    composition = copy.deepcopy(read())
    broken(composition)
    assert list(check(composition)) != []


def test_every_host_of_the_fleet_has_an_address_and_a_way() -> None:
    composition = read()
    rules = (FOLDER / "nftables.conf").read_text(encoding="utf-8")
    hosts = dict(line.split(":") for line in composition["x-model-hosts"])
    for host in read_fleet(FOLDER / "fleet.yaml").hosts:
        name, _, port = (host.address or "").removeprefix("http://").partition(":")
        assert f"{hosts[name]} . {port}" in rules, host.name


def test_the_image_runs_as_nobody_special_and_copies_what_it_needs() -> None:
    lines = (FOLDER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert [line for line in lines if re.match(r"(ADD|ENTRYPOINT|EXPOSE) ", line)] == []
    copied = {line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line}
    listed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"assistant", "connectors", "policies", "workers", "docs", "pyproject.toml", "compose/uv.txt"} == copied
    assert {"pyproject.toml", "uv.lock", "README.md", "LICENSE", *copied} == listed


def test_what_builds_the_image_is_pinned() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    assert re.findall(r"^ARG BASE=(.*)$", dockerfile, re.MULTILINE) == ["python:3.12-slim-bookworm"]
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${BASE}"}
    installs = re.findall(r"^.*\b(?:pip|apt-get|apt|curl|wget|npm|uv pip|uvx) .*install.*$", dockerfile, re.MULTILINE)
    assert len(installs) == 1
    assert re.search(r"--require-hashes --only-binary :all: -r uv.txt$", installs[0])
    assert re.findall(r"uv (?:sync|run|pip|tool|lock)\b.*", dockerfile) == [
        "uv sync --frozen --no-dev --no-install-project",
        "uv sync --frozen --no-dev --no-editable",
    ]
    wanted = [line for line in (FOLDER / "uv.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"uv==\d+\.\d+\.\d+( --hash=sha256:[0-9a-f]{64}){2}", re.sub(r" \\ +", " ", " ".join(wanted)))


def test_the_service_of_one_machine_is_locked_by_the_kernel() -> None:
    unit = (FOLDER / "systemd" / "cloister.service").read_text(encoding="utf-8").splitlines()
    assert "IPAddressDeny=any" in unit
    allowed = next(line for line in unit if line.startswith("IPAddressAllow=")).partition("=")[2].split()
    assert "any" not in allowed
    assert not [line for line in unit if line.startswith("User=root")]
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "RestrictNamespaces=yes"} <= set(
        unit
    )
