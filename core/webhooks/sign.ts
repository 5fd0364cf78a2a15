import { Webhook } from "standardwebhooks";

const SECRET_BYTES = 32;

/** A new secret, as Standard Webhooks writes them: `whsec_` and base64. */
export function makeSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

/**
 * The headers that a receiver verifies a body by (Standard Webhooks 1.0). While a secret is being replaced the old one signs
 * too. `now` in epoch ms: of each attempt anew, or receivers would refuse late ones as replayed.
 */
export const signatureOf = (
  secrets: readonly string[],
  id: string,
  now: number,
  body: string,
): Record<string, string> => ({
  "webhook-id": id,
  "webhook-timestamp": String(Math.floor(now / 1000)),
  "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, new Date(now), body)).join(" "),
});
