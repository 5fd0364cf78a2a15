import { expect, test } from "vitest";
import { showEvent } from "#core/webhooks/event-view";
import { jobIn, NOW } from "../../support/rows.ts";

const row = {
  client_id: "cli_1",
  id: "evt_1",
  account_id: "acc_1",
  subject: "job_1",
  created_at: NOW,
  tick: NOW,
};

test("what an event says of a job is shown as the job was then, with its params", () => {
  const { params: _, ...kept } = jobIn("succeeded");
  const event = { ...row, type: "job.succeeded", data: JSON.stringify(kept), params: '{"text":"x"}' };
  expect(
    showEvent(event, {
      job: ({ id, state, params }) => ({ id, state, params }),
      batch: () => ({}),
      medium: () => ({}),
    }),
  ).toEqual({
    id: "evt_1",
    type: "job.succeeded",
    timestamp: new Date(NOW).toISOString(),
    data: { id: "job_1", state: "succeeded", params: '{"text":"x"}' },
  });
});

test("what else it says is shown as it was written", () => {
  const event = { ...row, type: "account.connected", data: '{"id":"acc_1"}', params: "{}" };
  expect(showEvent(event, { job: () => ({}), batch: () => ({}), medium: () => ({}) }).data).toEqual({
    id: "acc_1",
  });
});

test("what it says of a medium is shown as of when it was told", () => {
  const event = { ...row, type: "media.ready", data: '{"media_id":"med_1"}', params: "{}" };
  const medium = ({ media_id }: { media_id: string }, at: number) => ({ media_id, at });
  expect(showEvent(event, { job: () => ({}), batch: () => ({}), medium }).data).toEqual({
    media_id: "med_1",
    at: NOW,
  });
});
