"""Keys, authorities and certificates in fleet.yaml: what cannot be used is refused with its line."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from connectors.errors import FleetError
from connectors.model_hosts.catalogue import Host, read_fleet
from connectors.model_hosts.credentials import failure_words
from tests.fakes.authority import Authority


def host_with(folder: Path, *lines: str, address: str = "https://dev1.lan:8443") -> Host:
    file = folder / "fleet.yaml"
    head = ("hosts:", "  - name: Dev1", "    kind: openai", f"    address: {address}")
    file.write_text("\n".join((*head, *(f"    {line}" for line in lines))) + "\n", encoding="utf-8")
    return read_fleet(file).hosts[0]


def test_a_key_may_come_from_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEV1_KEY", "the-key\n")
    host = host_with(tmp_path, "api_key_env: DEV1_KEY")
    assert host.api_key == "the-key"
    assert "the-key" not in repr(host)


def test_authority_and_certificate_are_read_and_watched(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("cloister.lan")
    lines = (f"ca_file: {authority.file.name}", f"client_cert_file: {certificate}", f"client_key_file: {key}")
    host = host_with(tmp_path, *lines)
    assert host.tls is not None
    assert host.tls.files == (authority.file, certificate, key)
    assert read_fleet(tmp_path / "fleet.yaml").key_files == host.tls.files
    Authority(tmp_path).file.touch()  # the same name, another authority
    assert host_with(tmp_path, lines[0]).tls != host.tls


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("api_key_env: DEV1_KEY", "line 5: api_key_env: 'DEV1_KEY' is not set to a key here"),
        ("api_key_env: CLOISTER_KEY", "'CLOISTER_KEY': names with CLOISTER_ are settings"),
        ("api_key_env: sk-live-4711", "give the name of an environment variable, such as DEV1_KEY, not the key"),
        ("api_key: sk-live-4711", "unknown key 'api_key'; did you mean 'api_key_env'?"),
        ("ca_file: gone.pem", "line 5: ca_file: 'gone.pem' cannot be read (No such file or directory)"),
        ("ca_file: fleet.yaml", "'fleet.yaml' holds no certificate; it should be the authority's, as PEM"),
        ("client_key_file: fleet.yaml", "a key needs its certificate; name that as client_cert_file"),
        ("client_cert_file: fleet.yaml", "'fleet.yaml' and its key cannot be used"),
        ("ca_fiel: corp.pem", "unknown key 'ca_fiel'; did you mean 'ca_file'?"),
        ("registry: hf.co", "'hf.co' is on the internet; name a registry in the building"),
        ("registry: registry.ollama.ai", "is on the internet"),
        ("registry: https://registry.lan", "is not a name and port such as registry.lan:5000"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(FleetError) as caught:
        host_with(tmp_path, line)
    assert words in str(caught.value)
    assert "4711" not in str(caught.value)  # somebody's key, in the wrong place


def test_a_key_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="a key comes from a file or from a variable; keep one of the two"):
        host_with(tmp_path, "api_key_env: DEV1_KEY", "api_key_file: key")


def test_an_authority_has_no_effect_without_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(FleetError, match=r"it has no effect on 'http://dev1.lan:1'; did you mean 'https:'\?"):
        host_with(tmp_path, f"ca_file: {authority.file}", address="http://dev1.lan:1")


def test_a_certificate_with_somebody_elses_key_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, _ = authority.issue("one.lan")
    _, key = authority.issue("two.lan")
    with pytest.raises(FleetError, match="belong together"):
        host_with(tmp_path, f"client_cert_file: {certificate}", f"client_key_file: {key}")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required", "asks for a certificate"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca", "does not take the certificate"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "does not speak TLS there"),
        ("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure", "ends the TLS handshake"),
    ],
)
def test_what_a_host_says_in_a_handshake_is_told_in_words(said: str, words: str) -> None:
    error = OSError("outer")
    error.__cause__ = ssl.SSLError(1, said)
    assert failure_words(error).startswith(words)
    assert failure_words(OSError("no handshake")) == ""
