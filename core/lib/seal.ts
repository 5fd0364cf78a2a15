import { base64url, fromBase64url, text, utf8 } from "./bytes.ts";
import { readRing } from "./ring.ts";

/**
 * Sealing of secrets at rest: AES-256-GCM with a ring of keys. The first key seals, all of them open; the key's id stands
 * in front of the sealed text. The additional data binds a secret to its place (an account and its token version),
 * so that a sealed text moved elsewhere does not open.
 */
export type Ring = {
  seal(plain: string, place: string): Promise<string>;
  open(sealed: string, place: string): Promise<string>;
};

const IV_BYTES = 12;

/**
 * Reads a ring from a secret: `id:base64url-of-32-bytes`, several separated by commas, the newest first.
 * Throws with a sentence that names the variable and never the key.
 */
export async function openRing(secret: string | undefined, variable: string): Promise<Ring> {
  const keys = new Map<string, CryptoKey>();
  for (const [id, bytes] of readRing(secret, variable)) keys.set(id, await importKey(bytes));
  const newest = [...keys.keys()][0] ?? "";
  return {
    seal: (plain, place) => seal(newest, required(keys, newest, variable), plain, place),
    open: (sealed, place) => open(keys, sealed, place, variable),
  };
}

const importKey = (bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);

async function seal(id: string, key: CryptoKey, plain: string, place: string): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: utf8(place) },
    key,
    utf8(plain),
  );
  return `${id}.${base64url(iv)}.${base64url(new Uint8Array(sealed))}`;
}

async function open(
  keys: Map<string, CryptoKey>,
  sealed: string,
  place: string,
  variable: string,
): Promise<string> {
  const [id = "", iv = "", data = ""] = sealed.split(".");
  const key = required(keys, id, variable);
  const plain = await crypto.subtle.decrypt(
    { name: "AES-GCM", iv: fromBase64url(iv), additionalData: utf8(place) },
    key,
    fromBase64url(data),
  );
  return text(new Uint8Array(plain));
}

function required(keys: Map<string, CryptoKey>, id: string, variable: string): CryptoKey {
  const key = keys.get(id);
  if (!key) throw new Error(`${variable} lacks the key "${id}" that sealed this`);
  return key;
}
