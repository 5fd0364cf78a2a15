import { expect, test } from "vitest";
import { begin, checkOpen, findUpload, readFields, take, takeOver } from "../../src/take-upload.ts";
import { openDoor } from "../support/door.ts";
import { movie } from "../../scripts/movie.ts";

async function opened() {
  const door = await openDoor();
  const { id: client_id, account_id } = await door.tenant();
  const caller = { key_id: "key_1", session_id: null, client_id, scopes: [], account_ids: null };
  return { ...door, caller, account_id };
}

test("fields are read with every mistake, and only for accounts that the key reaches", async () => {
  const { caller, account_id } = await opened();
  expect(readFields(caller, { account_id, extra: "1" })).toEqual({ account_id, extra: "1" });
  expect(() => readFields(caller, { send: "soon" })).toThrow("invalid");
  expect(() => readFields({ ...caller, account_ids: [] }, { account_id })).toThrow("insufficient_scope");
});

test("an upload that begins with bytes has its writer; another gets one when it is taken over", async () => {
  const { app, caller, account_id } = await opened();
  const upload = await begin(app, caller, { account_id }, { size_bytes: 9_000, taking: false });
  expect(upload.writer).toBeNull();
  const taking = await takeOver(app, upload);
  const body = movie(9_000);
  const request = new Request("https://proxy.test/", { method: "POST", body });
  expect(await take(app, taking, request, { limit: 9_000, length: 9_000 })).toBe(9_000);
  const whole = await findUpload(app, caller, upload.id);
  expect(whole.state).toBe("received");
  await expect(takeOver(app, whole)).rejects.toMatchObject({ code: "upload_conflict" });
  expect(() => {
    checkOpen(app, whole);
  }).not.toThrow();
});

test("more than the upload has is not read at all", async () => {
  const { app, caller, account_id } = await opened();
  const { writer, ...upload } = await begin(app, caller, { account_id }, { size_bytes: 10, taking: true });
  const request = new Request("https://proxy.test/", { method: "POST", body: new Uint8Array(11) });
  const taken = take(app, { ...upload, writer: writer ?? "" }, request, { limit: 99, length: 11 });
  await expect(taken).rejects.toMatchObject({ code: "body_too_large" });
  expect(request.bodyUsed).toBe(false);
});
