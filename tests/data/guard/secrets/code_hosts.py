"""Code hosts, continuous integration, package registries, code quality."""

from __future__ import annotations

import base64
import random
import zlib

from tests.data.guard.secrets.table import read_table
from tests.data.guard.shapes import draw

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(number: int, width: int) -> str:
    """Write a number in base 62, padded to this width."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = BASE62[rest] + digits
    return digits.rjust(width, "0")


def with_crc(prefix: str, rng: random.Random) -> str:
    """Make a token of GitHub's form: prefix, 30 characters, and their CRC-32 in six digits of base 62."""
    body = draw(rng, "an", 30)
    return f"{prefix}_{body}{base62(zlib.crc32(body.encode()), 6)}"


def pypi(rng: random.Random) -> str:
    """Make a PyPI token: a macaroon in base64 whose head names pypi.org."""
    return "pypi-AgEIcHlwaS5vcmc" + base64.urlsafe_b64encode(rng.randbytes(120)).decode().rstrip("=")


MAKERS = {
    "ghp": lambda rng: with_crc("ghp", rng),
    "gho": lambda rng: with_crc("gho", rng),
    "ghu": lambda rng: with_crc("ghu", rng),
    "ghs": lambda rng: with_crc("ghs", rng),
    "npm": lambda rng: with_crc("npm", rng),
    "pypi": pypi,
}

