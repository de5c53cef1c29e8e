# ruff: noqa: E501 - a table has a line a type, and people's own scripts
"""Passwords and passphrases: in assignments, in configuration, and in sentences of four languages and more."""

from __future__ import annotations

import random

from tests.data.guard.secrets.table import SecretType
from tests.data.guard.shapes import Maker, draw

WORDS = [
    "sommer",
    "winter",
    "regen",
    "hafen",
    "lampe",
    "tiger",
    "falcon",
    "river",
    "garden",
    "copper",
    "velvet",
    "orbit",
    "marble",
    "thunder",
    "willow",
    "rocket",
    "meadow",
    "saffron",
    "pepper",
    "cactus",
    "harbor",
    "castle",
    "violet",
    "anchor",
    "breeze",
    "hunter",
    "dragon",
    "coffee",
    "monkey",
    "silver",
    "bamboo",
    "crystal",
    "puzzle",
]
"""Words that people make passwords of."""


def person_password(rng: random.Random) -> str:
    """Make a password as people make them: a word, a number, a sign."""
    word = rng.choice(WORDS).capitalize()
    return rng.choice((
        f"{word}{rng.randint(1, 2030)}{rng.choice('!?#*+')}",
        f"{word}-{rng.choice(WORDS)}-{rng.randint(10, 99)}",
        f"{word}{rng.choice('!_.')}{rng.choice(WORDS)}{rng.randint(1, 99)}",
        f"{word.replace('a', '4').replace('e', '3').replace('o', '0')}{rng.randint(10, 999)}!",
    ))  # fmt: skip


def random_password(rng: random.Random) -> str:
    """Make a password as password stores make them, without quotes."""
    while True:
        value = draw(rng, "an", 1) + draw(rng, "pw", rng.randint(9, 19)) + draw(rng, "an", 1)
        if any(sign.isdigit() for sign in value) and any(sign.isalpha() for sign in value):
            return value


def any_password(rng: random.Random) -> str:
    """Make a password of either kind."""
    return rng.choice((person_password, random_password))(rng)


def passphrase(rng: random.Random) -> str:
    """Make a passphrase of words."""
    return rng.choice("- .").join(rng.sample(WORDS, rng.randint(4, 6)))


def pin(rng: random.Random) -> str:
    """Make a PIN."""
    return draw(rng, "dig", rng.choice((4, 6)))


SETTINGS: dict[str, tuple[str, ...]] = {
    "environment": ("DB_PASSWORD=\0", "export ADMIN_PASSWORD='\0'", "SMTP_PASS=\0", "MYSQL_ROOT_PASSWORD=\0", "PGPASSWORD=\0"),
    "yaml": ("password: \0", "  db_password: '\0'", 'admin:\n  user: root\n  password: "\0"\n', "passwd: \0"),
    "json": ('"password": "\0"', '{"user": "svc_backup", "pwd": "\0"}', '{"login":"admin","passwd":"\0","role":"owner"}'),
    "ini": ("password = \0", "[smtp]\nuser = mailer\npassword=\0\n", "db.password=\0", "spring.datasource.password=\0"),
    "python": ('password = "\0"', "conn = connect(user='app', password='\0')", 'PASSWORD: Final = "\0"', "auth=('svc', '\0')"),
    "javascript": ("const password = '\0';", "mysql.createConnection({ user: 'app', password: '\0' })", 'let dbPass = "\0"'),
    "java": ('String password = "\0";', 'props.setProperty("password", "\0");', 'DriverManager.getConnection(url, "app", "\0");'),
    "c-sharp": ('var password = "\0";', 'new NetworkCredential("svc", "\0")', 'public string Password { get; set; } = "\0";'),
    "go": ('password := "\0"', 'Password: "\0",', 'const adminPassword = "\0"'),
    "php": ("$password = '\0';", "define('DB_PASSWORD', '\0');", "'password' => '\0',"),
    "ruby": ("password: '\0'", ":password => '\0'", "config.password = '\0'"),
    "xml": ("<password>\0</password>", '<user name="admin" password="\0"/>', '<add key="SmtpPassword" value="\0" />'),
    "terraform": ('password = "\0"', 'master_password = "\0"', 'variable "db_password" {\n  default = "\0"\n}'),
    "docker": ("ENV DB_PASSWORD=\0", "      - POSTGRES_PASSWORD=\0", "      MYSQL_PASSWORD: \0"),
    "shell": ("./deploy.sh --user admin --password \0", "login -u admin --password=\0", "PASS='\0'"),
    "tomcat": ('<user username="tomcat" password="\0" roles="manager-gui"/>', '<Resource password="\0" username="app"/>'),
    "properties": ("jdbc.password=\0", "ldap.bind.password = \0", "mail.smtp.password=\0"),
    "sql": ("INSERT INTO users (name, password) VALUES ('admin', '\0');", "UPDATE users SET password = '\0' WHERE id = 1;"),
    "windows": ("net user backup \0 /add", "cmdkey /add:srv01 /user:CORP\\svc /pass:\0", "DefaultPassword = \0"),
    "vagrant": ('config.ssh.password = "\0"', 'config.winrm.password = "\0"'),
    "perl": ('my $password = "\0";', "password => '\0',", "$db_pass = '\0';"),
    "rust": ('let password = "\0";', 'const DB_PASSWORD: &str = "\0";'),
    "kotlin": ('val password = "\0"', 'private const val STORE_PASSWORD = "\0"'),
    "swift": ('let password = "\0"', 'static let adminPassword = "\0"'),
    "log": ("2026-04-02 11:20:41 DEBUG login user=anna password=\0 ip=local", "auth failed for admin with password \0"),
    "form": ("username=admin&password=\0", "user=svc&passwd=\0&submit=1"),
}  # fmt: skip

