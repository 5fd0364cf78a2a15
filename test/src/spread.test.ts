import { describe, expect, test } from "vitest";
import { planOf, type Spreading } from "../../src/spread.ts";
import { Problem } from "#core/lib/problem";
import { mistakes, openDoor } from "../support/door.ts";

const NOW = Date.UTC(2026, 10, 23, 12);
const times = (given: Spreading, count: number): string[] =>
  (planOf(given, NOW)?.(count) ?? []).map((ms) => new Date(ms).toISOString().slice(5, 16));

const refusals = (given: Spreading, count = 2): string[] => {
  try {
    planOf(given, NOW)?.(count);
    return [];
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return (error.extra.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`);
  }
};

const night = { from: "22:00", to: "07:00", time_zone: "Europe/Berlin" };

test("a batch that says nothing of it is not spread", () => {
  expect(planOf({}, NOW)).toBeNull();
});

describe("items are placed", () => {
  test("one after the other, from now on or from run_at", () => {
    expect(times({ spread: { every_s: 3600 } }, 3)).toEqual(["11-23T12:00", "11-23T13:00", "11-23T14:00"]);
    expect(times({ spread: { every_s: 60 }, run_at: "2026-11-24T00:00:00Z" }, 2)).toEqual([
      "11-24T00:00",
      "11-24T00:01",
    ]);
    expect(times({ spread: { every_s: 60 }, run_at: "2020-01-01T00:00:00Z" }, 1)).toEqual(["11-23T12:00"]);
  });

  test("over the time until then, each with the same share of it", () => {
    expect(times({ spread: { until: "2026-11-23T16:00:00Z" } }, 4)).toEqual([
      "11-23T12:00",
      "11-23T13:00",
      "11-23T14:00",
      "11-23T15:00",
    ]);
  });

  test("in no quiet hours: what would come in them comes after them, as far from its neighbour", () => {
    const from = { run_at: "2026-11-23T19:00:00Z", quiet_hours: night };
    expect(times({ ...from, spread: { every_s: 3600 } }, 4)).toEqual([
      "11-23T19:00",
      "11-23T20:00",
      "11-24T06:00",
      "11-24T07:00",
    ]);
    expect(times({ ...from, spread: { until: "2026-11-24T08:00:00Z" } }, 4)).toEqual([
      "11-23T19:00",
      "11-23T20:00",
      "11-24T06:00",
      "11-24T07:00",
    ]);
  });

  test("ten thousand of them, each after the one before", () => {
    const placed = planOf({ spread: { every_s: 600 }, quiet_hours: night }, NOW)?.(10_000) ?? [];
    expect(placed).toHaveLength(10_000);
    expect(placed.every((at, index) => index === 0 || at >= (placed[index - 1] ?? 0) + 600_000)).toBe(true);
  });
});

test.each<[string, Spreading, string[]]>([
  ["no way to spread", { spread: {} }, ["/spread exclusive"]],
  ["two ways", { spread: { every_s: 1, until: "2026-11-24T00:00:00Z" } }, ["/spread exclusive"]],
  [
    "what goes with spread alone",
    { run_at: "2026-11-24T00:00:00Z", quiet_hours: night },
    ["/run_at dependent", "/quiet_hours dependent"],
  ],
  ["a start in two years", { spread: { every_s: 1 }, run_at: "2028-11-23T00:00:00Z" }, ["/run_at too_far"]],
  ["an end in the past", { spread: { until: "2026-11-23T00:00:00Z" } }, ["/spread/until too_early"]],
  ["an end in two years", { spread: { until: "2028-11-23T00:00:00Z" } }, ["/spread/until too_far"]],
  [
    "a last item in two years",
    { spread: { every_s: 63_000_000 / 2 + 200_000 } },
    ["/spread/every_s too_far"],
  ],
  [
    "an end before the quiet hours do",
    { run_at: "2026-11-23T23:00:00Z", spread: { until: "2026-11-24T05:00:00Z" }, quiet_hours: night },
    ["/spread/until too_early"],
  ],
  [
    "quiet hours of a whole day",
    { spread: { every_s: 1 }, quiet_hours: { ...night, to: night.from } },
    ["/quiet_hours/to invalid_value"],
  ],
  [
    "a time for all items",
    { spread: { every_s: 1 }, defaults: { run_at: "2026-11-24T00:00:00Z" } },
    ["/defaults/run_at exclusive"],
  ],
])("%s is refused", (_, given, refused) => {
  expect(refusals(given)).toEqual(refused);
});

describe("POST /v1/batches", () => {
  async function meeting() {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const post = (body: object, headers: Record<string, string> = {}) =>
      door.call("POST", "/v1/batches", { key, headers, body: { defaults: { account_id }, ...body } });
    const dues = async () => {
      const { results } = await door.env.DB.prepare("SELECT due_at FROM jobs ORDER BY id").all<{
        due_at: number;
      }>();
      return results.map(({ due_at }) => (due_at - door.now()) / 1000);
    };
    return { door, key, account_id, post, dues };
  }
  const items = ["a", "b", "c"].map((text) => ({ text }));

  test("spreads what has no time of its own, past what is not taken", async () => {
    const { door, post, dues } = await meeting();
    const own = { text: "mine", run_at: new Date(door.now() + 7_000).toISOString() };
    const { status, body } = await post({
      spread: { every_s: 60 },
      items: [items[0], { text: "" }, own, items[1], items[2]],
    });
    expect(status).toBe(202);
    expect(body).toMatchObject({ accepted: 4, rejected: [{ index: 1 }] });
    expect(await dues()).toEqual([0, 7, 60, 120]);
  });

  test("takes no item that is placed behind its own end", async () => {
    const { door, post, dues } = await meeting();
    const expires_at = new Date(door.now() + 90_000).toISOString();
    const { body } = await post({
      spread: { every_s: 60 },
      items: items.map((item) => ({ ...item, expires_at })),
    });
    expect(body.rejected).toMatchObject([
      { index: 2, errors: [{ pointer: "/expires_at", code: "too_early" }] },
    ]);
    expect(await dues()).toEqual([0, 60]);
  });

  test("places them where they were when it is sent again later", async () => {
    const { door, post, dues } = await meeting();
    const again = { "idempotency-key": "k" };
    const first = await post({ spread: { every_s: 60 }, items }, again);
    door.advance(30_000);
    expect((await post({ spread: { every_s: 60 }, items }, again)).body.id).toBe(first.body.id);
    expect(await dues()).toEqual([-30, 30, 90]);
  });

  test("says where spreading is wrong, in JSON and in lines", async () => {
    const { door, key, post } = await meeting();
    const bad = {
      spread: { every_s: 0.5, fast: true },
      quiet_hours: { ...night, from: "25:00", time_zone: "X" },
    };
    const pointers = ["/quiet_hours/from", "/quiet_hours/time_zone", "/spread/every_s", "/spread/fast"];
    const { status, body } = await post({ ...bad, items });
    expect(status).toBe(422);
    expect(
      mistakes(body)
        .map((one) => one.split(" ")[0])
        .sort(),
    ).toEqual(pointers);
    const lines = await door.call("POST", "/v1/batches", {
      key,
      text: [{ spread: {} }, ...items].map((one) => JSON.stringify(one)).join("\n"),
      headers: { "content-type": "application/x-ndjson" },
    });
    expect(mistakes(lines.body)).toEqual(["/spread exclusive"]);
  });

  test("with dry_run says what is wrong, what it would cost and when it would be due, and takes nothing", async () => {
    const { door, post, dues } = await meeting();
    const { status, body } = await post({
      dry_run: true,
      spread: { every_s: 60 },
      items: [...items, { text: "" }, { text: "a https://example.com" }],
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      dry_run: true,
      accepted: 4,
      rejected_count: 1,
      rejected: [{ index: 3, errors: [expect.objectContaining({ pointer: "/text", code: "required" })] }],
      warnings: { contains_url: 1 },
      first_due_at: new Date(door.now()).toISOString(),
      last_due_at: new Date(door.now() + 180_000).toISOString(),
      cost: { estimated: 245_000, actual: 0 },
    });
    expect(await dues()).toEqual([]);
  });
});
