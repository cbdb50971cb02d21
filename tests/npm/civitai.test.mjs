// Civitai's own clients, unmodified: every call of @civitai/app-sdk, and of @civitai/client what this server knows. Under each
// contract, at the root and in a sandbox. Run by `node --test`, with the program in CIVITAI_OAUTH_MOCK.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";

import * as sdk from "@civitai/app-sdk";
import { build } from "esbuild";

// @civitai/client is made for bundlers: Node does not resolve its imports of folders.
const folder = mkdtempSync(join(tmpdir(), "civitai-client-"));
const bundle = join(folder, "client.mjs");
await build({
  stdin: { contents: 'export * from "@civitai/client"', resolveDir: import.meta.dirname },
  bundle: true, format: "esm", platform: "node", outfile: bundle, logLevel: "warning",
});
const orchestration = await import(bundle);
rmSync(folder, { recursive: true });

const CLIENT = {
  clientId: "dec0de00-0000-4000-8000-000000000001",
  clientSecret: "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7",
};
const redirectUri = "http://localhost:3000/callback";
const SCOPES = ["UserRead", "AIServicesRead", "AIServicesWrite", "BuzzRead"];

let server;
let origin;

before(async () => {
  const program = process.env.CIVITAI_OAUTH_MOCK;
  assert.ok(program, "CIVITAI_OAUTH_MOCK says where the program is");
  server = spawn(program, ["--listen", "127.0.0.1:0", "--mcp-listen", "none"], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.stdout })) {
    origin = line.replace("listening on ", "");
    break;
  }
});

after(() => server?.kill());

for (const contract of ["documented", "live", "live@2026-08"]) {
  for (const prefix of ["", "/_sandbox/npm"]) {
    describe(`${contract}, ${prefix || "/"}`, () => suite(contract, prefix));
  }
}

