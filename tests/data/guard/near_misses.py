# ruff: noqa: E501 - a table has a line a kind
"""Texts that look as if they held a value and hold none: the guard should pass them."""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Callable

from tests.data.guard.labelled import Labelled
from tests.data.guard.shapes import draw

PLACEHOLDERS = (
    "<your-api-key>", "YOUR_API_KEY", "your_api_key_here", "xxxxxxxxxxxxxxxxxxxx", "****************", "changeme", "${API_KEY}",
    "$API_KEY", "{{ api_key }}", "%(api_key)s", "<API_KEY>", "REPLACE_ME", "...", "example", "null", "None", "true", "insert-key-here",
    "[redacted]", "sk-...", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "AKIAXXXXXXXXXXXXXXXX", "$(cat token.txt)", "process.env.API_KEY",
    'os.environ["API_KEY"]', "settings.api_key", "vault:secret/data/app#key", "secretRef", "@Value", "!Ref ApiKey", "test", "TODO", "",
)  # fmt: skip

Maker = Callable[[random.Random], str]


def placeholder(rng: random.Random) -> str:
    """Make a setting whose value is still to be filled in."""
    name = rng.choice(("API_KEY", "password", "apiKey", "client_secret", "GITHUB_TOKEN", "db_password", "auth_token"))
    return rng.choice(("{}={}", '{}: "{}"', '"{}": "{}"', "export {}={}", '{} = "{}"')).format(
        name, rng.choice(PLACEHOLDERS)
    )


def chosen(*templates: str) -> Maker:
    """Choose a text; `{hex40}` and the like are drawn."""

    def make(rng: random.Random) -> str:
        return rng.choice(templates).format(
            hex7=draw(rng, "hex", 7), hex16=draw(rng, "hex", 16), hex32=draw(rng, "hex", 32), hex40=draw(rng, "hex", 40),
            hex64=draw(rng, "hex", 64), hex128=draw(rng, "hex", 128), uuid=uuid.UUID(int=rng.getrandbits(128), version=4),
            sri=base64.b64encode(rng.randbytes(64)).decode(), sha256=base64.b64encode(rng.randbytes(32)).decode(),
            n10=1_700_000_000 + rng.randrange(10**8), n13=1_700_000_000_000 + rng.randrange(10**11),
            n=rng.randrange(10, 99999), word=rng.choice(("api", "cache", "user", "report", "worker")),
        )  # fmt: skip

    return make


def embedding(rng: random.Random) -> str:
    """Make a vector."""
    return '{"embedding": ' + json.dumps([round(rng.uniform(-1, 1), rng.choice((6, 8, 16))) for _ in range(40)]) + "}"


