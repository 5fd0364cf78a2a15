import { describe, expect, test } from "vitest";
import { allKinds } from "#core/jobs/kinds/index";
import { Problem } from "#core/lib/problem";
import { readSchedule } from "../../src/schedule-body.ts";

const NOW = Date.UTC(2026, 10, 23, 12);
const account_id = "acc_01KAB3C4D5V1StGXR8Z5jd0";
const media_id = "med_01KAB3C4D5V1StGXR8Z5jd0";
const read = (body: Record<string, unknown>) => readSchedule({ kinds: allKinds }, body, NOW);

const errorsOf = (body: Record<string, unknown>): string[] => {
  try {
    read(body);
    return [];
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return (error.extra.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`);
  }
};

test("a schedule is a tweet's unless it says another kind, in UTC, and catches nothing up", () => {
  const { recurrence, fields } = read({ cron: "@daily", account_id, text: "hello" });
  expect(recurrence).toEqual({ cron: "@daily", time_zone: "UTC", catch_up: "skip" });
  expect(fields).toMatchObject({ account_id, params: { account_id, text: "hello" }, run_at: null });
  expect(fields.kind.name).toBe("tweet.create");
});

test("it may be of any kind, its params by themselves, with the fields of a job", () => {
  const params = { account_id, tweet_id: "12" };
  const { fields } = read({
    cron: "0 9 * * *",
    kind: "retweet.create",
    params,
    expires_after_s: 60,
    order: "any",
  });
  expect(fields).toMatchObject({ params, expires_after_ms: 60_000, any_order: true });
});

describe("what is refused", () => {
  const good = { cron: "@daily", account_id, text: "hello" };
  test.each<[string, Record<string, unknown>, string[]]>([
    ["no expression", { account_id, text: "a" }, ["/cron required"]],
    ["one that is none", { ...good, cron: "soon" }, ["/cron invalid_value"]],
    ["one of six parts", { ...good, cron: "* * * * * *" }, ["/cron invalid_value"]],
    ["one that never comes", { ...good, cron: "0 0 30 2 *" }, ["/cron invalid_value"]],
    ["a time zone that is none", { ...good, time_zone: "Mars/Olympus" }, ["/time_zone invalid"]],
    ["another way to catch up", { ...good, catch_up: "all" }, ["/catch_up invalid_value"]],
    ["a time of its own", { ...good, run_at: "2026-12-01T00:00:00Z" }, ["/run_at not_here"]],
    ["to be tried", { ...good, dry_run: true }, ["/dry_run not_here"]],
    ["another kind", { ...good, kind: "tweet.sing" }, ["/kind invalid_value"]],
    ["media of ours", { cron: "@daily", account_id, media: ["1", media_id] }, ["/media/1 not_here"]],
    [
      "a medium to be sent",
      { cron: "@daily", kind: "media.upload", params: { account_id, media_id } },
      ["/params/media_id not_here"],
    ],
    [
      "everything at once",
      { cron: "x", kind: "like.create", params: { account_id: 7 } },
      ["/cron invalid_value", "/params/account_id invalid_type", "/params/tweet_id required"],
    ],
  ])("%s", (_, body, errors) => {
    expect(errorsOf(body)).toEqual(errors);
  });
});
