import { describe, expect, test } from "vitest";
import type { BoundRow } from "#core/store/media-bindings";
import type { UploadRow } from "#core/store/uploads";
import { mediaSchema, mediaView } from "#core/media/view";
import { NOW } from "../../support/rows.ts";

const row: UploadRow = {
  client_id: "cli_1",
  id: "med_1",
  account_id: "acc_1",
  state: "receiving",
  size_bytes: 10,
  bytes_received: 4,
  writer: "secret to others",
  send: "now",
  metadata: "{}",
  source_url: null,
  media_type: null,
  media_category: null,
  alt_text: null,
  error: null,
  created_at: NOW,
  received_at: null,
  expires_at: NOW + 1000,
  cleared_at: null,
};

test("what is shown is what is declared, and no writer", () => {
  const view = mediaView(row, null, NOW);
  expect(mediaSchema.parse(view)).toEqual(view);
  expect(JSON.stringify(view)).not.toContain("secret");
});

test("a failed one says why; one whose bytes are gone says no time for it", () => {
  const failed = mediaView(
    {
      ...row,
      state: "failed",
      error: '{"code":"media_unsupported"}',
      cleared_at: NOW,
    },
    null,
    NOW,
  );
  expect(failed).toMatchObject({ state: "failed", error: { code: "media_unsupported" }, expires_at: null });
});

describe("of a medium that has been received, the second half is shown", () => {
  const whole = { ...row, state: "received", bytes_received: 10 } as UploadRow;
  const bound = {
    job_id: "job_1",
    x_media_id: null,
    x_expires_at: null,
    state: "running",
    open: 1,
    error: null,
  } as BoundRow;
  const sending = { x_media_id: "77", bytes_sent: 4, processing_since: null, processing_percent: null };

  test.each([
    ["before anybody sends it", null, { state: "received", bytes_sent: 0 }],
    ["before its job began", { checkpoint: null }, { state: "received" }],
    ["while it is sent", { checkpoint: JSON.stringify(sending) }, { state: "sending", bytes_sent: 4 }],
    [
      "while X works on it",
      {
        checkpoint: JSON.stringify({
          ...sending,
          bytes_sent: 10,
          processing_since: 1,
          processing_percent: 40,
        }),
      },
      { state: "processing", bytes_sent: 10, processing_percent: 40 },
    ],
    [
      "when X has it",
      { open: null, x_media_id: "77", x_expires_at: NOW + 1 },
      { state: "ready", bytes_sent: 10, x_media_id: "77" },
    ],
    [
      "when X has forgotten it",
      { open: null, state: "succeeded", x_media_id: "77", x_expires_at: NOW },
      { state: "received" },
    ],
    [
      "when X has refused it",
      { open: null, state: "failed", error: '{"code":"x_forbidden"}' },
      { state: "failed", error: { code: "x_forbidden" } },
    ],
  ] as const)("%s", (_, more, shown) => {
    expect(mediaView(whole, more && { ...bound, ...more }, NOW)).toMatchObject(shown);
  });
});
