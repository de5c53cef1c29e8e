# ruff: noqa: E501 - a table has a line a type
"""Private keys and key material: PEM, OpenSSH, PGP, PuTTY, age, JWK, WireGuard, licence and signing keys."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable

from tests.data.guard.secrets.table import SecretType
from tests.data.guard.shapes import ALPHABETS, Maker, draw


def lines_of(body: str, width: int = 64) -> str:
    """Break a block at this width."""
    return "\n".join(body[at : at + width] for at in range(0, len(body), width))


def pem(label: str, least: int, most: int, head: str = "") -> Maker:
    """Make keys of one PEM label with that many bytes."""

    def make(rng: random.Random) -> str:
        body = base64.b64encode(rng.randbytes(rng.randint(least, most))).decode()
        return f"-----BEGIN {label}-----\n{head}{lines_of(body)}\n-----END {label}-----"

    return make


def openssh(rng: random.Random) -> str:
    """Make an OpenSSH private key: its magic, then the rest."""
    body = base64.b64encode(b"openssh-key-v1\0\0\0\0\4none" + rng.randbytes(rng.choice([230, 380, 1800]))).decode()
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{lines_of(body, 70)}\n-----END OPENSSH PRIVATE KEY-----"


def pgp(rng: random.Random) -> str:
    """Make an armoured PGP secret key with its checksum line."""
    body = base64.b64encode(rng.randbytes(900)).decode()
    return ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n"
            f"{lines_of(body)}\n={draw(rng, 'b64', 4)}\n-----END PGP PRIVATE KEY BLOCK-----")  # fmt: skip


def putty(rng: random.Random) -> str:
    """Make a PuTTY key file."""
    public, private = (lines_of(base64.b64encode(rng.randbytes(size)).decode()) for size in (279, 580))
    return (f"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: rsa-key-20260311\nPublic-Lines: 6\n{public}\n"
            f"Private-Lines: 13\n{private}\nPrivate-MAC: {draw(rng, 'hex', 64)}")  # fmt: skip


def jwk(curve: str | None) -> Maker:
    """Make private JSON web keys, of an elliptic curve or RSA."""

    def make(rng: random.Random) -> str:
        def number(size: int) -> str:
            return base64.urlsafe_b64encode(rng.randbytes(size)).decode().rstrip("=")

        if curve:
            return json.dumps({"kty": "EC", "crv": curve, "x": number(32), "y": number(32), "d": number(32)})
        return json.dumps({"kty": "RSA", "e": "AQAB", "n": number(256), "d": number(256), "p": number(128)})

    return make


def age(rng: random.Random) -> str:
    """Make the form of an age identity."""
    return "AGE-SECRET-KEY-1" + draw(rng, "BECH", 58)


def shaped(shape: str) -> Maker:
    """Make a key of a simple alphabet: `b64:43=` reads as 43 characters of base64 and an equals sign."""
    alphabet, _, rest = shape.partition(":")
    length = int(rest.rstrip("="))
    assert alphabet in ALPHABETS
    return lambda rng: draw(rng, alphabet, length) + "=" * rest.count("=")


BLOCK = (
    "\0",
    "cat > key.pem <<'EOF'\n\0\nEOF\n",
    "Here is the key:\n\n```\n\0\n```\n",
    'PRIVATE_KEY="\0"\n',
    "key = '''\n\0\n'''\n",
)

BLOCKS: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "RSA private key": (pem("RSA PRIVATE KEY", 600, 1200), BLOCK),
    "private key": (pem("PRIVATE KEY", 130, 1220), BLOCK),
    "EC private key": (pem("EC PRIVATE KEY", 118, 160), BLOCK),
    "DSA private key": (pem("DSA PRIVATE KEY", 440, 840), BLOCK),
    "encrypted private key": (pem("ENCRYPTED PRIVATE KEY", 300, 1300), BLOCK),
    "encrypted RSA private key": (
        pem("RSA PRIVATE KEY", 600, 1200, "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n"), BLOCK),
    "SSH2 encrypted key": (pem("SSH2 ENCRYPTED PRIVATE KEY", 400, 800), BLOCK),
    "OpenSSH private key": (openssh, BLOCK),
    "PGP private key": (pgp, BLOCK),
    "PuTTY private key": (putty, ("\0", "```\n\0\n```\n", "key.ppk:\n\0\n")),
    "RSA private key in JSON": (
        lambda rng: pem("RSA PRIVATE KEY", 600, 1200)(rng).replace("\n", "\\n"),
        ('{"key": "\0"}', 'PRIVATE_KEY="\0"', 'private_key: "\0"')),
    "private key in base64": (
        lambda rng: base64.b64encode(pem("PRIVATE KEY", 130, 160)(rng).encode()).decode(),
        ("SIGNING_KEY_B64=\0", "tls.key: \0", "  key: \0")),
    "EC JSON web key": (jwk("P-256"), ("\0", "JWK='\0'", '{"keys": [\0]}')),
    "RSA JSON web key": (jwk(None), ("\0", "JWKS_PRIVATE='\0'")),
    "age identity": (age, ("\0", "# created: 2026-02-01\n\0", "SOPS_AGE_KEY=\0", "our age key is \0")),
    "WireGuard private key": (
        shaped("b64:43="), ("[Interface]\nPrivateKey = \0\nAddress = 10.8.0.2/32\n", "PrivateKey=\0", "WG_PRIVATE_KEY=\0")),
    "WireGuard preshared key": (shaped("b64:43="), ("[Peer]\nPresharedKey = \0\n", "PresharedKey=\0")),
    "OpenVPN static key": (
        lambda rng: "-----BEGIN OpenVPN Static key V1-----\n" + lines_of(draw(rng, "hex", 512), 32)
        + "\n-----END OpenVPN Static key V1-----", ("\0", "<tls-auth>\n\0\n</tls-auth>\n")),
    "Rails master key": (shaped("hex:32"), ("RAILS_MASTER_KEY=\0", "export RAILS_MASTER_KEY=\0")),
    "Rails secret key base": (shaped("hex:128"), ("secret_key_base: \0", "SECRET_KEY_BASE=\0")),
    "Django secret key": (
        lambda rng: "django-insecure-" + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)", k=50)),
        ("SECRET_KEY = '\0'", 'SECRET_KEY = "\0"')),
    "Laravel app key": (lambda rng: "base64:" + draw(rng, "b64", 43) + "=", ("APP_KEY=\0",)),
    "Flask secret key": (shaped("hex:48"), ("app.secret_key = '\0'", 'app.config["SECRET_KEY"] = "\0"')),
    "Fernet key": (shaped("url:43="), ("FERNET_KEY=\0", "AIRFLOW__CORE__FERNET_KEY=\0", 'Fernet(b"\0")')),
    "AES encryption key": (shaped("hex:64"), ("ENCRYPTION_KEY=\0", "aes_key = '\0'", 'encryptionKey: "\0"')),
    "JWT signing secret": (shaped("an:48"), ("JWT_SECRET=\0", 'jwt_secret: "\0"', "jwt.sign(payload, '\0')")),
    "HMAC key": (shaped("b64:43="), ("HMAC_SECRET=\0", 'hmac_key: "\0"', 'webhookSigningSecret = "\0"')),
    "NextAuth secret": (shaped("b64:43="), ("NEXTAUTH_SECRET=\0", "AUTH_SECRET=\0")),
    "session secret": (shaped("an:32"), ("SESSION_SECRET=\0", "session({ secret: '\0', resave: false })")),
    "Symfony app secret": (shaped("hex:32"), ("APP_SECRET=\0",)),
    "password pepper": (shaped("an:32"), ("PASSWORD_PEPPER=\0", "pepper: \0")),
    "storage encryption passphrase": (shaped("an:24"), ("RESTIC_PASSWORD=\0", "BORG_PASSPHRASE='\0'", "passphrase: \0")),
    "Ethereum private key": (lambda rng: "0x" + draw(rng, "hex", 64), ("PRIVATE_KEY=\0", 'privateKey: "\0"')),
    "NTLM hash": (
        lambda rng: draw(rng, "hex", 32) + ":" + draw(rng, "hex", 32),
        ("Administrator:500:\0:::", "krbtgt:502:\0:::", "svc_sql:1104:\0:::")),
    "shadow entry": (
        lambda rng: f"$6${draw(rng, 'an', 16)}${draw(rng, 'an', 86)}", ("root:\0:19871:0:99999:7:::", "deploy:\0:19102:0:99999:7:::")),
    "yescrypt shadow entry": (
        lambda rng: f"$y$j9T${draw(rng, 'an', 22)}${draw(rng, 'an', 43)}", ("anna:\0:19871:0:99999:7:::",)),
    "bcrypt hash": (
        lambda rng: f"${rng.choice(['2a', '2b', '2y'])}$12${draw(rng, 'an', 53)}", ("admin:\0", "password_hash: \0")),
    "argon2 hash": (
        lambda rng: f"$argon2id$v=19$m=65536,t=3,p=4${draw(rng, 'b64', 22)}${draw(rng, 'b64', 43)}", ("\0", "hash = '\0'")),
    "htpasswd apr1": (lambda rng: f"$apr1${draw(rng, 'an', 8)}${draw(rng, 'an', 22)}", ("admin:\0", "deploy:\0")),
    "htpasswd sha": (lambda rng: "{{SHA}}".replace("{{", "{").replace("}}", "}") + draw(rng, "b64", 27) + "=", ("report:\0",)),
    "Ansible vault": (
        lambda rng: "$ANSIBLE_VAULT;1.1;AES256\n" + lines_of(draw(rng, "dig", 480), 80), ("\0", "password: !vault |\n\0\n")),
    "Cisco type 7 password": (lambda rng: "0" + draw(rng, "nz", 1) + draw(rng, "HEX", 18), ("enable password 7 \0", "username admin password 7 \0")),
    "Cisco type 5 secret": (lambda rng: f"$1${draw(rng, 'an', 4)}${draw(rng, 'an', 22)}", ("enable secret 5 \0",)),
    "SNMP community": (shaped("an:14"), ("snmp-server community \0 RO", "rocommunity \0 10.0.0.0/8")),
    "RADIUS secret": (shaped("an:20"), ("radius-server key \0", "client nas1 {\n  secret = \0\n}\n")),
    "IPsec preshared key": (shaped("an:28"), ('%any %any : PSK "\0"', "pre-shared-key \0", "psk=\0")),
    "WPA passphrase": (shaped("an:16"), ('network={{\n  ssid="Werk2"\n  psk="\0"\n}}\n'.replace("{{", "").replace("}}", ""), "wpa_passphrase=\0")),
    "keystore password": (shaped("an:16"), ("server.ssl.key-store-password=\0", "keystorePassword=\0", "storePassword=\0")),
    "sealed GPG passphrase": (shaped("an:18"), ("gpg --batch --passphrase \0 -d a.gpg", "GPG_PASSPHRASE=\0")),
    "OTP seed address": (
        lambda rng: draw(rng, "b32", 32), ("otpauth://totp/ACME:anna?secret=\0&issuer=ACME", "otpauth://totp/Shop?secret=\0")),
    "OTP seed": (shaped("b32:16"), ("TOTP_SECRET=\0", "totp_seed: \0", "2FA secret: \0", "oathtool --totp -b \0")),
    "recovery codes": (
        lambda rng: "\n".join(f"{draw(rng, 'ld', 5)}-{draw(rng, 'ld', 5)}" for _ in range(5)),
        ("GitHub recovery codes:\n\0\n", "Backup codes:\n\0\n")),
}  # fmt: skip

DISTINCTIVE = ("private key", "web key", "age identity", "hash", "vault", "static key", "entry", "apr1", "Django")


def key_type(word: str, maker: Callable[[random.Random], str], frames: tuple[str, ...]) -> SecretType:
    """Make a type of key."""
    plain = any(mark in word for mark in DISTINCTIVE) and not word.startswith(("WireGuard", "Ethereum", "NTLM"))
    return SecretType("", word, "{=key}", (), "keys", distinctive=plain, makers={"key": maker}, frames=frames)


TYPES = [key_type(word, maker, frames) for word, (maker, frames) in BLOCKS.items()]
