import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { gatesOf } from "#core/jobs/define";
import { mediaUpload } from "#core/jobs/kinds/media-upload";
import { tellingView } from "#core/jobs/telling-view";
import { mediaSchema } from "#core/media/view";
import type { TellingRow } from "#core/store/events";
import * as jobs from "#core/store/jobs";
import * as lanes from "#core/store/lanes";
import { all } from "#core/store/sql";
import * as uploads from "#core/store/uploads";
import { losingAnswers } from "../../support/database.ts";
import { file } from "../../support/files.ts";
import { refused } from "../../support/harness.ts";
import { meetMedia } from "../../support/sending.ts";

describe("a medium", () => {
  const told = async ({ h }: Awaited<ReturnType<typeof meetMedia>>) =>
    (
      await all<TellingRow>(
        env.DB.prepare("SELECT *, '{}' AS params FROM events WHERE type LIKE 'media.%' ORDER BY id"),
      )
    ).map((event) => tellingView(event, h.consumer.kinds));

  test("that X has is told of once, as it is read, also when every answer of D1 is lost", async () => {
    const met = await meetMedia();
    await met.h.endpoint(["media.*"]);
    await met.upload(await met.medium(file("image/png", 3_000)));
    let sent = 0;
    met.h.wrapDatabase((db) => losingAnswers(db, () => sent++ % 2 === 0));
    await met.h.pass(120_000);
    met.h.wrapDatabase((db) => db);
    await met.h.pass(120_000);
    const views = await told(met);
    expect(views.map(({ type }) => type)).toEqual(["media.ready"]);
    expect(mediaSchema.parse(views[0]?.data)).toMatchObject({
      state: "ready",
      account_id: met.account_id,
      bytes_sent: 3_000,
      x_media_id: met.x.media().at(-1)?.id,
    });
    expect(met.h.receiver.types()).toEqual(["media.ready"]);
  });

  test("that X refuses is told of with its words, and again when it is tried again and X has it", async () => {
    const met = await meetMedia();
    await met.h.endpoint(["media.*"]);
    const id = await met.upload(await met.medium(file("image/png")));
    met.h.answer(() => refused(403, "No pictures of cats."));
    await met.h.turn();
    met.h.answer((_, request) => met.x.fetch(request));
    const { client_id } = await met.h.job(id);
    await env.DB.batch([
      jobs.redrive(env.DB, met.h.now(), client_id, [id], 1_000_000),
      lanes.schedule(env.DB, met.h.now(), [{ client_id, id, gates: gatesOf(mediaUpload) }]),
    ]);
    await met.h.pass(120_000);
    const views = await told(met);
    expect(views.map(({ type }) => type)).toEqual(["media.failed", "media.ready"]);
    expect(mediaSchema.parse(views[0]?.data)).toMatchObject({
      state: "failed",
      x_media_id: null,
      error: { code: "x_forbidden", upstream: { detail: "No pictures of cats." } },
    });
    expect(mediaSchema.parse(views[1]?.data)).toMatchObject({ state: "ready", error: null });
  });

  test("of another database is told of as far as it is known there", async () => {
    const met = await meetMedia();
    await met.h.endpoint(["media.*"]);
    const media_id = await met.medium(file("image/png"));
    const id = await met.upload(media_id);
    await env.DB.prepare("DELETE FROM uploads").run();
    await met.h.turn();
    expect(await met.h.job(id)).toMatchObject({ state: "failed" });
    const [view] = await told(met);
    expect(mediaSchema.parse(view?.data)).toMatchObject({
      id: media_id,
      state: "failed",
      size_bytes: null,
      error: { code: "media_gone" },
    });
  });

  test("that was refused on its way in is told of, and nobody who does not listen", async () => {
    const met = await meetMedia();
    await met.medium(file("image/png"), { state: "receiving", received_at: null, writer: "w" });
    const fail = async () => {
      const { id } = (await env.DB.prepare("SELECT id FROM uploads").first<{ id: string }>()) ?? { id: "" };
      const of = { client_id: met.h.clientId, id, writer: "w" };
      await uploads.fail(env.DB, met.h.now(), of, '{"code":"media_unsupported","detail":"no"}').run();
      await env.DB.prepare("UPDATE uploads SET state = 'receiving', error = NULL").run();
    };
    await met.h.endpoint(["job.*"]);
    await fail();
    expect(await told(met)).toEqual([]);
    await met.h.endpoint(["media.failed"]);
    await fail();
    const [view] = await told(met);
    expect(view?.timestamp).toBe(new Date(met.h.now()).toISOString());
    expect(mediaSchema.parse(view?.data)).toMatchObject({
      state: "failed",
      error: { code: "media_unsupported" },
    });
  });
});
