"""Clouds, hosting, networks and model providers."""

from __future__ import annotations

import base64
import random

from tests.data.guard.secrets.table import read_table
from tests.data.guard.shapes import draw


def azure_storage_key(rng: random.Random) -> str:
    """Make the key of a storage account: 64 bytes in base64."""
    return base64.b64encode(rng.randbytes(64)).decode()


def azure_sas(rng: random.Random) -> str:
    """Make the signature of a shared access signature: 32 bytes in base64, percent-encoded."""
    signature = base64.b64encode(rng.randbytes(32)).decode()
    return signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


def azure_identity_key(rng: random.Random) -> str:
    """Make a key of the newer Azure form: 76 base64 characters, `JQQJ99`, then the rest up to 84."""
    return draw(rng, "an", 52) + "JQQJ99" + draw(rng, "an", 2) + "AC" + draw(rng, "an", 4) + draw(rng, "an", 18)


def gcp_account(rng: random.Random) -> str:
    """Make the private key of a Google service account as it stands in its JSON file, line ends escaped."""
    body = base64.b64encode(rng.randbytes(1190)).decode()
    lines = "\\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN PRIVATE KEY-----\\n{lines}\\n-----END PRIVATE KEY-----\\n"


def bedrock(rng: random.Random) -> str:
    """Make a long-lived Bedrock key: `ABSK` and base64 of a user name and a secret."""
    return (
        "ABSK"
        + base64.b64encode(
            f"BedrockAPIKey-{draw(rng, 'ld', 4)}-at-{draw(rng, 'dig', 12)}:".encode() + rng.randbytes(33)
        ).decode()
    )


def docker_config(rng: random.Random) -> str:
    """Make the `auth` of a registry in a Docker configuration: user and password in base64."""
    return base64.b64encode(f"deploy:{draw(rng, 'an', 24)}".encode()).decode()


def swarm_join(rng: random.Random) -> str:
    """Make a Docker Swarm join token."""
    return f"SWMTKN-1-{draw(rng, 'ld', 50)}-{draw(rng, 'ld', 25)}"


def tailscale(rng: random.Random) -> str:
    """Make a Tailscale key."""
    return f"tskey-{rng.choice(['auth', 'api', 'client'])}-{draw(rng, 'an', 12)}CNTRL-{draw(rng, 'an', 32)}"


def azure_client_secret(rng: random.Random) -> str:
    """Make an Entra client secret: three characters, a digit, `Q~`, 34 characters."""
    return f"{draw(rng, 'an', 3)}{draw(rng, 'dig', 1)}Q~{draw(rng, 'word', 34)}"


def openai_project(rng: random.Random) -> str:
    """Make an OpenAI project key, which has `T3BlbkFJ` in its middle."""
    return f"sk-proj-{draw(rng, 'url', 74)}T3BlbkFJ{draw(rng, 'url', 73)}A"


MAKERS = {
    "storage": azure_storage_key,
    "sas": azure_sas,
    "identity": azure_identity_key,
    "gcp": gcp_account,
    "bedrock": bedrock,
    "docker": docker_config,
    "swarm": swarm_join,
    "tailscale": tailscale,
    "entra": azure_client_secret,
    "openai": openai_project,
}

