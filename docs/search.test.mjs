// The search box of the built site finds the right pages, in Chromium. `node --test docs/search.test.mjs` after
// `npm run --prefix docs build`; needs chromium and chromedriver on the path.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const site = process.env.DOCS_SITE ?? join(dirname(fileURLToPath(import.meta.url)), "..", "target", "docs");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json" };

// What a reader types, and the address of a page that must be among the results.
const searches = [
  ["expired token", "/guides/states"],
  ["PKCE", "/reference/advice/pkce"],
  ["sandbox", "/guides/parallel-tests"],
  ["X-Mock-User", "/guides/sign-in-without-a-browser"],
  ["--journal-memory", "/reference/settings"],
];

let server, origin, driver, driverBase, session, profile;

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

async function command(method, path, body) {
  const answer = await fetch(`${driverBase}${path}`, {
    method,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
  return value;
}
const page = (method, path, body) => command(method, `/session/${session}${path}`, body);
const script = (text, ...args) => page("POST", "/execute/sync", { script: text, args });

async function until(what, check) {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const found = await check();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within 10 s: ${what}`);
}

before(async () => {
  assert.ok(existsSync(join(site, "index.html")), `no site in ${site}; run: npm run --prefix docs build`);
  server = createServer((request, response) => {
    const file = join(site, normalize(decodeURIComponent(new URL(request.url, "http://site").pathname)));
    const path = existsSync(file) && statSync(file).isDirectory() ? join(file, "index.html") : file;
    if (!path.startsWith(site) || !existsSync(path)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" });
    createReadStream(path).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${server.address().port}`;

  driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: driver.stdout })) {
    const port = line.match(/started successfully on port (\d+)/)?.[1];
    if (port) {
      driverBase = `http://127.0.0.1:${port}`;
      break;
    }
  }
  profile = mkdtempSync(join(tmpdir(), "docs-search-"));
  const flags =
    "headless no-sandbox disable-gpu disable-quic disable-background-networking disable-component-update disable-sync " +
    "no-first-run no-proxy-server window-size=1280,900";
  const args = [...flags.split(" ").map((flag) => `--${flag}`), `--user-data-dir=${profile}`];
  const capabilities = { alwaysMatch: { "goog:chromeOptions": { args }, "goog:loggingPrefs": { performance: "ALL" } } };
  session = (await command("POST", "/session", { capabilities })).sessionId;
});

after(async () => {
  if (session) await page("DELETE", "").catch(() => {});
  driver?.kill();
  server?.close();
  server?.closeAllConnections();
  if (profile) rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

/** Types a text into the search box, and waits until a page is among the results. */
async function search(text, wanted) {
  await page("POST", "/url", { url: `${origin}/reference/settings.html` });
  await until("the search button", () => script("return !!document.querySelector('.DocSearch-Button')"));
  // VitePress opens the box with the last text, and what is typed early is added to it.
  await script("sessionStorage.clear()");
  const box = await until("the search box", async () => {
    await script("document.querySelector('.VPLocalSearchBox') ?? document.querySelector('.DocSearch-Button').click()");
    return script("return document.querySelector('.VPLocalSearchBox input')");
  });
  await page("POST", `/element/${box[ELEMENT]}/value`, { text });
  // Results follow each key, so the first ones are those of a part of the text.
  let found;
  await until(`${wanted} among the results for ${text}`, async () => {
    found = await script("return [...document.querySelectorAll('.VPLocalSearchBox .result')].map((a) => a.pathname)");
    return found.some((path) => path.startsWith(wanted));
  }).catch((error) => {
    throw new Error(`${error.message}: ${found.join(" ")}`);
  });
}

for (const [text, wanted] of searches) test(`the search finds ${text}`, () => search(text, wanted));

test("the diagram of the modules is a picture", async () => {
  await page("POST", "/url", { url: `${origin}/development/architecture.html` });
  const width = await until("the picture", () => script("return document.querySelector('img.diagram')?.naturalWidth"));
  assert.ok(width > 300, `${width}`);
});

test("pages request nothing from other hosts", async () => {
  for (const path of ["/", "/reference/settings.html", "/explanation/contracts.html", "/development/architecture.html"]) {
    await page("POST", "/url", { url: origin + path });
    await until("the page", () => script("return document.readyState === 'complete'"));
  }
  const log = await page("POST", "/se/log", { type: "performance" });
  const requested = log
    .map((entry) => JSON.parse(entry.message).message)
    .filter((message) => message.method === "Network.requestWillBeSent")
    .map((message) => message.params.request.url)
    .filter((url) => /^(https?|wss?):/.test(url) && !url.startsWith(`${origin}/`));
  assert.deepEqual(requested, []);
});
