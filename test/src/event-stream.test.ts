import { expect, test } from "vitest";
import { openDoor } from "../support/door.ts";

async function streaming(headers: Record<string, string> = {}, before = 0) {
  const door = await openDoor();
  const tenant = await door.tenant();
  const { key } = tenant;
  await door.call("POST", "/v1/webhook-endpoints", { key, body: { events: ["*"] } });
  const end = async () => {
    const { body } = await tenant.post();
    await door.setJob(body.id, { state: "succeeded", open: null, finished_at: door.now() });
    return body.id;
  };
  const jobs: string[] = [];
  for (let i = 0; i < before; i++) jobs.push(await end());
  door.advance(5_000);
  return { door, ...tenant, end, jobs, headers };
}

/** The ids and types in a stream, and whether it beat. */
function read(text: string) {
  const told = text.split("\n\n").flatMap((part) => {
    const found = /^id: (\S+)\nevent: (\S+)\ndata: (.*)$/.exec(part);
    return found
      ? [{ id: found[1], type: found[2], data: JSON.parse(found[3] ?? "") as { data: { id: string } } }]
      : [];
  });
  return { told, beats: text.includes(": still here") };
}

test("a stream tells what happens from now on, beats, and ends after a while", async () => {
  const { door, key, end } = await streaming({}, 1);
  let job = "";
  door.whileAsleep(async () => {
    if (job === "") job = await end();
  });
  const answer = await door.app.env.DB.prepare("SELECT 1")
    .first()
    .then(() => door.ask("GET", "/v1/events/stream", { key }));
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  const { told, beats } = read(await answer.text());
  expect(told.map(({ type, data }) => [type, data.data.id])).toEqual([["job.succeeded", job]]);
  expect(beats).toBe(true);
});

test("it goes on where its reader was", async () => {
  const { door, key, jobs } = await streaming({}, 3);
  const { body } = await door.call("GET", "/v1/events?limit=1", { key });
  const headers = { "last-event-id": String(body.next_cursor) };
  const byHeader = read(await (await door.ask("GET", "/v1/events/stream", { key, headers })).text());
  expect(byHeader.told.map(({ data }) => data.data.id)).toEqual(jobs.slice(1));
  const byQuery = await door.ask("GET", `/v1/events/stream?after=${String(body.next_cursor)}`, { key });
  expect(read(await byQuery.text()).told.map(({ id }) => id)).toEqual(byHeader.told.map(({ id }) => id));
});

test("it breaks off when its key is revoked", async () => {
  const { door, key } = await streaming();
  door.whileAsleep(async () => {
    await door.env.DB.prepare("UPDATE api_keys SET revoked_at = 1").run();
  });
  const began = door.now();
  const answer = await door.ask("GET", "/v1/events/stream", { key });
  await answer.text().catch(() => "");
  expect(door.now() - began).toBeLessThan(30_000);
});

test("what is no event id is refused", async () => {
  const { door, key } = await streaming();
  const { body } = await door.call("GET", "/v1/events/stream", { key, headers: { "last-event-id": "7" } });
  expect(body.code).toBe("unknown_parameter");
});