SENTENCES: dict[str, tuple[str, ...]] = {
    "english": ("The password is \0.", "my password is \0, can you check why the login fails?", "Use \0 as the password.",
                "I changed the admin password to \0 yesterday.", "Log in with user admin and password \0",
                "the root pw is \0", "Password for the wifi: \0", "please reset it, the old password was \0"),
    "german": ("Das Passwort lautet \0.", "Mein Kennwort ist \0 und ich komme nicht rein.", "Das Passwort für den Server ist \0",
               "Bitte mit Passwort \0 anmelden.", "Passwort: \0", "Kennwort: \0", "Zugang: admin, Passwort \0"),
    "french": ("Le mot de passe est \0.", "Mon mot de passe : \0", "Connectez-vous avec le mot de passe \0", "mdp : \0"),
    "spanish": ("La contraseña es \0.", "Mi contraseña: \0", "Entra con usuario admin y contraseña \0", "clave: \0"),
    "italian": ("La password è \0.", "La parola d'ordine è \0", "password: \0"),
    "portuguese": ("A senha é \0.", "Minha senha: \0", "A palavra-passe é \0"),
    "dutch": ("Het wachtwoord is \0.", "Wachtwoord: \0"),
    "polish": ("Hasło to \0.", "Hasło: \0"),
    "russian": ("Пароль: \0", "Мой пароль \0"),
    "turkish": ("Şifre: \0", "Parola: \0"),
    "swedish": ("Lösenordet är \0.", "Lösenord: \0"),
    "chinese": ("密码: \0", "密码是 \0"),
    "japanese": ("パスワード: \0", "パスワードは \0 です"),
    "user and password": ("user: admin / pass: \0", "login anna / \0", "credentials: svc_backup / \0", "admin:\0 (user:password)"),
    "note": ("VPN\nuser: jberg\npw: \0\n", "Jenkins login\nadmin\npassword: \0\n", "WLAN Gast, Passwort: \0"),
    "chat": ("hey whats wrong here, pw \0 doesnt work", "fyi new pass is \0", "try pwd \0 pls"),
}  # fmt: skip

SPECIAL: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "passphrase in sentence": (passphrase, ("The passphrase is \0.", "my passphrase: \0", "Die Passphrase lautet \0")),
    "passphrase in setting": (passphrase, ("passphrase: \0", 'BORG_PASSPHRASE="\0"', "passphrase = '\0'")),
    "PIN": (pin, ("My PIN is \0.", "PIN: \0", "Meine PIN ist \0", "the card's pin is \0")),
    "one-time code": (lambda rng: draw(rng, "dig", 6), ("Your verification code is \0", "OTP: \0", "Ihr TAN-Code: \0")),
    "door code": (lambda rng: draw(rng, "dig", 5), ("The door code is \0", "Alarmcode: \0")),
    "card code": (lambda rng: draw(rng, "dig", 3), ("CVV: \0", "the cvc is \0", "CVV2 \0")),
    "wifi password": (any_password, ("WIFI:T:WPA;S:Office;P:\0;;", "wifi password: \0", "WLAN-Schlüssel: \0")),
    "router password": (any_password, ("enable password \0", "username cisco password 0 \0")),
    "security answer": (
        person_password, ("Security answer: \0", "secret answer is \0")),
}  # fmt: skip


def password_type(word: str, maker: Maker, frames: tuple[str, ...]) -> SecretType:
    """Make a type of password."""
    return SecretType("", word, "{=value}", (), "passwords", distinctive=False, makers={"value": maker}, frames=frames)


TYPES = [
    *(password_type(f"{place} password", any_password, frames) for place, frames in SETTINGS.items()),
    *(password_type(f"{tongue} sentence password", any_password, frames) for tongue, frames in SENTENCES.items()),
    *(password_type(word, maker, frames) for word, (maker, frames) in SPECIAL.items()),
]
