// The npm package oidc-provider as the identity provider of a company, on loopback only.
//
// PORT: where it listens. DOORWARD_URL: the server whose people sign in here. ACCOUNTS: a JSON file with the claims of each person by login,
// read anew for each answer. KEYS: a JSON file with its keys, made if it is not there. SKEW: by how many seconds its clock is ahead.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const skew = Number(process.env.SKEW ?? 0) * 1000;
const clock = Date.now;
Date.now = () => clock() + skew;

const { default: Provider } = await import('oidc-provider');

const port = Number(process.env.PORT);
const doorward = process.env.DOORWARD_URL;

function key(alg, type, options) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: `${alg}-${clock()}` };
}

if (!existsSync(process.env.KEYS)) {
  const keys = [key('RS256', 'rsa', { modulusLength: 2048 }), key('ES256', 'ec', { namedCurve: 'P-256' })];
  writeFileSync(process.env.KEYS, JSON.stringify({ keys }));
}

const claims = (login) => JSON.parse(readFileSync(process.env.ACCOUNTS, 'utf8'))[login];

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: 'doorward',
      client_secret: 'a secret of the company: 100 %',
      redirect_uris: [`${doorward}/api/v2/users/oidc/node/callback`, `${doorward}/api/v2/users/oidc/callback`],
      post_logout_redirect_uris: [`${doorward}/login`],
      backchannel_logout_uri: `${doorward}/api/v2/users/oidc/node/backchannel-logout`,
      backchannel_logout_session_required: true,
      response_types: ['code'],
      grant_types: ['authorization_code'],
    },
  ],
  claims: {
    openid: ['sub', 'sid'],
    email: ['email', 'email_verified'],
    profile: ['name', 'preferred_username', 'groups'],
  },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // It asks nothing of loopback addresses, where the server of the tests is.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  pkce: { required: () => true },
  cookies: { keys: ['a key of the cookies'] },
  jwks: JSON.parse(readFileSync(process.env.KEYS, 'utf8')),
  findAccount: async (_ctx, login) =>
    claims(login) && { accountId: login, claims: async () => ({ sub: login, ...claims(login) }) },
});
provider.on('server_error', (_ctx, error) => console.error(error));
provider.on('backchannel.error', (_ctx, error) => console.error(error));
provider.listen(port, '127.0.0.1', () => console.log('ready'));
