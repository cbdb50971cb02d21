"""Tests that an app refreshes an expired token exactly once. Run it with `pytest examples/python`.

The test starts the program: the file that CIVITAI_OAUTH_MOCK names, the build of this clone, or `civitai-oauth-mock` on the path.
"""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import uuid
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

CLIENT = {
    "client_id": "dec0de00-0000-4000-8000-000000000001",
    "client_secret": "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7",
}
REDIRECT_URI = "http://localhost:3000/callback"


def send(method, url, body=None, headers=None):
    """One request; redirects are not followed."""
    url = urlsplit(url)
    connection = http.client.HTTPConnection(url.netloc)
    connection.request(method, f"{url.path}?{url.query}", body, headers or {})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, answer.headers, json.loads(text) if text else None


class App:
    """The app under test: yours goes here. It keeps its tokens, and refreshes them when they are refused."""

    def __init__(self, base):
        self.oauth = base + "/api/auth/oauth"
        self.tokens = None

    def token(self, **grant):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _, body = send("POST", self.oauth + "/token", urlencode({**CLIENT, **grant}), form)
        if status != 200:
            raise PermissionError(body["error"])
        self.tokens = body

    def sign_in(self, user):
        verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": CLIENT["client_id"],
            "redirect_uri": REDIRECT_URI,
            "scope": "1",
            "state": state,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        # A browser would come to the sign-in page; X-Mock-User signs the user in without one.
        _, headers, _ = send("GET", f"{self.oauth}/authorize?{urlencode(query)}", headers={"X-Mock-User": user})
        callback = parse_qs(urlsplit(headers["Location"]).query)
        if callback["state"] != [state]:
            raise PermissionError("the state of another sign-in")
        self.token(grant_type="authorization_code", code=callback["code"][0], redirect_uri=REDIRECT_URI, code_verifier=verifier)

    def who_am_i(self):
        def ask():
            return send("GET", self.oauth + "/userinfo", headers={"Authorization": "Bearer " + self.tokens["access_token"]})

        status, _, body = ask()
        if status == 401:
            self.token(grant_type="refresh_token", refresh_token=self.tokens["refresh_token"])
            status, _, body = ask()
        return body["username"]


def find_program():
    if "CIVITAI_OAUTH_MOCK" in os.environ:
        return os.environ["CIVITAI_OAUTH_MOCK"]
    clone = pathlib.Path(__file__).resolve().parent.parent.parent
    built = [clone / "target" / profile / "civitai-oauth-mock" for profile in ("release", "debug")]
    found = next((path for path in built if path.exists()), None) or shutil.which("civitai-oauth-mock")
    if found is None:
        pytest.fail("civitai-oauth-mock is not on the path; install it, or set CIVITAI_OAUTH_MOCK to the program", pytrace=False)
    return found


@pytest.fixture(scope="session")
def server():
    command = [find_program(), "--listen", "127.0.0.1:0", "--mcp-listen", "none", "--consent", "approve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().removeprefix("listening on ").strip()
        process.terminate()


@pytest.fixture
def base_url(server, request):
    """A private server for each test. The name of the test helps to find it on the console."""
    test = re.sub(r"[^A-Za-z0-9_.-]", "_", request.node.name)[:31]
    return f"{server}/_sandbox/{test}-{uuid.uuid4().hex}"


def control(base_url, method, path, body=None):
    status, _, shown = send(method, f"{base_url}/_mock/{path}", json.dumps(body) if body is not None else None)
    assert status < 300, shown["message"]
    return shown


def test_an_expired_token_is_refreshed_once(base_url):
    app = App(base_url)
    app.sign_in("ada")
    assert app.who_am_i() == "ada"

    control(base_url, "POST", "clock/advance", {"by": "61m"})
    assert app.who_am_i() == "ada"
    control(base_url, "POST", "verify", [{"endpoint": "token", "grant_type": "refresh_token", "times": 1}])


def test_a_refused_refresh_reaches_the_user(base_url):
    app = App(base_url)
    app.sign_in("ada")
    control(base_url, "POST", "tokens/expire")
    control(base_url, "POST", "faults/presets/refresh-revoked")
    with pytest.raises(PermissionError, match="invalid_grant"):
        app.who_am_i()
