// The npm package openid-client as a client of the server ISSUER; lines.mjs says how it is told what to do.
import * as client from 'openid-client';
import { obey } from './lines.mjs';

const issuer = new URL(process.env.ISSUER);
// On loopback there is no TLS. Signatures of ID tokens are checked although they come directly from the server.
const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
let config, asked, tokens, device;
// The keys that it can prove to have, by name, and with what the one is proved that it proves now.
const keys = new Map();
let proof = {};

const methods = {
  none: () => client.None(),
  client_secret_basic: (secret) => client.ClientSecretBasic(secret),
  client_secret_post: (secret) => client.ClientSecretPost(secret),
};

function keep(got) {
  tokens = { ...tokens, ...got };
  return { tokens: got, claims: got.claims() };
}

await obey({
  async discover({ client_id, client_secret, method = 'none', algorithm = 'oidc' }) {
    const way = methods[method](client_secret);
    config = await client.discovery(issuer, client_id, undefined, way, { execute, algorithm });
    return config.serverMetadata();
  },
  async register({ metadata }) {
    const way = (methods[metadata.token_endpoint_auth_method] ?? methods.none)();
    config = await client.dynamicClientRegistration(issuer, metadata, way, { execute });
    return config.clientMetadata();
  },
  // From now on it proves this key, or none; made when it is first named.
  async prove({ key, algorithm = 'ES256' }) {
    if (!key) return void (proof = {});
    if (!keys.has(key)) keys.set(key, client.getDPoPHandle(config, await client.randomDPoPKeyPair(algorithm)));
    proof = { DPoP: keys.get(key) };
    return { jkt: await proof.DPoP.calculateThumbprint() };
  },
  async start({ parameters }) {
    asked = { verifier: client.randomPKCECodeVerifier(), state: client.randomState(), nonce: client.randomNonce() };
    return {
      url: client.buildAuthorizationUrl(config, {
        state: asked.state,
        ...(parameters.scope?.split(' ').includes('openid') ? { nonce: asked.nonce } : {}),
        code_challenge: await client.calculatePKCECodeChallenge(asked.verifier),
        code_challenge_method: 'S256',
        ...parameters,
      }),
    };
  },
  async finish({ url, openid = false, max_age, nonce, parameters }) {
    const checks = { pkceCodeVerifier: asked.verifier, expectedState: asked.state, idTokenExpected: openid, maxAge: max_age };
    if (openid) checks.expectedNonce = nonce ?? asked.nonce;
    return keep(await client.authorizationCodeGrant(config, new URL(url), checks, parameters, proof));
  },
  userinfo: ({ subject }) => client.fetchUserInfo(config, tokens.access_token, subject, proof),
  refresh: async ({ token, parameters }) =>
    keep(await client.refreshTokenGrant(config, token ?? tokens.refresh_token, parameters, proof)),
  revoke: ({ token, parameters }) => client.tokenRevocation(config, token, parameters),
  introspect: ({ token, parameters }) => client.tokenIntrospection(config, token, parameters),
  async credentials({ parameters }) {
    return { tokens: await client.clientCredentialsGrant(config, parameters, proof) };
  },
  device: async ({ parameters }) => (device = await client.initiateDeviceAuthorization(config, parameters)),
  // Asks until somebody has decided, with the pauses that the server wants.
  poll: async () => keep(await client.pollDeviceAuthorizationGrant(config, device, undefined, proof)),
  async resource({ url, method = 'GET' }) {
    const response = await client.fetchProtectedResource(config, tokens.access_token, new URL(url), method, undefined, undefined, proof);
    return { status: response.status, body: await response.text() };
  },
});
