# ruff: noqa: E501, RUF001 - tables have a line a kind
"""Cells: every credential of a service in every shape and carrier, every number of a person in every form of paper.

A list of cases shows what its author thought of; a matrix shows which combinations nobody thought of. A cell is the mean
over what is drawn for the other axes, so that a weak one names a mechanism and no string.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.data.guard import personal
from tests.data.guard.carriers import spell, words_of
from tests.data.guard.labelled import Labelled, place
from tests.data.guard.shapes import fill

SERVICES = (
    """
Abstract|Abyssale|Adafruit IO|AdvGuard Cloud|Aha|Airship|AirVisual|Akoya|Alegra|Algonomy|Amplience|Anchore|Apify|Apollo GraphQL|AppOptics|Apptigent
Arthur|Artsy|Assertible|Atera|Avaza|Aylien|Bannerbear|Barefoot|Baremetrics|Beamer|BetterStack|Bitfinex|BlazeMeter|Blitz App|Blocknative|Bombbomb
BoostNote|Borgbase|Braintrust|Brandfetch|BrowserStack|Browshot|Budibase|BugHerd|Bulbul|Buttercms|Caflou|CalorieNinja|Campayn|CannyIo|Caspio|Census
Centralstation|Cexio|Chatfule|Checio|Checkvist|Cicero|Clearbit|Clientary|Clinchpad|Clockify|Cloudmersive|Cloudplan|Cloudsmith|Cloverly|Coda|CodeMagic
Codequiry|Coinlib|Column|CommodityFeeds|Companyhub|Confluent|Copper|Corefour|Cronitor|CryptoFolio|CurrencyCloud|Customer Guru|D7network|Dandelion
Dareboost|DataGov|Debounce|Deepgram|Deputy|Detectify|Dfuse|Diffbot|Disqus|Ditto|Doppler|Dotdigital|Dovico|Dronahq|Duply|Dwolla|Easyinsight|Edamam|Edenai
Eightxeight|Elastic Email|Enablex|Enigma|Eventbrite|Everhour|Exportsdk|Extractorapi|Facepp|Fastforex|Fibery|Fileio|Finage|Finnhub|Fixerio|Flatio|Fleetbase
Flexport|Flightstats|Float|Flowdash|Flowflu|Flutterwave|Formcraft|Formsite|Foursquare|Frameio|Freshbooks|Freshdesk|FullStory|Fulcrum|Gemini|Gengo|Geoapify
Geocodify|Getgist|Getsandbox|Glassnode|Gocanvas|GoodDay|Graphhopper|Gravity Sync|Groovehq|Guardianapi|Gumroad|Gyazo|Happyscribe|Harvest|Hellosign|Heyflow
Hive|Holidayapi|Host.io|Html2pdf|Hunter|Hybiscus|Hypertrack|Ibanapi|Iconfinder|Imagga|Impala|Infura|Insightly|Instabot|Instamojo|Intercom|Interseller
Intrinio|Invoiceocean|Ipapi|Ipgeolocation|Ipinfodb|Ipquality|Jotform|Jumpcloud|Juro|Kanban Tool|Karmacrm|Keenio|Kickbox|Klipfolio|Knapsack Pro|Kontent
Kucoin|Lemlist|Lendflow|Lessannoyingcrm|Lexigram|Linearb|Linenotify|Liveagent|Livestorm|Loadmill|Locationiq|Logz|Lokalise|Loyverse|Luno|Macaddress|Madkudu
Magnetic|Mailboxlayer|Mailerlite|Mailjet|Mailmodo|Mailsac|Mandrill|Mapquest|Marketstack|Mattermost|Mavenlink|Maxmind|Meaningcloud|Mediastack|Meistertask
Mesibo|Messagebird|Metabase|Metaapi|Mindmeister|Miro|Mite|Mixmax|Mockaroo|Moderation|Monday|Moonclerk|Moosend|Moralis|Mrticktock|Myfreshworks|Myintervals
Nasdaq Link|Neutrino|Newsapi|Newscatcher|Nexmo|Nftport|Nicereply|Nimble|Noticeable|Nozbe|Nubela|Numverify|Nutritionix|Nylas|Oanda|Omnisend|Onedesk|Onelogin
Onepage CRM|Onwater|Oopspam|Opencagedata|Opsgenie|Optimizely|Overloop|Owlbot|Paddle Ice|Pagarme|Pandadoc|Paralleldots|Parsehub|Parsers|Parseur|Partnerstack
Pastebin|Paymo|Paymongo|Pdflayer|Peopledatalabs|Pepipost|Percy|Pinata|Pipedream|Pivotal|Pixabay|Plaid|Planview|Planyo|Plivo|Poloniex|Polygon|Positionstack
Postageapp|Postbacks|Powrbot|Prodpad|Prospectcrm|Protocolsio|Proxycrawl|Pubnub|Pulumi|Purestake|Qase|Qualaroo|Qubole|Quickmetrics|Ramp|Rapidapi|Raven
Rawg|Razorpay|Reachmail|Readme|Rebrandly|Refiner|Rentman|Repairshopr|Replicate|Restpack|Rev|Revamp CRM|Ringcentral|Ritekit|Roaring|Rocketreach|Ronin App
Route4me|Rownd|Runrunit|Salesblink|Salesmate|Satismeter|Saucelabs|Scalr|Scrapestack|Screenshotapi|Scrutinizer|Securitytrails|Selectpdf|Sentiment|Serphouse
Sheety|Sherpadesk|Shipday|Shodan|Shortcut|Shotstack|Shutterstock|Signable|Signaturit|Signupgenius|Sigopt|Simfin|Simvoly|Sinch|Sirv|Skrappio|Skybiometry
Smartsheet|Smartystreets|Smooch|Snipcart|Snykio|Sonarcloud|Sourcegraph|Sparkpost|Speechtext|Splunk|Sportsmonk|Spoonacular|Squareup|Statuscake|Stockdata
Storecove|Stormglass|Storyblok|Storychief|Strava|Stytch|Sugester|Sumologic|Supernotes|Surveyanyplace|Surveybot|Survicate|Swell|Swiftype|Tallyfy|Tatumio
Taxjar|Teamgate|Teamwork|Technical Analysis|Tefter|Teletype|Telesign|Tely|Textmagic|Theoddsapi|Thinkific|Thousandeyes|Ticketmaster|Tiingo|Timecamp|Timezone
Tmetric|Todoist|Tomorrow|Tradier|Transferwise|Travelpayouts|Trelloworks|Tru|Twist|Typeform|Typetalk|Ubidots|Uclassify|Unifyid|Unplugg|Unsplash|Upcdatabase
Uplead|Uploadcare|Uptimerobot|Upwave|Urlscan|Userflow|Userstack|Vatlayer|Vbout|Vercel|Verifier|Versioneye|Viewneo|Virustotal|Visualcrossing|Voicegain|Vouchery
Vyte|Walkscore|Weatherbit|Weatherstack|Webex|Webflow|Webscraper|Websitepulse|Wepay|Whoxy|Wistia|Workstack|Worldcoin Index|Wrike|Yandex|Yelp|Younium|Yousign
Youneedabudget|Zapier|Zendesk|Zenkit|Zenscrape|Zenserp|Zeplin|Zerobounce|Zipapi|Zipbooks|Zipcode|Zonka
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
"""Services that give out keys, and some names that only sound so: a new one comes every day."""

