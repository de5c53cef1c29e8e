from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import FleetError
from connectors.model_hosts.catalogue import Split, read_fleet
from connectors.model_hosts.facts.facts import shipped_facts
from connectors.model_hosts.values import Capability

SHIPPED = Path(__file__).parents[4] / "compose" / "fleet.yaml"

GOOD = """\
hosts:
  - name: Dev1
    kind: ollama
    address: http://dev1.lan:11434
    max_parallel: 2
    models:
      - name: qwen2.5:instruct
        context_tokens: 32768
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "fleet.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_shipped_fleet_holds_the_companys_hosts() -> None:
    hosts = {host.name: host for host in read_fleet(SHIPPED).hosts}
    assert list(hosts) == ["Einstein", "Dev1", "Mini1", "Mini2", "Mini3-5", "Developers"]
    assert {name: host.kind for name, host in hosts.items()} == {
        "Einstein": "ollama",
        "Dev1": "ollama",
        "Mini1": "lmstudio",
        "Mini2": "lmstudio",
        "Mini3-5": "exo",
        "Developers": "ollama",
    }
    models = {host.name: host.models[0] for host in hosts.values()}
    assert {name: model.public_name for name, model in models.items()} == {
        "Einstein": "nomic-embed-text",
        "Dev1": "qwen2.5:instruct",
        "Mini1": "qwen2.5:32b",
        "Mini2": "llama3.1:70b",
        "Mini3-5": "llama3.1:405b",
        "Developers": "starcoder2",
    }
    assert models["Dev1"].context_tokens == 32768
    assert models["Einstein"].capabilities == {Capability.EMBED}
    assert Capability.FIM in models["Developers"].capabilities
    assert {name: round(host.memory_gib, 1) for name, host in hosts.items()} == {
        "Einstein": 5.7,
        "Dev1": 22.8,
        "Mini1": 18.0,
        "Mini2": 48.0,
        "Mini3-5": 192.0,
        "Developers": 12.0,
    }
    assert (hosts["Mini2"].bandwidth_gb_s, hosts["Mini3-5"].watts) == (273, 560)
    assert all(model.release and model.quantisation and model.licence for model in models.values())
    assert models["Mini3-5"].parameters_billions == 405.9


def test_defaults_of_a_short_entry(tmp_path: Path) -> None:
    (host,) = read_fleet(write(tmp_path, GOOD)).hosts
    (model,) = host.models
    assert (host.max_parallel, host.watts, host.labels, host.api_key) == (2, 0.0, (), "")
    assert (model.public_name, model.capabilities) == ("qwen2.5:instruct", {Capability.CHAT})


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("kind: ollama", "kind: olama", 3, "'olama' is not known; did you mean 'ollama'?"),
        ("    max_parallel", "    max_paralell", 5, "did you mean 'max_parallel'"),
        ("    max_parallel: 2", "    colour: red", 5, "unknown key 'colour'; known are name, kind"),
        ("max_parallel: 2", "max_parallel: many", 5, "'many' is not a whole number of 1 or more"),
        ("max_parallel: 2", "load_seconds: 0", 5, "'0' is not a number above 0"),
        ("max_parallel: 2", "stall_seconds: 4000", 5, "4000 is too long; 3600 is the most"),
        ("max_parallel: 2", "first_token_second: 5", 5, "did you mean 'first_token_seconds'"),
        ("max_parallel: 2", "max_parallel: 0", 5, "'0' is not a whole number of 1 or more"),
        ("max_parallel: 2", "max_parallel: true", 5, "'true' is not a whole number"),
        ("max_parallel: 2", "watts: -5", 5, "not a number of 0 or more"),
        ("max_parallel: 2", "watts: .inf", 5, "not a number of 0 or more"),
        ("max_parallel: 2", "max_parallel: " + "9" * 400, 5, "is not a whole number"),
        ("max_parallel: 2", "max_parallel: " + "9" * 5000, 5, "99…' is not a whole number"),
        ("max_parallel: 2", "memory_gib: " + "9" * 400, 5, "is not a number of 0 or more"),
        ("max_parallel: 2", "memory_gib: 2026-13-45", 5, "is not a number of 0 or more"),
        ("max_parallel: 2", "max_parallel: [1]", 5, "a list or mapping is not a whole number"),
        ("http://dev1.lan:11434", "dev1.lan:11434", 4, "is not an address such as http://"),
        ("http://dev1.lan:11434", "http://dev1.lan:99999", 4, "is not an address such as http://"),
        ("http://dev1.lan:11434", "file:///etc/passwd", 4, "is not an address such as http://"),
        ("http://dev1.lan:11434", "http://me:secret@dev1.lan", 4, "take the name and password out"),
        ("http://dev1.lan:11434", "http://dev1.lan:11434/v1", 4, "should end after the port"),
        ("http://dev1.lan:11434", "http://dev1.lan:11434?", 4, "should end after the port"),
        ("http://dev1.lan:11434", "'http://dev1.lan:11434#'", 4, "should end after the port"),
        ("http://dev1.lan:11434", "http://dev1.lan:0", 4, "is not an address such as http://"),
        ("http://dev1.lan:11434", r'"http://dev1\x01.lan"', 4, "is not an address such as http://"),
        ("name: Dev1", "name: Dev1/2", 2, "stands between a host and its model"),
        ("context_tokens: 32768", "context_tokens: 32k", 8, "'32k' is not a whole number"),
        ("context_tokens: 32768", "context_tokens: 100", 8, "100 is too small"),
        ("        context_tokens: 32768\n", "", 7, "context_tokens is missing"),
        ("qwen2.5:instruct", "gpt-oss:120b-cloud", 7, "somebody else's machines"),
        (
            "context_tokens: 32768",
            "context_tokens: 32768\n        capabilities: [talk]",
            9,
            "'talk' is not known; known are chat, fim",
        ),
        ("    kind: ollama", "    kind: ollama\n    kind: vllm", 4, "'kind' stands here a second time"),
        ("max_parallel: 2", "api_key_file: nowhere.key", 5, "'nowhere.key' cannot be read"),
        ("max_parallel: 2", "accelerator: rtx-4091", 5, "did you mean 'rtx-4090'?"),
        ("max_parallel: 2", "split: tensors", 5, "did you mean 'tensor'?"),
        ("max_parallel: 2", "memory_gib: 0", 5, "'0' is not a number above 0"),
        ("qwen2.5:instruct", "q\n        quantisation: Q4_KM", 8, "did you mean 'Q4_K_M'?"),
        ("qwen2.5:instruct", "q\n        release: qwen-2.5-7b", 8, "did you mean 'qwen2.5-7b'?"),
        (
            "qwen2.5:instruct",
            "q\n        release: starcoder2-3b",
            9,
            "32768 is more than starcoder2-3b was made for, 16384",
        ),
        ("name: Dev1", "name: ''", 2, "is not a text"),
        ("name: Dev1", "name: ~", 2, "is not a text"),
        ("    models:", "    labels: none\n    models:", 6, "labels: here should be a list"),
        ("hosts:", "hosts: {", 2, "is not YAML"),
        ("hosts:", "host:", 1, "did you mean 'hosts'"),
    ],
)
def test_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    file = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(FleetError) as caught:
        read_fleet(file)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{file}, line {line}: ")
    assert (caught.value.file, caught.value.line) == (file, line)


def test_what_is_written_wins_over_the_accelerator(tmp_path: Path) -> None:
    facts = "accelerator: rtx-4090\n    devices: 2\n    split: tensor\n    memory_gib: 40\n    watts: 1200"
    (host,) = read_fleet(write(tmp_path, GOOD.replace("max_parallel: 2", facts))).hosts
    assert (host.memory_gib, host.watts, host.split) == (40, 1200, Split.TENSOR)
    assert (host.bandwidth_gb_s, host.tflops, host.price_usd) == (1008, 165.2, 3198)


def test_memory_that_the_devices_do_not_hold_is_refused(tmp_path: Path) -> None:
    facts = "accelerator: rtx-4090\n    memory_gib: 47"
    with pytest.raises(FleetError, match=r"line 6: memory_gib: 47 is more than 1 x RTX 4090 hold.*'devices: 2'"):
        read_fleet(write(tmp_path, GOOD.replace("max_parallel: 2", facts)))


OWN_FACTS = """\
accelerators:
  - {name: own-card, memory_gib: 80, usable: 0.95, bandwidth_gb_s: 2000, fp32_tflops: 60}
