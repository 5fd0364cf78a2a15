import { meetX } from "./refreshing.ts";
import type { HarnessOptions } from "./harness.ts";

/** An account at X whose tweets are looked for: what is told of one that was posted under some fault. */
export async function lookout(of: HarnessOptions & { x_clock_ms?: number } = {}) {
  const met = await meetX({ call_ms: 50, ...of });
  const { h, x, user, account } = met;
  x.setSettings({ limits: "off" });
  return {
    ...met,
    post: (text: string, more: Record<string, unknown> = {}) =>
      h.post(account, text, { params: { account_id: account, text, ...more } }),
    /** What X has, in the order of posting. */
    texts: () => x.tweets(user.id).map(({ text }) => text),
    /** Looks at the account's tweets. */
    looks: () => h.calls.filter(({ method, path }) => method === "GET" && path.endsWith("/tweets")),
    lose: (fault: Parameters<typeof x.setFaults>[0][number]["fault"], times = 1) => {
      x.setFaults([{ match: { path: "^/2/tweets$", method: "POST" }, times, fault }]);
    },
  };
}
