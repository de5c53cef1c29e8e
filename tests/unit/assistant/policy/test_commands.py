from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from assistant.commands.policy import policy
from assistant.errors import SettingsError
from assistant.keys import Keys
from assistant.policy import files
from assistant.policy.files import PolicyReader
from assistant.settings import Settings
from policies.errors import PolicyError
from policies.rules import SHIPPED

SITE = """
rules:
  - name: site/badge
    label: badge number
    entity_type: BADGE
    patterns: ['ZB-[0-9]{6}']
    examples: {found: ["badge «ZB-123456»"], passed: ["ZB-12"]}
actions:
  - {rules: site/badge, action: warn}
  - {rules: site/badge, action: block, roles: guest, directions: file}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    site = tmp_path / "policy"
    site.mkdir()
    (site / "site.yaml").write_text(SITE)
    monkeypatch.setattr(files, "SHIPPED", ())  # a second to compile, for every command
    monkeypatch.setenv("CLOISTER_POLICY", str(site))
    monkeypatch.setenv("CLOISTER_DATA_DIR", str(tmp_path / "var"))
    return site


def run(*arguments: object, text: str = "", status: int = 0) -> tuple[str, str]:
    done = CliRunner().invoke(policy, [str(argument) for argument in arguments], input=text)
    assert done.exit_code == status, done.output
    return done.stdout, done.stderr


def test_check_counts_what_there_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SHIPPED", SHIPPED)
    out, _ = run("check")
    shipped, _ = run("check", "shipped")
    assert out.startswith("sha256:")
    assert out.split(":")[1] != shipped.split(":")[1]
    count, more = (int(line.split()[1]) for line in (shipped, out))
    assert more == count + 1
    names, _ = run("check", "--rules")
    assert "site/badge" in names
    assert "badge number" in names


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [("label", "lable", "site.yaml:4"), ("«ZB-123456»", "«ZB-1»", "site.yaml:3"), ("warn", "warm", "site.yaml:9")],
)
def test_check_names_file_and_line(folder: Path, old: str, new: str, place: str) -> None:
    (folder / "site.yaml").write_text(SITE.replace(old, new, 1))
    _, complaint = run("check", status=1)
    assert complaint.startswith(f"{place}: ")
    _, same = run("check", folder, status=1)
    assert same == complaint


def test_a_policy_at_an_impossible_place_is_named(folder: Path) -> None:
    name = "x" * 300
    _, complaint = run("check", folder / name, status=1)
    assert complaint == f"{name}: Cannot be read: File name too long.\n"
    _, complaint = run("diff", folder, folder / name, status=1)
    assert complaint == f"{name}: Cannot be read: File name too long.\n"


def test_explain_says_rule_place_action_and_line(folder: Path) -> None:
    out, _ = run("explain", text="see\nbadge ZB-123456 of ZB-654321")
    assert "badge number - site/badge (rule at site.yaml:3)" in out
    assert "at 10-19, line 2, column 7" in out
    assert "warn: decided by site.yaml:9" in out
    assert "2 values passed with a warning · badge number" in out
    assert "ZB-123456" not in out
    assert "ZB-654321" not in out
    blocked, _ = run("explain", "--role", "guest", "--direction", "file", text="ZB-123456")
    assert "block as [BADGE_1]: decided by site.yaml:10" in blocked
    assert "The person sees: The file was not taken." in blocked


def test_explain_answers_machines(folder: Path) -> None:
    text = folder / "text"
    text.write_text("ZB-123456")
    out, _ = run("explain", "--json", text)
    (finding,) = json.loads(out)["findings"]
    assert (finding["rule"], finding["action"], finding["decided_by"]) == ("site/badge", "warn", "site.yaml:9")
    assert "ZB-123456" not in out
    assert "no direction" in run("explain", "--direction", "up", status=2)[1]


def test_test_runs_examples_and_the_sites_cases(folder: Path) -> None:
    (folder / "tests").mkdir()
    cases = folder / "tests" / "cases.yaml"
    cases.write_text("cases:\n  - {text: 'a «ZB-123456»', finds: site/badge, action: warn}\n")
    assert "1 cases: 0 fail" in run("test")[0]
    cases.write_text("cases:\n  - {text: ZB-123456, action: block}\n  - {text: ZB-1, finds: site/badge}\n")
    out, complaints = run("test", status=1)
    assert "2 cases: 2 fail" in out
    assert complaints.splitlines() == [
        "cases.yaml:2: The action is warn, not block.",
        "cases.yaml:3: 'site/badge' finds nothing here.",
    ]
    assert run("test", folder / "missing.yaml", status=1)[1].startswith(str(folder / "missing.yaml"))


def test_diff_says_what_changed_and_for_which_texts(folder: Path, tmp_path: Path) -> None:
    assert run("diff", folder, folder) == ("", run("diff", folder, folder)[1])
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"id": "x", "text": "ZB-123456"}\n{"id": "y", "text": "none"}\n')
    old = tmp_path / "old.yaml"
    old.write_text(SITE.replace("site/badge", "site/order").replace("ZB-", "ZO-"))
    out, _ = run("diff", old, folder, "--texts", texts, status=1)
    assert "+ rule site/badge  (site.yaml:3)" in out
    assert '~ text "x": allow -> warn: +site/badge at 0-9 warn' in out
    assert '"y"' not in out


def test_allow_prints_a_line_that_lets_the_value_pass(folder: Path, tmp_path: Path) -> None:
    refused = CliRunner().invoke(policy, ["allow"], input="ZB-123456")
    assert isinstance(refused.exception, SettingsError)  # there is no key yet, and none is made for it
    Keys.load_or_create(tmp_path / "var" / "secrets" / "master.key")
    out, _ = run(
        "allow", "--rule", "site/badge", "--note", 'the "test" badge', "--until", "2999-01-31", text="ZB-123456\n"
    )
    assert "ZB-123456" not in out
    (entry,) = yaml.safe_load(out)
    assert entry["note"] == 'the "test" badge'
    (folder / "allow.yaml").write_text("allow:\n" + out)
    explained, _ = run("explain", text="ZB-123456 ZB-654321")
    assert "allow: an allowed value of the site, allow.yaml:2" in explained
    assert "1 value passed with a warning" in explained
    scanned, _ = run("scan", text='{"id":1,"text":"ZB-123456 ZB-654321"}\n')
    assert json.loads(scanned)["spans"] == [[10, 19, "BADGE"]]
    assert "no day" in run("allow", "--until", "soon", text="x", status=2)[1]
    assert "no value" in run("allow", text="\n", status=2)[1]


def test_stream_asks_the_policy_for_whom_it_runs(folder: Path) -> None:
    line = '{"id":1,"chunk":"ZB-123456","end":true}\n'
    assert json.loads(run("stream", text=line)[0]) == {"id": 1, "out": "ZB-123456"}
    guest, _ = run("stream", "--role", "guest", "--direction", "file", text=line)
    assert json.loads(guest) == {"id": 1, "out": "[BADGE_1]"}


def test_a_filter_does_not_start_with_a_broken_policy(folder: Path) -> None:
    (folder / "site.yaml").write_text("rules: [")
    out, complaint = run("scan", text='{"id":1,"text":"a"}\n', status=1)
    assert out == ""
    assert complaint.startswith("site.yaml:2: ")


def test_a_single_file_takes_the_place_of_the_shipped_actions(tmp_path: Path) -> None:
    file = tmp_path / "actions.yaml"
    file.write_text('actions:\n  - {rules: "*", action: block}\n')
    read = PolicyReader.of(Settings(policy=file, data_dir=tmp_path)).read().guard.policy
    assert [line.where for line in read.lines] == ["actions.yaml:2"]


def test_a_file_of_the_site_cannot_hide_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "personal.yaml").write_text(SITE)
    with pytest.raises(PolicyError, match=r"personal\.yaml: A shipped file has this name"):
        PolicyReader(tmp_path).read()


def test_a_folder_may_replace_the_shipped_actions_by_name(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text('actions:\n  - {rules: "*", action: block}\n')
    (tmp_path / "more.yaml").write_text('actions:\n  - {rules: "personal/*", action: warn}\n')
    (tmp_path / ".hidden.yaml").write_text("nonsense: [")
    read = PolicyReader.of(Settings(policy=tmp_path, data_dir=tmp_path)).read().guard.policy
    assert [line.where for line in read.lines] == ["default.yaml:2", "more.yaml:2"]
