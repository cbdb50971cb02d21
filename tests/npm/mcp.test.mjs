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

test("the tool of the published capability is there", async () => {
  const { tools } = await agent.listTools();
  const exchange = tools.find((tool) => tool.name === "civitai-oauth-exchange");
  assert.equal(exchange.description, "Exchange OAuth authorization code or refresh token for an access token.");
  assert.equal(exchange.inputSchema.properties.body.type, "object");
  const { readOnlyHint, destructiveHint, idempotentHint } = exchange.annotations;
  assert.deepEqual([readOnlyHint, destructiveHint, idempotentHint], [false, false, false]);
});

test("an agent gets a code, exchanges it once, and reads why the second time fails", async () => {
  const clients = await (await fetch(`${base}/_mock/clients`)).json();
  const app = clients.find((client) => !client.confidential);
  const { exchange } = await call("mock-authorize", {
    client_id: app.id, user: "ada", scope: "AI Services", redirect_uri: "http://localhost:3000/callback",
  });
  const tokens = await call("civitai-oauth-exchange", { body: exchange });
  assert.match(tokens.access_token, /^civitai_[0-9a-f]{36}$/);
  const again = await call("civitai-oauth-exchange", { body: exchange });
  assert.deepEqual([again.isError, again.error], [true, "invalid_grant"]);
  const { requests } = await call("mock-requests", { endpoint: "token" });
  assert.match(requests.at(-1).why.mend, /new authorization/);
});

test("the differences can be read", async () => {
  const { resources } = await agent.listResources();
  assert.deepEqual(resources.map(({ name }) => name), ["contract", "differences"]);
  const { contents } = await agent.readResource({ uri: resources[1].uri });
  assert.equal(JSON.parse(contents[0].text).length, 22);
});
