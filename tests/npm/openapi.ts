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
  clock: Answer<"advance_clock">;
  clients: Answer<"list_clients">;
  client: Answer<"create_client", 201>;
  users: Answer<"list_users">;
  tokens: Answer<"list_tokens">;
  issued: Answer<"issue_tokens">;
  code: Answer<"issue_code", 201>;
  session: Answer<"create_session", 201>;
  consents: Answer<"list_consents">;
  spends: Answer<"list_spends">;
  faults: Answer<"list_faults">;
  requests: Answer<"list_requests">;
  mismatch: Answer<"verify", 409>;
  advice: Answer<"list_advice">;
  contract: Answer<"read_contract">;
  settings: Answer<"read_settings">;
  sandbox: Answer<"create_sandbox", 201>;
  error: components["schemas"]["ErrorView"];
};

export const now: string = answer.clock.now;
export const redirectUris: string[] = answer.clients.clients.flatMap((client) => client.redirect_uris);
export const access: "open" | "testers" | "disabled" = answer.client.access_mode;
export const yellow: number = answer.users.users[0].buzz.yellow;
export const expired: boolean[] = answer.tokens.tokens.map((token) => token.expires_in < 0);
export const scope: string | string[] = answer.issued.scope;
export const location: string | null = answer.code.location;
export const cookie: string = answer.session.cookie;
export const budgets = answer.consents.consents.flatMap((consent) => consent.buzz_limit ?? []).map((budget) => budget.type);
export const remaining: number[] = answer.spends.spends.flatMap((spend) => spend.rules).map((rule) => rule.remaining);
export const delays = answer.faults.faults.map((fault) => fault.effect.delay);
export const rules: string[] = answer.requests.requests.flatMap((request) => request.reason?.message ?? []);
export const refreshes: number | undefined = answer.requests.counters.grants.refresh_token;
export const differences: string[] = answer.mismatch.differences;
export const severity: "error" | "warning" | "hint" = answer.advice.findings[0].severity;
export const inForce: "documented" | "live" | "live@2026-08" = answer.contract.differences[0].contract;
export const login: string | number | null = answer.settings.login;
export const path: string = answer.sandbox.path;
export const hint: string | null | undefined = answer.error.hint;

export const advance: Body<"advance_clock">[] = [{ by: "1h" }, { seconds: 3600 }, "-5m", 60];
export const client: Body<"create_client"> = { name: "App", grants: ["authorization_code"], allowed_scopes: ["UserRead"] };
export const patch: Body<"update_client"> = { logo_url: null };
export const fault: Body<"add_fault"> = { endpoint: "token", effect: { error: "invalid_grant", delay: { min: 0, max: "2s" } } };
export const expectations: Body<"verify"> = [{ endpoint: "token", grant_type: "refresh_token", times: 1 }];
export const consent: Body<"set_consent"> = {
  user: "ada",
  client_id: "app",
  scope: 1,
  buzz_limit: [{ type: "sliding", limit: 5000, window: "day", unit: 1 }],
};

// @ts-expect-error A new client has a name.
export const nameless: Body<"create_client"> = { id: "app" };
// @ts-expect-error A client without a name cannot be given `null` as one.
export const unnamed: Body<"update_client"> = { name: null };
// @ts-expect-error No endpoint has this name.
export const misspelt: Body<"add_fault"> = { endpoint: "tokn", effect: { status: 503 } };
// @ts-expect-error A number is not text.
export const text: string = answer.clock.unix_ms;
// @ts-expect-error No answer has this key.
export const absent: string = answer.clients.clients[0].secret;
// @ts-expect-error A clock is moved by one key.
export const both: Body<"advance_clock"> = { by: "1h", secnds: 1 };
