import { expect, test } from "vitest";
import { batchSchema, batchView, rejectionsOf, standingOf } from "#core/jobs/batch-view";
import type { BatchRow } from "#core/store/batches";

const row: BatchRow = {
  client_id: "cli_1",
  id: "bat_1",
  account_ids: '["acc_1","acc_2"]',
  accepted: 2,
  rejected: 1,
  rejections: '[{"index":1,"errors":[]}]',
  warnings: '{"contains_url":2}',
  shards: "0",
  open_shards: "0",
  sequence: 1,
  created_at: 0,
  taken_at: 0,
  finished_at: null,
  counts_elsewhere: null,
};

test("a batch is shown with the counts of all databases together", () => {
  const standing = standingOf([
    { state: "queued", later: 1, count: 2, first_due_at: 500, last_due_at: 1000, estimated: 70, actual: 0 },
    { state: "queued", later: 0, count: 1, first_due_at: 100, last_due_at: 100 },
    { state: "succeeded", later: 0, count: 3, first_due_at: 50, last_due_at: 60, estimated: 30, actual: 20 },
    { state: "queued", later: 1, count: 4, first_due_at: 700, last_due_at: 2000 },
  ]);
  const view = batchSchema.parse(batchView(row, standing));
  expect(view).toMatchObject({
    state: "running",
    accepted: 2,
    rejected_count: 1,
    accounts: 2,
    completed_at: null,
    cost: { estimated: 100, actual: 20 },
  });
  expect(view.counts).toMatchObject({ scheduled: 6, queued: 1, succeeded: 3, failed: 0 });
  expect([view.first_due_at, view.last_due_at]).toEqual([
    "1970-01-01T00:00:00.050Z",
    "1970-01-01T00:00:02.000Z",
  ]);
  expect(rejectionsOf(row)).toEqual([{ index: 1, errors: [] }]);
});

test("one that has ended says when, one that was not counted says nothing of counts", () => {
  const view = batchSchema.parse(batchView({ ...row, finished_at: 1000 }, null));
  expect(view).toMatchObject({
    state: "completed",
    completed_at: "1970-01-01T00:00:01.000Z",
    counts: null,
    cost: null,
  });
});