releases:
  - {name: qwen2.5-7b, parameters_billions: 7, layers: 1, kv_heads: 1, head_size: 1, context_tokens: 40000}
"""


def test_site_adds_hardware_and_releases_of_its_own(tmp_path: Path) -> None:
    good = GOOD.replace("max_parallel: 2", "accelerator: own-card") + "        release: qwen2.5-7b\n"
    fleet = read_fleet(write(tmp_path, OWN_FACTS + good))
    (host,) = fleet.hosts
    assert host.accelerator is not None
    assert (host.hardware, host.tflops, host.memory_gib) == ("own-card", 60, 76)
    assert host.models[0].parameters_billions == 7  # the site's entry, not the shipped one
    assert "rtx-4090" in fleet.facts.accelerators


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("usable: 0.95", "usable: 95", "line 2: usable: 95 is more than all of it"),
        ("bandwidth_gb_s: 2000, ", "", "line 2: bandwidth_gb_s is missing"),
        ("layers: 1", "layer: 1", "line 4: unknown key 'layer'; did you mean 'layers'"),
        ("layers: 1", "layers: 1, active_billions: 8", "line 4: active_billions: 8 is more than all 7"),
    ],
)
def test_mistake_in_a_sites_own_facts_is_named_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in OWN_FACTS
    with pytest.raises(FleetError, match=words):
        read_fleet(write(tmp_path, OWN_FACTS.replace(old, new) + GOOD))


def test_every_shipped_fact_names_its_source() -> None:
    facts = shipped_facts()
    assert all(each.source for each in facts.accelerators.values())
    assert all(each.licence for each in facts.releases.values())


def test_version_tells_files_apart(tmp_path: Path) -> None:
    first = read_fleet(write(tmp_path, GOOD)).version
    assert first == read_fleet(write(tmp_path, GOOD)).version
    assert first != read_fleet(write(tmp_path, GOOD + "# more\n")).version


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ("{name: dev1, kind: vllm, address: 'http://b:8000'}", "'dev1' is taken by another host"),
        ("{name: Dev2, kind: vllm, address: 'http://DEV1.lan:11434/'}", "is already the address of Dev1"),
        ("just words", "here should be a mapping"),
    ],
)
def test_second_host_must_be_another(tmp_path: Path, second: str, words: str) -> None:
    with pytest.raises(FleetError, match="line 9") as caught:
        read_fleet(write(tmp_path, f"{GOOD}  - {second}\n"))
    assert words in str(caught.value)


def test_model_twice_on_a_host_is_refused(tmp_path: Path) -> None:
    twice = GOOD + "      - name: qwen2.5:instruct\n        context_tokens: 4096\n"
    with pytest.raises(FleetError, match=r"line 9: name: .* stands twice"):
        read_fleet(write(tmp_path, twice))


def test_two_models_of_a_host_have_two_names(tmp_path: Path) -> None:
    twice = GOOD + "      - {name: other, public_name: 'qwen2.5:instruct', context_tokens: 4096}\n"
    with pytest.raises(FleetError, match=r"line 9: public_name: .* is the name of another model"):
        read_fleet(write(tmp_path, twice))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"hosts:\n  - \x00", "character that YAML does not allow"),
        (b"hosts: []", "no host is named"),
        (b"[]", "here should be a mapping"),
        (b"#" * (2 << 20), "longer than 1 MiB"),
        (b"- " * 5000, "is nested too deeply"),
    ],
)
def test_file_that_is_no_fleet(tmp_path: Path, raw: bytes, words: str) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_bytes(raw)
    with pytest.raises(FleetError, match=words):
        read_fleet(file)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="cannot be read"):
        read_fleet(tmp_path / "none.yaml")
    with pytest.raises(FleetError, match="cannot be read"):
        read_fleet(tmp_path)


def test_api_key_is_read_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "dev1.key").write_text("s3cret-key\n")
    fleet = read_fleet(write(tmp_path, GOOD.replace("max_parallel: 2", "api_key_file: dev1.key")))
    assert fleet.hosts[0].api_key == "s3cret-key"
    assert "s3cret" not in repr(fleet)


@given(text=st.text(max_size=400) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_a_fleet_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any-fleet.yaml"
    file.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    with pytest.raises(FleetError):
        read_fleet(file)
