import { describe, expect, test } from "vitest";
import { Refused } from "../../scripts/api.ts";
import { nothingLeft, resealAll, type Step } from "../../scripts/reseal.ts";

const step = (change: Partial<Step>): Step => ({
  key: "k2",
  examined: 0,
  resealed: 0,
  moved: 0,
  unreadable: [],
  next_cursor: null,
  ...change,
});

/** Everything once, where each try answers the next of these, or throws it. */
async function going(answers: (Step | Error)[]) {
  const asked: (string | null)[] = [];
  const pauses: number[] = [];
  const said: string[] = [];
  const totals = resealAll({
    step: async (cursor) => {
      asked.push(cursor);
      const next = answers.shift() ?? new Error("nothing more");
      if (next instanceof Error) throw next;
      return next;
    },
    pause: async (ms) => void pauses.push(ms),
    say: (text) => said.push(text),
  });
  return { totals: await totals.catch((error: unknown) => error), asked, pauses, said };
}

test("it goes from cursor to cursor until there is none, and adds up", async () => {
  const { totals, asked } = await going([
    step({ examined: 3, resealed: 2, unreadable: ["acc_1"], next_cursor: "a" }),
    step({ examined: 2, moved: 1, next_cursor: "b" }),
    step({ examined: 1, unreadable: ["app_1"] }),
  ]);
  expect(asked).toEqual([null, "a", "b"]);
  expect(totals).toEqual({ key: "k2", examined: 6, resealed: 2, moved: 1, unreadable: ["acc_1", "app_1"] });
});

test("it tells how far it is about every thousand", async () => {
  const { said } = await going([
    ...Array.from({ length: 21 }, (_, n) => step({ examined: 100, resealed: 50, next_cursor: String(n) })),
    step({}),
  ]);
  expect(said).toEqual(["1000 looked at, 500 sealed anew …", "2000 looked at, 1000 sealed anew …"]);
});

describe("a step that fails", () => {
  const passing = [
    new Refused("POST", 503, { code: "unavailable" }),
    new Refused("POST", 429, {}),
    new TypeError("fetch failed"),
  ];

  test.each(passing)("%s: it is asked for again, later and later", async (error) => {
    const { totals, asked, pauses } = await going([
      step({ next_cursor: "a" }),
      error,
      error,
      step({ examined: 1 }),
    ]);
    expect(totals).toMatchObject({ examined: 1 });
    expect(asked).toEqual([null, "a", "a", "a"]);
    expect(pauses).toEqual([500, 1000]);
  });

  test("ends it after six tries", async () => {
    const error = new Refused("POST", 503, {});
    const { totals, asked } = await going(Array.from({ length: 10 }, () => error));
    expect(totals).toBe(error);
    expect(asked).toHaveLength(6);
  });

  test.each([
    [401, {}],
    [403, {}],
    [422, {}],
    [503, { code: "misconfigured" }],
  ])("ends it at once when it is answered %i %j", async (status, body) => {
    const error = new Refused("POST", status, body);
    const { totals, asked } = await going([error, step({})]);
    expect(totals).toBe(error);
    expect(asked).toHaveLength(1);
  });
});

test("nothing is left when nothing had to be sealed anew, moved away or could not be opened", () => {
  expect(nothingLeft(step({ examined: 9 }))).toBe(true);
  for (const left of [{ resealed: 1 }, { moved: 1 }, { unreadable: ["acc_1"] }])
    expect(nothingLeft(step({ examined: 9, ...left }))).toBe(false);
});
