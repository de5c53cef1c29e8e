"""The long tail: small services whose bare keys no list of services holds in full, told by name and key word alone."""

from __future__ import annotations

from tests.data.guard.secrets.table import read_table

SERVICES = """
Abyssale {an:40}; Accuweather {an:32}; Adzuna {hex:32}; Aerisweather {an:40}; Agencyzoom {an:32}; AirVisual {uuid};
Alconost {an:32}; AllSports {hex:64}; Ambee {hex:64}; Anypoint {uuid}; APIFlash {hex:32}; Apilayer {an:32};
APITemplate {an:39}; Apollo.io {url:22}; Appcues {uuid}; AppFollow {an:20}; Appointedd {an:88}; Appsynergy {ld:64};
Aptrinsic {uuid}; AudD {hex:32}; AutoKlose {an:32}; Axonaut {hex:32}; Aylien {hex:32}; Ayrshare {UD:32};
Bannerbear {an:22}tt; Baremetrics {an:25}; Beebole {hex:40}; Besttime {an:36}; BillOmat {hex:32}; Blazemeter {hex:64};
Blitapp {an:39}; Bombbomb {an:60}; BoostNote {hex:64}; Borgbase {an:32}; Brandfetch {an:40}; Bscscan {UD:34};
Buddy {uuid}; Bugherd {ld:22}; Bulksms {an:29}; ButterCMS {hex:40}; Caflou {an:100}; Calendarific {hex:40};
Campayn {hex:64}; Canny {uuid}; Capsule {url:64}; CaptainData {hex:64}; Carboninterface {an:21}; Cashboard {UD:20};
Caspio {an:50}; Cexio {an:24}; Chartmogul {hex:32}; Chatbot {an:32}; Chatfuel {an:128}; Checkvist {an:14};
Cicero {hex:40}; Clarity {an:40}; Clicky {hex:16}; Clinchpad {hex:32}; Clockwork {hex:40}; CloudElements {b64:43};
Cloudmersive {uuid}; Cloverly {an:26}; Coinapi {UUID}; Coinlayer {hex:32}; Column {an:36}; Commercejs {an:46};
Commodities {an:60}; Companyhub {an:20}; Copper {hex:32}; Countrylayer {hex:32}; Courier {UD:30};
Currencycloud {hex:64}; Currencylayer {hex:32}; Currencyscoop {hex:32}; Customerguru {an:50}; Dandelion {hex:32};
Dareboost {an:60}; Databox {an:21}; Debounce {an:13}; Deepai {uuid}; Delighted {an:32}; Demio {an:32};
Deputy {hex:32}; Detectify {hex:32}; Detectlanguage {hex:32}; Dfuse {hex:32}; Diffbot {hex:32}; Diggernaut {hex:40};
Ditto {uuid}; Dnscheck {uuid}; Documo {an:100}; Doppio {an:40}; Dotdigital {an:24}; Dovico {an:32}; Dronahq {ld:50};
Droneci {an:32}; Dyspatch {UD:52}; Eagleeye {an:34}; Edamam {hex:32}; Edenai {hex:36}; Eightxeight {an:23};
Enablex {an:36}; Enigma {an:40}; Ethplorer {an:18}; Everhour {hex:4}-{hex:4}-{hex:6}-{hex:6}-{hex:8};
Exchangerate {hex:24}; Fastforex {hex:10}-{hex:10}-{an:6}; Feedier {an:32}; Fetchrss {an:40}; Fibery {an:8}.{an:35};
Fileio {UD:16}; Finage {an:32}; Findl {an:32}; Fixerio {an:32}; Flatio {an:128}; Flickr {hex:32}; Flightapi {hex:24};
Flightlabs {an:300}; Float {an:59}; Flowflu {an:51}; Formbucket {an:60}; Formcraft {an:60}; Formio {an:36};
Formsite {an:32}; Fxmarket {url:20}; Gemini.ai {an:28}; Gengo {an:64}; Geoapify {hex:32}; Geocode {ld:28};
Geocodify {hex:40}; Geocodio {hex:39}; Geoipifi {an:32}; Getemail {an:20}; Getgeoapi {hex:40}; Getgist {b64:68};
Getresponse {ld:32}; Getsandbox {ld:40}; Glassnode {an:27}; GoodDay {hex:32}; Graphcms {hex:32}; Graphhopper {uuid};
Groovehq {hex:64}; Guru {an:50}; Gyazo {url:43}; Happyscribe {an:24}; Helpcrunch {b64:64}; Hiveage {an:20};
Holidayapi {uuid}; Holistic {an:32}; Hybiscus {url:43}; Hypertrack {an:54}; Iconfinder {an:64}; Imagekit {url:36};
Impala {an:46}; Instabot {b64:40}; Instamojo {hex:32}; Interseller {an:30}; Intrinio {an:44}; Invoiceocean {an:20};
Ipapi {an:32}; Ipgeolocation {hex:32}; Ipquality {an:32}; Jdbcx {an:32}; Jumpcloud {hex:40}; Juro {an:40};
Kanban {UD:12}; Kanbantool {UD:12}; Karmacrm {an:20}; Keenio {HEX:64}; Kickbox {an:64}; Kontent {an:32};
Kylas {uuid}:{dig:4}; Languagelayer {hex:32}; Leadfeeder {an:43}; Lendflow {an:36}; Lessannoyingcrm {an:57};
Lexigram {an:301}; Linenotify {an:43}; Linkpreview {hex:32}; Liveagent {an:32}; Locationiq {hex:32};
Loginradius {uuid}; Logmetrics {an:32}; Lokalhost {an:40}; Loyverse {hex:32}; Lunchmoney {hex:50}; Macaddress {an:32};
Madkudu {hex:32}; Magicbell {an:40}; Mailboxlayer {hex:32}; Mailmodo {UD:7}-{UD:7}-{UD:7}-{UD:7}; Mailsac {an:38};
Manifest {an:32}; Mapquest {an:32}; Marketstack {hex:32}; Mattersource {an:32}; Mavenlink {hex:64}; Maxmind {an:16};
Mediastack {hex:32}; Meistertask {an:43}; Mesibo {an:64}; Metaapi {hex:64}; Metrilo {an:16}; Mindmeister {an:43};
Mixmax {uuid}; Mockaroo {an:8}; Moderation {uuid}; Monkeylearn {hex:40}; Moonclerk {hex:32}; Moosend {uuid};
Myfreshworks {an:22}; Myintervals {ld:11}; Nasdaq {an:20}; Nethunt {uuid}; Neutrino {an:48}; Newscatcher {url:43};
Nftport {uuid}; Nightfall {an:32}; Nimble {an:30}; Noticeable {an:20}; Nozbe {an:32}; Numverify {hex:32};
Nutritionix {hex:32}; Nytimes {an:32}; Oanda {hex:32}-{hex:32}; Omnisend {hex:24}-{an:44}; Onedesk {an:50};
Onepage {an:64}; Onwater {an:20}; Oopspam {an:40}; Opencagedata {hex:32}; Opengraphr {an:80}; Openuv {hex:32};
Overloop {hex:40}; Owlbot {hex:40}; Paralleldots {an:43}; Parsehub {an:14}; Parsers {an:60}; Parseur {hex:40};
Passbase {an:64}; Pastebin {hex:32}; Paymo {hex:40}; Pdflayer {hex:32}; Pdfshift {hex:32}; Peopledatalabs {hex:64};
Pepipost {hex:32}; Photoroom {hex:40}; Pipedream {hex:32}; Pivotaltracker {hex:32}; Pixabay {dig:8}-{hex:25};
Plagiarism {an:32}; Planview {an:32}; Planyo {an:60}; Pollsapi {UD:28}; Positionstack {hex:32}; Postageapp {an:32};
Postbacks {an:32}; Powrbot {hex:40}; Privacy {uuid}; Prodpad {hex:64}; Prospectcrm {an:32}; Prospectio {an:50};
Protocols {hex:64}; Proxycrawl {an:22}; Purestake {an:40}; Qase {hex:40}; Qubole {an:64}; Raven {UD:8}-{UD:16};
Rawg {hex:32}; Reallysimple {an:26}; Refiner {uuid}; Repairshopr {an:51}; Restpack {an:48}; Ritekit {hex:44};
Roaring {an:28}; Rocketreach {hex:39}; Ronin {an:26}; Route4me {UD:32}; Rownd {uuid}; Saladcloud {uuid};
Salesblink {an:16}; Salescookie {an:32}; Salesflare {an:45}; Salesmate {uuid}; Satismeter {an:16}; Scalr {an:136};
Scrapfly {hex:32}; Screenshotlayer {hex:32}; Scrutinizer {hex:64}; Selectpdf {uuid}; Semaphore {hex:32};
Sendbird {hex:40}; Serphouse {an:60}; Serpstack {hex:32}; Sheety {an:64}; Sherpadesk {ld:32}; Shotstack {an:40};
Shutterstock {an:32}; Sigopt {UD:48}; Siteleaf {hex:32}; Skrapp {an:42}; Skybiometry {an:26}; Sirv {an:88};
Slidespeak {uuid}; Smartystreets {an:20}; Smooch {url:86}; Snipcart {b64:75}; Sonarqubeproxy {an:32};
Speechtext {hex:32}; Splunkobs {an:22}; Spoonacular {hex:32}; Sportsmonk {an:60}; Spotinst {hex:64};
Squarespace {uuid}; Sslmate {an:36}; Stitchdata {hex:32}; Stockdata {an:40}; Stormglass {uuid}-{uuid};
Streak {hex:32}; Sugester {an:32}; Surge {url:43}; Surveyanyplace {an:32}; Surveybot {an:80}; Swell {an:32};
Swiftype {url:20}; Tallyfy {an:60}; Tatumio {uuid}; Teamgate {hex:40}; Teamworkdesk {an:30};
Technicalanalysis {an:48}; Text2data {uuid}; Textmagic {an:30}; Thinkific {hex:32}; Thousandeyes {ld:32};
Ticktick {an:18}; Timezoneapi {an:20}; Tmetric {UD:64}; Tokeet {uuid}; Travelpayouts {hex:32}; Trendskey {an:32};
Twelvedata {hex:32}; Twist {hex:46}; Tyntec {an:32}; Ubidots {an:30}; Uclassify {an:12}; Unplugg {hex:64};
Uploadcare {hex:20}; Uplead {hex:32}; Upwave {hex:32}; Userflow {an:28}; Userstack {hex:32}; Vatlayer {hex:32};
Vbout {dig:25}; Verifier {hex:96}; Verimail {UD:32}; Veriphone {UD:32}; Versioneye {an:40}; Viewneo {an:120};
Visualcrossing {UD:25}; Voicegain {an:40}; Voodoosms {an:45}; Vyte {an:50}; Wakatime {uuid}; Walkscore {hex:32};
Weatherbit {hex:32}; Weatherstack {hex:32}; Webscraper {an:60}; Wepay {an:62}; Whoxy {an:33}; Wiremock {uuid};
Worksnaps {an:40}; Worldcoin {an:32}; Worldweather {hex:31}; Yandexmaps {an:40}; Younote {an:32}; Zenkit {an:32};
Zenscrape {uuid}; Zenserp {uuid}; Zeplin {an:60}; Zerobounce {hex:32}; Zeroforge {an:44}; Zipapi {an:32};
Zipbooks {an:40}; Zonkafeedback {an:36}
"""
"""Services and the shape of their keys. Some are made up: a service that nobody has heard of has keys too."""

WORDS = (
    "api key",
    "api token",
    "access token",
    "secret",
    "key",
    "token",
    "api secret",
    "secret key",
    "auth token",
    "apikey",
)
"""Key words, given in turn."""


def rows() -> str:
    """Write the services as a table: each with a key word."""
    entries = [entry.split() for entry in SERVICES.replace("\n", " ").split(";")]
    return "\n".join(
        f"{service}  {WORDS[place % len(WORDS)]}  {shape}  bare, {service} {WORDS[place % len(WORDS)]}"
        for place, (service, shape) in enumerate(entries)
    )


TYPES = read_table("long-tail", rows())
