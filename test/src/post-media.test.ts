import { describe, expect, test } from "vitest";
import { movie } from "../../scripts/movie.ts";
import { openDoor, mistakes, type Door } from "../support/door.ts";
import { file } from "../support/files.ts";

async function opened() {
  const door = await openDoor();
  const { key, account_id } = await door.tenant();
  const post = (query = "", text: BodyInit = file("image/png"), headers: Record<string, string> = {}) =>
    door.call("POST", `/v1/media?account_id=${account_id}${query}`, { key, text, headers });
  return { door, key, account_id, post };
}

test("a small file is taken in one request, as what its bytes are", async () => {
  const { post } = await opened();
  const { status, headers, body } = await post("&alt_text=A%20cat", file("image/gif"), {
    "content-type": "image/gif",
  });
  expect(status).toBe(202);
  expect(headers.get("location")).toBe(`/v1/media/${body.id}`);
  expect(body).toMatchObject({ media_type: "image/gif", media_category: "tweet_gif", size_bytes: 1_000 });
});

test.each([
  ["is not what it is called", "", file("image/png"), "image/jpeg", 422, "media_mislabelled"],
  ["is of a type that X does not take", "", file("application/pdf"), "", 415, "media_unsupported"],
  ["is too large for its category", "", file("image/png", 6_000_000), "image/png", 413, "media_too_large"],
  [
    "is of a category that X does not have",
    "&media_category=song",
    file("image/png"),
    "",
    400,
    "unknown_parameter",
  ],
  ["is larger than one request may bring", "", file("video/webm", 33_600_000), "", 413, "body_too_large"],
] as const)("a file that %s is refused", async (_, query, bytes, type, status, code) => {
  const { post } = await opened();
  const answer = await post(query, bytes, type === "" ? {} : { "content-type": type });
  expect([answer.status, answer.body.code]).toEqual([status, code]);
});

test("a file of no bytes, or of nobody knows how many, is none", async () => {
  const { door, key, post } = await opened();
  const { status, body } = await post("", new Uint8Array());
  expect([status, mistakes(body)]).toEqual([400, ["Content-Length required"]]);
  const asked = await door.call("POST", "/v1/media?account_id=x", { key, text: new Uint8Array([1]) });
  expect(mistakes(asked.body)).toEqual(["account_id invalid"]);
});

describe("the same request again with its key", () => {
  const headers = { "idempotency-key": "once" };
  const picture = file("image/png", 20_000);
  const rows = async (door: Door) => (await door.env.DB.prepare("SELECT * FROM uploads").all()).results;

  test("is the same medium; other bytes or other words for it are refused", async () => {
    const { door, post } = await opened();
    const first = await post("", picture, headers);
    const again = await post("", picture, headers);
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
    expect([first, again].map((one) => one.headers.get("idempotent-replayed"))).toEqual([null, "true"]);
    const other = picture.slice();
    other[19_999] = (other[19_999] ?? 0) ^ 1;
    for (const asked of [post("", other, headers), post("&alt_text=a", picture, headers)])
      expect((await asked).body.code).toBe("idempotency_mismatch");
    expect(await rows(door)).toHaveLength(1);
  });

  test("goes on where the first one broke off, and cuts that one off", async () => {
    const { door, key, account_id, post } = await opened();
    const whole = movie(9_000_000);
    let first = true;
    const put = door.env.MEDIA.put.bind(door.env.MEDIA);
    const keys: string[] = [];
    door.env.MEDIA = new Proxy(door.env.MEDIA, {
      get: (bucket, name) =>
        name === "put"
          ? async (...args: Parameters<typeof put>) => {
              keys.push(args[0]);
              if (keys.length === 2 && first) {
                first = false;
                throw new Error("R2 is away");
              }
              return put(...args);
            }
          : (Reflect.get(bucket, name) as (...args: unknown[]) => unknown).bind(bucket),
    });
    const broke = await post("", whole, headers);
    expect(broke.status).toBe(500);
    const again = await post("", whole, headers);
    expect(again.body).toMatchObject({ state: "received", bytes_received: 9_000_000 });
    expect(await rows(door)).toHaveLength(1);
    // The first object was not sent again.
    expect(keys.map((one) => one.split("/")[2]?.split(".")[0])).toEqual(["0", "8388608", "8388608"]);
    const { body } = await door.call("GET", `/v1/media/${again.body.id}?account_id=${account_id}`, { key });
    expect(body.state).toBe("received");
  });

  test("is refused again as it was the first time", async () => {
    const { door, post } = await opened();
    for (let time = 0; time < 2; time++) {
      const { status, body } = await post("", picture, { ...headers, "content-type": "image/jpeg" });
      expect([status, body.code]).toEqual([422, "media_mislabelled"]);
    }
    expect(await rows(door)).toHaveLength(1);
  });

  test("that names where to fetch a file makes one medium and one job", async () => {
    const { door, key, account_id } = await opened();
    const post = (source_url: string) =>
      door.call("POST", "/v1/media", { key, body: { account_id, source_url }, headers });
    const [first, again] = [await post("https://files.shop.com/a"), await post("https://files.shop.com/a")];
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
    expect((await post("https://files.shop.com/b")).body.code).toBe("idempotency_mismatch");
    const jobs = await door.env.DB.prepare("SELECT id FROM jobs").all();
    expect(jobs.results).toHaveLength(1);
  });
});