WORDS = (
    "api key", "api token", "access token", "secret key", "key", "token", "secret", "auth token", "client secret", "app key",
    "access key", "app secret", "webhook secret", "license key", "user key", "app id", "private key", "signing secret",
)  # fmt: skip
"""What services call what they give out."""

SHAPES = {
    "hex-24": "{hex:24}", "hex-32": "{hex:32}", "hex-40": "{hex:40}", "hex-64": "{hex:64}", "HEX-32": "{HEX:32}", "uuid": "{uuid}",
    "UUID": "{UUID}", "an-16": "{an:16}", "an-20": "{an:20}", "an-32": "{an:32}", "an-43": "{an:43}", "an-64": "{an:64}", "ld-16": "{ld:16}",
    "ld-25": "{ld:25}", "ld-32": "{ld:32}", "ld-50": "{ld:50}", "UD-16": "{UD:16}", "UD-24": "{UD:24}", "let-24": "{let:24}",
    "low-32": "{low:32}", "dig-12": "{dig:12}", "dig-20": "{dig:20}", "b64-44": "{b64:43}=", "url-43": "{url:43}", "two-parts": "{an:16}.{an:27}",
    "marked": "{low:3}_{an:28}", "marked-hex": "{low:2}-{hex:32}", "numbered": "{dig:6}-{an:24}", "groups": "{UD:5}-{UD:5}-{UD:5}-{UD:5}",
    "us-hex": "{hex:32}-us{nz:1}", "colon": "{ld:10}:{an:22}",
}  # fmt: skip
"""What it looks like."""

