import { createSimulator } from "../../simulator/simulator.ts";
import { createHarness, type HarnessOptions } from "./harness.ts";

const SCOPES = ["tweet.read", "tweet.write", "users.read", "offline.access"];

/** The engine with the simulator as X, and an account whose tokens X knows. */
export async function meetX(of: HarnessOptions & { refresh_token?: null; x_clock_ms?: number } = {}) {
  const h = await createHarness(of);
  const x = createSimulator({
    now: () => h.now() + (of.x_clock_ms ?? 0),
    random: () => 0.5,
    sleep: () => Promise.resolve(),
  });
  x.createApp({ client_id: "x-app", redirect_uris: ["https://client.test/"] });
  const user = x.createUser({ username: "ada" });
  const granted = x.createGrant({ client_id: "x-app", user_id: user.id, scopes: SCOPES });
  const account = await h.account({
    token: granted.access_token,
    x_user_id: user.id,
    ...(of.refresh_token !== null && granted.refresh_token && { refresh_token: granted.refresh_token }),
  });
  h.answer((_, request) => x.fetch(request));
  return {
    h,
    x,
    user,
    account,
    /** Refresh the account, as its lane's holder does. */
    refresh: (version: number | null, at = h.now()) => h.consumer.refresh(account, { version, at }),
    /** X's own books of the account's grant. */
    grant: () => {
      const found = x.grants().find(({ id }) => id === granted.grant_id);
      if (!found) throw new Error("X does not know the grant");
      return found;
    },
    /** The calls to X's token endpoint. */
    refreshes: () => h.calls.filter(({ path }) => path === "/2/oauth2/token"),
  };
}