function suite(contract, prefix) {
  const base = () => `${origin}${prefix}`;
  const control = async (method, path, body) => {
    const answer = await fetch(`${base()}/_mock${path}`, { method, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${await answer.text()}`);
  };

  // Signs ada in as an app's server does. Returns what the SDK makes of the answer.
  const signIn = async () => {
    const { verifier, challenge } = sdk.generatePkce();
    const state = sdk.generateState();
    const scope = sdk.bitmaskFromScopes(SCOPES);
    const url = new URL(sdk.buildAuthorizeUrl({
      clientId: CLIENT.clientId, redirectUri, scope, state, codeChallenge: challenge, baseUrl: base(),
    }));
    // The SDK resolves the path against the base URL, which loses a prefix: in a sandbox, the app must put it back.
    assert.equal(url.pathname, "/api/auth/oauth/authorize");
    url.pathname = prefix + url.pathname;
    const answer = await fetch(url, { headers: { "X-Mock-User": "ada" }, redirect: "manual" });
    assert.equal(answer.status, contract === "documented" ? 302 : 303);
    const callback = new URL(answer.headers.get("location"));
    assert.equal(callback.searchParams.get("state"), state);
    const code = callback.searchParams.get("code");
    return sdk.exchangeCode({ ...CLIENT, redirectUri, code, codeVerifier: verifier, baseUrl: base() });
  };

  before(async () => {
    await control("POST", "/reset");
    await control("PATCH", "/settings", { contract, consent: "approve", workflow_cost: 10, workflow_seconds: 60 });
  });

  test("@civitai/app-sdk: sign in, me, refresh, revoke", async () => {
    const tokens = await signIn();
    assert.deepEqual(sdk.scopesFromBitmask(tokens.scope).sort(), [...SCOPES].sort());
    assert.equal(tokens.token_type, "Bearer");
    assert.ok(tokens.expires_at > Date.now());
    const me = await sdk.fetchMe({ accessToken: tokens.access_token, baseUrl: base() });
    assert.equal(me.username, "ada");

    const fresh = await sdk.refreshToken({ ...CLIENT, refreshToken: tokens.refresh_token, baseUrl: base() });
    assert.notEqual(fresh.access_token, tokens.access_token);
    const used = sdk.refreshToken({ ...CLIENT, refreshToken: tokens.refresh_token, baseUrl: base() });
    await assert.rejects(used, (error) => error instanceof sdk.OAuthError && error.body.error === "invalid_grant");

    await sdk.revokeToken({ ...CLIENT, token: fresh.refresh_token, baseUrl: base() });
    const revoked = sdk.fetchMe({ accessToken: fresh.access_token, baseUrl: base() });
    await assert.rejects(revoked, (error) => error instanceof sdk.OAuthError && error.status === 401);
  });

  test("@civitai/app-sdk: estimate, submit, poll, cancel, buzz", async () => {
    const accessToken = (await signIn()).access_token;
    const client = sdk.createOrchestratorClient({ accessToken, baseUrl: base() });
    const blue = async () => {
      const accounts = await sdk.fetchBuzzAccount({ accessToken, baseUrl: base() });
      return accounts.find((account) => account.accountType === "blue").balance;
    };
    const before = await blue();
    const image = sdk.buildTextToImageBody({ prompt: "a fox" }, { tags: ["sdk"] });
    const estimate = await sdk.estimateWorkflow(client, image);
    assert.equal(estimate.cost.total, 10);
    assert.equal(await blue(), before);

    const bodies = [
      image,
      sdk.buildImageGenBody({ engine: "google", model: "nano-banana-2", prompt: "a fox" }),
      sdk.buildWorkflowBody({ $type: "echo", input: { text: "hello" } }),
    ];
    for (const body of bodies) {
      const submitted = await sdk.submitWorkflow(client, body);
      assert.equal(submitted.status, "processing");
      assert.ok(!sdk.isTerminal(submitted));
      const waited = await sdk.pollWorkflow(client, submitted.id, { intervalMs: 1, timeoutMs: 3 });
      assert.equal(waited.status, "processing");
      await control("POST", "/clock/advance", { seconds: 60 });
      const finished = await sdk.pollWorkflow(client, submitted.id);
      assert.ok(sdk.isTerminal(finished));
      const [url] = sdk.extractImageUrls(finished);
      assert.equal((await fetch(url)).headers.get("content-type"), "image/png");
    }
    assert.equal(await blue(), before - 30);

    const canceled = await sdk.submitWorkflow(client, image);
    const change = { method: "PUT", body: JSON.stringify({ status: "canceled" }) };
    assert.equal(await sdk.callOrchestrator(client, `/v2/consumer/workflows/${canceled.id}`, change), null);
    assert.equal((await sdk.getWorkflow(client, canceled.id)).status, "canceled");
    assert.equal(await blue(), before - 30);

    const broke = sdk.submitWorkflow(client, { ...image, cost: 1_000_000 });
    const status = contract === "documented" ? 400 : 403;
    await assert.rejects(broke, (error) => error instanceof sdk.OrchestratorError && error.status === status);
  });

  test("@civitai/client: workflows", async () => {
    const client = orchestration.createCivitaiClient({ auth: (await signIn()).access_token, baseUrl: base() });
    const body = { steps: [{ $type: "echo", name: "hello", input: {} }], tags: ["client"], metadata: { order: 1 } };
    const ids = [];
    for (let count = 0; count < 3; count += 1) {
      const { data, response } = await orchestration.submitWorkflow({ client, body });
      assert.equal(response.status, 202);
      ids.push(data.id);
      await control("POST", "/clock/advance", { seconds: 1 });
    }
    const query = { take: 2, tags: ["client"], ascending: true };
    const { data: first } = await orchestration.queryWorkflows({ client, query });
    const { data: second } = await orchestration.queryWorkflows({ client, query: { ...query, cursor: first.next } });
    assert.deepEqual([...first.items, ...second.items].map((workflow) => workflow.id), ids);
    assert.ok(!second.next);

    const path = { workflowId: ids[0] };
    const updated = await orchestration.updateWorkflow({ client, path, body: { status: "canceled", tags: ["done"] } });
    assert.equal(updated.response.status, 204);
    const patch = [{ op: "add", path: "/metadata/note", value: "late" }];
    assert.equal((await orchestration.patchWorkflow({ client, path, body: patch })).response.status, 204);
    const { data: shown } = await orchestration.getWorkflow({ client, path });
    assert.deepEqual(
      [shown.status, shown.tags, shown.metadata], ["canceled", ["done"], { order: 1, note: "late" }],
    );
    assert.equal((await orchestration.deleteWorkflow({ client, path })).response.status, 204);
    assert.equal((await orchestration.getWorkflow({ client, path })).response.status, 404);
  });

  test("@civitai/client: blobs", async () => {
    const client = orchestration.createCivitaiClient({ auth: (await signIn()).access_token, baseUrl: base() });
    const { data: presigned } = await orchestration.getConsumerBlobUploadUrl({ client });
    const image = { method: "POST", headers: { "Content-Type": "image/png" }, body: "bytes" };
    const uploaded = await (await fetch(presigned.uploadUrl, image)).json();
    const path = { blobId: uploaded.id };
    assert.equal((await orchestration.headBlob({ client, path })).response.status, 200);
    const { data: picture } = await orchestration.getBlob({ client, path });
    assert.equal(picture.type, "image/png");
    assert.deepEqual((await orchestration.refreshBlob({ client, path })).data, uploaded);
    // By its types, this call has no body: nothing can be uploaded by it.
    const empty = await orchestration.uploadConsumerBlob({ client });
    assert.equal(empty.response.status, 415);
  });

  test("@civitai/client: every other call is answered 404", async () => {
    const client = orchestration.createCivitaiClient({ auth: (await signIn()).access_token, baseUrl: base() });
    const served = [
      "deleteWorkflow", "getBlob", "getConsumerBlobUploadUrl", "getWorkflow", "headBlob", "patchWorkflow", "queryWorkflows",
      "refreshBlob", "submitWorkflow", "updateWorkflow", "uploadConsumerBlob",
    ];
    const helpers = ["applyPatch", "createCivitaiClient", "createPatch", "handleError"];
    const path = {
      air: "x", blobId: "x", blobKey: "x", encryptedToken: "x", serviceId: "x", stepName: "x", tag: "x", userId: 1, workflowId: "x",
    };
    const calls = Object.entries(orchestration)
      .filter(([name, value]) => typeof value === "function" && !/^class /.test(value) && /^[a-z]/.test(name))
      .filter(([name]) => !served.includes(name) && !helpers.includes(name));
    assert.ok(calls.length > 40, `${calls.length} calls`);
    for (const [name, call] of calls) {
      const answer = await call({ client, path });
      assert.equal(answer.response.status, 404, name);
    }
  });
}
