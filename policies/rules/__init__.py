"""The shipped policy, as data: which rules there are, and what happens to what they find.

This package reads nothing. Whoever may read files loads it in one line:
`{name: (importlib.resources.files("policies.rules") / name).read_text("utf-8") for name in SHIPPED}`.
"""

SHIPPED = (
    "default.yaml",
    "infrastructure.yaml",
    "services.yaml",
    "keys.yaml",
    "passwords.yaml",
    "personal.yaml",
    "national_ids.yaml",
)
