"""What programs, pages and data show beside words for secrets and people, and what stands there when it is one."""

from __future__ import annotations

import pytest

from policies.guard import Guard
from policies.verdict import OUTSIDE

PASSED = {
    "sum of a file": '"lib-2.1.0.js": "kQ8vX2mZr4LpTn7sWb1YcJ6hGd3FaE9uVxR5oKiNq0tBzMwSjPeHyLgUfDaCnXr2"',
    "files of a package": "shop/admin/views.py,sha256=T84OQL_prFw8SkTs_tXSuFQkyRIAMpdUoohcmrZnbKI,53\n",
    "content in git": "Queries for a Moonshot table.\n#\n#  $Id:  5f1c9ab72e4d8036b1f9c07ad35e82b64c7d0f19 $",
    "what a program said of a file": "$ play -\n9c41b7d05e8a6f23b1c97d4e0a58f36217be94cd60fa3e8b75d1029c84e6fb37",
    "lines of a drawing": 'd="M4 3H6V9H8V3M18 3H16V12H19V3M2 12H4V20H6V12H8V10H2V12M14 6H12V3"',
    "lines of a glyph": '"347 -421v-40h-216v1422h216v-40h-144v-1342h144 "',
    "curves of a glyph": '[718,167,"709 252c0 -175 -111 -256 -240 -352c-27 -20 -56 -40"]',
    "points with fractions": "L14.2 16.39C14.22 16.32 14.25 16.24 14.27 16.16L15.07 16.96",
    "a table of numbers": "4178.206 0.323\n4179.167 3.773\n4180.13 -1.794\n",
    "numbers with exponents": "3.048675367609999989e-03\n8.132519200439999180e-03 2.247635275126000018e-02",
    "colours": "187 255 255\t\tPaleTurquoise1\n174 238 238\t\tPaleTurquoise2\n193 255 193\t\tDarkSeaGreen1",
    "colours by number": "steelblue:4620980,tan:13808780,teal:32896",
    "colours of a scheme": 'var Tableau10 = colors("4e79a7f28e2ce1575976b7b259a14fedc949af7aa1ff9da79c755fbab0ab")',
    "a style": ".picker dl { text-align: right; padding: 0 5px 0 0; }",
    "a heading of a list": '</dt></dl></div><a id="id-1.11.7.24.2" class="index"></a>',
    "decorators": "@click.command\n@options.cache_dir\n@options.pip_args\n@options.resolver\ndef cli():",
    "ciphers of SSH": "Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com",
    "account of a program": "--account=crawler-test@my-shop-12.iam.gserviceaccount.com",
    "version of a package": '"pbkdf2-password": "1.2.1",',
    "change of a database": "Fix template password field.\n\nRevision ID: 4bd95c99b2e7\nRevises: 3002bac0c25a",
    "decoded": "$ echo MjE3OQo= | base64 -d",
    "a setting's name": "the config's password\nsetting for 'password_pbkdf2_default_rounds'",
    "a plugin": "case 'native_password':\n      case 'caching_sha2_password':",
    "a flag": "exports.EXPIRED_PASSWORDS = 0x00400000; /* announces */",
    "minified": "this.stencilDepthPass=7681,this.backFunc=519,this.backDepthPass=7681}get func(){}",
    "a function": 'th,"scroll");function pw(r,o,c,u){u==null&&(u=0);var p;}',
    "a condition": '{query:{"page-token":e}}});if(!r.data)throw Error("none")',
    "a part of a variable": "passwd = passwd[1:-1].replace(b'x', b'y')",
    "a type": "namespace scrypt {\n    var _: (passwd: Uint8Array, salt: Uint8Array) => void",
    "a class": "session = tf.compat.v1.Session(graph=graph)",
    "escaped": "{\\n  pass: 90,\\n  fail: 31\\n}",
    "a template": "db1_password: @DB1_PASSWORD\ndb2_username: @DB2_USERNAME",
    "an account": "the passwd file\nuser1:x:1000:1000:User1 Name,,,:/home/user1:/bin/bash",
    "a tag": 'change the password used for <code class="command">webmin</code>',
    "a tag behind a label": '<b>Password reset request</b>\n<td class="content" slot="x">',
    "an entity": "password to unlock Anna&#x27;s account",
    "label in Russian": '"username": "Имя", "password": "Пароль"',
    "label in Greek": '"data.password":"Κωδικός"',
    "label in Japanese": "username:`ユーザー名`,password:`パスワード`",
    "label in Lithuanian": '"data.password":"Slaptažodis"',
    "a sentence in Croatian": 'msgstr "Lozinka uspješno izmjenjena."',
    "a key of a terminal": "key_f0 k0 function key 0\nkey_f1 k1 function key 1",
    "an exception": "class NotPausedError(BaseRunException):",
    "a union": "type HotPayload =\n  | ConnectedPayload\n  | UpdatePayload",
    "a model": '"claim_ref": "V1ObjectReference"',
    "a limit": "floating '$ at 4..2147483647 (checking floating) stclass",
    "a bit": 'Flags[Flags["Unreachable"] = 134217728] = "Unreachable";',
    "a version and its day": "on mobile\n\n## 2.1.1 - 2016-06-10\n\n### Changed",
    "bits": "from `00000000001` to `11111111110`",
    "a message of a program": 'text:"AMQJS0003E Unsubscribe timed out."',
    "digests": "from x import (\n    SHA1,\n    SHA224,\n    SHA256,\n)",
    "replies of a mail server": "250-PIPELINING\n250-VRFY\n250-DSN\n250 SMTPUTF8",
    "a standard": "An RFC1982 Serial Number. This implements RFC1982 numbers",
    "an address of the page": "https://blog.example.org/2011/03/07/gdc-2011-approximating-light",
    "a letter as an escape": '"categories": "Twoje wyszukiwanie nie da\\u0142o \\u017cadnych"',
    "a mechanism": "supports the AUTH LOGIN PLAIN and CRAM-MD5.",
    "a hybrid": 'the shared secret.\n    name = "mlkem768x25519-sha256"',
    "a parameter": ":param username: the user login as ``str``\n:param x:",
    "a date of a table": 'dti = date_range("20130101", periods=3)',
    "a full address": "int('0xffffffffffffffffffffffffffffffffffffffff', 16)",
    "a router of a home": "gateway 192.168.1.1 broadcast 192.168.1.255",
    "a mapped loopback": "such as ::ffff:127.0.0.1.",
    "a counting MAC": "bssid 00:11:22:33:44:55 and 00:01:02:03:04:05",
    "an alphabet": '_PAT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"',
    "a task": "* autoconf support [Task ID 15788]",
    "a GUID": "name: sudo\nschemaIDGUID:: 0J8yrRfY4RGIYBUpYYhwmw==",
    "a path with commas": '<path d="M9,17 L 16,17 Q 24,17 24,29 Q 24,41 39,41 L 78,41"/>',
    "bytes of an encoding": "- ED    80-9F 80-BF\n-  EE-EF 80-BF 80-BF\n- F0    90-BF 80-BF",
    "a page of a manual": "Node: Checking build dependencies\x7f83176\nNode: Staff notation\x7f173213",
    "one digit": "ssn: '555-55-5555'",
    "a variable of a style": "for the modal account\n$bs-modal-height: $bs-modal-margin*2 + $bs-header",
    "a zone": " 'EST',\n 'EST5EDT',\n 'Egypt'",
    "a book": "With R Examples. Springer, New York, ISBN\n978-0-387-75838-1.\n",
    "a size": "DL Size: 1375kB of disk space",
    "a skin": '"ok_medium-light": "пароль \\u200d"',
    "another variable": "decrypt_password(enc_password, private_key_1);",
    "a version": "password a\nc   base  bash       2.05b-15     2.05b-15    The Shell",
    "minified, a choice": "({u_matrix:e,u_ao_pass:o?1:0,u_meter_to_tile:b})",
    "a MAC of examples": 'safeParse("00:1A:2B:3C:4D:5E")',
    "a commit": "Allow passing options [`a6438d2`](https://git.example.com/x/commit/a6438d2)",
    "a commit of digits": "* view file ([1553006](https://github.com/aurelia/framework/commit/1553006))",
    "a class by its name": "v2password = shop.auth.identity.v2:Password\nv2token = shop.auth",
    "an option of a library": "passphrase: 'password',\n        options: 'SSL_OP_NO_SSLv3'",
    "an algorithm's name": 'SHA1=MD5(username:realm:password) value is "MD5-sess", then',
    "an advisory": "see GHSA-hrw6-wg82-cm62 - can leak the password hash",
    "a number of a table": ">>> list(dl)\n[[tensor([[1.0000, 1.5000],",
    "a sum of money": "60.00,Expenses:Taxes:Social Security\n,,-1000.00,Income:Salary",
    "a page": 'el soporte de instalación"><link rel="prev" href="ch04s05.html" title="4.5">',
    "the rest of a sum": "ha256=Zfh4E1A9NCV_unaDeUiVWIcCefc_rUzCqg0bhAuQxHQ,15067",
    "an expression": 'sum=$(sudo bc <<< "3.1415926+2.7182818")',
}

