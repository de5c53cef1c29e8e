"""Payments, banking, shops, accounting, exchanges."""

from __future__ import annotations

import base64
import random

from tests.data.guard.secrets.table import read_table
from tests.data.guard.shapes import draw


def midtrans(rng: random.Random) -> str:
    """Make a Midtrans server key."""
    return f"Mid-server-{draw(rng, 'url', 24)}"


def coinbase_pem(rng: random.Random) -> str:
    """Make the EC key of a Coinbase developer, line ends escaped as its JSON has them."""
    body = base64.b64encode(rng.randbytes(121)).decode()
    lines = "\\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN EC PRIVATE KEY-----\\n{lines}\\n-----END EC PRIVATE KEY-----\\n"


MAKERS = {"midtrans": midtrans, "coinbase": coinbase_pem}

TYPES = read_table(
    "payments",
    """
Stripe  live secret key  sk_live_{an:24}  STRIPE_SECRET_KEY, STRIPE_API_KEY
Stripe  long live secret key  sk_live_51{an:97}  STRIPE_SECRET_KEY
Stripe  test secret key  sk_test_{an:24}  STRIPE_SECRET_KEY
Stripe  restricted key  rk_live_51{an:97}  STRIPE_RESTRICTED_KEY
Stripe  webhook secret  whsec_{an:32}  STRIPE_WEBHOOK_SECRET
Square  access token  EAAA{url:60}  SQUARE_ACCESS_TOKEN
Square  application secret  sq0csp-{url:43}  SQUARE_APPLICATION_SECRET
Square  old access token  sq0atp-{url:22}  SQUARE_ACCESS_TOKEN
PayPal  client secret  E{url:79}  PAYPAL_CLIENT_SECRET, PAYPAL_SECRET
PayPal  braintree access token  access_token$production${ld:16}${hex:32}  BRAINTREE_ACCESS_TOKEN
Braintree  private key  {hex:32}  BRAINTREE_PRIVATE_KEY
Adyen  api key  AQE{url:100}-{b64:43}=-{pw:16}  ADYEN_API_KEY, bare
Adyen  hmac key  {HEX:64}  ADYEN_HMAC_KEY
Plaid  secret  {hex:30}  PLAID_SECRET
Plaid  access token  access-{sandbox/production}-{uuid}  PLAID_ACCESS_TOKEN
Plaid  client id  {hex:24}  PLAID_CLIENT_ID
Shopify  access token  shpat_{hex:32}  SHOPIFY_ACCESS_TOKEN
Shopify  custom app token  shpca_{hex:32}  SHOPIFY_TOKEN
Shopify  private app password  shppa_{hex:32}  SHOPIFY_PASSWORD
Shopify  shared secret  shpss_{hex:32}  SHOPIFY_API_SECRET
Razorpay  key id  rzp_live_{an:14}  RAZORPAY_KEY_ID
Razorpay  key secret  {an:24}  RAZORPAY_KEY_SECRET
Paystack  secret key  sk_{live/test}_{hex:40}  PAYSTACK_SECRET_KEY
Flutterwave  secret key  FLWSECK-{hex:32}-X  FLUTTERWAVE_SECRET_KEY
Flutterwave  test key  FLWSECK_TEST-{hex:32}-X  FLW_SECRET_KEY
Mollie  api key  live_{an:30}  MOLLIE_API_KEY
GoCardless  access token  live_{url:40}  GOCARDLESS_ACCESS_TOKEN
Klarna  api password  {an:16}  KLARNA_API_PASSWORD
Checkout  secret key  sk_{ld32:26}x*h  CHECKOUT_SECRET_KEY, bare
Mercado Pago  access token  APP_USR-{dig:16}-{dig:6}-{hex:32}-{dig:9}  MERCADOPAGO_ACCESS_TOKEN
PagSeguro  token  {hex:32}  PAGSEGURO_TOKEN
Midtrans  server key  {=midtrans}  MIDTRANS_SERVER_KEY
Xendit  secret key  xnd_production_{an:62}  XENDIT_SECRET_KEY
Omise  secret key  skey_{ld:19}  OMISE_SECRET_KEY
PayMongo  secret key  sk_live_{an:24}  PAYMONGO_SECRET_KEY
Iyzico  secret key  {an:32}  IYZICO_SECRET_KEY
Wise  api token  {uuid}  WISE_API_TOKEN
Revolut  merchant secret  sk_{url:64}  REVOLUT_SECRET_KEY, bare
Recurly  api key  {hex:32}  RECURLY_API_KEY
Chargebee  api key  live_{an:32}  CHARGEBEE_API_KEY
Paddle  api key  pdl_live_apikey_01{ld:24}_{an:22}_{an:3}  PADDLE_API_KEY
Paddle  vendor auth code  {hex:50}  PADDLE_AUTH_CODE
Lemon Squeezy  signing secret  {an:40}  LEMONSQUEEZY_SIGNING_SECRET
Gumroad  access token  {url:43}  GUMROAD_ACCESS_TOKEN
Duffel  access token  duffel_live_{url:43}  DUFFEL_ACCESS_TOKEN
EasyPost  api key  EZAK{an:54}  EASYPOST_API_KEY
EasyPost  test key  EZTK{an:54}  EASYPOST_TEST_KEY
Shippo  live token  shippo_live_{hex:40}  SHIPPO_TOKEN
ShipStation  api secret  {hex:32}  SHIPSTATION_API_SECRET
Bitpanda  api key  {hex:128}  BITPANDA_API_KEY
Coinbase  api secret  {=coinbase}  COINBASE_API_SECRET
Coinbase  old secret  {an:32}  COINBASE_SECRET
Binance  api key  {an:64}  BINANCE_API_KEY
Binance  secret key  {an:64}  BINANCE_SECRET_KEY, binance_api_secret
Kraken  private key  {b64:86}==  KRAKEN_PRIVATE_KEY, KRAKEN_API_SECRET
Bybit  api secret  {an:36}  BYBIT_API_SECRET
KuCoin  api secret  {uuid}  KUCOIN_API_SECRET
Bitfinex  api secret  {url:43}  BITFINEX_API_SECRET
Bittrex  secret key  {hex:32}  BITTREX_SECRET_KEY
Gemini  api secret  {an:28}  GEMINI_API_SECRET
CoinMarketCap  api key  {uuid}  COINMARKETCAP_API_KEY
CoinGecko  api key  CG-{an:24}  COINGECKO_API_KEY
Etherscan  api key  {UD:34}  ETHERSCAN_API_KEY
Infura  project secret  {hex:32}  INFURA_PROJECT_SECRET, INFURA_API_KEY
Alchemy  api key  {url:32}  ALCHEMY_API_KEY
QuickNode  token  {hex:40}  QUICKNODE_TOKEN
Moralis  api key  {an:64}  MORALIS_API_KEY
Finnhub  token  {ld:20}  FINNHUB_TOKEN, FINNHUB_API_KEY
Alpha Vantage  api key  {UD:16}  ALPHAVANTAGE_API_KEY
Polygon  api key  {word:32}  POLYGON_API_KEY
Tradier  access token  {an:28}  TRADIER_TOKEN
Alpaca  secret key  {an:40}  ALPACA_SECRET_KEY
Quandl  api key  {word:20}  QUANDL_API_KEY
IEX Cloud  secret token  sk_{hex:32}  IEX_TOKEN
Xero  client secret  {url:48}  XERO_CLIENT_SECRET
QuickBooks  client secret  {an:40}  QUICKBOOKS_CLIENT_SECRET
FreshBooks  access token  {hex:64}  FRESHBOOKS_TOKEN
Dwolla  secret  {an:50}  DWOLLA_SECRET
Marqeta  admin token  {uuid}  MARQETA_ADMIN_TOKEN
Lob  api key  live_{hex:35}  LOB_API_KEY
Taxjar  api token  {hex:32}  TAXJAR_API_TOKEN
Avalara  licence key  {HEX:16}  AVALARA_LICENSE_KEY, AVATAX_LICENSE_KEY
FlutterFlow  api token  {uuid}  FLUTTERFLOW_API_TOKEN
BigCommerce  access token  {ld:31}  BIGCOMMERCE_ACCESS_TOKEN
WooCommerce  consumer secret  cs_{hex:40}  WOOCOMMERCE_CONSUMER_SECRET
WooCommerce  consumer key  ck_{hex:40}  WOOCOMMERCE_CONSUMER_KEY
Magento  access token  {ld:32}  MAGENTO_ACCESS_TOKEN
Amazon  selling partner refresh token  Atzr|{url:200}  AMAZON_REFRESH_TOKEN
Etsy  keystring  {ld:24}  ETSY_API_KEY
eBay  client secret  PRD-{hex:12}-{hex:4}-{hex:4}-{hex:4}-{hex:4}  EBAY_CLIENT_SECRET
Printful  token  {an:40}  PRINTFUL_TOKEN
""",
    MAKERS,
)