SECRET_CARRIERS = {
    "env": "{UPPER}=\0",
    "env-short": "{SERVICE}_{LAST}=\0",
    "env-lines": "DEBUG=0\n{UPPER}=\0\nPORT=80\n",
    "json": '{"{camel}": "\0"}',
    "json-nested": '{"{service}": {"enabled": true, "{word_camel}": "\0"}}',
    "yaml-nested": "{service}:\n  region: eu\n  {word_snake}: \0\n",
    "yaml-deep": "integrations:\n  {service}:\n    enabled: true\n    timeout: 30\n    {word_snake}: \0\n",
    "toml": '[{service}]\n{word_snake} = "\0"\n',
    "said": "my {Service} {word} is \0",
    "said-of": "the {word} for {Service} is \0",
    "said-plain": "our {Service} {word} \0 stopped working",
    "said-behind": "I use \0 as the {word} of {Service}",
    "said-dash": "{Service} - {word} - \0",
    "said-next-line": "Here is the {Service} {word}:\n\n\0\n",
    "said-german": "Der {word} von {Service} lautet \0 und gilt ab heute.",
    "table": "| Service | {Word} | Owner |\n|---|---|---|\n| {Service} | \0 | ops |\n",
    "table-rows": "| Name | Value |\n|---|---|\n| region | eu |\n| {Service} {word} | \0 |\n",
    "csv": "service,{word_snake},owner\n{service},\0,ops\n",
    "csv-row": "{service}_{word_snake},\0,2026-03-02\n",
    "html-row": "<tr><th>{Service} {Word}</th><td>\0</td></tr>",
    "html-head": "<tr><th>Service</th><th>{Word}</th></tr><tr><td>{Service}</td><td>\0</td></tr>",
    "html-input": '<label>{Service} {Word}</label><input type="text" value="\0">',
    "header": "X-{Service-}-{Word-}: \0",
    "bearer": 'curl -H "Authorization: Bearer \0" https://api.{service}.com/v1/me',
    "query": "https://api.{service}.com/v2/items?{word_snake}=\0&limit=5",
    "path": "https://api.{service}.com/v1/\0/items",
    "user": "curl -u \0: https://api.{service}.com/v1/charges",
    "flag": "{service} push --{word-kebab} \0 --verbose",
    "flag-equals": "{service} login --{word-kebab}=\0",
    "call": '{Pascal}Client("\0")',
    "call-named": 'client = {service}.Client({word_snake}="\0", timeout=30)',
    "call-set": "{service}.set_{word_snake}('\0')",
    "comment": "# {Service}\n{word_snake} = '\0'\n",
    "comment-behind": "key = '\0'  # {Service}",
    "log": "[INFO] sending request to the {Service} API\n[DEBUG] using {Word}=\0\n[INFO] 200 OK\n",
    "log-plain": "2026-03-02 09:14:07 {service}: {word} \0 accepted",
    "xml": "<{service}><{word_camel}>\0</{word_camel}></{service}>",
    "xml-attribute": '<{service} {word_camel}="\0" timeout="5"/>',
    "sql": "INSERT INTO settings (service, {word_snake}) VALUES ('{service}', '\0');",
    "dict-pair": '("{service}", "{word_snake}"): "\0",',
    "constant": 'const {SERVICE}_{LAST} string = "\0"',
    "properties": "{service}.{word_dotted}=\0",
    "padded": "{Service} {word} ........ \0",
    "arrow": "{Service} {word} → \0",
    "quoted": "Set the {Service} {word} to `\0`.",
    "brackets": "[{service}_{word_snake}] = '\0'",
    "joined": 'String {camel} = "\1" + "\2";',
    "wrapped": "our {Service} {word} is \1\n\2 since today",
}  # fmt: skip
"""Where it stands."""

