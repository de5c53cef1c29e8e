"""The shipped policy, as data: which rules there are, and what happens to what they find.

This package reads nothing. Whoever may read files loads it in one line:
`{name: (importlib.resources.files("policies.rules") / name).read_text("utf-8") for name in SHIPPED}`.
"""

ACTIONS_FILE = "default.yaml"
"""The one of these that a site may put its own in the place of; the shipped one has no rules."""

SHIPPED = (
    ACTIONS_FILE,
    "infrastructure.yaml",
    "services.yaml",
    "keys.yaml",
    "labels.yaml",
    "assignments.yaml",
    "passwords.yaml",
    "programs.yaml",
    "talk.yaml",
    "sentences.yaml",
    "pairs.yaml",
    "outside.yaml",
    "personal.yaml",
    "accounts.yaml",
    "devices.yaml",
    "national_ids.yaml",
    "national_ids_europe.yaml",
    "national_ids_americas.yaml",
    "national_ids_asia_pacific_africa.yaml",
    "grammar.yaml",
    "official_names.yaml",
    "words.yaml",
)
