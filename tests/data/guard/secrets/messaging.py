# ruff: noqa: E501 - a table has a line a type
"""Messaging, mail, telephony, social networks; keys and webhook addresses."""

from __future__ import annotations

import base64
import random

from tests.data.guard.secrets.table import read_table
from tests.data.guard.shapes import draw


def discord_bot(rng: random.Random) -> str:
    """Make a Discord bot's token: its id in base64, a time, a signature."""
    owner = base64.b64encode(draw(rng, "nz", 1).encode() + draw(rng, "dig", 17).encode()).decode().rstrip("=")
    return f"{owner}.G{draw(rng, 'url', 5)}.{draw(rng, 'url', 38)}"


def telegram_bot(rng: random.Random) -> str:
    """Make a Telegram bot's token: its id, a colon, 35 characters that begin with `AA`."""
    return f"{draw(rng, 'nz', 1)}{draw(rng, 'dig', 9)}:AA{draw(rng, 'url', 33)}"


MAKERS = {"discord": discord_bot, "telegram": telegram_bot}

TYPES = read_table(
    "messaging",
    """
Slack  bot token  xoxb-{dig:12}-{dig:13}-{an:24}  SLACK_BOT_TOKEN, SLACK_TOKEN
Slack  user token  xoxp-{dig:12}-{dig:12}-{dig:13}-{hex:32}  SLACK_USER_TOKEN
Slack  app token  xapp-1-A{UD:10}-{dig:13}-{hex:64}  SLACK_APP_TOKEN
Slack  configuration token  xoxe.xoxp-1-{an:163}  SLACK_CONFIG_TOKEN
Slack  refresh token  xoxe-1-{an:146}  SLACK_REFRESH_TOKEN
Slack  legacy token  xoxs-{dig:10}-{dig:10}-{dig:10}-{hex:10}  SLACK_TOKEN
Slack  cookie token  xoxc-{dig:12}-{dig:12}-{dig:13}-{hex:64}  SLACK_TOKEN
Slack  webhook  https://hooks.slack.com/services/T{UD:10}/B{UD:10}/{an:24}  SLACK_WEBHOOK_URL, webhook
Slack  workflow webhook  https://hooks.slack.com/workflows/T{UD:10}/A{UD:10}/{dig:18}/{an:24}  SLACK_WORKFLOW_URL
Slack  signing secret  {hex:32}  SLACK_SIGNING_SECRET
Slack  client secret  {hex:32}  SLACK_CLIENT_SECRET
Microsoft  teams webhook  https://contoso{low:4}.webhook.office.com/webhookb2/{uuid}@{uuid}/IncomingWebhook/{hex:32}/{uuid}  TEAMS_WEBHOOK_URL, webhook
Discord  bot token  {=discord}  DISCORD_TOKEN, DISCORD_BOT_TOKEN
Discord  webhook  https://discord.com/api/webhooks/{dig:19}/{url:68}  DISCORD_WEBHOOK_URL, webhook
Discord  old webhook  https://discordapp.com/api/webhooks/{dig:18}/{url:68}  DISCORD_WEBHOOK_URL, webhook
Discord  client secret  {url:32}  DISCORD_CLIENT_SECRET
Telegram  bot token  {=telegram}  TELEGRAM_BOT_TOKEN, TELEGRAM_TOKEN
Telegram  api hash  {hex:32}  TELEGRAM_API_HASH
Google  chat webhook  https://chat.googleapis.com/v1/spaces/{url:11}/messages?key=AIza{url:35}&token={url:43}%3D  GOOGLE_CHAT_WEBHOOK
Mattermost  access token  {ld:26}  MATTERMOST_TOKEN, MATTERMOST_ACCESS_TOKEN
Rocket.Chat  auth token  {url:43}  ROCKETCHAT_AUTH_TOKEN
Zulip  api key  {an:32}  ZULIP_API_KEY
Matrix  access token  syt_{an:12}_{an:20}_{an:6}  MATRIX_ACCESS_TOKEN
Webex  bot token  {an:64}_{hex:4}_{uuid}  WEBEX_ACCESS_TOKEN
Zoom  client secret  {an:32}  ZOOM_CLIENT_SECRET
Zoom  webhook secret token  {url:22}  ZOOM_WEBHOOK_SECRET_TOKEN
Twilio  account sid  AC{hex:32}  TWILIO_ACCOUNT_SID
Twilio  auth token  {hex:32}  TWILIO_AUTH_TOKEN
Twilio  api key  SK{hex:32}  TWILIO_API_KEY
Twilio  api secret  {an:32}  TWILIO_API_SECRET, twilio_api_key_secret
SendGrid  api key  SG.{url:22}.{url:43}  SENDGRID_API_KEY
Mailgun  api key  key-{hex:32}  MAILGUN_API_KEY
Mailgun  newer key  {hex:32}-{hex:8}-{hex:8}  MAILGUN_API_KEY
Mailgun  signing key  {hex:32}-{hex:8}-{hex:8}  MAILGUN_SIGNING_KEY
Mailchimp  api key  {hex:32}-us{nz:2}  MAILCHIMP_API_KEY
Mandrill  api key  md-{url:22}  MANDRILL_API_KEY
Brevo  api key  xkeysib-{hex:64}-{an:16}  BREVO_API_KEY, SENDINBLUE_API_KEY
Brevo  smtp key  xsmtpsib-{hex:64}-{an:16}  BREVO_SMTP_KEY
Postmark  server token  {uuid}  POSTMARK_SERVER_TOKEN, POSTMARK_API_TOKEN
SparkPost  api key  {hex:40}  SPARKPOST_API_KEY
Mailjet  secret key  {hex:32}  MAILJET_SECRET_KEY
Resend  api key  re_{an:8}_{an:24}  RESEND_API_KEY
MailerSend  api token  mlsn.{hex:64}  MAILERSEND_API_KEY
MailerLite  api key  {hex:32}  MAILERLITE_API_KEY
Mailtrap  api token  {hex:32}  MAILTRAP_API_TOKEN
Loops  api key  {hex:32}  LOOPS_API_KEY
Customer.io  app api key  {hex:32}  CUSTOMERIO_APP_API_KEY
Klaviyo  private key  pk_{hex:34}  KLAVIYO_API_KEY, KLAVIYO_PRIVATE_KEY
Iterable  api key  {hex:32}  ITERABLE_API_KEY
Braze  api key  {uuid}  BRAZE_API_KEY
OneSignal  rest api key  os_v2_app_{ld32:103}  ONESIGNAL_REST_API_KEY
OneSignal  old rest key  {an:48}  ONESIGNAL_REST_API_KEY
Pushover  app token  a{ld:29}  PUSHOVER_TOKEN, PUSHOVER_APP_TOKEN
Pushbullet  access token  o.{an:32}  PUSHBULLET_TOKEN
Pusher  app secret  {hex:20}  PUSHER_APP_SECRET, PUSHER_SECRET
Ably  api key  {url:6}.{url:6}:{url:43}  ABLY_API_KEY
PubNub  secret key  sec-c-{b64:48}  PUBNUB_SECRET_KEY
PubNub  subscribe key  sub-c-{uuid}  PUBNUB_SUBSCRIBE_KEY
PubNub  publish key  pub-c-{uuid}  PUBNUB_PUBLISH_KEY
Vonage  api secret  {an:16}  VONAGE_API_SECRET, NEXMO_API_SECRET
Plivo  auth token  {an:40}  PLIVO_AUTH_TOKEN
Plivo  auth id  MA{UD:18}  PLIVO_AUTH_ID
MessageBird  access key  {an:25}  MESSAGEBIRD_ACCESS_KEY
Sinch  api secret  {url:34}  SINCH_API_SECRET
Telnyx  api key  KEY0{HEX:31}_{an:22}  TELNYX_API_KEY
Bandwidth  api secret  {hex:40}  BANDWIDTH_API_SECRET
Infobip  api key  {hex:32}-{uuid}  INFOBIP_API_KEY
ClickSend  api key  {HEX:8}-{HEX:4}-{HEX:4}-{HEX:4}-{HEX:12}  CLICKSEND_API_KEY
RingCentral  client secret  {url:36}  RINGCENTRAL_CLIENT_SECRET
Intercom  access token  dG9rO{an:54}=  INTERCOM_ACCESS_TOKEN
Crisp  api key  {hex:64}  CRISP_KEY, CRISP_API_KEY
Drift  access token  {an:32}  DRIFT_ACCESS_TOKEN
Front  api token  eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{url:100}.{url:43}  FRONT_API_TOKEN
Twitter  api secret  {an:50}  TWITTER_API_SECRET, twitter_consumer_secret
Twitter  bearer token  AAAAAAAAAAAAAAAAAAAAA{an:80}%3D{an:40}  TWITTER_BEARER_TOKEN, bare
Twitter  access token  {dig:19}-{an:40}  TWITTER_ACCESS_TOKEN
Twitter  access token secret  {an:45}  TWITTER_ACCESS_TOKEN_SECRET
Facebook  access token  EAA{an:160}  FACEBOOK_ACCESS_TOKEN, fb_access_token
Facebook  app secret  {hex:32}  FACEBOOK_APP_SECRET, FB_APP_SECRET
Facebook  app token  {dig:15}|{url:27}  FACEBOOK_APP_TOKEN, bare
Instagram  access token  IGQ{url:150}  INSTAGRAM_ACCESS_TOKEN
LinkedIn  client secret  WPL_AP1.{an:16}.{b64:6}==  LINKEDIN_CLIENT_SECRET
LinkedIn  old client secret  {an:16}  LINKEDIN_CLIENT_SECRET
Reddit  client secret  {url:27}  REDDIT_CLIENT_SECRET
Pinterest  access token  pina_{UD:80}  PINTEREST_ACCESS_TOKEN
TikTok  client secret  {an:32}  TIKTOK_CLIENT_SECRET
Snapchat  client secret  {hex:20}  SNAPCHAT_CLIENT_SECRET
Twitch  client secret  {ld:30}  TWITCH_CLIENT_SECRET
Twitch  oauth token  oauth:{ld:30}  TWITCH_OAUTH_TOKEN
YouTube  api key  AIza{url:35}  YOUTUBE_API_KEY
Spotify  client secret  {hex:32}  SPOTIFY_CLIENT_SECRET
LINE  channel access token  {b64:171}=  LINE_CHANNEL_ACCESS_TOKEN
LINE  channel secret  {hex:32}  LINE_CHANNEL_SECRET
Viber  auth token  {hex:16}-{hex:16}-{hex:16}  VIBER_AUTH_TOKEN
WhatsApp  access token  EAA{an:180}  WHATSAPP_TOKEN, WHATSAPP_ACCESS_TOKEN
DingTalk  webhook  https://oapi.dingtalk.com/robot/send?access_token={hex:64}  DINGTALK_WEBHOOK
DingTalk  robot secret  SEC{hex:64}  DINGTALK_SECRET
Feishu  webhook  https://open.feishu.cn/open-apis/bot/v2/hook/{uuid}  FEISHU_WEBHOOK
WeCom  webhook  https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={uuid}  WECOM_WEBHOOK
WeChat  app secret  {hex:32}  WECHAT_APP_SECRET
KakaoTalk  rest api key  {hex:32}  KAKAO_REST_API_KEY
VK  access token  vk1.a.{url:200}  VK_ACCESS_TOKEN
Mastodon  access token  {url:43}  MASTODON_ACCESS_TOKEN
Bluesky  app password  {ld:4}-{ld:4}-{ld:4}-{ld:4}  BLUESKY_APP_PASSWORD, BSKY_PASSWORD
Zapier  webhook  https://hooks.zapier.com/hooks/catch/{dig:8}/{ld:7}/  ZAPIER_WEBHOOK
IFTTT  webhook  https://maker.ifttt.com/trigger/alarm/with/key/{url:22}  IFTTT_WEBHOOK
Make  webhook  https://hook.eu1.make.com/{ld:32}  MAKE_WEBHOOK
""",
    MAKERS,
)
