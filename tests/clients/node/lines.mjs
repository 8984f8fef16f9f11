// How the clients in this folder are told what to do: each line of the standard input is a JSON object, `do` names one of the verbs; each line
// of the standard output has what came of it, or the error as the library told it.
import { createInterface } from 'node:readline';

export async function obey(verbs) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: verb, ...what } = JSON.parse(line);
    const answer = await Promise.resolve()
      .then(() => verbs[verb](what))
      .then((result) => ({ result: result ?? {} }), async (error) => ({ error: await told(error) }));
    console.log(JSON.stringify(answer));
  }
}

// `error` is the word of OAuth, where the server said one: in the body, in the address that the browser came back to, or in a challenge.
async function told(error) {
  const { name, message, code, status, cause } = error;
  const body = error.response && !error.response.bodyUsed ? await error.response.json().catch(() => ({})) : {};
  const challenge = Array.isArray(cause) ? cause[0]?.parameters?.error : undefined;
  const said = error.error ?? cause?.error ?? cause?.get?.('error') ?? body.error ?? challenge;
  return { name, message, code, status, error: said, description: error.error_description ?? body.error_description };
}
