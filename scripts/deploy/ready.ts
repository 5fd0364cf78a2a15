type Outside = {
  say: (text: string) => void;
  fetch: (url: string) => Promise<Response>;
  pause: (ms: number) => Promise<void>;
};

const TRIES = 20;
const PAUSE_MS = 3_000;

/**
 * Ask `/readyz` until it says yes: a new address takes a while to be known everywhere. Rejects with its last answer, which names
 * a database or a secret that is not as it should be.
 */
export async function untilReady(address: string | null, { say, fetch, pause }: Outside): Promise<void> {
  if (address === null) {
    say("deployed; its address is not known here: ask its /readyz");
    return;
  }
  const url = `${address.replace(/\/+$/, "")}/readyz`;
  let last = "";
  for (let tries = 1; tries <= TRIES; tries++) {
    last = await answer(fetch, url);
    if (last === "") {
      say(`${address} is ready`);
      return;
    }
    if (tries < TRIES) await pause(PAUSE_MS);
  }
  throw new Error(`Everything is deployed, but ${url} does not say that it is ready: ${last}`);
}

/** Why it is not ready; empty: it is. */
async function answer(fetch: Outside["fetch"], url: string): Promise<string> {
  try {
    const response = await fetch(url);
    const text = await response.text();
    return response.ok ? "" : `${response.status} ${text.slice(0, 500)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
