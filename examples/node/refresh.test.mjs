// Tests that an app refreshes an expired token exactly once. Run it with `node --test examples/node/` (Node 20 or newer).
// The test starts the program: the file that CIVITAI_OAUTH_MOCK names, the build of this clone, or `civitai-oauth-mock` on the path.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const client = {
  client_id: "dec0de00-0000-4000-8000-000000000001",
  client_secret: "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7",
};
const redirect_uri = "http://localhost:3000/callback";

// The app under test: yours goes here. It keeps its tokens, and refreshes them when they are refused.
class App {
  constructor(base) {
    this.oauth = `${base}/api/auth/oauth`;
  }

  async token(grant) {
    const answer = await fetch(`${this.oauth}/token`, { method: "POST", body: new URLSearchParams({ ...client, ...grant }) });
    if (!answer.ok) throw new Error((await answer.json()).error);
    this.tokens = await answer.json();
  }

  async signIn(user) {
    const code_verifier = randomBytes(32).toString("base64url");
    const state = randomBytes(16).toString("base64url");
    const query = new URLSearchParams({
      response_type: "code",
      client_id: client.client_id,
      redirect_uri,
      scope: "1",
      state,
      code_challenge: createHash("sha256").update(code_verifier).digest("base64url"),
      code_challenge_method: "S256",
    });
    // A browser would come to the sign-in page; X-Mock-User signs the user in without one.
    const answer = await fetch(`${this.oauth}/authorize?${query}`, { headers: { "X-Mock-User": user }, redirect: "manual" });
    const callback = new URL(answer.headers.get("location")).searchParams;
    if (callback.get("state") !== state) throw new Error("the state of another sign-in");
    await this.token({ grant_type: "authorization_code", code: callback.get("code"), redirect_uri, code_verifier });
  }

  async whoAmI() {
    const ask = () => fetch(`${this.oauth}/userinfo`, { headers: { Authorization: `Bearer ${this.tokens.access_token}` } });
    let answer = await ask();
    if (answer.status === 401) {
      await this.token({ grant_type: "refresh_token", refresh_token: this.tokens.refresh_token });
      answer = await ask();
    }
    return (await answer.json()).username;
  }
}

let server;
let base;

before(async () => {
  const at = (path) => fileURLToPath(new URL(`../../target/${path}/civitai-oauth-mock`, import.meta.url));
  const program = process.env.CIVITAI_OAUTH_MOCK ?? [at("release"), at("debug")].find(existsSync) ?? "civitai-oauth-mock";
  const options = ["--listen", "127.0.0.1:0", "--mcp-listen", "none", "--consent", "approve"];
  server = spawn(program, options, { stdio: ["ignore", "pipe", "inherit"] });
  await once(server, "spawn").catch((error) => {
    throw new Error(`cannot start ${program}; install it, or set CIVITAI_OAUTH_MOCK to the program`, { cause: error });
  });
  for await (const line of createInterface({ input: server.stdout })) {
    base = line.replace("listening on ", "");
    break;
  }
});
after(() => server.kill());

// A private server for each test. The name helps to find it on the console.
const sandbox = (name) => `${base}/_sandbox/${name}-${randomUUID()}`;
async function control(url, method, path, body) {
  const answer = await fetch(`${url}/_mock/${path}`, { method, body: body && JSON.stringify(body) });
  const shown = await answer.json();
  assert.ok(answer.ok, shown.message);
  return shown;
}

test("an expired token is refreshed, once", async () => {
  const url = sandbox("refresh");
  const app = new App(url);
  await app.signIn("ada");
  assert.equal(await app.whoAmI(), "ada");

  await control(url, "POST", "clock/advance", { by: "61m" });
  assert.equal(await app.whoAmI(), "ada");
  await control(url, "POST", "verify", [{ endpoint: "token", grant_type: "refresh_token", times: 1 }]);
});

test("a refused refresh reaches the user", async () => {
  const url = sandbox("refused");
  const app = new App(url);
  await app.signIn("ada");
  await control(url, "POST", "tokens/expire");
  await control(url, "POST", "faults/presets/refresh-revoked");
  await assert.rejects(app.whoAmI(), /invalid_grant/);
});
