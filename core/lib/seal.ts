import { base64url, fromBase64url, text, utf8 } from "./bytes.ts";
import { LOST, readEntries } from "./ring.ts";

/**
 * Sealing of secrets at rest: AES-256-GCM with a ring of keys. The first key seals, all of them open; the key's id stands
 * in front of the sealed text. The additional data binds a secret to its place (an account and its token version),
 * so that a sealed text moved elsewhere does not open.
 */
export type Ring = {
  /** The id of the key that seals. */
  newest: string;
  seal(plain: string, place: string): Promise<string>;
  /** Rejects, with a sentence that names the key's id, when this ring does not open it. */
  open(sealed: string, place: string): Promise<string>;
  /** Whether the newest key sealed it. */
  isNewest(sealed: string): boolean;
  /** Whether the ring itself says that the key which sealed it is gone for good. */
  isLost(sealed: string): boolean;
};

const IV_BYTES = 12;
const SEALED = /^([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

type Keys = { variable: string; newest: string; byId: Map<string, CryptoKey | typeof LOST> };

/**
 * Reads a ring from a secret: `id:base64url-of-32-bytes`, several separated by commas, the newest first; `id:lost` for a key
 * that is gone. Throws with a sentence that names the variable and never the key.
 */
export async function openRing(secret: string | undefined, variable: string): Promise<Ring> {
  const byId: Keys["byId"] = new Map();
  for (const [id, key] of readEntries(secret, variable))
    byId.set(id, key === LOST ? LOST : await importKey(key));
  const newest = [...byId.keys()][0] ?? "";
  const keys: Keys = { variable, newest, byId };
  return {
    newest,
    seal: (plain, place) => seal(keys, plain, place),
    open: (sealed, place) => open(keys, sealed, place),
    isNewest: (sealed) => sealed.startsWith(`${newest}.`),
    isLost: (sealed) => keys.byId.get(SEALED.exec(sealed)?.[1] ?? "") === LOST,
  };
}

const importKey = (bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);

async function seal(keys: Keys, plain: string, place: string): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: utf8(place) },
    keyOf(keys, keys.newest),
    utf8(plain),
  );
  return `${keys.newest}.${base64url(iv)}.${base64url(new Uint8Array(sealed))}`;
}

async function open(keys: Keys, sealed: string, place: string): Promise<string> {
  const [, id, iv = "", data = ""] = SEALED.exec(sealed) ?? [];
  if (id === undefined) throw new Error(`This was not sealed with ${keys.variable}`);
  const key = keyOf(keys, id);
  try {
    const plain = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: fromBase64url(iv), additionalData: utf8(place) },
      key,
      fromBase64url(data),
    );
    return text(new Uint8Array(plain));
  } catch {
    // The cipher does not say whether it is the key, the place or the text.
    throw new Error(
      `${keys.variable} has a key "${id}" that is not the one which sealed this, unless it was changed or moved since`,
    );
  }
}

function keyOf({ byId, variable }: Keys, id: string): CryptoKey {
  const key = byId.get(id);
  if (key === LOST) throw new Error(`${variable} says that the key "${id}", which sealed this, is lost`);
  if (!key) throw new Error(`${variable} lacks the key "${id}" that sealed this`);
  return key;
}
