// The npm package oauth4webapi as a client of the server ISSUER; lines.mjs says how it is told what to do.
import * as oauth from 'oauth4webapi';
import { obey } from './lines.mjs';

const issuer = new URL(process.env.ISSUER);
const options = { [oauth.allowInsecureRequests]: true }; // on loopback there is no TLS
let server, client, way, asked, tokens, device;
// The keys that it can prove to have, by name, and with what the one is proved that it proves now.
const keys = new Map();
let proof = {};

const methods = {
  none: () => oauth.None(),
  client_secret_basic: (secret) => oauth.ClientSecretBasic(secret),
  client_secret_post: (secret) => oauth.ClientSecretPost(secret),
};

async function find(algorithm) {
  const response = await oauth.discoveryRequest(issuer, { ...options, algorithm });
  server = await oauth.processDiscoveryResponse(issuer, response);
}

// Signatures of ID tokens are checked although they come directly from the server.
async function keep(response, got) {
  if (got.id_token) await oauth.validateApplicationLevelSignature(server, response, options);
  tokens = { ...tokens, ...got };
  return { tokens: got, claims: oauth.getValidatedIdTokenClaims(got) };
}

async function pause(seconds) {
  await new Promise((done) => setTimeout(done, seconds * 1000));
}

await obey({
  async discover({ client_id, client_secret, method = 'none', algorithm = 'oidc' }) {
    await find(algorithm);
    client = { client_id };
    way = methods[method](client_secret);
    return server;
  },
  async register({ metadata }) {
    await find('oidc');
    const response = await oauth.dynamicClientRegistrationRequest(server, metadata, options);
    client = await oauth.processDynamicClientRegistrationResponse(response);
    way = methods[client.token_endpoint_auth_method](client.client_secret);
    return client;
  },
  // From now on it proves this key, or none; made when it is first named.
  async prove({ key, algorithm = 'ES256' }) {
    if (!key) return void (proof = {});
    if (!keys.has(key)) keys.set(key, oauth.DPoP(client, await oauth.generateKeyPair(algorithm)));
    proof = { DPoP: keys.get(key) };
    return { jkt: await proof.DPoP.calculateThumbprint() };
  },
  async start({ parameters }) {
    asked = { verifier: oauth.generateRandomCodeVerifier(), state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce() };
    asked.redirect_uri = parameters.redirect_uri;
    const url = new URL(server.authorization_endpoint);
    const all = {
      client_id: client.client_id,
      response_type: 'code',
      state: asked.state,
      ...(parameters.scope?.split(' ').includes('openid') ? { nonce: asked.nonce } : {}),
      code_challenge: await oauth.calculatePKCECodeChallenge(asked.verifier),
      code_challenge_method: 'S256',
      ...parameters,
    };
    for (const [name, value] of Object.entries(all)) url.searchParams.set(name, value);
    return { url };
  },
  async finish({ url, openid = false, max_age, nonce, parameters }) {
    const answer = oauth.validateAuthResponse(server, client, new URL(url), asked.state);
    const request = { ...options, ...proof, additionalParameters: parameters };
    const response = await oauth.authorizationCodeGrantRequest(
      server, client, way, answer, asked.redirect_uri, asked.verifier, request,
    );
    const expected = openid ? { expectedNonce: nonce ?? asked.nonce, maxAge: max_age, requireIdToken: true } : {};
    return keep(response, await oauth.processAuthorizationCodeResponse(server, client, response, expected));
  },
  async userinfo({ subject }) {
    const response = await oauth.userInfoRequest(server, client, tokens.access_token, { ...options, ...proof });
    return oauth.processUserInfoResponse(server, client, subject, response);
  },
  async refresh({ token, parameters }) {
    const request = { ...options, ...proof, additionalParameters: parameters };
    const response = await oauth.refreshTokenGrantRequest(server, client, way, token ?? tokens.refresh_token, request);
    return keep(response, await oauth.processRefreshTokenResponse(server, client, response));
  },
  async revoke({ token, parameters }) {
    const request = { ...options, additionalParameters: parameters };
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, way, token, request));
  },
  async introspect({ token, parameters }) {
    const request = { ...options, additionalParameters: parameters };
    const response = await oauth.introspectionRequest(server, client, way, token, request);
    return oauth.processIntrospectionResponse(server, client, response);
  },
  async credentials({ parameters }) {
    const request = { ...options, ...proof };
    const response = await oauth.clientCredentialsGrantRequest(server, client, way, parameters ?? {}, request);
    return { tokens: await oauth.processClientCredentialsResponse(server, client, response) };
  },
  async device({ parameters }) {
    const response = await oauth.deviceAuthorizationRequest(server, client, way, parameters, options);
    return (device = await oauth.processDeviceAuthorizationResponse(server, client, response));
  },
  // Asks until somebody has decided, with the pauses that the server wants.
  async poll() {
    for (let interval = device.interval; ; ) {
      await pause(interval);
      const response = await oauth.deviceCodeGrantRequest(server, client, way, device.device_code, { ...options, ...proof });
      try {
        return await keep(response, await oauth.processDeviceCodeResponse(server, client, response));
      } catch (error) {
        if (error.error === 'slow_down') interval += 5;
        else if (error.error !== 'authorization_pending') throw error;
      }
    }
  },
  async resource({ url, method = 'GET' }) {
    const response = await oauth.protectedResourceRequest(
      tokens.access_token, method, new URL(url), undefined, undefined, { ...options, ...proof },
    );
    return { status: response.status, body: await response.text() };
  },
});