FOUND = {
    "the first of a list": ("cards = [4539578763621486, 4556737586899855]", "4539578763621486"),
    "a number in brackets": ("her ssn [536228114] is on file", "536228114"),
    "a secret in a file": ('"client_secret.json": "5f1c9ab72e4d8036b1f9c07ad35e82b64c7d0f19aa"', "5f1c9ab7"),
    "digits, a comma and letters": ("password: 77,xK9qLm2", "77,xK9"),
    "a word with a dot": ("password: user.2024!x", "user.2024!x"),
    "a weak password": ("DB_PASSWORD=my-secret-password1", "my-secret-password1"),
    "a dollar for an S": ("the password is $uper-secret-99!", "$uper-secret-99"),
    "a password with an underline": ("the password is pass_2024x", "pass_2024x"),
    "words and digits": ("the password is katze1/hund2", "katze1/hund2"),
    "a key in a file of settings": ('"app.config.js": {"api_key": "kQ8vX2mZr4LpTn7sWb1YcJ6hGd3FaE9u"}', "kQ8vX2"),
    "a session's id": ("basket.jsp;jsessionid=CF72F6729515F6A9BB17274DF5022084.node2?item=4", "CF72F67"),
    "a password with a version's look": ("password: 1.2.x7Kq", "1.2.x7Kq"),
    "a password behind a tag": ('<password>kV7wQx2mZr</password><b class="x">', "kV7wQx2mZr"),
    "a password in Russian": ('"password": "Пароль77x!"', "77x!"),
    "a password piped": ("echo -n 'AJmYZOjGup79' | base64", "AJmYZOjGup79"),
    "a password piped, on one line": ("echo 'AJmYZOjGup79' | base64 -w0", "AJmYZOjGup79"),
    "a handle": ("follow @maria_l@corp.social", "maria_l@corp.social"),
    "a person beside ciphers": ("mail maria@openssh.com about aes256-gcm@openssh.com", "maria@openssh.com"),
    "a machine": ("from 192.168.14.77 at noon", "192.168.14.77"),
    "a machine's MAC": ("bssid 00:1b:22:c3:44:95", "00:1b:22:c3:44:95"),
    "groups with dashes": ("078- 05-1 120 and my ssn is 078-05-1120", "078-05-1120"),
    "a seed": ("MFA_SEED=RESHVR42H7UEXWUH", "RESHVR42H7UEXWUH"),
    "a tax number": ("PAN AAAPA1111R", "AAAPA1111R"),
    "an address of a wallet": ("pay 0x52908400098527886E0F7030069857D2E4169EE7", "0x5290"),
    "a number of a state": ("Boise, ID 83702", "83702"),
}


@pytest.mark.parametrize("text", PASSED.values(), ids=PASSED)
def test_what_programs_write_is_no_finding(guard: Guard, text: str) -> None:
    found = [finding for finding in guard.find(text) if not finding.rule.startswith(OUTSIDE)]

    assert [(finding.rule, text[finding.start : finding.end]) for finding in found] == []


@pytest.mark.parametrize(("text", "value"), FOUND.values(), ids=FOUND)
def test_a_true_value_of_the_same_look_is_found(guard: Guard, text: str, value: str) -> None:
    start = text.index(value)

    assert any(finding.start <= start < finding.end for finding in guard.find(text))
