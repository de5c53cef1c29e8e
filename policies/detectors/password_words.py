"""Words that stand where passwords do, and are none."""

from __future__ import annotations

from policies.views.fold import fold_bytes

_WORDS_OF_THE_TRADE = """
uint8array uint8list arraybuffer bytebuffer charsequence nsstring nsdata
true false yes no on off none null nil undefined empty required optional string str text bytes bytearray int float bool
boolean object any secretstr password passwort passwd pass pwd secret token key credentials username user value default
test unset hidden incorrect correct wrong invalid valid expired missing changed reset changeme change_me stored hashed
encrypted encoded protected field input label type self this args kwargs params config settings environ env prompt never
always also only being too not the that what and for with from must should our their somewhere somehow easy weak strong
safe gone lost known unknown shared passphrase passcode pin name login email auth authentication basic plain plaintext
plain_text cleartext clear sha1 sha256 sha512 md5 bcrypt scrypt argon2 pbkdf2 md4 crypt ntlm kerberos utf8 utf-8 base64
base64url ascii latin1 oauth oauth2 openid saml http https ldap ldaps ssl tls tls1 x509 file path url uri number integer
varchar char password1 password2 pass1 pass2 mypassword mypass my_password my-password secretpassword passw0rd
password123 foo bar baz foobar pw pwhash pw_hash hash salt database current new old confirm confirmation repeat again
verify anonymous guest username:password user:password user:pass system server host localhost char[] word words
scram-sha-256 scram-sha-1 tiger masterkey anoncvs keyring vault stdin stdout masked omitted filtered removed sensitive
placeholder function callback contraseña contrasena contrasenya clave senha palavra-passe wachtwoord gebruiker kennwort
mot-de-passe motdepasse motpasse mdp heslo haslo hasło parola adgangskode lösenord losenord salasana jelszó jelszo şifre
"""
# What forms in other languages show where the password is asked for; values are looked at as views spell them.
_LABELS_ELSEWHERE = """
пароль паролю пароля парола лозинка κωδικός κωδικος 密码 密碼 口令 パスワード 暗証番号 비밀번호 암호 סיסמה
סיסמא पासवर्ड รหัสผ่าน hasło slaptažodis heslo lozinka zaporka geslo parole parool passord adgangskode lösenord
salasana jelszó parolă şifre parola wachtwoord sandi pasahitza contrasinal lykilorð
பாஸ்வேர்ட் പാസ്‌വേഡ് പാസ്വേഡ്
"""
NO_SECRETS = frozenset(_WORDS_OF_THE_TRADE.split()) | {
    fold_bytes(spelled).decode("latin-1").lower()
    for word in _LABELS_ELSEWHERE.split()
    for spelled in (word, word.capitalize(), word.upper())
}
"""They stand where a password would, in code, forms and sentences."""
_WORDS_OF_SENTENCES = """
the a an to of is are be been was were has have had not no for from in on at by with your you our my this that
it its and or if when then than must should can may will would do does enter type please used uses use using set
password passphrase passwort key keys field value required empty wrong invalid incorrect default as but into which
der die das und oder ist nicht ein eine mit für bitte zum zur le la les un une est de du des et el los es que para
confirm repeat again forgot reset change new old current choose show hide minimum least characters
"""
PHRASE_STOPS = frozenset(_WORDS_OF_SENTENCES.split())
"""Words that make a sentence of words in quotes."""
FUNCTION_WORDS = PHRASE_STOPS | frozenset(
    ("pour", "para", "per", "voor", "om", "som", "til", "för", "att", "żeby", "aby", "avec", "con", "com", "met")
)
"""Words that hold a sentence together, and are no password behind an option either."""
_WORDS_OF_COUNTS = """
days day months hours minutes weeks years times characters chars digits letters numbers words bits since after before
until within valid seit nach vor bis ab tage tagen wochen monate monaten jahre jahren stunden minuten zeichen ziffern
buchstaben mal gültig jours mois ans heures caractères chiffres lettres depuis après avant días dias meses horas
caracteres letras dígitos desde hasta giorni mesi caratteri lettere cifre dopo fino dagen maanden tekens cijfers na
dni znaków miesięcy lat cyfr very too way longer shorter than more less
bei beim von vom zu alla alle allo nella nelle della delle dal dalla sono sulla in op van bij het een door na à às
no na nos nas do da dos das pelo pela foi até at line row page zeile seite ligne línea linea riga pagina regel linha
tries attempts versuche versuchen fehlversuche fehlversuchen tentatives intentos tentativi pogingen tentativas
"""
COUNT_STOPS = PHRASE_STOPS | frozenset(_WORDS_OF_COUNTS.split())
"""Words that make a sentence of words with a number among them."""
_WORDS_BEHIND_IS = """
used stored read asked taken derived needed given sent kept cached saved written chosen generated created removed
ignored protected printed passed prompted entered typed checked compared encoded converted retrieved obtained either
already still always usually about just simply because something anything nothing somewhat more very in on at by as
gespeichert verwendet benutzt abgefragt gelesen erforderlich nötig immer auch noch schon sehr so wie utilisée stockée
demandée nécessaire enregistrée trop très aussi encore usada guardada necesaria muy demasiado también usata salvata
richiesta molto troppo anche gebruikt opgeslagen nodig ook nog zeer używane zapisane wymagane bardzo używana zapisana
"""
STARTS_OF_SENTENCES = FUNCTION_WORDS.difference(("le", "la", "un", "une", "my")) | frozenset(_WORDS_BEHIND_IS.split())
"""Words that, first behind "the passphrase is", say what is done with it."""
