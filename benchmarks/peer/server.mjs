// The peer of the benchmark: node-oidc-provider with its in-memory adapter, set up to do the same
// work as Pushgate does: pushed authorization requests, ES256 ID Tokens, PKCE, one confidential
// client per authentication method, and one that gets DPoP-bound JWT access tokens for itself.
// Everything not named here keeps its default.
//
// usage: node server.mjs PORT CLIENT_JWKS_FILE
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const [port, jwksFile] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const { privateKey } = await generateKeyPair('ES256', { extractable: true });
const signingKey = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'bench-signing' };

const shared = {
  redirect_uris: ['https://app.example/callback'],
  response_types: ['code'],
  grant_types: ['authorization_code'],
  scope: 'openid profile email',
  id_token_signed_response_alg: 'ES256',
};

const provider = new Provider(issuer, {
  clients: [
    {
      ...shared,
      client_id: 'bench-basic',
      client_secret: process.env.BENCH_CLIENT_SECRET,
      token_endpoint_auth_method: 'client_secret_basic',
    },
    {
      ...shared,
      client_id: 'bench-jwt',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: JSON.parse(readFileSync(jwksFile, 'utf8')),
    },
    {
      client_id: 'bench-service',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: JSON.parse(readFileSync(jwksFile, 'utf8')),
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: 'ES256',
      scope: 'read write',
    },
  ],
  jwks: { keys: [signingKey] },
  scopes: ['openid', 'offline_access', 'read', 'write'],
  claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: 'Alice', email: 'alice@example.com' }),
  }),
  features: {
    // The sign-in and consent pages, walked through once before the measured run.
    devInteractions: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    // Pushgate signs access tokens (RFC 9068), so the peer signs those of the service client.
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client) => (client.clientId === 'bench-service' ? 'https://api.example' : undefined),
      getResourceServerInfo: () => ({
        scope: 'read write',
        audience: 'https://api.example',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

const server = createServer(provider.callback());
// The load generator keeps its connections open between rounds.
server.keepAliveTimeout = 120_000;
server.listen(Number(port), '127.0.0.1');
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
