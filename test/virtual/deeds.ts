import type { kinds } from "#core/jobs/kinds/index";
import type { FaultRule } from "../../simulator/simulator.ts";
import type { World } from "./world.ts";

export type KindName = (typeof kinds)[number]["name"];
export type Owner = Awaited<ReturnType<World["connect"]>>;

/** One job as X meets it. */
export type Deed = {
  params: { account_id: string };
  /** Its call, among others. */
  match: NonNullable<FaultRule["match"]>;
  /** X's no, which trying again cannot change. */
  no: FaultRule["fault"];
  /** How often X has done it, by X's own books. */
  done: () => number;
};

/** A kind of job: `deed` makes what the nth of its jobs acts on. `next` is the kind of the job that stands behind it. */
export type Doing = {
  next: KindName;
  /** The problem with which it ends when X did it, and gave what it gives once to a Worker that was dead. */
  spoiled?: string;
  /** It is done in steps, and what was tried is counted anew for each of them. */
  steps?: true;
  deed(world: World, owner: Owner, n: number): Promise<Deed>;
};

const no = (detail: string): FaultRule["fault"] => ({
  kind: "error",
  status: 403,
  body: { title: "Forbidden", detail, status: 403, type: "about:blank" },
});

/** A retweet, like or bookmark of a tweet of the account's own: made, or taken back where it stands. */
const engagement = (kind: "retweet" | "like" | "bookmark", does: "create" | "delete"): Doing => ({
  next: `${kind}.${does}`,
  deed: async (world, owner, n) => {
    const tweet_id = await tweet(world, owner, `to be engaged with ${n}`);
    const path = `/2/users/${owner.user}/${kind}s`;
    if (does === "delete") await ask(world, owner, path, { tweet_id });
    const one = () =>
      world.simulator.engagements().find((of) => of.kind === kind && of.tweet_id === tweet_id);
    return {
      params: { account_id: owner.account, tweet_id } as Deed["params"],
      match:
        does === "create"
          ? { method: "POST", path: `${path}$`, text: tweet_id }
          : { method: "DELETE", path: `${path}/${tweet_id}$` },
      no: no("You are not permitted to perform this action."),
      done: () => one()?.[does === "create" ? "made" : "ended"] ?? 0,
    };
  },
});

/** Every kind, so that Workers can die on it. */
export const doings: Record<KindName, Doing> = {
  "tweet.create": {
    next: "tweet.create",
    deed: async ({ simulator }, { account, user }, n) => {
      const text = `tweet ${n}`;
      return {
        params: { account_id: account, text } as Deed["params"],
        match: { method: "POST", path: "^/2/tweets$", text },
        no: no("You are not permitted to perform this action."),
        done: () => simulator.tweets(user).filter((tweet) => tweet.text === text).length,
      };
    },
  },
  "thread.create": {
    next: "thread.create",
    steps: true,
    deed: async ({ simulator }, { account, user }, n) => {
      const texts = [`thread ${n}, first`, `thread ${n}, last`];
      const made = () =>
        texts.map((text) => simulator.tweets(user).filter((one) => one.text === text).length);
      return {
        params: { account_id: account, tweets: texts.map((text) => ({ text })) } as unknown as Deed["params"],
        match: { method: "POST", path: "^/2/tweets$", text: texts[1] ?? "" },
        no: no("You are not permitted to perform this action."),
        // Whole, and no part of it more often.
        done: () => (made().includes(0) ? 0 : Math.max(...made())),
      };
    },
  },
  "tweet.delete": {
    next: "tweet.delete",
    deed: async (world, owner, n) => {
      const tweet_id = await tweet(world, owner, `to be deleted ${n}`);
      return {
        params: { account_id: owner.account, tweet_id } as Deed["params"],
        match: { method: "DELETE", path: `/2/tweets/${tweet_id}$` },
        no: no("You are not permitted to perform this action."),
        done: () => world.simulator.tweets().filter(({ id, deleted }) => id === tweet_id && deleted).length,
      };
    },
  },
  "retweet.create": engagement("retweet", "create"),
  "retweet.delete": engagement("retweet", "delete"),
  "like.create": engagement("like", "create"),
  "like.delete": engagement("like", "delete"),
  "bookmark.create": engagement("bookmark", "create"),
  "bookmark.delete": engagement("bookmark", "delete"),
  "media.upload": {
    next: "tweet.create",
    deed: async (world, { account, user }, n) => {
      const bytes = new TextEncoder().encode(`picture ${n}`);
      const media_id = await world.picture(account, bytes);
      return {
        params: { account_id: account, media_id } as Deed["params"],
        match: { method: "POST", path: "^/2/media/upload/[0-9]+/finalize$" },
        no: no("You are not permitted to perform this action."),
        done: () =>
          world.simulator.media().filter(({ user_id, size }) => user_id === user && size === bytes.length)
            .length,
      };
    },
  },
  "token.refresh": {
    next: "tweet.create",
    spoiled: "reconnect_required",
    deed: async ({ simulator }, { account }) => ({
      params: { account_id: account },
      match: { path: "^/2/oauth2/token$" },
      no: {
        kind: "error",
        status: 400,
        body: { error: "invalid_request", error_description: "Missing required parameter [scope]." },
      },
      done: () => simulator.grants().reduce((sum, { refreshes }) => sum + refreshes, 0),
    }),
  },
};

async function tweet(world: World, owner: Owner, text: string): Promise<string> {
  const made = await ask(world, owner, "/2/tweets", { text });
  return (await made.json<{ data: { id: string } }>()).data.id;
}

function ask({ simulator }: World, { access }: Owner, path: string, body: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${access}`, "content-type": "application/json" };
  return simulator.fetch(
    new Request(`https://x.test${path}`, { method: "POST", headers, body: JSON.stringify(body) }),
  );
}
