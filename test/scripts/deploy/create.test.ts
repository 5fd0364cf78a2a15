import { expect, test } from "vitest";
import { lookAt } from "../../../scripts/deploy/account.ts";
import { createMissing } from "../../../scripts/deploy/create.ts";
import { PretendAccount } from "./pretend.ts";

const needed = { queues: ["q1", "q2"], databases: ["d1"], namespaces: ["n1"], buckets: ["b1"] };

async function create(account: PretendAccount, location: string | null = null) {
  const said: string[] = [];
  const say = (text: string) => said.push(text);
  const seen = await lookAt(account.wrangler, []);
  const ids = await createMissing(account.wrangler, needed, seen, { say, location });
  return { ids, said };
}

test("what is missing is made and said, and the ids of all are found out", async () => {
  const account = new PretendAccount();
  account.queues.push("q1");
  const { ids, said } = await create(account);
  expect(said).toEqual([
    "create the queue q2",
    "create the database d1",
    "create the KV namespace n1",
    "create the R2 bucket b1",
    "let b1 forget uploads after 400 days",
  ]);
  expect(ids.databases.get("d1")).toBe("uuid-of-d1");
  expect(ids.namespaces.get("n1")).toBe("id-of-n1");
});

test("a second time nothing is made", async () => {
  const account = new PretendAccount();
  await create(account);
  account.calls = [];
  expect((await create(account)).said).toEqual([]);
  expect(account.changes).toEqual([]);
});

test("what turns out to be there already is as good as made", async () => {
  const account = new PretendAccount();
  const seen = await lookAt(account.wrangler, []);
  await create(account);
  const ids = await createMissing(account.wrangler, needed, seen, { say: () => undefined, location: null });
  expect(ids.databases.get("d1")).toBe("uuid-of-d1");
  expect(account.buckets.get("b1")).toEqual(["orphans"]);
});

test("databases are made where they are to stand", async () => {
  const account = new PretendAccount();
  await create(account, "weur");
  expect(account.calls).toContain("d1 create d1 --location weur");
});

test("anything else that wrangler says ends it, in wrangler's words", async () => {
  const account = new PretendAccount();
  account.mishap = { at: 2, how: "before" };
  await expect(create(account)).rejects.toThrow(
    "wrangler queues create q2 ended with 1\n✘ [ERROR] The network is gone",
  );
});
