# ruff: noqa: E501 - a table has a line a type
"""Sessions and tokens of the web: JWT, bearer and basic headers, cookies, signed URLs, OAuth."""

from __future__ import annotations

import base64
import json
import random

from tests.data.guard.secrets.table import SecretType
from tests.data.guard.shapes import Maker, draw


def part(content: object) -> str:
    """Encode a part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")


def jwt(algorithm: str, signature: int) -> Maker:
    """Make JSON web tokens of one algorithm."""

    def make(rng: random.Random) -> str:
        head = {"alg": algorithm, "typ": "JWT"}
        if rng.random() < 0.4:
            head = {"typ": "JWT", "alg": algorithm, "kid": draw(rng, "an", 16)}
        body = {"sub": draw(rng, "dig", 8), "name": "svc", "iat": 1790000000 + rng.randrange(10**6), "aud": "api"}
        return f"{part(head)}.{part(body)}.{draw(rng, 'url', signature)}"

    return make


def basic(rng: random.Random) -> str:
    """Make the credentials of a basic header."""
    user = rng.choice(("admin", "deploy", "svc-report", "anna"))
    return base64.b64encode(f"{user}:{draw(rng, 'an', rng.randint(9, 20))}".encode()).decode()


def shaped(alphabet: str, length: int) -> Maker:
    """Make tokens of one alphabet."""
    return lambda rng: draw(rng, alphabet, length)


def jwe(rng: random.Random) -> str:
    """Make an encrypted JSON web token: five parts, the second empty."""
    head = part({"alg": "dir", "enc": "A256GCM"})
    return f"{head}..{draw(rng, 'url', 16)}.{draw(rng, 'url', 120)}.{draw(rng, 'url', 22)}"


BEARER = ("Authorization: Bearer \0", "curl -H 'Authorization: Bearer \0' https://api.example.net/v1/me", '"Authorization": "Bearer \0"',
          'headers = {"Authorization": "Bearer \0"}', '-H "Authorization: Bearer \0"')  # fmt: skip
COOKIE = "Cookie: theme=dark; {name}=\0; lang=de"
SET = "Set-Cookie: {name}=\0; Path=/; HttpOnly; Secure"
JWT_FRAMES = ("token=\0", 'const token = "\0";', "id_token: \0", '{"access_token":"\0","expires_in":3600}', "our token is \0",
              "https://app.example.net/callback?token=\0", "\0", *BEARER)  # fmt: skip

COOKIES = {
    "PHP session": ("PHPSESSID", shaped("ld", 26)),
    "Java session": ("JSESSIONID", shaped("HEX", 32)),
    "ASP.NET session": ("ASP.NET_SessionId", shaped("ld", 24)),
    "ASP.NET identity": (".AspNetCore.Identity.Application", lambda rng: "CfDJ8" + draw(rng, "url", 300)),
    "ASP forms": (".ASPXAUTH", shaped("HEX", 192)),
    "Express session": ("connect.sid", lambda rng: f"s%3A{draw(rng, 'url', 32)}.{draw(rng, 'an', 43)}"),
    "Django session": ("sessionid", shaped("ld", 32)),
    "Flask session": ("session", lambda rng: f"eyJ1c2VyX2lkIjo{draw(rng, 'url', 20)}.{draw(rng, 'url', 6)}.{draw(rng, 'url', 27)}"),
    "Laravel session": ("laravel_session", lambda rng: "eyJpdiI6Ij" + draw(rng, "an", 200) + "%3D"),
    "Rails session": ("_app_session", lambda rng: f"{draw(rng, 'an', 120)}--{draw(rng, 'hex', 40)}"),
    "WordPress login": ("wordpress_logged_in_4f2a", lambda rng: f"admin%7C17{draw(rng, 'dig', 8)}%7C{draw(rng, 'an', 43)}%7C{draw(rng, 'hex', 64)}"),
    "GitHub session": ("user_session", shaped("url", 48)),
    "GitLab session": ("_gitlab_session", shaped("hex", 32)),
    "Slack d": ("d", lambda rng: "xoxd-" + draw(rng, "an", 160)),
    "Google SID": ("__Secure-1PSID", lambda rng: "g.a000" + draw(rng, "url", 140)),
    "CSRF": ("csrftoken", shaped("an", 64)),
    "XSRF": ("XSRF-TOKEN", shaped("url", 43)),
    "remember me": ("remember_token", lambda rng: f"{draw(rng, 'nz', 3)}|{draw(rng, 'hex', 128)}"),
    "Grafana session": ("grafana_session", shaped("hex", 32)),
    "Atlassian session": ("cloud.session.token", jwt("RS256", 342)),
}  # fmt: skip

PLACES: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "HS256 JWT": (jwt("HS256", 43), JWT_FRAMES),
    "RS256 JWT": (jwt("RS256", 342), JWT_FRAMES),
    "ES256 JWT": (jwt("ES256", 86), JWT_FRAMES),
    "EdDSA JWT": (jwt("EdDSA", 86), JWT_FRAMES),
    "HS512 JWT": (jwt("HS512", 86), JWT_FRAMES),
    "JWE": (jwe, JWT_FRAMES),
    "PASETO": (lambda rng: "v4.local." + draw(rng, "url", 180), JWT_FRAMES),
    "Macaroon": (lambda rng: "MDAxY2xvY2F0aW9u" + draw(rng, "url", 160), ("macaroon: \0", "MACAROON=\0", *BEARER)),
    "opaque bearer": (shaped("an", 40), BEARER),
    "hex bearer": (shaped("hex", 64), BEARER),
    "UUID bearer": (lambda rng: "-".join(draw(rng, "hex", size) for size in (8, 4, 4, 4, 12)), BEARER),
    "token header": (shaped("hex", 40), ("Authorization: token \0", "Authorization: Token \0", "Authorization: Token token=\0")),
    "API key header": (shaped("an", 32), ("X-API-Key: \0", "x-api-key: \0", 'curl -H "X-Api-Key: \0" https://x.example.net/', "Authorization: ApiKey \0")),
    "auth token header": (shaped("url", 36), ("X-Auth-Token: \0", "X-Access-Token: \0", "Private-Token: \0", "X-Session-Token: \0")),
    "basic header": (basic, ("Authorization: Basic \0", 'curl -H "Authorization: Basic \0" https://x.example.net', '"Authorization": "Basic \0"')),
    "proxy basic header": (basic, ("Proxy-Authorization: Basic \0",)),
    "digest header": (shaped("hex", 32), ('Authorization: Digest username="admin", realm="x", nonce="1a", uri="/", response="\0"',)),
    "AWS signature": (shaped("hex", 64), (
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIA{b32:16}/20260301/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=\0",)),
    "S3 signed URL": (shaped("hex", 64), (
        ("https://files.s3.eu-central-1.amazonaws.com/a.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA{b32:16}%2F20260301"
        "%2Feu-central-1%2Fs3%2Faws4_request&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=\0"),)),
    "S3 old signed URL": (lambda rng: draw(rng, "an", 27) + "%3D", ("https://b.s3.amazonaws.com/x?AWSAccessKeyId=AKIA{b32:16}&Expires=1790000000&Signature=\0",)),
    "GCS signed URL": (shaped("hex", 512), (
        "https://storage.googleapis.com/b/o?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Expires=900&X-Goog-SignedHeaders=host&X-Goog-Signature=\0",)),
    "Azure SAS": (lambda rng: draw(rng, "an", 43) + "%3D", (
        "https://{low:8}.blob.core.windows.net/c/f.zip?sv=2023-11-03&st=2026-01-01T00%3A00%3A00Z&se=2027-01-01T00%3A00%3A00Z&sr=c&sp=rl&sig=\0",
        "?sv=2022-11-02&ss=bfqt&srt=sco&sp=rwdlac&se=2027-01-01T00:00:00Z&spr=https&sig=\0")),
    "Azure storage connection": (lambda rng: draw(rng, "b64", 86) + "==", (
        "DefaultEndpointsProtocol=https;AccountName={low:10};AccountKey=\0;EndpointSuffix=core.windows.net",)),
    "Azure service bus connection": (lambda rng: draw(rng, "b64", 43) + "=", (
        "Endpoint=sb://{low:8}.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=\0",)),
    "Azure cosmos connection": (lambda rng: draw(rng, "b64", 86) + "==", ("AccountEndpoint=https://{low:8}.documents.azure.com:443/;AccountKey=\0;",)),
    "Azure logic app": (shaped("url", 43), (
        "https://prod-{dig:2}.westeurope.logic.azure.com:443/workflows/{hex:32}/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers&sv=1.0&sig=\0",)),
    "CloudFront signed URL": (shaped("url", 342), ("https://d{ld:13}.cloudfront.net/v.mp4?Expires=1790000000&Signature=\0&Key-Pair-Id=K{UD:13}",)),
    "OAuth access token in JSON": (shaped("url", 64), ('{"token_type":"Bearer","access_token":"\0","expires_in":3600}', '"access_token": "\0"', "access_token=\0")),
    "OAuth refresh token": (shaped("url", 48), ('"refresh_token": "\0"', "grant_type=refresh_token&refresh_token=\0&client_id=app", "refresh_token: \0")),
    "OAuth client secret": (shaped("url", 40), ("client_secret=\0", '"client_secret": "\0"', "grant_type=client_credentials&client_id=app&client_secret=\0", "clientSecret: '\0'")),
    "OAuth code": (shaped("url", 48), ("grant_type=authorization_code&code=\0&redirect_uri=https%3A%2F%2Fapp", "https://app.example.net/callback?code=\0&state=xyz")),
    "password reset link": (shaped("url", 43), ("https://app.example.net/reset-password?token=\0", "https://app.example.net/password/reset/\0")),
    "magic link": (shaped("url", 64), ("https://app.example.net/login/magic?token=\0", "https://app.example.net/auth/verify?token=\0")),
    "share link": (shaped("url", 32), ("https://x.example.net/files/7?access_key=\0", "https://x.example.net/api/items?apikey=\0")),
    "SAML assertion": (lambda rng: "PHNhbWxwOlJlc3BvbnNl" + draw(rng, "b64", 400), ("SAMLResponse=\0", '<input type="hidden" name="SAMLResponse" value="\0"/>')),
    "Kerberos negotiate": (lambda rng: "YII" + draw(rng, "b64", 300), ("Authorization: Negotiate \0",)),
    "NTLM header": (lambda rng: "TlRMTVNTUAAD" + draw(rng, "b64", 220), ("Authorization: NTLM \0",)),
    "websocket key in URL": (shaped("hex", 32), ("wss://stream.example.net/v1?token=\0", "wss://stream.example.net/v1?api_key=\0")),
    "generic api key": (shaped("an", 32), ("api_key=\0", 'apiKey: "\0"', "API_KEY='\0'", '"api-key": "\0"', "my api key is \0", "secret_key = \0")),
    "generic secret": (shaped("hex", 40), ("SECRET=\0", 'secret: "\0"', "app_secret = '\0'", "SHARED_SECRET=\0", "webhook_secret: \0")),
    "generic token": (shaped("url", 40), ("ACCESS_TOKEN=\0", 'auth_token: "\0"', "token = '\0'", "BOT_TOKEN=\0", "bearer_token: \0")),
    "long api secret": (shaped("b64", 64), ("api_secret=\0", 'secretKey = "\0"', "CLIENT_SECRET=\0")),
}  # fmt: skip

ATTACHED = ("URL", "link", "signature", "SAS", "digest", "logic app", "OAuth code", "Negotiate", "remember")
"""Types whose value is a part of something longer that people tell as a whole."""

DISTINCTIVE = ("JWT", "JWE", "PASETO")


def web_type(word: str, maker: Maker, frames: tuple[str, ...]) -> SecretType:
    """Make a type of the web."""
    plain = any(mark in word for mark in DISTINCTIVE)
    tellable = not any(mark in word for mark in ATTACHED)
    return SecretType("", word, "{=value}", (), "web", plain, makers={"value": maker}, frames=frames, tellable=tellable)


TYPES = [
    *(web_type(word, maker, frames) for word, (maker, frames) in PLACES.items()),
    *(
        web_type(f"{word} cookie", maker, tuple(frame.replace("{name}", name) for frame in (COOKIE, SET)))
        for word, (name, maker) in COOKIES.items()
    ),
]
