// What TypeScript sees of the control API, by the types that openapi-typescript generates from /_mock/openapi.json. It is
// compiled, not run: a schema that is missing is `unknown` there, and does not compile here.
import type { components, operations } from "./control-api.js";

type Answer<Name extends keyof operations, Status extends number = 200> = operations[Name] extends {
  responses: { [status in Status]: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

type Body<Name extends keyof operations> = operations[Name] extends {
  requestBody?: { content: { "application/json": infer Input } };
}
  ? Input
  : never;

declare const answer: {
  clock: Answer<"post_clock_advance">;
  clients: Answer<"get_clients">;
  client: Answer<"post_clients", 201>;
  users: Answer<"get_users">;
  tokens: Answer<"get_tokens">;
  minted: Answer<"post_tokens">;
  code: Answer<"post_codes", 201>;
  session: Answer<"post_sessions", 201>;
  consents: Answer<"get_consents">;
  spends: Answer<"get_spends">;
  faults: Answer<"get_faults">;
  requests: Answer<"get_requests">;
  mismatch: Answer<"post_verify", 409>;
  advice: Answer<"get_advice">;
  contract: Answer<"get_contract">;
  settings: Answer<"get_settings">;
  sandbox: Answer<"post_sandboxes", 201>;
  error: components["schemas"]["ErrorView"];
};

export const now: string = answer.clock.now;
export const redirectUris: string[] = answer.clients.flatMap((client) => client.redirect_uris);
export const access: "open" | "testers" | "disabled" = answer.client.access_mode;
export const yellow: number = answer.users[0].buzz.yellow;
export const expired: boolean[] = answer.tokens.tokens.map((token) => token.expires_in < 0);
export const scope: string | string[] = answer.minted.scope;
export const location: string | null = answer.code.location;
export const cookie: string = answer.session.cookie;
export const budgets = answer.consents.consents.flatMap((consent) => consent.buzz_limit ?? []).map((budget) => budget.type);
export const remaining: number[] = answer.spends.spends.flatMap((spend) => spend.rules).map((rule) => rule.remaining);
export const delays = answer.faults.faults.map((fault) => fault.effect.delay);
export const rules: string[] = answer.requests.requests.flatMap((exchange) => exchange.why?.rule ?? []);
export const refreshes: number | undefined = answer.requests.counters.grants.refresh_token;
export const differences: string[] = answer.mismatch.differences;
export const severity: "error" | "warning" | "hint" = answer.advice.findings[0].severity;
export const side: "documented" | "live" | "live@2026-08" = answer.contract.differences[0].side;
export const login: string | number | null = answer.settings.login;
export const path: string = answer.sandbox.path;
export const hint: string | null | undefined = answer.error.hint;

export const advance: Body<"post_clock_advance">[] = [{ by: "1h" }, { seconds: 3600 }, "-5m", 60];
export const client: Body<"post_clients"> = { name: "App", grants: ["authorization_code"], allowed_scopes: ["UserRead"] };
export const patch: Body<"patch_clients_id"> = { logo_url: null };
export const fault: Body<"post_faults"> = { endpoint: "token", effect: { error: "invalid_grant", delay: { min: 0, max: "2s" } } };
export const expectations: Body<"post_verify"> = [{ endpoint: "token", grant_type: "refresh_token", times: 1 }];
export const consent: Body<"post_consents"> = {
  user: "ada",
  client_id: "app",
  scope: 1,
  buzz_limit: [{ type: "sliding", limit: 5000, window: "day", unit: 1 }],
};

// @ts-expect-error A new client has a name.
export const nameless: Body<"post_clients"> = { id: "app" };
// @ts-expect-error A client without a name cannot be given `null` as one.
export const unnamed: Body<"patch_clients_id"> = { name: null };
// @ts-expect-error No endpoint has this name.
export const misspelt: Body<"post_faults"> = { endpoint: "tokn", effect: { status: 503 } };
// @ts-expect-error A number is not text.
export const text: string = answer.clock.unix_ms;
// @ts-expect-error No answer has this key.
export const absent: string = answer.clients[0].secret;
// @ts-expect-error A clock is moved by one key.
export const both: Body<"post_clock_advance"> = { by: "1h", secnds: 1 };
