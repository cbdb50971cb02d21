// The tools for coding agents, by the client that most agents are built on. Run by `node --test`, with the program in
// CIVITAI_OAUTH_MOCK.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

let server;
let base;
let agent;

before(async () => {
  const program = process.env.CIVITAI_OAUTH_MOCK;
  assert.ok(program, "CIVITAI_OAUTH_MOCK says where the program is");
  server = spawn(program, ["--listen", "127.0.0.1:0", "--mcp-listen", "none"], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.stdout })) {
    base = line.replace("listening on ", "");
    break;
  }
  agent = new Client({ name: "test", version: "1.0.0" });
  await agent.connect(new StreamableHTTPClientTransport(new URL(`${base}/mcp`)));
});

after(async () => {
  await agent?.close();
  server?.kill();
});

const call = async (name, args) => {
  const { content, structuredContent, isError } = await agent.callTool({ name, arguments: args });
  assert.deepEqual(JSON.parse(content[0].text), structuredContent);
  return { ...structuredContent, isError };
};

const CALLBACK = "http://localhost:3000/callback";

// The id of an app without a secret.
const app = async () => {
  const { clients } = await (await fetch(`${base}/_mock/clients`)).json();
  return clients.find((client) => !client.confidential).id;
};

test("the tool of the published capability is there", async () => {
  const { tools } = await agent.listTools();
  const exchange = tools.find((tool) => tool.name === "civitai-oauth-exchange");
  assert.equal(exchange.description, "Exchange OAuth authorization code or refresh token for an access token.");
  assert.equal(exchange.inputSchema.properties.body.type, "object");
  const { readOnlyHint, destructiveHint, idempotentHint } = exchange.annotations;
  assert.deepEqual([readOnlyHint, destructiveHint, idempotentHint], [false, false, false]);
});

test("an agent gets a code, exchanges it once, and reads why the second time fails", async () => {
  const { exchange } = await call("mock-authorize", {
    client_id: await app(), user: "ada", scope: "AI Services", redirect_uri: CALLBACK,
  });
  const tokens = await call("civitai-oauth-exchange", { body: exchange });
  assert.match(tokens.access_token, /^civitai_[0-9a-f]{36}$/);
  const again = await call("civitai-oauth-exchange", { body: exchange });
  assert.deepEqual([again.isError, again.error], [true, "invalid_grant"]);
  const { requests } = await call("mock-list-requests", { endpoint: "token" });
  assert.match(requests.at(-1).reason.fix, /new authorization/);
});

test("every tool is listed with a description", async () => {
  const { tools } = await agent.listTools();
  assert.deepEqual(tools.map(({ name }) => name), [
    "civitai-oauth-exchange", "mock-authorize", "mock-list-requests", "mock-read-request", "mock-list-changes", "mock-list-advice",
    "mock-advance-clock", "mock-add-fault", "mock-delete-faults", "mock-explain-scope", "mock-reset",
  ]);
  for (const { name, description, inputSchema } of tools) {
    assert.match(description, /^[A-Z].*\.$/s, name);
    assert.equal(inputSchema.type, "object", name);
  }
});

test("tokens expire when the clock is moved, and a fault comes and goes", async () => {
  const { exchange } = await call("mock-authorize", { client_id: await app(), user: "ada", redirect_uri: CALLBACK });
  const tokens = await call("civitai-oauth-exchange", { body: exchange });
  const me = async () => {
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    return (await fetch(`${base}/api/v1/me`, { headers })).status;
  };
  assert.equal(await me(), 200);
  await call("mock-advance-clock", { by: "61m" });
  assert.equal(await me(), 401);
  await call("mock-advance-clock", { by: "-61m" });
  assert.equal(await me(), 200);

  const refresh = { grant_type: "refresh_token", client_id: exchange.client_id, refresh_token: tokens.refresh_token };
  const set = await call("mock-add-fault", { fault: { endpoint: "token", effect: { error: "invalid_grant", error_description: "not today" } } });
  assert.ok(!set.isError, JSON.stringify(set));
  const refused = await call("civitai-oauth-exchange", { body: refresh });
  assert.deepEqual([refused.isError, refused.error_description], [true, "not today"]);
  await call("mock-delete-faults", {});
  assert.match((await call("civitai-oauth-exchange", { body: refresh })).access_token, /^civitai_/);
  await call("mock-add-fault", { preset: "refresh-revoked", times: 1 });
  await call("mock-reset", {});
  const { requests } = await call("mock-list-requests", {});
  assert.deepEqual(requests, []);
});

test("a scope is explained, and advice given", async () => {
  const { preset, bits } = await call("mock-explain-scope", { scope: 114689 });
  assert.deepEqual([preset, bits.length], ["AI Services", 4]);
  const { findings } = await call("mock-list-advice", {});
  assert.ok(Array.isArray(findings));
});

test("an agent in a sandbox leaves the others alone", async () => {
  const own = new Client({ name: "test", version: "1.0.0" });
  await own.connect(new StreamableHTTPClientTransport(new URL(`${base}/_sandbox/npm/mcp`)));
  const args = { client_id: await app(), user: "ada", redirect_uri: CALLBACK };
  const { structuredContent } = await own.callTool({ name: "mock-authorize", arguments: args });
  const elsewhere = await call("civitai-oauth-exchange", { body: structuredContent.exchange });
  assert.equal(elsewhere.error, "invalid_grant");
  const here = await own.callTool({ name: "civitai-oauth-exchange", arguments: { body: structuredContent.exchange } });
  assert.match(here.structuredContent.access_token, /^civitai_/);
  await own.close();
});

test("the differences can be read", async () => {
  const { resources } = await agent.listResources();
  assert.deepEqual(resources.map(({ name }) => name), ["contract", "differences"]);
  const { contents } = await agent.readResource({ uri: resources[1].uri });
  assert.equal(JSON.parse(contents[0].text).length, 31);
});