def public_key(rng: random.Random) -> str:
    """Make something that is meant to be seen: a public key or a certificate."""
    body = base64.b64encode(rng.randbytes(400)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    label = rng.choice(
        ("PUBLIC KEY", "CERTIFICATE", "RSA PUBLIC KEY", "CERTIFICATE REQUEST", "PGP PUBLIC KEY BLOCK", "PGP SIGNATURE")
    )
    ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + draw(rng, "b64", 43) + " build host"
    return rng.choice((f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----", ssh))


def image(rng: random.Random) -> str:
    """Make a picture in an address."""
    return f'<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUg{base64.b64encode(rng.randbytes(300)).decode()}">'


NEAR_MISSES: dict[str, Maker] = {
    "placeholder": placeholder,
    "git hash": chosen("commit {hex40}", "Merge {hex7} into main", "HEAD is now at {hex7} fix", "git checkout {hex40}", 'rev = "{hex40}"',
                       "uses: actions/checkout@{hex40} # v4", "index {hex7}..{hex7} 100644", "{hex40} refs/heads/main"),
    "checksum": chosen("sha256: {hex64}", "{hex64}  release.tar.gz", "MD5 ({word}.zip) = {hex32}", "sha1sum: {hex40}", 'ETag: "{hex32}"',
                       "digest: sha256:{hex64}", "SHA512 {hex128}", "@sha256:{hex64}", 'checksum = "{hex64}"', "md5={hex32}"),
    "lock file": chosen('"integrity": "sha512-{sri}"', 'sha256 = "{hex64}"', '"resolved": "https://registry.example/{word}/-/{word}-1.2.{n}.tgz#{hex40}"',
                        "github.com/{word}/{word} v1.{n}.0 h1:{sha256}", "github.com/{word}/{word} v0.{n}.1/go.mod h1:{sha256}",
                        "    --hash=sha256:{hex64}", 'wheel-1.{n}.whl", hash = "sha256:{hex64}", size = {n}', 'checksum = "{hex64}"'),
    "identifier": chosen("id: {uuid}", '"request_id": "{uuid}"', "trace_id={hex32} span_id={hex16}", "tenant {uuid} was created", '"_id": "{hex32}"',
                         "session {uuid} closed", "urn:uuid:{uuid}", "correlation-id: {uuid}", "/orders/{uuid}/items", "chunk-{hex16}.js"),
    "time": chosen("ts={n10}", '"created": {n13}', "epoch {n10} to {n10}", "duration_ms={n}", "exp: {n10}", "took {n}.{n} ms"),
    "embedding": embedding,
    "public key": public_key,
    "picture": image,
    "code": chosen("def get_password(self, user: str) -> str:", "token = tokenizer.next_token()", "password = request.form['password']", "if not api_key: raise ValueError('api_key is required')",
                   "self.secret = secret or load_secret()", "const token = await getAccessToken(client, scopes);", "max_tokens={n}", "api_key: str | None = None",
                   "password=getpass.getpass('Password: ')", 'key = f"{word}:{word}_id"', "public_key = load_pem_public_key(data)", "auth = HTTPBasicAuth(user, password)",
                   "secretKeyRef:\n  name: db-credentials\n  key: password", 'TOKEN_TYPES = ("access", "refresh")', "passwordField.setText(password);", "PASSWORD_MIN_LENGTH = 12",
                   'tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")', "SELECT password_hash FROM users WHERE id = ?", "primary_key=True, foreign_key='users.id'"),
    "prose": chosen("The password must have at least twelve characters.", "Enter your API key in the settings and press Save.", "We rotate the client secret every 90 days.", "Das Passwort muss mindestens zwölf Zeichen haben.",
                    "A token is a piece of a word; this model reads {n} tokens.", "The secret of good soup is patience.", "Le mot de passe doit être changé tous les mois.", "My password is wrong again, how do I reset it?",
                    "Call us between 9 and 17, room {n}, building 12.", "version 1.2.3.4 of the driver", "ISBN 978-3-16-148410-0", "pi is 3.14159265358979323846", "order {n}-{n}-{n}", "The key point is that sessions expire.",
                    "la contraseña es obligatoria", "password is required", "Is your password strong? Use a passphrase.", "The PIN has four digits.", "Stripe keys begin with sk_live_ or sk_test_.", "GitHub tokens start with ghp_."),
    "number": chosen("{n}.{n}.{n}", "0x{hex16}", "#{hex7}", "rgb(12, 44, 255)", "10.1038/s41586-020-{n}-4", "CVE-2024-{n}", "RFC {n}", "5 x {n} = {n}", "pid {n} tid {n13}", "lat 52.{n}, lon 13.{n}", "size={n13}", "x86_64-{n}"),
    "loopback": chosen("listening on 127.0.0.1:{n}", "bind 0.0.0.0", "http://localhost:8080/api", "255.255.255.0", "ping ::1", "version 10.0.19041.1"),
}  # fmt: skip


def make_near_miss(kind: str, rng: random.Random) -> Labelled:
    """Make a near miss of this kind."""
    return Labelled(NEAR_MISSES[kind](rng), (), "benign", "near misses", kind, kind, distinctive=False)