PERSONAL_CARRIERS = {
    "field": "{label}: \0",
    "field-hint": "{label} (see back): \0",
    "field-number": "{label} no.: \0",
    "field-box": "{label} (box 3b): \0",
    "field-ordinal": "{label} Nº \0",
    "field-stop": "{label}. \0",
    "field-line": "7. {label} \0",
    "field-colon": "{label} :\0",
    "field-of": "{label} of Maria Rossi: \0",
    "field-star": "{label}*: \0",
    "field-equals": "{label}=\0;",
    "said-new": "the new {label} is now \0",
    "said-under": "registered under {label} \0 since May",
    "field-next-line": "{label}\n\0\n",
    "field-dots": "{label} ........... \0",
    "field-dash": "{label} – \0",
    "field-arrow": "{label} => \0",
    "field-tab": "{label}\t\0",
    "field-hash": "{label} # \0",
    "bold": "**{label}:** \0",
    "box": "[x] {label} [ \0 ]",
    "said": "my {label} is \0",
    "said-verb": "{label} has been changed to \0 yesterday",
    "said-behind": "\0 is my {label}",
    "said-plain": "please check {label} \0, thanks",
    "said-bracket": "Maria Rossi ({label} \0) called",
    "upper": "{LABEL}: \0",
    "table": "| Name | {label} | Town |\n|---|---|---|\n| Maria Rossi | \0 | Bonn |\n",
    "table-rows": "| Field | Value |\n|---|---|\n| {label} | \0 |\n",
    "csv": "name,{snake},town\nMaria Rossi,\0,Bonn\n",
    "csv-second": "name;{snake};town\nJan Novak;;Leeds\nMaria Rossi;\0;Bonn\n",
    "tsv": "name\t{snake}\ttown\nMaria Rossi\t\0\tBonn\n",
    "report": "Name          {label}          Town\nMaria Rossi   \0   Bonn\n",
    "html-row": "<tr><th>{label}</th><td>\0</td></tr>",
    "html-head": "<tr><th>Name</th><th>{label}</th></tr><tr><td>Maria Rossi</td><td>\0</td></tr>",
    "html-input": '<label for="f3">{label}</label> <input id="f3" value="\0">',
    "html-list": "<dt>{label}</dt><dd>\0</dd>",
    "xml": "<{camel}>\0</{camel}>",
    "xml-attribute": '<person {camel}="\0" active="1"/>',
    "xml-typed": '<id type="{snake}" issued="2020">\0</id>',
    "xml-kind": '<{camel} country="XX">\0</{camel}>',
    "json": '{"name": "Maria Rossi", "{camel}": "\0"}',
    "json-kind": '{"type": "{snake}", "value": "\0"}',
    "yaml": "person:\n  {kebab}: \0\n",
    "query": "https://crm.example.org/find?{snake}=\0&page=1",
    "sql-insert": "INSERT INTO people (name, {snake}) VALUES ('Maria Rossi', '\0');",
    "sql-where": "SELECT * FROM people WHERE {snake} = '\0';",
    "code": 'person.{camel} = "\0";',
    "log": "2026-03-02 09:14:07 WARN lookup failed {snake}=\0 status=404",
}
"""Where a number of a person stands: `{label}` and its spellings as fields."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One text, and where it lies on each axis."""

    labelled: Labelled
    axes: tuple[tuple[str, str], ...]


