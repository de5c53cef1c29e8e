"""Plain lines that carry a value: how a setting stands in files, code, logs and documents.

A carrier is a template. `\\0` is where the value goes; `{UPPER}`, `{snake}`, `{camel}`, `{Pascal}`, `{kebab}`,
`{dotted}` and `{words}` are the field's name in the spelling of that place; `{Service}`, `{service}` and `{host}`
name whom it belongs to.
"""

from __future__ import annotations

import random
import re

from tests.data.guard.labelled import Span, place

ENV = (
    "{UPPER}=\0",
    "export {UPPER}=\0",
    'export {UPPER}="\0"',
    "export {UPPER}='\0'",
    "APP_ENV=production\nLOG_LEVEL=info\n{UPPER}=\0\nWORKERS=4\n",
    "# {Service}\n{UPPER}=\0\n",
)
JSON = (
    '"{snake}": "\0"',
    '{"{camel}": "\0"}',
    '{\n  "region": "eu-west-1",\n  "{camel}": "\0",\n  "retries": 3\n}',
    '{"{service}": {"{snake}": "\0", "enabled": true}}',
)
YAML = (
    "{snake}: \0",
    "{kebab}: '\0'",
    '{camel}: "\0"',
    "services:\n  app:\n    environment:\n      {UPPER}: \0\n      PORT: 8080\n",
    "env:\n  - name: {UPPER}\n    value: \0\n",
    "{service}:\n  {snake}: \0\n  timeout: 30\n",
)
TOML_INI = (
    '{snake} = "\0"',
    "{snake} = \0",
    '[{service}]\n{snake} = "\0"\ntimeout = 10\n',
    "[{service}]\n{snake}=\0\n",
    "{dotted}=\0",
)
PYTHON = (
    '{snake} = "\0"',
    "{UPPER} = '\0'",
    'os.environ["{UPPER}"] = "\0"',
    'client = {Pascal}Client({snake}="\0", timeout=30)',
    'config = {\n    "{snake}": "\0",\n    "debug": False,\n}',
    '{snake}: str = "\0"  # TODO: move to the vault',
)
SCRIPTS = (
    "const {camel} = '\0';",
    'let {camel} = "\0";',
    "export const {UPPER}: string = '\0'",
    "module.exports = {\n  {camel}: '\0',\n  debug: false,\n};",
    'process.env.{UPPER} = "\0";',
)
COMPILED = (
    '{camel} := "\0"',
    'const {Pascal} = "\0"',
    'private static final String {UPPER} = "\0";',
    'String {camel} = "\0";',
    'public const string {Pascal} = "\0";',
    'var {camel} = "\0";',
    'let {snake} = "\0";',
    '#define {UPPER} "\0"',
)
RUBY_PHP = (
    "config.{snake} = '\0'",
    ":{snake} => '\0',",
    "{snake}: '\0',",
    "define('{UPPER}', '\0');",
    "${camel} = '\0';",
    "'{snake}' => '\0',",
)
SHELL = (
    "{service} login --{kebab} \0",
    "{service} configure --{kebab}=\0 --region eu-central-1",
    "docker run -e {UPPER}=\0 -p 8080:8080 {service}-sync:latest",
    "set {UPPER}=\0",
    '$env:{UPPER} = "\0"',
)
HTTP = (
    'curl -H "X-{Service}-Token: \0" https://{host}/v1/items',
    'curl -s https://{host}/v2/status -H "Authorization: Bearer \0"',
    "curl 'https://{host}/v1/me?{snake}=\0'",
    "GET https://{host}/api?{snake}=\0&limit=10",
    "X-{Service}-Api-Key: \0",
)
MARKUP = (
    '<add key="{Pascal}" value="\0" />',
    "<{camel}>\0</{camel}>",
    '<string name="{snake}">\0</string>',
    "<key>{Pascal}</key>\n<string>\0</string>",
    '<property name="{dotted}" value="\0"/>',
)
DEPLOY = (
    'variable "{snake}" {\n  default = "\0"\n}',
    'provider "{service}" {\n  {snake} = "\0"\n}',
    "ENV {UPPER}=\0",
    "ENV {UPPER} \0",
    "ARG {UPPER}=\0",
    "  --set {camel}=\0 \\",
)
TABLES_LOGS = (
    "{snake},\0,2026-03-02",
    "2026-03-02T09:14:07Z INFO  {service} client ready {snake}=\0 retries=3",
    "[debug] {service}: using {words} \0",
    "{Service} {words}: \0",
    "Set `{UPPER}` to `\0` before the first start.",
    "- {Service} {words}: `\0`",
)

CARRIERS: tuple[str, ...] = (
    *ENV, *JSON, *YAML, *TOML_INI, *PYTHON, *SCRIPTS, *COMPILED, *RUBY_PHP, *SHELL, *HTTP, *MARKUP, *DEPLOY,
    *TABLES_LOGS,
)  # fmt: skip
"""All of them; each is drawn equally often."""

HEADERS = frozenset(HTTP)
UNQUOTED = re.compile(r"[^\"'`]\0")
MARKED = re.compile(r"<[^>]*\0|>\0<")


def words_of(field: str) -> list[str]:
    """Split a field's name into its words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field)
    return [word for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]


def spell(field: str) -> dict[str, str]:
    """Return a field's name in every spelling."""
    words = [word.lower() for word in words_of(field)]
    pascal = "".join(word.capitalize() for word in words)
    return {
        "UPPER": "_".join(words).upper(),
        "snake": "_".join(words),
        "kebab": "-".join(words),
        "dotted": ".".join(words),
        "words": " ".join(words[1:] if len(words) > 2 else words),
        "Pascal": pascal,
        "camel": pascal[:1].lower() + pascal[1:],
    }


def fits(carrier: str, value: str) -> bool:
    """Tell whether a value can stand in a carrier as it is, without being escaped."""
    if "\n" in value:
        return carrier in MULTILINE
    if any(sign in value for sign in " \"'`\\$,;") and UNQUOTED.search(carrier):
        return carrier.endswith(": \0")
    if MARKED.search(carrier) and any(sign in value for sign in "<>&\"'"):
        return False
    if "?{snake}" in carrier and re.search(r"[^A-Za-z0-9._~-]", value):
        return False
    quote = carrier[carrier.index("\0") - 1]
    return not (quote in "\"'`" and (quote in value or "\\" in value))


MULTILINE = (
    "\0",
    "{UPPER}:\n\0\n",
    "cat > key <<'EOF'\n\0\nEOF\n",
    "{Service}\n\n```\n\0\n```\n",
    '{UPPER} = """\0"""',
)


def carry(value: str, field: str, service: str, rng: random.Random) -> tuple[str, Span]:
    """Put a value into a carrier it fits, and say where it stands."""
    carriers = MULTILINE if "\n" in value else CARRIERS
    carrier = rng.choice([one for one in carriers if fits(one, value)])
    slug = "".join(word.lower() for word in words_of(service))
    names = {**spell(field), "Service": service, "service": slug, "host": f"api.{slug}.com"}
    if carrier in HEADERS:
        names["Service"] = "-".join(word.capitalize() for word in words_of(service))
    filled = re.sub(r"\{(\w+)\}", lambda match: names.get(match[1], match[0]), carrier)
    return place(filled, value)
