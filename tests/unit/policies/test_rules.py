"""Every shipped rule against its own examples, and all rules against what developers paste all day."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml

from policies.guard import Guard, check_examples
from policies.policy import Policy
from policies.pseudonyms import Pseudonyms
from policies.rules import SHIPPED
from policies.verdict import Direction, Verdict
from policies.views.fold import fold_bytes


def check(guard: Guard, text: str, direction: Direction = Direction.PROMPT) -> Verdict:
    return guard.check(
        text, direction=direction, persona="general", roles=frozenset({"employee"}), pseudonyms=Pseudonyms()
    )


def test_every_rule_finds_and_passes_its_own_examples(guard: Guard) -> None:
    check_examples(guard)


def test_every_rule_has_examples_of_both_kinds(policy: Policy) -> None:
    assert [rule.name for rule in policy.rules if not rule.found or not rule.passed] == []


def test_no_word_before_a_number_is_one_that_nobody_looks_for() -> None:
    """Behind a word in which none of the keywords stands that a rule names itself, nothing is found."""
    unsought = []
    for name in SHIPPED:
        told = yaml.safe_load((files("policies.rules") / name).read_text("utf-8"))
        for rule in told.get("rules", ()):
            keywords = [fold_bytes(word).lower() for word in rule.get("keywords", ())]
            for word in rule.get("near", ()) if keywords else ():
                said = fold_bytes(f"{word}: 8").lower()
                unsought += [] if any(keyword in said for keyword in keywords) else [(rule["name"], word)]
    assert unsought == []


BENIGN = [
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "id: 550e8400-e29b-41d4-a716-446655440000",
    '"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg=="',
    "github.com/stretchr/testify v1.8.4 h1:CcVxjf3Q8PM0mHUKJCdn+eZZtm5yQwehR5yeSVQQcUk=",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "2026-11-23T18:02:16.123456Z took 1700000000123 ns, epoch 1700000000",
    "python 3.11.7, numpy==1.26.4, node v20.11.1, 10.0.0-rc.1",
    "def __init__(self, user: str, password: str | None = None, token: str = '') -> None:",
    'password = os.environ["DB_PASSWORD"]',
    "password = settings.database.password",
    "api_key=os.getenv('API_KEY_V2')",
    "token = request.headers.get('Authorization', '').removeprefix('Bearer ')",
    "Authorization: Bearer <your-token>",
    "Authorization: Bearer ${ACCESS_TOKEN}",
    "AWS_SECRET_ACCESS_KEY=<your-key>",
    "password: changeme",
    "if password != confirm_password: raise ValueError('password is wrong')",
    "the password is at least 8 characters long",
    "Das Passwort ist abgelaufen.",
    "postgresql://user:password@localhost/db",
    "http://localhost:8080/@vite/client",
    "git clone git@github.com:org/repo.git",
    "background: url(data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4)",
    "const SK_CONSTANT_NAME = makeConstantName(argument0, argument1)",
    "embedding = [0.0123, -0.4567, 0.8910, 0.2345, -0.0001]",
    "ISBN 978-3-16-148410-0, RFC 7519, section 4.1.2, D3, H1, C4, S3, EKS",
    "Traceback: File '/usr/lib/python3.11/asyncio/base_events.py', line 653, in run_until_complete",
    "std::vector<std::pair<int, int>> a; b = c ? d : e;",
    "The quick brown fox jumps over the lazy dog. INTRODUCTORY individual.",
    "[link](https://example.com/a?b=c&sig=none) and `[EMAIL_1]`",
    "x = 41111111; y = 4111-1111; z = 100-200-3000",
    "00:00:00:00:00:00 at 10:42:03",
    "sk-learn and sk-image are packages; task-runner-1",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQsw\n-----END CERTIFICATE-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl maria",
]


@pytest.mark.parametrize("text", BENIGN)
def test_benign_text_passes_unchanged(guard: Guard, text: str) -> None:
    verdict = check(guard, text)
    assert verdict.held_back == ()
    assert verdict.text == text


@pytest.mark.parametrize(
    ("text", "planted"),
    [
        ("my login on staging: password is Tr0ub4dor&3 thanks", "Tr0ub4dor&3"),
        ("| key | value |\n| GH | ghp_zAq3Jx8mV0uT6sLw2KdYcB5nR9eF1hG4iPoM |", "zAq3Jx8mV0uT6sLw2KdYcB5nR9eF1hG4iPoM"),
        ('{"a":{"password":"Tr0ub4dor&3"},"b":1}', "Tr0ub4dor&3"),
        ("gitleaks:allow AKIA2E4AQ3F2B44C7Q2X # pragma: allowlist secret", "AKIA2E4AQ3F2B44C7Q2X"),
        ("AKIA2E4AQ3F2B44C7Q2X and again AKIA2E4AQ3F2B44C7Q2X", "AKIA2E4AQ3F2B44C7Q2X"),
        ("密码AKIA2E4AQ3F2B44C7Q2X。", "AKIA2E4AQ3F2B44C7Q2X"),
    ],
)
def test_a_planted_secret_is_nowhere_in_the_verdict(guard: Guard, text: str, planted: str) -> None:
    verdict = check(guard, text)
    assert verdict.held_back
    assert planted not in repr(verdict)