TYPES = read_table(
    "code-hosts",
    """
GitHub  personal access token  {=ghp}  GITHUB_TOKEN, GH_TOKEN, github_pat
GitHub  oauth token  {=gho}  GITHUB_OAUTH_TOKEN
GitHub  user token  {=ghu}  GITHUB_USER_TOKEN
GitHub  installation token  {=ghs}  GITHUB_TOKEN
GitHub  refresh token  ghr_{an:76}  GITHUB_REFRESH_TOKEN
GitHub  fine-grained token  github_pat_{an:22}_{an:59}  GITHUB_TOKEN, GH_PAT
GitHub  client secret  {hex:40}  GITHUB_CLIENT_SECRET
GitHub  webhook secret  {hex:40}  GITHUB_WEBHOOK_SECRET
GitHub  old token  {hex:40}  GITHUB_TOKEN, github_api_token
GitLab  personal access token  glpat-{url:20}  GITLAB_TOKEN, CI_JOB_TOKEN
GitLab  routable token  glpat-{url:27}.01.{ld:9}  GITLAB_TOKEN
GitLab  deploy token  gldt-{url:20}  GITLAB_DEPLOY_TOKEN
GitLab  runner token  glrt-{url:20}  RUNNER_TOKEN
GitLab  runner registration token  GR1348941{url:20}  REGISTRATION_TOKEN
GitLab  pipeline trigger token  glptt-{hex:40}  TRIGGER_TOKEN
GitLab  feed token  glft-{url:20}  GITLAB_FEED_TOKEN
GitLab  mail token  glimt-{ld:25}  GITLAB_MAIL_TOKEN
GitLab  agent token  glagent-{url:50}  KAS_TOKEN
GitLab  job token  glcbt-{hex:2}_{url:20}  CI_JOB_TOKEN
GitLab  oauth secret  gloas-{hex:64}  GITLAB_CLIENT_SECRET
GitLab  scim token  glsoat-{url:20}  GITLAB_SCIM_TOKEN
GitLab  feature flag token  glffct-{url:20}  UNLEASH_TOKEN
Bitbucket  app password  ATBB{an:32}  BITBUCKET_APP_PASSWORD
Bitbucket  repository token  ATCTT3xFfGN0{url:160}={HEX:8}  BITBUCKET_TOKEN
Bitbucket  client secret  {an:32}  BITBUCKET_CLIENT_SECRET
Bitbucket  client id  {an:18}  BITBUCKET_CLIENT_ID, bitbucket_client_id
Bitbucket  http access token  BBDC-{b64:44}  BITBUCKET_TOKEN
Atlassian  api token  ATATT3xFfGF0{url:171}={HEX:8}  ATLASSIAN_API_TOKEN, JIRA_API_TOKEN
Atlassian  old api token  {an:24}  JIRA_API_TOKEN, CONFLUENCE_API_TOKEN, ATLASSIAN_TOKEN
Gitea  access token  {hex:40}  GITEA_TOKEN, GITEA_ACCESS_TOKEN
Forgejo  access token  {hex:40}  FORGEJO_TOKEN
Gogs  access token  {hex:40}  GOGS_TOKEN
Sourcegraph  access token  sgp_{hex:16}_{hex:40}  SRC_ACCESS_TOKEN, SOURCEGRAPH_TOKEN
Sourcegraph  plain token  sgp_{hex:40}  SRC_ACCESS_TOKEN
Sourcegraph  cody gateway key  slk_{hex:64}  CODY_GATEWAY_TOKEN
CircleCI  personal token  CCIPAT_{an:22}_{hex:40}  CIRCLE_TOKEN
CircleCI  project token  CCIPRJ_{an:22}_{hex:40}  CIRCLE_PROJECT_TOKEN
CircleCI  old token  {hex:40}  CIRCLECI_TOKEN, CIRCLE_TOKEN
Travis  ci token  {an:22}  TRAVIS_TOKEN, TRAVIS_API_TOKEN
Jenkins  api token  11{hex:32}  JENKINS_API_TOKEN, JENKINS_TOKEN
Buildkite  api token  bkua_{hex:40}  BUILDKITE_API_TOKEN
Buildkite  agent token  bkct_{an:40}  BUILDKITE_AGENT_TOKEN, BUILDKITE_TOKEN
Drone  ci token  {an:32}  DRONE_TOKEN
TeamCity  access token  eyJ0eXAiOiAiVENWMiJ9.{url:36}.{url:48}  TEAMCITY_TOKEN
Codecov  upload token  {uuid}  CODECOV_TOKEN
Coveralls  repo token  {an:32}  COVERALLS_REPO_TOKEN
Codacy  project token  {hex:32}  CODACY_PROJECT_TOKEN
Code Climate  reporter id  {hex:64}  CC_TEST_REPORTER_ID, CODECLIMATE_REPO_TOKEN
SonarQube  user token  squ_{hex:40}  SONAR_TOKEN
SonarQube  project token  sqp_{hex:40}  SONAR_TOKEN
SonarQube  analysis token  sqa_{hex:40}  SONAR_TOKEN
SonarCloud  token  {hex:40}  SONAR_TOKEN, SONARCLOUD_TOKEN
Snyk  api token  {uuid}  SNYK_TOKEN
Semgrep  app token  {hex:64}  SEMGREP_APP_TOKEN
npm  access token  {=npm}  NPM_TOKEN, NODE_AUTH_TOKEN
npm  old token  {uuid}  NPM_TOKEN, npm_authToken
PyPI  upload token  {=pypi}  TWINE_PASSWORD, PYPI_TOKEN
RubyGems  api key  rubygems_{hex:48}  GEM_HOST_API_KEY
crates.io  token  cio{an:32}  CARGO_REGISTRY_TOKEN
NuGet  api key  oy2{ld:43}  NUGET_API_KEY
Clojars  deploy token  CLOJARS_{hex:60}  CLOJARS_PASSWORD
Hex  api key  {hex:32}  HEX_API_KEY
Packagist  api token  {hex:40}  PACKAGIST_TOKEN
Packagist  organisation token  packagist_ort_{hex:68}  PACKAGIST_TOKEN
JFrog  api key  AKCp{an:69}  ARTIFACTORY_API_KEY
JFrog  reference token  cmVmdGtu{an:56}  JFROG_TOKEN, ARTIFACTORY_TOKEN
Cloudsmith  api key  {hex:40}  CLOUDSMITH_API_KEY
Gemfury  deploy token  {an:20}  GEMFURY_TOKEN
LaunchDarkly  api token  api-{uuid}  LAUNCHDARKLY_ACCESS_TOKEN
LaunchDarkly  sdk key  sdk-{uuid}  LAUNCHDARKLY_SDK_KEY
Postman  api key  PMAK-{hex:24}-{hex:34}  POSTMAN_API_KEY
Postman  collection key  PMAT-{UD:26}  POSTMAN_ACCESS_KEY
ReadMe  api key  rdme_{ld:70}  README_API_KEY
Figma  personal access token  figd_{url:40}  FIGMA_TOKEN, FIGMA_ACCESS_TOKEN
Linear  api key  lin_api_{an:40}  LINEAR_API_KEY
Linear  oauth token  lin_oauth_{hex:64}  LINEAR_OAUTH_TOKEN
Shortcut  api token  {uuid}  SHORTCUT_API_TOKEN
Phabricator  api token  api-{ld:28}  PHABRICATOR_TOKEN, PHABRICATOR_CONDUIT_TOKEN, bare
Prefect  api key  pnu_{an:36}  PREFECT_API_KEY
Retool  api key  retool_01{ld:32}  RETOOL_API_KEY
Expo  access token  {url:40}  EXPO_TOKEN
Harness  access token  pat.{url:22}.{hex:24}.{an:20}  HARNESS_API_KEY
Octopus  deploy api key  API-{UD:26}  OCTOPUS_API_KEY
Bitrise  access token  {url:86}  BITRISE_TOKEN
Sauce Labs  access key  {uuid}  SAUCE_ACCESS_KEY, SAUCELABS_ACCESS_KEY
BrowserStack  access key  {an:20}  BROWSERSTACK_ACCESS_KEY
Applitools  api key  {an:48}110  APPLITOOLS_API_KEY, bare
Percy  token  {hex:64}  PERCY_TOKEN
Chromatic  project token  chpt_{hex:15}  CHROMATIC_PROJECT_TOKEN
LambdaTest  access key  LT_{an:48}  LT_ACCESS_KEY, LAMBDATEST_ACCESS_KEY
""",
    MAKERS,
)
