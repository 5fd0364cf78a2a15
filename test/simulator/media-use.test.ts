import { expect, test } from "vitest";
import type { Media } from "../../simulator/entities.ts";
import { mayUse, stateOf } from "../../simulator/media-use.ts";

const media: Media = {
  id: "1",
  media_key: "7_1",
  user_id: "7",
  owners: ["8"],
  category: "tweet_video",
  type: "video/mp4",
  total_bytes: 1,
  created_at: 0,
  finalized_at: 1_000,
  segments: new Map(),
  segment_count: 1,
  size: 1,
  sha256: "",
  width: null,
  height: null,
  processing_ms: 100,
  outcome: "succeeded",
  metadata: null,
  subtitles: {},
};

test.each([
  [1_000, { state: "pending", percent: 0 }],
  [1_030, { state: "in_progress", percent: 30 }],
  [1_099, { state: "in_progress", percent: 99 }],
  [1_100, { state: "succeeded", percent: 100 }],
  [86_400_999, { state: "succeeded", percent: 100 }],
  [86_401_000, { state: "expired", percent: 0 }],
])("at %i ms it is %j", (now, state) => {
  expect(stateOf(media, now)).toEqual(state);
});

test("before finalize it is uploading, and a failure shows at the end of processing", () => {
  expect(stateOf({ ...media, finalized_at: null }, 5).state).toBe("uploading");
  expect(stateOf({ ...media, outcome: "failed" }, 1_050).state).toBe("in_progress");
  expect(stateOf({ ...media, outcome: "failed" }, 1_100).state).toBe("failed");
});

test("its maker and the additional owners may use it", () => {
  expect(["7", "8", "9"].map((user) => mayUse(media, user))).toEqual([true, true, false]);
});
