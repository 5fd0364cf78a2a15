import { createSimulator } from "../../simulator/simulator.ts";
import { mediaUpload } from "#core/jobs/kinds/media-upload";
import { MEDIA_TURN } from "#core/jobs/limits";
import type { UploadRow } from "#core/store/uploads";
import { createHarness } from "./harness.ts";
import { ALL_SCOPES } from "./kinds.ts";
import { putMedium } from "./medium.ts";

/** The engine and the simulator as X, with an account that may send media. */
export async function meetMedia() {
  const h = await createHarness({ limits: MEDIA_TURN });
  const x = createSimulator({ now: h.now, sleep: () => Promise.resolve() });
  x.createApp({ client_id: "x-app", redirect_uris: ["https://client.test/"] });
  h.answer((_, request) => x.fetch(request));

  async function account() {
    const user = x.createUser({ username: `user_${x.users().length}` });
    const { access_token } = x.createGrant({ client_id: "x-app", user_id: user.id, scopes: ALL_SCOPES });
    return { id: await h.account({ token: access_token, x_user_id: user.id }), user_id: user.id };
  }

  const first = await account();
  return {
    h,
    x,
    account,
    account_id: first.id,
    user_id: first.user_id,
    medium: (bytes: Uint8Array, more: Partial<UploadRow> & { pieces?: number } = {}) =>
      putMedium(bytes, { client_id: h.clientId, account_id: first.id, now: h.now(), ...more }),
    upload: (media_id: string, account_id = first.id) =>
      h.post(account_id, "", { kind: mediaUpload, params: { account_id, media_id } }),
    /** What X was asked to do with media, without ids. */
    asked: () =>
      h.calls
        .filter(({ path }) => path.startsWith("/2/media"))
        .map(({ method, path }) => `${method} ${path.replace("/2/media/", "").replace(/\d+/, ":id")}`),
    /** The uploads that X has whole, each with the SHA-256 of what arrived. */
    arrived: () => x.media().flatMap(({ sha256 }) => (sha256 === null ? [] : [sha256])),
  };
}

export async function hexOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