def secret_cells(rng: random.Random, count: int) -> Iterator[Cell]:
    """Draw that many texts with a secret: each axis evenly, the service by lot."""
    shapes, carriers = list(SHAPES), list(SECRET_CARRIERS)
    for at in range(count):
        shape, carrier = shapes[at % len(shapes)], carriers[at // len(shapes) % len(carriers)]
        word, service = rng.choice(WORDS), rng.choice(SERVICES)
        value = fill(SHAPES[shape], rng)
        text, spans = _secret_text(SECRET_CARRIERS[carrier], service, word, value)
        labelled = Labelled(text, spans, "secret", "matrix", carrier, f"{service} {word}", distinctive=False)
        yield Cell(labelled, (("shape", shape), ("carrier", carrier), ("word", word)))


def _secret_text(carrier: str, service: str, word: str, value: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    slug = "".join(words_of(service)).lower()
    spelled, of_word = spell(f"{service} {word}"), spell(word)
    names = {
        **spelled,
        "Service": service, "service": slug, "SERVICE": slug.upper(), "LAST": words_of(word)[-1].upper(),
        "word": word, "Word": word.title() if word != "api key" else "API key",
        "word_snake": of_word["snake"], "word_camel": of_word["camel"], "word_dotted": of_word["dotted"], "word-kebab": of_word["kebab"],
        "Service-": "-".join(words_of(service)), "Word-": "-".join(part.capitalize() for part in words_of(word)),
    }  # fmt: skip
    filled = re.sub(r"\{([\w-]+)\}", lambda match: names.get(match[1], match[0]), carrier)
    if "\1" not in filled:
        text, span = place(filled, value)
        return text, (span,)
    half = len(value) // 2
    before, _, rest = filled.partition("\1")
    between, _, after = rest.partition("\2")
    first = (len(before), len(before) + half)
    second = (first[1] + len(between), first[1] + len(between) + len(value) - half)
    return before + value[:half] + between + value[half:] + after, (first, second)


def personal_cells(rng: random.Random, rounds: int) -> Iterator[Cell]:
    """Put every type of personal data, under every name it has, into every carrier, that many times."""
    for _ in range(rounds):
        for kind in personal.TYPES:
            labels = _labels(kind.frames)
            for carrier, template in PERSONAL_CARRIERS.items():
                if not labels:
                    break
                label, value = rng.choice(labels), kind.maker(rng)
                names = {**_spelled(label), "label": label, "LABEL": label.upper()}
                if "," in value and carrier in {"csv", "csv-second"}:
                    continue
                filled = re.sub(r"\{(\w+)\}", lambda match, names=names: names.get(match[1], match[0]), template)  # type: ignore[misc]
                text, span = place(filled, value)
                labelled = Labelled(text, (span,), "personal", "matrix", kind.name, label, kind.distinctive)
                yield Cell(labelled, (("carrier", carrier), ("type", kind.name)))


def _labels(frames: tuple[str, ...]) -> list[str]:
    """Return the names that stand before a colon in the frames of a type."""
    return [frame.removesuffix(": \0") for frame in frames if frame.endswith(": \0")]


def _spelled(label: str) -> dict[str, str]:
    words = [word.lower() for word in re.split(r"[\W_]+", label) if word]
    pascal = "".join(word.capitalize() for word in words)
    return {"snake": "_".join(words), "kebab": "-".join(words), "camel": pascal[:1].lower() + pascal[1:]}
