# ruff: noqa: E501 - a table has a line a type
"""SaaS interfaces whose keys are mostly bare: hex, letters and digits, UUIDs, known by the service's name beside them."""

from __future__ import annotations

from tests.data.guard.secrets.table import read_table

TYPES = read_table(
    "saas",
    """
Datadog  api key  {hex:32}  DATADOG_API_KEY, DD_API_KEY_DATADOG, datadog_api_key
Datadog  application key  {hex:40}  DATADOG_APP_KEY, datadog_app_key
New Relic  user key  NRAK-{UD:27}  NEW_RELIC_API_KEY
New Relic  licence key  {hex:36}NRAL  NEW_RELIC_LICENSE_KEY
New Relic  insights insert key  NRII-{url:32}  NEW_RELIC_INSERT_KEY
New Relic  browser key  NRJS-{hex:19}  NEW_RELIC_BROWSER_KEY
Sentry  auth token  sntrys_eyJpYXQiO{an:120}_{b64:43}  SENTRY_AUTH_TOKEN
Sentry  user token  sntryu_{hex:64}  SENTRY_AUTH_TOKEN
Sentry  old token  {hex:64}  SENTRY_AUTH_TOKEN, SENTRY_TOKEN
Sentry  dsn  https://{hex:32}@o{dig:6}.ingest.sentry.io/{dig:7}  SENTRY_DSN
Grafana  service account token  glsa_{an:32}_{hex:8}  GRAFANA_TOKEN
Grafana  cloud token  glc_eyJ{an:120}  GRAFANA_CLOUD_TOKEN
Grafana  api key  eyJrIjoi{an:70}  GRAFANA_API_KEY
Honeycomb  api key  {an:22}  HONEYCOMB_API_KEY
Honeycomb  ingest key  hcaik_01{ld:56}  HONEYCOMB_API_KEY
Dynatrace  api token  dt0c01.{b32:24}.{b32:64}  DT_API_TOKEN, DYNATRACE_TOKEN
Splunk  hec token  {uuid}  SPLUNK_HEC_TOKEN
Sumo Logic  access key  {an:64}  SUMOLOGIC_ACCESS_KEY
Loggly  token  {uuid}  LOGGLY_TOKEN, LOGGLY_CUSTOMER_TOKEN
Logz.io  token  {let:32}  LOGZIO_TOKEN
Papertrail  api token  {an:20}  PAPERTRAIL_API_TOKEN
Rollbar  access token  {hex:32}  ROLLBAR_ACCESS_TOKEN
Bugsnag  api key  {hex:32}  BUGSNAG_API_KEY
Airbrake  project key  {hex:32}  AIRBRAKE_PROJECT_KEY, AIRBRAKE_API_KEY
Raygun  api key  {an:22}  RAYGUN_API_KEY, RAYGUN_APIKEY
Honeybadger  api key  {an:30}  HONEYBADGER_API_KEY
PagerDuty  api key  {url:20}  PAGERDUTY_API_KEY, PAGERDUTY_TOKEN
PagerDuty  integration key  {hex:32}  PAGERDUTY_INTEGRATION_KEY
Opsgenie  api key  {uuid}  OPSGENIE_API_KEY
VictorOps  api key  {hex:32}  VICTOROPS_API_KEY
Statuspage  api key  {uuid}  STATUSPAGE_API_KEY
UptimeRobot  api key  u{dig:7}-{hex:24}  UPTIMEROBOT_API_KEY
Better Stack  source token  {an:24}  BETTERSTACK_SOURCE_TOKEN, LOGTAIL_SOURCE_TOKEN
Pingdom  api token  {url:70}  PINGDOM_API_TOKEN
Checkly  api key  cu_{hex:32}  CHECKLY_API_KEY
Auth0  client secret  {url:64}  AUTH0_CLIENT_SECRET
Okta  api token  00{url:40}  OKTA_API_TOKEN, OKTA_TOKEN
Okta  client secret  {url:64}  OKTA_CLIENT_SECRET
OneLogin  client secret  {hex:64}  ONELOGIN_CLIENT_SECRET
Clerk  secret key  sk_live_{an:42}  CLERK_SECRET_KEY
Stytch  secret  secret-live-{url:35}=  STYTCH_SECRET
WorkOS  api key  sk_live_{an:60}  WORKOS_API_KEY
Duo  secret key  {an:40}  DUO_SECRET_KEY, DUO_SKEY_SECRET
1Password  service account token  ops_eyJ{b64:250}  OP_SERVICE_ACCOUNT_TOKEN
1Password  secret key  A3-{z32:6}-{z32:6}-{z32:5}-{z32:5}-{z32:5}-{z32:5}  OP_SECRET_KEY
Bitwarden  client secret  {an:30}  BW_CLIENTSECRET, BITWARDEN_CLIENT_SECRET
Keycloak  client secret  {an:32}  KEYCLOAK_CLIENT_SECRET
Notion  integration token  secret_{an:43}  NOTION_TOKEN
Notion  newer token  ntn_{dig:11}{an:35}  NOTION_API_KEY
Airtable  personal access token  pat{an:14}.{hex:64}  AIRTABLE_TOKEN
Airtable  api key  key{an:14}  AIRTABLE_API_KEY, bare
Asana  personal access token  1/{dig:16}:{hex:32}  ASANA_TOKEN, ASANA_ACCESS_TOKEN
Asana  newer token  2/{dig:16}/{dig:16}:{hex:32}  ASANA_ACCESS_TOKEN
Asana  client secret  {hex:32}  ASANA_CLIENT_SECRET
Trello  api key  {hex:32}  TRELLO_API_KEY, TRELLO_KEY
Trello  token  ATTA{hex:64}{HEX:8}  TRELLO_TOKEN
Monday  api token  eyJhbGciOiJIUzI1NiJ9.eyJ0aWQiO{url:140}.{url:43}  MONDAY_API_TOKEN
ClickUp  personal token  pk_{dig:8}_{UD:32}  CLICKUP_TOKEN
Todoist  api token  {hex:40}  TODOIST_API_TOKEN, TODOIST_TOKEN
Basecamp  client secret  {hex:40}  BASECAMP_CLIENT_SECRET
Wrike  permanent token  eyJ0dCI6InAiLCJhbGciOiJIUzI1NiIsInR2IjoiMSJ9.{url:120}.{url:43}  WRIKE_TOKEN
HubSpot  private app token  pat-{na1/eu1}-{uuid}  HUBSPOT_ACCESS_TOKEN
HubSpot  api key  {uuid}  HUBSPOT_API_KEY, HUBSPOT_HAPIKEY
Salesforce  access token  00D{an:12}!AQ{word:90}  SALESFORCE_ACCESS_TOKEN
Salesforce  client secret  {HEX:64}  SALESFORCE_CLIENT_SECRET
Salesforce  refresh token  5Aep861{word:77}  SALESFORCE_REFRESH_TOKEN
Zendesk  api token  {an:40}  ZENDESK_API_TOKEN, ZENDESK_TOKEN
Freshdesk  api key  {an:20}  FRESHDESK_API_KEY
Freshservice  api key  {an:20}  FRESHSERVICE_API_KEY
Help Scout  api secret  {an:32}  HELPSCOUT_API_SECRET
Pipedrive  api token  {hex:40}  PIPEDRIVE_API_TOKEN
Zoho  client secret  {hex:42}  ZOHO_CLIENT_SECRET
Zoho  refresh token  1000.{hex:32}.{hex:32}  ZOHO_REFRESH_TOKEN
Segment  write key  {an:32}  SEGMENT_WRITE_KEY
Segment  public api token  sgp_{an:64}  SEGMENT_API_TOKEN
Mixpanel  api secret  {hex:32}  MIXPANEL_API_SECRET, MIXPANEL_SECRET
Amplitude  api key  {hex:32}  AMPLITUDE_API_KEY
PostHog  project key  phc_{an:43}  POSTHOG_API_KEY
PostHog  personal key  phx_{an:43}  POSTHOG_PERSONAL_API_KEY
Heap  api key  {hex:32}  HEAP_API_KEY
FullStory  api key  na1.{b64:60}  FULLSTORY_API_KEY, bare
Algolia  admin api key  {hex:32}  ALGOLIA_ADMIN_KEY, ALGOLIA_API_KEY
Typesense  api key  {an:32}  TYPESENSE_API_KEY
Meilisearch  master key  {url:43}  MEILISEARCH_MASTER_KEY, MEILI_MASTER_KEY
Elastic  api key  {an:58}==  ELASTIC_API_KEY, ELASTICSEARCH_API_KEY
Contentful  delivery token  {url:43}  CONTENTFUL_ACCESS_TOKEN, CONTENTFUL_DELIVERY_TOKEN
Contentful  management token  CFPAT-{url:43}  CONTENTFUL_MANAGEMENT_TOKEN
Sanity  token  sk{an:178}  SANITY_TOKEN, SANITY_API_TOKEN
Storyblok  management token  {an:22}tt-{dig:5}-{url:20}  STORYBLOK_TOKEN
Prismic  access token  {url:60}  PRISMIC_ACCESS_TOKEN
DatoCMS  api token  {hex:30}  DATOCMS_API_TOKEN
Strapi  api token  {hex:256}  STRAPI_API_TOKEN
Ghost  admin api key  {hex:24}:{hex:64}  GHOST_ADMIN_API_KEY
WordPress  auth key  {pw:64}  WORDPRESS_AUTH_KEY, AUTH_KEY_SECRET
Webflow  api token  {hex:64}  WEBFLOW_API_TOKEN
Typeform  personal token  tfp_{url:44}_{url:14}  TYPEFORM_TOKEN
JotForm  api key  {hex:32}  JOTFORM_API_KEY
SurveyMonkey  access token  {url:80}  SURVEYMONKEY_ACCESS_TOKEN
Calendly  token  eyJraWQiOiI{url:300}.{url:86}  CALENDLY_TOKEN
Dropbox  access token  sl.B{url:134}  DROPBOX_ACCESS_TOKEN
Dropbox  app secret  {ld:15}  DROPBOX_APP_SECRET
Box  client secret  {an:32}  BOX_CLIENT_SECRET
Mapbox  secret token  sk.eyJ1Ijoi{an:60}.{url:22}  MAPBOX_ACCESS_TOKEN
Mapbox  public token  pk.eyJ1Ijoi{an:60}.{url:22}  MAPBOX_TOKEN
HERE  api key  {url:43}  HERE_API_KEY, HERE_MAPS_API_KEY
TomTom  api key  {an:32}  TOMTOM_API_KEY
OpenWeather  api key  {hex:32}  OPENWEATHER_API_KEY, OPENWEATHERMAP_API_KEY
WeatherAPI  key  {hex:30}  WEATHERAPI_KEY
Cloudinary  api secret  {url:27}  CLOUDINARY_API_SECRET
Cloudinary  url  cloudinary://{dig:15}:{url:27}@{low:8}  CLOUDINARY_URL
Imgur  client secret  {hex:40}  IMGUR_CLIENT_SECRET
Unsplash  access key  {url:43}  UNSPLASH_ACCESS_KEY
Pexels  api key  {an:56}  PEXELS_API_KEY
Giphy  api key  {an:32}  GIPHY_API_KEY
RapidAPI  key  {hex:10}msh{hex:15}p1{hex:6}jsn{hex:12}  RAPIDAPI_KEY, X-RapidAPI-Key
VirusTotal  api key  {hex:64}  VIRUSTOTAL_API_KEY, VT_API_KEY_VIRUSTOTAL
Shodan  api key  {an:32}  SHODAN_API_KEY
AbuseIPDB  api key  {hex:80}  ABUSEIPDB_API_KEY
URLScan  api key  {uuid}  URLSCAN_API_KEY
SecurityTrails  api key  {an:32}  SECURITYTRAILS_API_KEY
Censys  api secret  {an:32}  CENSYS_API_SECRET
GreyNoise  api key  {an:64}  GREYNOISE_API_KEY
Hunter  api key  {hex:40}  HUNTER_API_KEY
Clearbit  secret key  sk_{hex:32}  CLEARBIT_SECRET_KEY
FullContact  api key  {an:32}  FULLCONTACT_API_KEY
ipstack  access key  {hex:32}  IPSTACK_ACCESS_KEY
ipinfo  token  {hex:14}  IPINFO_TOKEN
Abstract  api key  {hex:32}  ABSTRACT_API_KEY
NewsAPI  key  {hex:32}  NEWSAPI_KEY, NEWS_API_KEY
TMDB  api key  {hex:32}  TMDB_API_KEY
OMDb  api key  {hex:8}  OMDB_API_KEY
Last.fm  api key  {hex:32}  LASTFM_API_KEY
Strava  client secret  {hex:40}  STRAVA_CLIENT_SECRET
Fitbit  client secret  {hex:32}  FITBIT_CLIENT_SECRET
Oura  access token  {b32:32}  OURA_ACCESS_TOKEN
Riot  api key  RGAPI-{uuid}  RIOT_API_KEY
Steam  api key  {HEX:32}  STEAM_API_KEY
Unity  api key  {hex:32}  UNITY_API_KEY
Bitly  access token  {hex:40}  BITLY_ACCESS_TOKEN, BITLY_TOKEN
Rebrandly  api key  {hex:32}  REBRANDLY_API_KEY
TinyURL  api token  {an:60}  TINYURL_API_TOKEN
DocuSign  secret key  {uuid}  DOCUSIGN_SECRET_KEY
PandaDoc  api key  {hex:40}  PANDADOC_API_KEY
HelloSign  api key  {hex:64}  HELLOSIGN_API_KEY
Frame.io  token  fio-u-{url:64}  FRAMEIO_TOKEN
Vimeo  access token  {hex:32}  VIMEO_ACCESS_TOKEN
Mux  token secret  {b64:75}  MUX_TOKEN_SECRET
Wistia  api token  {hex:64}  WISTIA_API_TOKEN
Cloudconvert  api key  eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJ{url:150}.{url:342}  CLOUDCONVERT_API_KEY
DeepL  auth key  {uuid}:fx  DEEPL_AUTH_KEY, DEEPL_API_KEY
DeepL  pro auth key  {uuid}  DEEPL_AUTH_KEY
Wolfram  app id  {UD:6}-{UD:10}  WOLFRAM_APP_ID, WOLFRAM_ALPHA_APPID
Dialogflow  client token  {hex:32}  DIALOGFLOW_CLIENT_ACCESS_TOKEN
Wit.ai  server token  {UD:32}  WIT_AI_TOKEN, WITAI_SERVER_TOKEN
Rev  api token  02{url:50}  REVAI_ACCESS_TOKEN, REV_AI_TOKEN
Speechmatics  api key  {an:32}  SPEECHMATICS_API_KEY
Snowflake  programmatic token  eyJraWQiOi{url:160}.eyJ{url:120}.{url:342}  SNOWFLAKE_TOKEN
Fivetran  api secret  {an:32}  FIVETRAN_API_SECRET
Airbyte  client secret  {an:32}  AIRBYTE_CLIENT_SECRET
dbt  cloud token  dbtc_{url:43}  DBT_CLOUD_TOKEN
dbt  service token  dbts_{url:43}  DBT_CLOUD_API_KEY
Looker  client secret  {an:24}  LOOKER_CLIENT_SECRET, LOOKERSDK_CLIENT_SECRET
Tableau  personal access token  {b64:22}==:{an:32}  TABLEAU_TOKEN, TABLEAU_PAT_SECRET
Metabase  api key  mb_{b64:43}=  METABASE_API_KEY
Mode  api secret  {hex:48}  MODE_API_SECRET
Hightouch  api key  {uuid}  HIGHTOUCH_API_KEY
Okteto  token  {an:40}  OKTETO_TOKEN
CrowdStrike  client secret  {an:40}  CROWDSTRIKE_CLIENT_SECRET, FALCON_CLIENT_SECRET
SentinelOne  api token  {an:80}  SENTINELONE_API_TOKEN
Tenable  secret key  {hex:64}  TENABLE_SECRET_KEY
Qualys  api token  {hex:64}  QUALYS_API_TOKEN
Rapid7  api key  {uuid}  RAPID7_API_KEY, INSIGHT_API_KEY_RAPID7
Lacework  secret key  _{hex:32}  LACEWORK_API_SECRET
Wiz  client secret  {an:64}  WIZ_CLIENT_SECRET
Zscaler  api key  {an:12}  ZSCALER_API_KEY, ZIA_API_KEY_ZSCALER
Confluent  api secret  {b64:64}  CONFLUENT_API_SECRET, CONFLUENT_CLOUD_API_SECRET
Confluent  access token  {an:16}  CONFLUENT_API_KEY, CONFLUENT_ACCESS_TOKEN
Upstash  rest token  AX{b64:50}=  UPSTASH_REDIS_REST_TOKEN
Supabase  service key  sbp_{hex:40}  SUPABASE_ACCESS_TOKEN
Supabase  secret key  sb_secret_{url:22}_{url:8}  SUPABASE_SECRET_KEY
Supabase  service role key  eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZSIsInJlZiI6{url:120}.{url:43}  SUPABASE_SERVICE_ROLE_KEY
Neon  api key  napi_{ld:64}  NEON_API_KEY
PlanetScale  password  pscale_pw_{url:43}  DATABASE_PASSWORD, PLANETSCALE_PASSWORD
PlanetScale  token  pscale_tkn_{url:43}  PLANETSCALE_SERVICE_TOKEN
PlanetScale  oauth token  pscale_oauth_{url:43}  PLANETSCALE_TOKEN
Turso  api token  eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJ{url:100}.{url:86}  TURSO_AUTH_TOKEN
Aiven  api token  {b64:172}  AIVEN_TOKEN, AIVEN_API_TOKEN
CockroachDB  cloud api key  CCDB1_{an:22}_{an:40}  COCKROACH_API_KEY
Fauna  secret  fnAE{url:36}  FAUNA_SECRET, FAUNADB_SECRET
Hasura  admin secret  {an:64}  HASURA_GRAPHQL_ADMIN_SECRET
Apollo  graph key  service:shop:{url:22}  APOLLO_KEY
Convex  deploy key  prod:happy-otter-{dig:3}|eyJ2MiI6I{b64:60}  CONVEX_DEPLOY_KEY
Liveblocks  secret key  sk_prod_{url:64}  LIVEBLOCKS_SECRET_KEY
Ably Control  token  {url:64}  ABLY_CONTROL_TOKEN
Stream  api secret  {ld:64}  STREAM_API_SECRET, GETSTREAM_API_SECRET
Agora  app certificate  {hex:32}  AGORA_APP_CERTIFICATE
Daily  api key  {hex:64}  DAILY_API_KEY
Vapid  private key  {url:43}  VAPID_PRIVATE_KEY
Optimizely  access token  2:{url:86}  OPTIMIZELY_ACCESS_TOKEN
Split  sdk key  {ld:36}  SPLIT_SDK_KEY, SPLIT_API_KEY
Flagsmith  server key  ser.{an:22}  FLAGSMITH_ENVIRONMENT_KEY
ConfigCat  sdk key  {url:22}/{url:22}  CONFIGCAT_SDK_KEY
Statsig  secret key  secret-{an:43}  STATSIG_SECRET_KEY
Unleash  api token  default:production.{hex:56}  UNLEASH_API_TOKEN
Beamer  api key  b_{b64:44}  BEAMER_API_KEY
Lokalise  api token  {hex:40}  LOKALISE_API_TOKEN
Crowdin  personal token  {hex:80}  CROWDIN_PERSONAL_TOKEN
Phrase  access token  {hex:64}  PHRASE_ACCESS_TOKEN
Transifex  api token  1/{hex:40}  TRANSIFEX_TOKEN, TX_TOKEN_TRANSIFEX
Scrapinghub  api key  {hex:32}  SCRAPINGHUB_API_KEY
ScraperAPI  key  {hex:32}  SCRAPERAPI_KEY, SCRAPER_API_KEY
ScrapingBee  api key  {UD:80}  SCRAPINGBEE_API_KEY
Apify  token  apify_api_{an:36}  APIFY_TOKEN
Browserless  token  {uuid}  BROWSERLESS_TOKEN
Bright Data  api token  {hex:64}  BRIGHTDATA_API_TOKEN
Nylas  api key  nyk_v0_{an:64}  NYLAS_API_KEY
Lever  api key  {b64:64}  LEVER_API_KEY
Greenhouse  api key  {hex:40}-1  GREENHOUSE_API_KEY, bare
Workable  access token  {hex:64}  WORKABLE_ACCESS_TOKEN
BambooHR  api key  {hex:40}  BAMBOOHR_API_KEY
Gusto  client secret  {url:43}  GUSTO_CLIENT_SECRET
Rippling  api key  {an:60}  RIPPLING_API_KEY
Toggl  api token  {hex:32}  TOGGL_API_TOKEN
Harvest  access token  {dig:7}.pt.{url:84}  HARVEST_ACCESS_TOKEN
Clockify  api key  {an:48}  CLOCKIFY_API_KEY
Coda  api token  {uuid}  CODA_API_TOKEN
Smartsheet  access token  {an:37}  SMARTSHEET_ACCESS_TOKEN
Miro  access token  eyJtaXJvLm9yaWdpbiI6ImV1MDEifQ_{url:27}  MIRO_ACCESS_TOKEN
Lucid  api key  key-{hex:60}  LUCID_API_KEY
Eventbrite  private token  {UD:20}  EVENTBRITE_PRIVATE_TOKEN, EVENTBRITE_TOKEN
Meetup  client secret  {ld:26}  MEETUP_CLIENT_SECRET
Ticketmaster  consumer key  {an:32}  TICKETMASTER_CONSUMER_KEY
Yelp  api key  {url:128}  YELP_API_KEY
Foursquare  api key  fsq3{b64:44}=  FOURSQUARE_API_KEY
Amadeus  api secret  {an:16}  AMADEUS_API_SECRET
Uber  client secret  {url:40}  UBER_CLIENT_SECRET
Lyft  client secret  {url:32}  LYFT_CLIENT_SECRET
Samsara  api token  samsara_api_{an:30}  SAMSARA_API_TOKEN
Particle  access token  {hex:40}  PARTICLE_ACCESS_TOKEN
Blynk  auth token  {url:32}  BLYNK_AUTH_TOKEN
Adafruit  io key  aio_{an:28}  ADAFRUIT_IO_KEY
ThingSpeak  write key  {UD:16}  THINGSPEAK_WRITE_KEY, THINGSPEAK_API_KEY
Losant  access token  eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{url:120}.{url:43}  LOSANT_ACCESS_TOKEN
Home Assistant  token  eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{url:100}.{url:43}  HASS_TOKEN
Nextcloud  app password  {an:5}-{an:5}-{an:5}-{an:5}-{an:5}  NEXTCLOUD_APP_PASSWORD
Plex  token  {an:20}  PLEX_TOKEN
Readwise  token  {an:50}  READWISE_TOKEN
Sourcery  token  user_{hex:64}  SOURCERY_TOKEN, bare
Tines  api key  {url:20}  TINES_API_KEY
n8n  api key  n8n_api_{hex:80}  N8N_API_KEY
""",
)
