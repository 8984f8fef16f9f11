// The npm package @modelcontextprotocol/sdk as a client of an MCP server, told on its standard input what to do.
//
// MCP_URL: the MCP server. CALLBACK: its redirect URI. WAY: `registered` (CLIENT_ID is its id), `dynamic` (it registers itself) or `document`
// (DOCUMENT is the URL of its metadata document). Each line of input is one of `call`, `code <code>`, `state`; each line of output is a JSON
// object with what came of it.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { createInterface } from 'node:readline';

const { MCP_URL, CALLBACK, WAY, CLIENT_ID, DOCUMENT } = process.env;
const kept = { client: WAY === 'registered' ? { client_id: CLIENT_ID } : undefined, signIns: 0 };

const provider = {
  redirectUrl: CALLBACK,
  clientMetadata: {
    client_name: 'Node tool',
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  ...(WAY === 'document' ? { clientMetadataUrl: DOCUMENT } : {}),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => (kept.tokens = tokens),
  saveCodeVerifier: (verifier) => (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  redirectToAuthorization: (url) => {
    kept.signIns += 1;
    kept.url = url.href;
  },
  invalidateCredentials: (which) => {
    if (which === 'all' || which === 'client') kept.client = undefined;
    if (which === 'all' || which === 'tokens') kept.tokens = undefined;
  },
};

let transport;

async function call() {
  const client = new Client({ name: 'node-tool', version: '1.0.0' });
  transport = new StreamableHTTPClientTransport(new URL(MCP_URL), { authProvider: provider });
  try {
    await client.connect(transport);
    const answer = await client.callTool({ name: 'whoami', arguments: {} });
    return { text: answer.content[0].text };
  } catch (error) {
    if (error instanceof UnauthorizedError) return { authorize: kept.url };
    return { error: String(error) };
  } finally {
    await client.close().catch(() => {});
  }
}

async function finish(code) {
  await transport.finishAuth(code);
  return call();
}

const state = () => ({ client_id: kept.client?.client_id, signIns: kept.signIns, tokens: kept.tokens });

for await (const line of createInterface({ input: process.stdin })) {
  const [word, argument] = line.split(' ');
  const done = { call, state, code: () => finish(argument) }[word];
  const answer = await Promise.resolve(done()).catch((error) => ({ error: String(error) }));
  console.log(JSON.stringify(answer));
}
