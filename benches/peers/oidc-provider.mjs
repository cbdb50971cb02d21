// The npm package oidc-provider with its adapter in memory, PKCE and opaque tokens, set up so that the whole flow runs
// without a browser: people are signed in beforehand and consent to everything.
//
// usage: node oidc-provider.mjs; prints {"port"} once it listens. GET /people?64 signs 64 people in and answers their
// cookies: the adapter keeps the 1,000 entries that were used last, so that sessions are soon forgotten.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const year = 365 * 24 * 60 * 60;

const configuration = {
  clients: [
    {
      client_id: "bench",
      client_secret: "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7",
      token_endpoint_auth_method: "client_secret_post",
      redirect_uris: ["http://localhost:3000/callback"],
      grant_types: ["authorization_code", "refresh_token", "client_credentials"],
      response_types: ["code"],
      // Signing with P-256 takes a tenth of the time that RSA takes.
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: { keys: [{ ...generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig" }] },
  cookies: { long: { signed: false }, short: { signed: false } },
  pkce: { required: () => true },
  scopes: ["openid", "offline_access", "api"],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
  },
  ttl: { AccessToken: 3600, AuthorizationCode: 600, ClientCredentials: 3600, Grant: year, IdToken: 3600, RefreshToken: year, Session: year },
  issueRefreshToken: async () => true,
  rotateRefreshToken: () => true,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, username: id, preferred_username: id, name: id, email: `${id}@example.com`, email_verified: true }),
  }),
  claims: { openid: ["sub", "username", "preferred_username", "name", "email", "email_verified"] },
  // Consent, without a page.
  async loadExistingGrant({ oidc }) {
    const known = oidc.session.grantIdFor(oidc.client.clientId);
    const kept = known && (await oidc.provider.Grant.find(known));
    if (kept) return kept;
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid api");
    await grant.save();
    return grant;
  },
};

async function signIn(provider, people) {
  const cookies = [];
  for (let number = 0; number < people; number += 1) {
    const session = new provider.Session();
    session.loginAccount({ accountId: `person${number}` });
    await session.save(year);
    cookies.push(`_session=${session.id}`);
  }
  return cookies;
}

const server = createServer().listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, configuration);
  const answer = provider.callback();
  server.on("request", async (request, response) => {
    const people = request.url.split("/people?")[1];
    if (people === undefined) return answer(request, response);
    const body = JSON.stringify(await signIn(provider, Number(people)));
    response.writeHead(200, { "Content-Length": body.length }).end(body);
  });
  console.log(JSON.stringify({ port }));
});
