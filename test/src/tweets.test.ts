import { describe, expect, test } from "vitest";
import type { JobRow } from "#core/store/jobs";
import { mistakes, openDoor } from "../support/door.ts";

describe("POST /v1/tweets", () => {
  test("stores all that X takes under our names", async () => {
    const door = await openDoor();
    const { account_id, post } = await door.tenant();
    const fields = {
      text: "hello",
      media: ["1", "2"],
      media_options: { tagged_user_ids: ["3"] },
      reply_to: "4",
      exclude_reply_user_ids: ["5"],
      reply_settings: "following",
      made_with_ai: true,
    };
    const { status, body } = await post(fields);
    expect(status).toBe(202);
    const row = await door.row<JobRow>(body.id, "jobs");
    expect(JSON.parse(row?.params ?? "")).toEqual({ account_id, ...fields });
    expect(row?.lane).toBe(`tweets:${account_id}`);
  });

  test("is the same job as by POST /v1/jobs", async () => {
    const door = await openDoor();
    const { key, account_id, post } = await door.tenant();
    const short = await post();
    const long = await door.call("POST", "/v1/jobs", {
      key,
      body: { kind: "tweet.create", params: { account_id, text: "hello" } },
    });
    const rows = [
      await door.row<JobRow>(short.body.id, "jobs"),
      await door.row<JobRow>(long.body.id, "jobs"),
    ];
    expect({ ...rows[0], id: "" }).toEqual({ ...rows[1], id: "" });
  });
});

describe("DELETE /v1/tweets/{x_id}", () => {
  test("takes a job that deletes it", async () => {
    const door = await openDoor();
    const { key, account_id } = await door.tenant();
    const path = `/v1/tweets/1346889436626259968?account_id=${account_id}`;
    const { status, headers, body } = await door.call("DELETE", path, { key });
    expect(status).toBe(202);
    expect(body).toMatchObject({ kind: "tweet.delete", state: "queued", account_id });
    expect(headers.get("location")).toBe(`/v1/jobs/${body.id}`);
    const row = await door.row<JobRow>(body.id, "jobs");
    expect(JSON.parse(row?.params ?? "")).toEqual({ account_id, tweet_id: "1346889436626259968" });
  });

  test.each(["abc", "-1", "1.5", "12345678901234567890", "1%20", "%31", "0x1", "1e3"])(
    "of %s finds nothing",
    async (id) => {
      const door = await openDoor();
      const { key, account_id } = await door.tenant();
      const answer = await door.call("DELETE", `/v1/tweets/${id}?account_id=${account_id}`, { key });
      expect(answer.status).toBe(404);
    },
  );

  test.each([
    ["", "account_id required"],
    ["?account_id=", "account_id invalid"],
    ["?account_id=acc_1", "account_id invalid"],
    ["?account=acc_1", "account unknown_field,account_id required"],
  ])("with the query %j names the parameter that is wrong", async (query, mistake) => {
    const door = await openDoor();
    const { key } = await door.tenant();
    const { status, body } = await door.call("DELETE", `/v1/tweets/1${query}`, { key });
    expect(status).toBe(400);
    expect(body.code).toBe("unknown_parameter");
    expect(mistakes(body).join()).toBe(mistake);
  });
});
