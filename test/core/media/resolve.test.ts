import { describe, expect, test } from "vitest";
import { isMedium, readyId, resolve, type Known } from "#core/media/resolve";
import type { BoundRow } from "#core/store/media-bindings";
import type { UploadRow } from "#core/store/uploads";
import { NOW } from "../../support/rows.ts";

const ID = "med_01KAB3C4D5V1StGXR8Z5jd0";
const upload = { id: ID, state: "received", error: null, cleared_at: null, expires_at: NOW + 1 } as UploadRow;
const bound = {
  job_id: "job_1",
  x_media_id: null,
  x_expires_at: null,
  state: "succeeded",
  open: null,
  error: null,
} as BoundRow;
const known = (of: { upload?: Partial<UploadRow> | null; bound?: Partial<BoundRow> | null }): Known => ({
  upload: of.upload === null ? null : { ...upload, ...of.upload },
  bound: of.bound === undefined || of.bound === null ? null : { ...bound, ...of.bound },
});
const resolved = (one: Known) => resolve([ID], () => Promise.resolve(new Map([[ID, one]])), NOW);

test("ids of X's own are taken as they are, and nothing is looked up for them", async () => {
  expect(await resolve(["12", "13"], () => Promise.reject(new Error("no")), NOW)).toEqual({
    x_ids: ["12", "13"],
  });
  expect([isMedium("12"), isMedium(ID)]).toEqual([false, true]);
});

test("one that X has goes by X's name", async () => {
  const one = known({ bound: { x_media_id: "77", x_expires_at: NOW + 3_600_000 } });
  expect(await resolved(one)).toEqual({ x_ids: ["77"] });
  expect(readyId(one, NOW, 3_600_000)).toBeNull();
});

describe("it is waited for", () => {
  test.each([
    ["while a job sends it", known({ bound: { open: 1, state: "running" } }), null],
    ["while its bytes are on their way", known({ upload: { state: "receiving" } }), null],
    ["and asked for, if nobody has sent it", known({}), { after: null }],
    [
      "and asked for, if X forgets it soon",
      known({ bound: { x_media_id: "77", x_expires_at: NOW + 1_000 } }),
      { after: "job_1" },
    ],
    [
      "and asked for, if its sending was canceled",
      known({ bound: { state: "canceled" } }),
      { after: "job_1" },
    ],
  ])("%s", async (_, one, ask) => {
    expect(await resolved(one)).toEqual({ outcome: { type: "await", medium: ID, ask } });
  });
});

describe("it never will be", () => {
  const error = JSON.stringify({
    code: "x_forbidden",
    detail: "X says no",
    upstream: { status: 403, type: null, detail: "no" },
  });

  test.each([
    ["if there is none", known({ upload: null }), "media_gone"],
    ["if its bytes never came", known({ upload: { state: "receiving", expires_at: NOW } }), "media_gone"],
    ["if its bytes are gone", known({ upload: { cleared_at: 1 } }), "media_gone"],
    ["if it was refused here", known({ upload: { state: "failed", error } }), "media_failed"],
    ["if X refused it", known({ bound: { state: "failed", error } }), "media_failed"],
    ["if we gave up on it", known({ bound: { state: "dead", error } }), "media_failed"],
  ])("%s", async (_, one, code) => {
    expect(await resolved(one)).toMatchObject({ outcome: { type: "fail", problem: { code } } });
  });
});
