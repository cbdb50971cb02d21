// The npm package oauth2-mock-server, as its README starts it, with the quickest kind of key that it knows.
//
// usage: node oauth2-mock-server.mjs; prints {"port"} once it listens.

import { OAuth2Server } from "oauth2-mock-server";

const server = new OAuth2Server();
await server.issuer.keys.generate("EdDSA");
await server.start(0, "127.0.0.1");
console.log(JSON.stringify({ port: server.address().port }));
