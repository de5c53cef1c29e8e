"""`compose/compose.yaml` keeps its promises; each check is shown to notice files that break it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from connectors.model_hosts.catalogue import read_fleet
from tests.unit.composition import (
    BRIDGE,
    CHECKS,
    CHECKS_OF_THE_WITNESS,
    FOLDER,
    ROOT,
    Check,
    Composition,
    check_commands,
    check_environment,
    check_health,
    check_image,
    check_keys,
    check_names,
    check_networks,
    check_published,
    check_rights,
    check_secrets,
    check_storage,
    check_with_witness,
    check_witness,
    read,
)


@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_its_promise(check: Check) -> None:
    assert list(check(read())) == []


def change(*path: str | int, to: object) -> Callable[[Composition], None]:
    def apply(composition: Composition) -> None:
        place: Any = composition
        for step in path[:-1]:
            place = place[step]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to

    return apply


def add(*path: str | int, to: object) -> Callable[[Composition], None]:
    def apply(composition: Composition) -> None:
        place: Any = composition
        for step in path:
            place = place[step]
        place.append(to)

    return apply


def of(service: str, *path: str, to: object) -> Callable[[Composition], None]:
    return change("services", service, *path, to=to)


def more(service: str, key: str, to: object) -> Callable[[Composition], None]:
    return add("services", service, key, to=to)


@pytest.mark.parametrize("check", CHECKS_OF_THE_WITNESS)
def test_the_witness_keeps_its_promise(check: Check) -> None:
    assert list(check(read("witness.yaml"))) == []


def test_what_is_laid_over_for_a_witness_keeps_its_promise() -> None:
    assert list(check_with_witness(read("with-witness.yaml"))) == []


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_witness, change("name", to="cloister")),
        (check_witness, change("secrets", to={"master_key": {"file": "secrets/master.key"}})),
        (check_witness, of("web", to={"image": "cloister:0.1.0"})),
        (check_witness, of("witness", "secrets", to=["master_key"])),
        (check_witness, of("witness", "environment", to={"CLOISTER_DATABASE_URL": "postgresql://postgres/cloister"})),
        (check_witness, of("witness", "env_file", to=["more.env"])),
        (check_witness, of("witness", "ports", to=["8430:8430", "22:22"])),
        (check_witness, of("witness", "networks", to=["front", "default"])),
        (check_witness, of("witness", "extra_hosts", to=["collector.example:203.0.113.7"])),
        (check_witness, of("witness", "volumes", to=["/:/var/lib/cloister/witness"])),
        (check_witness, change("networks", "front", to={})),
        (check_witness, change("networks", "front", "driver_opts", BRIDGE, to="docker0")),
        (check_rights, of("witness", "cap_drop", to=[])),
        (check_rights, of("witness", "read_only", to=False)),
        (check_rights, of("witness", "dns", to=["9.9.9.9"])),
        (check_rights, of("witness", "mem_limit", to=None)),
        (check_image, of("witness", "image", to="cloister:latest")),
        (check_image, of("witness", "pull_policy", to=None)),
        (check_commands, of("witness", "command", to=["cloister", "audit", "witness", "--log", "x"])),
        (check_health, of("witness", "healthcheck", to={"disable": True})),
    ],
)
def test_a_broken_promise_of_the_witness_is_noticed(check: Check, broken: Callable[[Composition], None]) -> None:
    composition = read("witness.yaml")
    broken(composition)
    assert list(check(composition)) != []


@pytest.mark.parametrize(
    "broken",
    [
        of("web", to={"privileged": True}),
        change("networks", to={"models": {}}),
        of("sealer", "networks", to=["data", "front"]),
        of("sealer", "networks", to=["default"]),
        of("sealer", "extra_hosts", to=["witness.lan:203.0.113.7"]),
        of("sealer", "extra_hosts", to=["postgres:10.20.0.50"]),
        of("sealer", "cap_add", to=["NET_ADMIN"]),
        of("sealer", "environment", "CLOISTER_AUDIT_WITNESSES", to="[]"),
        of("sealer", "environment", "CLOISTER_EGRESS_ALLOW", to='["0.0.0.0/0"]'),
    ],
)
def test_a_broken_promise_of_what_is_laid_over_is_noticed(broken: Callable[[Composition], None]) -> None:
    composition = read("with-witness.yaml")
    broken(composition)
    assert list(check_with_witness(composition)) != []


DOCKER = "/var/run/docker.sock:/var/run/docker.sock"
OUTSIDE = "https://collector.example"
MEMORY = "/tmp:mode=1777,size=256m"  # noqa: S108 - a place in a container


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_keys, of("scheduler", to=None)),
        (check_keys, of("sidecar", to={"image": "busybox:1.37", "networks": ["models"]})),
        (check_keys, change("include", to=["other.yaml"])),
        (check_keys, change("name", to="other")),
        *(
            (check_keys, of("web", key, to=value))
            for key, value in {
                "annotations": {"a": "b"},
                "cap_add": ["NET_ADMIN"],
                "cgroup": "host",
                "cgroup_parent": "/",
                "credential_spec": {"file": "x"},
                "deploy": {"resources": {}},
                "develop": {"watch": []},
                "device_cgroup_rules": ["c 1:3 mr"],
                "devices": ["/dev/mem"],
                "dns_opt": ["use-vc"],
                "dns_search": ["collector.example"],
                "domainname": "collector.example",
                "entrypoint": ["sh", "-c"],
                "env_file": ["more.env"],
                "extends": {"file": "other.yaml", "service": "web"},
                "external_links": ["other"],
                "gpus": "all",
                "group_add": ["docker"],
                "hostname": "postgres",
                "ipc": "host",
                "isolation": "process",
                "links": ["redis:postgres"],
                "mac_address": "02:42:ac:11:65:43",
                "network_mode": "host",
                "oom_kill_disable": True,
                "oom_score_adj": -1000,
                "pid": "host",
                "ports": ["8420:8420"],
                "post_start": [{"command": ["sh"], "user": "root"}],
                "pre_stop": [{"command": ["sh"]}],
                "privileged": True,
                "profiles": ["never"],
                "provider": {"type": "x"},
                "runtime": "other",
                "scale": 0,
                "storage_opt": {"size": "1G"},
                "sysctls": {"net.ipv4.ip_forward": 1},
                "ulimits": {"nproc": 65535},
                "use_api_socket": True,
                "userns_mode": "host",
                "uts": "host",
                "volumes_from": ["postgres"],
                "working_dir": "/",
            }.items()
        ),
        (check_networks, change("networks", "data", to={})),
        (check_networks, change("networks", "page", "internal", to=False)),
        (check_networks, change("networks", "data", "internal", to=None)),
        (check_networks, change("networks", "page", "driver_opts", to=None)),
        (check_networks, change("networks", "models", "driver_opts", BRIDGE, to="other")),
        (check_networks, change("networks", "front", "driver_opts", BRIDGE, to="docker0")),
        (
            check_networks,
            change("networks", "data", "driver_opts", "com.docker.network.bridge.gateway_mode_ipv4", to="nat"),
        ),
        (check_networks, change("networks", "models", "enable_ipv6", to=True)),
        (check_networks, change("networks", "data", "external", to=True)),
        (check_networks, change("networks", "data", "name", to="bridge")),
        (check_networks, change("networks", "data", "driver", to="host")),
        (check_networks, change("networks", "data", "attachable", to=True)),
        (check_networks, change("networks", "models", "ipam", "config", to=[{"subnet": "10.20.0.0/16"}])),
        (check_networks, change("networks", "other", to={})),
        (check_networks, of("web", "networks", to=["front", "page"])),
        (check_networks, of("web", "networks", to={"page": {"aliases": ["postgres"]}, "data": {}, "models": {}})),
        (check_networks, of("postgres", "networks", to=["data", "models"])),
        (check_networks, of("console", "networks", to=["page", "data", "models"])),
        (check_published, of("console", "ports", to=["8421:8421"])),
        (check_secrets, of("console", "secrets", to=["master_key", "redis_url"])),
        (check_networks, of("proxy", "networks", to=["front", "page", "data"])),
        (check_networks, of("scheduler", "networks", to=["data", "default"])),
        (check_published, of("redis", "ports", to=["6379:6379"])),
        (check_published, of("proxy", "ports", to=None)),
        (check_published, of("proxy", "ports", to=["443:8443", "8420:8420"])),
        (check_published, of("proxy", "ports", to=[{"target": 8443, "published": "443", "mode": "host"}])),
        (check_names, more("web", "extra_hosts", "postgres:10.20.0.99")),
        (check_names, more("web", "extra_hosts", "machine.lan:host-gateway")),
        (check_names, of("worker", "extra_hosts", to={"dev1.lan": "203.0.113.7"})),
        (check_names, change("x-model-hosts", 0, to="einstein.lan:8.8.8.8")),
        (check_names, change("x-model-hosts", 0, to="einstein.lan:203.0.113.7")),
        (check_names, add("x-model-hosts", to="einstein.lan:10.20.0.99")),
        (check_names, change("x-model-hosts", 0, to="einstein.lan:host-gateway")),
        (check_names, change("x-model-hosts", 0, to="einstein.lan:127.0.0.1")),
        (check_names, change("x-model-hosts", 0, to="postgres:10.20.0.10")),
        (check_rights, of("proxy", "dns", to=None)),
        (check_rights, of("web", "dns", to=["9.9.9.9"])),
        (check_rights, more("worker", "dns", "10.20.0.53")),
        (check_rights, of("worker", "cap_drop", to=[])),
        (check_rights, of("worker", "cap_drop", to=["NET_RAW"])),
        (check_rights, of("web", "security_opt", to=["no-new-privileges:true", "seccomp:unconfined"])),
        (check_rights, of("web", "security_opt", to=["no-new-privileges:false"])),
        (check_rights, of("redis", "read_only", to=False)),
        (check_rights, of("redis", "read_only", to="false")),
        (check_rights, of("web", "logging", to={"driver": "syslog", "options": {"syslog-address": "udp://10.0.0.1"}})),
        (check_rights, of("web", "logging", "options", to={"max-size": "10m", "max-file": "5", "labels": "x"})),
        (check_rights, of("postgres", "user", to="0:0")),
        (check_rights, of("proxy", "user", to=None)),
        (check_rights, of("web", "user", to="10001:0")),
        (check_rights, of("web", "user", to="${WHO:-10001:10001}")),
        (check_rights, of("web", "restart", to="always")),
        (check_rights, of("migrate", "restart", to="always")),
        (check_rights, of("web", "mem_limit", to=None)),
        (check_rights, of("web", "mem_limit", to="0")),
        (check_rights, of("worker", "pids_limit", to=-1)),
        (check_rights, of("postgres", "shm_size", to="-1")),
        (check_storage, of("web", "volumes", to=[DOCKER])),
        (check_storage, of("web", "volumes", to=["~/.ssh:/keys:ro"])),
        (check_storage, of("web", "volumes", to=[{"type": "bind", "source": "/", "target": "/machine"}])),
        (check_storage, of("web", "volumes", to=["${HOME}:/home"])),
        (check_storage, of("web", "volumes", to=["database:/database"])),
        (check_storage, of("postgres", "volumes", to=["database:/var/lib/postgresql:rshared"])),
        (check_storage, of("postgres", "volumes", to=None)),
        (check_storage, of("web", "volumes", to=["seal:/var/lib/cloister/seal"])),
        (check_secrets, of("sealer", "secrets", to=["master_key", "database_owner_url"])),
        (
            check_storage,
            change("volumes", "database", to={"driver_opts": {"type": "none", "o": "bind", "device": "/"}}),
        ),
        (check_storage, change("volumes", "queue", to={"driver": "nfs"})),
        (check_storage, change("volumes", "queue", to={"external": True})),
        (check_storage, of("web", "tmpfs", to=["/run/cloister:uid=10001,size=64m,exec", MEMORY])),
        (check_storage, of("web", "tmpfs", to=["/run/cloister:suid,size=64m", MEMORY])),
        (check_storage, of("web", "tmpfs", to=["/run/cloister", MEMORY])),
        (check_storage, more("web", "tmpfs", "/opt:size=64m")),
        (check_storage, more("web", "tmpfs", "/tmp:size=64m")),  # noqa: S108
        (check_secrets, of("web", "secrets", to=["redis_url"])),
        (check_secrets, of("web", "secrets", to=["master_key", "redis_url", "database_owner_url"])),
        (check_secrets, of("web", "secrets", to=[{"source": "master_key", "target": "/opt/key", "mode": 0o444}])),
        (check_secrets, change("secrets", "master_key", to={"environment": "MASTER_KEY"})),
        (check_secrets, change("secrets", "master_key", to={"external": True})),
        (check_secrets, change("secrets", "master_key", "file", to="/etc/shadow")),
        (check_secrets, change("secrets", "master_key", "file", to="secrets/../../.ssh/id_ed25519")),
        (check_secrets, change("secrets", "master_key", "file", to="${KEY}")),
        (check_secrets, change("secrets", "another", to={"file": "secrets/another"})),
        (check_secrets, change("configs", "fleet", "file", to="/etc/passwd")),
        (check_secrets, change("configs", "fleet", to={"content": "hosts: []"})),
        (check_secrets, change("configs", "another", to={"file": "/etc/passwd"})),
        (check_secrets, of("scheduler", "configs", to=[{"source": "fleet", "target": "/etc/passwd"}])),
        (check_secrets, of("web", "configs", to=[{"source": "fleet", "target": "/opt/cloister/lib/sitecustomize.py"}])),
        (check_environment, of("web", "environment", "CLOISTER_REDIS_URL", to="redis://:word@redis/0")),
        (check_environment, of("web", "environment", "CLOISTER_REDIS_ULR", to="x")),
        (check_environment, of("web", "environment", "CLOISTER_EGRESS_ALLOW", to="collector.example:443")),
        (check_environment, of("web", "environment", "CLOISTER_DATABASE_URL", to="postgresql://collector.example/x")),
        (check_environment, of("web", "environment", "CLOISTER_IS_BEHIND_TLS", to="false")),
        (check_environment, of("web", "environment", "CLOISTER_ORIGINS", to='["*"]')),
        (check_environment, of("web", "environment", "HTTPS_PROXY", to=OUTSIDE)),
        (check_environment, of("worker", "environment", "LD_PRELOAD", to="/run/cloister/x.so")),
        (check_environment, of("worker", "environment", "PYTHONPATH", to="/run/cloister")),
        (check_environment, of("worker", "environment", to=[f"OTEL_EXPORTER_OTLP_ENDPOINT={OUTSIDE}"])),
        (check_environment, of("postgres", "environment", "POSTGRES_PASSWORD", to="word")),
        (check_environment, of("postgres", "environment", "POSTGRES_HOST_AUTH_METHOD", to="trust")),
        (check_environment, of("postgres", "environment", "POSTGRES_INITDB_ARGS", to="--auth-host=trust")),
        (check_image, of("worker", "image", to="other")),
        (check_image, of("worker", "image", to="cloister")),
        (check_image, of("worker", "image", to="cloister:latest")),
        (check_image, of("worker", "image", to="registry.example/cloister:0.1.0")),
        (check_image, of("postgres", "image", to="pgvector/pgvector:pg18")),
        (check_image, of("proxy", "image", to="nginxinc/nginx-unprivileged:${TAG:-latest}")),
        (check_image, of("worker", "build", to={"context": "."})),
        (check_image, of("worker", "build", "args", to={"BASE": "other"})),
        (check_image, of("worker", "build", "network", to="host")),
        (check_image, of("web", "pull_policy", to="always")),
        (check_image, of("web", "pull_policy", to=None)),
        (check_commands, of("web", "command", to=["cloister", "serve"])),
        (check_commands, of("web", "command", to=["sh", "-c", "cloister web"])),
        (check_commands, of("web", "command", to="cloister web")),
        (check_commands, more("postgres", "command", "log_statement=all")),
        (check_commands, of("postgres", "command", to=["postgres", "-c", "archive_command=curl"])),
        (check_commands, of("redis", "command", to=["valkey-server", "--protected-mode", "no"])),
        (check_commands, of("redis", "command", to=["valkey-server", "/run/secrets/redis_conf", "--loadmodule", "x"])),
        (
            check_commands,
            of("redis", "command", to=["valkey-server", "/run/secrets/redis_conf", "--dir", "--replicaof"]),
        ),
        (check_commands, of("proxy", "entrypoint", to=None)),
        (check_commands, of("redis", "entrypoint", to=["sh"])),
        (check_health, of("redis", "healthcheck", to=None)),
        (check_health, of("web", "healthcheck", to={"disable": True})),
        (check_health, of("web", "healthcheck", "test", to=["NONE"])),
        (check_health, of("web", "healthcheck", "test", to=["CMD", "true"])),
        (check_health, of("web", "healthcheck", "test", to=["CMD", "python", "-c", "0 # /health/live"])),
        (check_health, of("web", "healthcheck", "interval", to="24h")),
        (check_health, of("web", "healthcheck", "retries", to=0)),
        (check_health, of("web", "healthcheck", "test", to="curl http://127.0.0.1:8420/health/live")),
        (check_health, of("web", "healthcheck", "test", to=["CMD-SHELL", "http://127.0.0.1:8420/health/live"])),
        (check_health, of("web", "depends_on", "redis", "condition", to="service_started")),
        (check_health, of("web", "depends_on", "migrate", "condition", to="service_started")),
        (check_health, of("web", "depends_on", "migrate", "required", to=False)),
        (check_health, of("worker", "depends_on", to=["redis", "migrate"])),
        (check_health, of("migrate", "depends_on", to=None)),
    ],
)
def test_a_broken_promise_is_noticed(check: Check, broken: Callable[[Composition], None]) -> None:
    composition = copy.deepcopy(read())
    broken(composition)
    assert list(check(composition)) != []


@pytest.mark.parametrize(
    ("service", "key"),
    [
        (name, key)
        for name, service in read()["services"].items()
        for key in service.keys() - {"shm_size", "stop_grace_period"}
    ],
)
def test_nothing_is_left_out_unnoticed(service: str, key: str) -> None:
    composition = read()
    del composition["services"][service][key]
    assert [said for check in CHECKS for said in check(composition)] != []


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