TYPES = read_table(
    "clouds",
    """
AWS  access key id  {AKIA/ASIA}{b32:16}  AWS_ACCESS_KEY_ID, aws_access_key_id, accessKeyId
AWS  secret access key  {b64:40}  AWS_SECRET_ACCESS_KEY, aws_secret_access_key, awsSecretKey
AWS  session token  IQoJb3JpZ2luX2Vj{b64:300-500}==  AWS_SESSION_TOKEN, aws_session_token
AWS  bearer token bedrock  {=bedrock}  AWS_BEARER_TOKEN_BEDROCK
AWS  appsync api key  da2-{ld:26}  APPSYNC_API_KEY, aws_appsync_apiKey
AWS  MWS auth token  amzn.mws.{uuid}  MWS_AUTH_TOKEN
Amazon  oauth client secret  amzn1.oa2-cs.v1.{hex:64}  AMAZON_CLIENT_SECRET
AWS  cognito client secret  {ld:51}  COGNITO_CLIENT_SECRET, aws_cognito_client_secret
AWS  SES smtp password  B{b64:43}  SES_SMTP_PASSWORD, aws_ses_smtp_password, bare
Google  api key  AIza{url:35}  GOOGLE_API_KEY, googleMapsApiKey, apiKey
Google  oauth client secret  GOCSPX-{url:28}  GOOGLE_CLIENT_SECRET, client_secret
Google  oauth access token  ya29.a0A{url:150-200}  access_token, GOOGLE_OAUTH_TOKEN
Google  refresh token  1//0{dig:1}{url:10}-L9Ir{url:60-80}  refresh_token, GOOGLE_REFRESH_TOKEN
Google  service account private key  {=gcp}  private_key
Google  recaptcha secret key  6L{word:6}AAAAA{url:27}  RECAPTCHA_SECRET_KEY, recaptchaSecret
Firebase  server key  AAAA{url:7}:APA91b{url:134}  FCM_SERVER_KEY, firebaseServerKey
Google  HMAC secret  {b64:40}  GOOGLE_HMAC_SECRET, GCS_SECRET_ACCESS_KEY
Azure  storage account key  {=storage}  AZURE_STORAGE_KEY, azureStorageAccountKey, bare
Azure  client secret  {=entra}  AZURE_CLIENT_SECRET, clientSecret
Azure  openai key  {hex:32}  AZURE_OPENAI_API_KEY, azureOpenaiKey
Azure  cognitive services key  {=identity}  AZURE_AI_KEY, AZURE_SPEECH_KEY
Azure  cognitive subscription key  {hex:32}  AZURE_COGNITIVE_KEY, Ocp-Apim-Subscription-Key
Azure  devops personal access token  {ld:52}  AZURE_DEVOPS_PAT, AZURE_DEVOPS_EXT_PAT
Azure  devops token  {an:76}AZDO{an:4}  AZURE_DEVOPS_TOKEN
Azure  function key  {url:44}AzFu{an:6}==  FUNCTIONS_KEY, x-functions-key
Azure  search admin key  {an:42}AzSe{an:6}  AZURE_SEARCH_KEY
Azure  cosmos key  {b64:76}ACDb{an:6}==  COSMOS_KEY, AZURE_COSMOS_PRIMARY_KEY
Azure  container registry password  {an:42}+ACR{an:6}  ACR_PASSWORD, AZURE_ACR_PASSWORD
Azure  service bus key  {b64:33}+ASb{an:6}=  SharedAccessKey, AZURE_SERVICEBUS_KEY
Azure  iot hub key  {b64:33}AIoT{an:6}=  IOTHUB_KEY, AZURE_IOT_KEY
Azure  batch key  {b64:76}+ABa{an:6}==  AZURE_BATCH_KEY
Azure  management key  {b64:86}==  AZURE_APIM_KEY, azureManagementKey
DigitalOcean  personal access token  dop_v1_{hex:64}  DIGITALOCEAN_TOKEN, do_token
DigitalOcean  oauth token  doo_v1_{hex:64}  DIGITALOCEAN_ACCESS_TOKEN
DigitalOcean  refresh token  dor_v1_{hex:64}  DIGITALOCEAN_REFRESH_TOKEN
DigitalOcean  spaces secret  {b64:43}  DIGITALOCEAN_SPACES_SECRET, SPACES_SECRET_KEY
Alibaba  access key id  LTAI{an:20}  ALIBABA_CLOUD_ACCESS_KEY_ID, accessKeyId
Alibaba  access key secret  {an:30}  ALIBABA_CLOUD_ACCESS_KEY_SECRET, aliyunAccessKeySecret
Tencent  secret id  AKID{an:32}  TENCENTCLOUD_SECRET_ID
Tencent  secret key  {an:32}  TENCENTCLOUD_SECRET_KEY, tencent_secret_key
Huawei  secret key  {an:40}  HUAWEICLOUD_SECRET_KEY, HUAWEI_SK_SECRET
Baidu  secret key  {hex:32}  BAIDU_SECRET_KEY, BAIDU_CLOUD_SK_SECRET
Yandex  api key  AQVN{url:35}  YANDEX_API_KEY, YC_API_KEY
Yandex  iam token  t1.9eu{url:60}.{url:86}  YC_TOKEN, YANDEX_IAM_TOKEN
Yandex  oauth token  y0_Ag{url:54}  YANDEX_OAUTH_TOKEN, YC_OAUTH_TOKEN
Yandex  storage secret  YC{url:38}  YANDEX_SECRET_KEY, YC_SECRET_ACCESS_KEY, bare
IBM  cloud api key  {url:44}  IBM_CLOUD_API_KEY, IBMCLOUD_API_KEY, ibm_api_key
IBM  cos secret access key  {hex:48}  IBM_COS_SECRET_ACCESS_KEY
Oracle  auth token  {an:20}  OCI_AUTH_TOKEN, ORACLE_AUTH_TOKEN
Hetzner  api token  {an:64}  HCLOUD_TOKEN, HETZNER_API_TOKEN
Hetzner  dns token  {an:32}  HETZNER_DNS_API_TOKEN
Scaleway  secret key  {uuid}  SCW_SECRET_KEY, SCALEWAY_SECRET_KEY
Scaleway  access key  SCW{UD:17}  SCW_ACCESS_KEY
OVH  application secret  {an:32}  OVH_APPLICATION_SECRET
OVH  consumer key  {an:32}  OVH_CONSUMER_KEY
Linode  api token  {hex:64}  LINODE_TOKEN, LINODE_API_TOKEN
Vultr  api key  {UD:36}  VULTR_API_KEY
Exoscale  secret key  {url:43}  EXOSCALE_API_SECRET, EXOSCALE_SECRET_KEY
Exoscale  api key  EXO{hex:24}  EXOSCALE_API_KEY
UpCloud  api token  ucat_{UD:26}  UPCLOUD_TOKEN
Cloudflare  global api key  {hex:37}  CLOUDFLARE_API_KEY, CF_API_KEY
Cloudflare  api token  {url:40}  CLOUDFLARE_API_TOKEN, CF_API_TOKEN
Cloudflare  origin ca key  v1.0-{hex:24}-{hex:146}  CLOUDFLARE_ORIGIN_CA_KEY
Cloudflare  tunnel token  eyJhIjoi{an:150-180}  TUNNEL_TOKEN, CLOUDFLARE_TUNNEL_TOKEN
Fastly  api token  {url:32}  FASTLY_API_KEY, FASTLY_API_TOKEN
Akamai  client secret  {b64:43}=  AKAMAI_CLIENT_SECRET, akamai_client_secret
Akamai  access token  akab-{ld:16}-{ld:16}  AKAMAI_ACCESS_TOKEN, access_token
Heroku  api key  {uuid}  HEROKU_API_KEY, HEROKU_AUTH_TOKEN
Heroku  platform key  HRKU-AA{url:58}  HEROKU_API_KEY
Vercel  access token  {an:24}  VERCEL_TOKEN, VERCEL_ACCESS_TOKEN
Vercel  blob token  vercel_blob_rw_{an:16}_{an:30}  BLOB_READ_WRITE_TOKEN
Netlify  access token  nfp_{an:36}  NETLIFY_AUTH_TOKEN
Netlify  legacy token  {url:43}  NETLIFY_ACCESS_TOKEN
Render  api key  rnd_{an:28}  RENDER_API_KEY
Railway  api token  {uuid}  RAILWAY_TOKEN, RAILWAY_API_TOKEN
Fly  deploy token  FlyV1 fm2_{b64:180}  FLY_API_TOKEN
Fly  access token  fo1_{url:43}  FLY_ACCESS_TOKEN
Doppler  personal token  dp.pt.{an:43}  DOPPLER_TOKEN
Doppler  service token  dp.st.{dev/prd/stg}.{an:43}  DOPPLER_TOKEN
Doppler  cli token  dp.ct.{an:43}  DOPPLER_CLI_TOKEN
Doppler  audit token  dp.audit.{an:43}  DOPPLER_AUDIT_TOKEN
Doppler  scim token  dp.scim.{an:43}  DOPPLER_SCIM_TOKEN
HashiCorp  vault service token  hvs.{url:92}  VAULT_TOKEN
HashiCorp  vault batch token  hvb.{url:140}  VAULT_TOKEN
HashiCorp  vault legacy token  s.{an:24}  VAULT_TOKEN, X-Vault-Token
HashiCorp  vault recovery token  hvr.{url:92}  VAULT_RECOVERY_TOKEN
HashiCorp  terraform cloud token  {an:14}.atlasv1.{url:67}  TFE_TOKEN, TF_TOKEN_app_terraform_io
HashiCorp  consul token  {uuid}  CONSUL_HTTP_TOKEN
HashiCorp  nomad token  {uuid}  NOMAD_TOKEN
HashiCorp  vault unseal key  {b64:43}=  VAULT_UNSEAL_KEY, unseal_key_1
HashiCorp  HCP client secret  {url:64}  HCP_CLIENT_SECRET
Pulumi  access token  pul-{hex:40}  PULUMI_ACCESS_TOKEN
Spacelift  api key secret  {hex:64}  SPACELIFT_API_KEY_SECRET
Infisical  service token  st.{hex:24}.{hex:32}.{hex:32}  INFISICAL_TOKEN
Akeyless  access key  {b64:43}=  AKEYLESS_ACCESS_KEY
Kubernetes  bootstrap token  {ld:6}.{ld:16}  KUBEADM_TOKEN, kubeadm_join_token
OpenShift  token  sha256~{url:43}  OPENSHIFT_TOKEN, OC_TOKEN
Rancher  api token  token-{ld:5}:{ld:54}  RANCHER_TOKEN, RANCHER_BEARER_TOKEN
Docker  hub access token  dckr_pat_{url:27}  DOCKER_PASSWORD, DOCKERHUB_TOKEN
Docker  hub organisation token  dckr_oat_{url:32}  DOCKERHUB_ORG_TOKEN
Docker  registry auth  {=docker}  DOCKER_AUTH, docker_registry_auth, bare
Docker  swarm join token  {=swarm}  SWARM_TOKEN, join_token
Tailscale  key  {=tailscale}  TS_AUTHKEY, TAILSCALE_AUTHKEY
ZeroTier  api token  {an:32}  ZEROTIER_TOKEN, ZEROTIER_API_TOKEN
ngrok  authtoken  2{an:26}_{an:21}  NGROK_AUTHTOKEN
ngrok  api key  2{an:26}_{dig:1}{an:20}  NGROK_API_KEY
Twingate  api key  {url:72}  TWINGATE_API_TOKEN
OpenAI  api key  sk-{an:20}T3BlbkFJ{an:20}  OPENAI_API_KEY, openai_api_key
OpenAI  project key  {=openai}  OPENAI_API_KEY, OPENAI_KEY
OpenAI  service account key  sk-svcacct-{url:74}T3BlbkFJ{url:74}  OPENAI_API_KEY
OpenAI  admin key  sk-admin-{url:74}T3BlbkFJ{url:74}  OPENAI_ADMIN_KEY
Anthropic  api key  sk-ant-api03-{url:93}AA  ANTHROPIC_API_KEY, CLAUDE_API_KEY
Anthropic  admin key  sk-ant-admin01-{url:93}AA  ANTHROPIC_ADMIN_KEY
Anthropic  oauth token  sk-ant-oat01-{url:93}AA  CLAUDE_CODE_OAUTH_TOKEN
Hugging Face  token  hf_{let:34}  HF_TOKEN, HUGGINGFACE_TOKEN, HUGGING_FACE_HUB_TOKEN
Hugging Face  organisation token  api_org_{let:34}  HF_ORG_TOKEN
Groq  api key  gsk_{an:52}  GROQ_API_KEY
xAI  api key  xai-{an:80}  XAI_API_KEY
Perplexity  api key  pplx-{an:48}  PERPLEXITY_API_KEY
Replicate  api token  r8_{an:37}  REPLICATE_API_TOKEN
OpenRouter  api key  sk-or-v1-{hex:64}  OPENROUTER_API_KEY
DeepSeek  api key  sk-{hex:32}  DEEPSEEK_API_KEY
Fireworks  api key  fw_{an:22}  FIREWORKS_API_KEY
Cerebras  api key  csk-{ld:48}  CEREBRAS_API_KEY
NVIDIA  api key  nvapi-{url:64}  NVIDIA_API_KEY, NGC_API_KEY
NVIDIA  ngc legacy key  {b64:84}  NGC_API_KEY, NGC_CLI_API_KEY
Cohere  api key  {an:40}  COHERE_API_KEY, CO_API_KEY_COHERE
Mistral  api key  {an:32}  MISTRAL_API_KEY
Together  api key  {hex:64}  TOGETHER_API_KEY
AI21  api key  {an:32}  AI21_API_KEY
Stability  api key  sk-{an:48}  STABILITY_API_KEY
ElevenLabs  api key  sk_{hex:48}  ELEVENLABS_API_KEY, XI_API_KEY
ElevenLabs  legacy key  {hex:32}  ELEVENLABS_API_KEY, ELEVEN_API_KEY
AssemblyAI  api key  {hex:32}  ASSEMBLYAI_API_KEY
Deepgram  api key  {hex:40}  DEEPGRAM_API_KEY
Pinecone  api key  pcsk_{an:5}_{an:63}  PINECONE_API_KEY
Pinecone  legacy key  {uuid}  PINECONE_API_KEY
Weaviate  api key  {an:36}  WEAVIATE_API_KEY
Qdrant  api key  {url:54}  QDRANT_API_KEY
LangSmith  api key  lsv2_{pt/sk}_{hex:32}_{hex:10}  LANGSMITH_API_KEY, LANGCHAIN_API_KEY
Langfuse  secret key  sk-lf-{uuid}  LANGFUSE_SECRET_KEY
Weights and Biases  api key  {hex:40}  WANDB_API_KEY
Comet  api key  {an:25}  COMET_API_KEY
Tavily  api key  tvly-{an:32}  TAVILY_API_KEY
Exa  api key  {uuid}  EXA_API_KEY
SerpApi  key  {hex:64}  SERPAPI_API_KEY, SERPAPI_KEY
Firecrawl  api key  fc-{hex:32}  FIRECRAWL_API_KEY
Jina  api key  jina_{hex:32}{url:28}  JINA_API_KEY
Voyage  api key  pa-{url:43}  VOYAGE_API_KEY, bare
RunPod  api key  rpa_{UD:40}{ld:6}  RUNPOD_API_KEY
Lambda  cloud api key  secret_{word:20}_{hex:32}.{an:32}  LAMBDA_API_KEY
Modal  token secret  as-{an:22}  MODAL_TOKEN_SECRET
Baseten  api key  {an:8}.{an:32}  BASETEN_API_KEY
fal  key  {uuid}:{hex:32}  FAL_KEY
Clarifai  access token  {hex:32}  CLARIFAI_PAT, CLARIFAI_ACCESS_TOKEN
Databricks  personal access token  dapi{hex:32}  DATABRICKS_TOKEN
Databricks  oauth secret  dose{hex:32}  DATABRICKS_CLIENT_SECRET
Backblaze  application key  K00{dig:1}{b64:27}  B2_APPLICATION_KEY, BACKBLAZE_KEY
Wasabi  secret key  {an:40}  WASABI_SECRET_KEY, WASABI_SECRET_ACCESS_KEY
MinIO  secret key  {an:40}  MINIO_SECRET_KEY, MINIO_ROOT_PASSWORD
Storj  access grant  1{b58:180}  STORJ_ACCESS_GRANT
Bunny  api key  {uuid}{uuid}  BUNNY_API_KEY
KeyCDN  api key  sk_prod_{b64:36}  KEYCDN_API_KEY
Gcore  api token  {dig:5}${hex:64}  GCORE_API_TOKEN
StackPath  client secret  {hex:64}  STACKPATH_CLIENT_SECRET
Civo  api key  {an:50}  CIVO_TOKEN, CIVO_API_KEY
Equinix  metal token  {an:32}  METAL_AUTH_TOKEN, EQUINIX_API_TOKEN
Nutanix  api key  {uuid}  NUTANIX_API_KEY
Kamatera  secret  {hex:32}  KAMATERA_API_SECRET
DNSimple  token  dnsimple_a_{an:32}  DNSIMPLE_TOKEN
deSEC  token  {an:28}  DESEC_TOKEN
GoDaddy  api secret  {an:22}  GODADDY_API_SECRET
Namecheap  api key  {hex:32}  NAMECHEAP_API_KEY
Gandi  api key  {an:24}  GANDI_API_KEY
NS1  api key  {an:20}  NS1_API_KEY, NSONE_API_KEY
Porkbun  secret key  sk1_{hex:64}  PORKBUN_SECRET_API_KEY
Porkbun  api key  pk1_{hex:64}  PORKBUN_API_KEY
""",
    MAKERS,
)
