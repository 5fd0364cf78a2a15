import { describe, expect, test } from "vitest";
import { equalBytes } from "#core/lib/bytes";
import { readInto } from "#core/media/objects";
import { movie } from "../../scripts/movie.ts";
import { file } from "../support/files.ts";
import { mistakes, openDoor, type Body } from "../support/door.ts";
import { putMedium } from "../support/medium.ts";

const TUS = { "tus-resumable": "1.0.0" };
const OFFSET_STREAM = "application/offset+octet-stream";
const bytes = movie(9_000);

async function opened(settings = {}) {
  const door = await openDoor(settings);
  const { key, account_id, id } = await door.tenant();
  const metadata = (fields: Record<string, string> = {}) =>
    Object.entries({ account_id, filetype: "video/mp4", ...fields })
      .map(([name, value]) => `${name} ${btoa(value)}`)
      .join(",");
  const begin = (headers: Record<string, string> = {}, text?: BodyInit) =>
    door.ask("POST", "/v1/uploads", {
      key,
      headers: { ...TUS, "upload-length": String(bytes.length), "upload-metadata": metadata(), ...headers },
      ...(text !== undefined && { text }),
    });
  const path = async () => (await begin()).headers.get("location") ?? "";
  const patch = (to: string, offset: number, text: BodyInit, headers: Record<string, string> = {}) =>
    door.ask("PATCH", to, {
      key,
      text,
      headers: { ...TUS, "content-type": OFFSET_STREAM, "upload-offset": String(offset), ...headers },
    });
  const head = (to: string, of = key) => door.ask("HEAD", to, { key: of, headers: TUS });
  const received = async (to: string): Promise<Uint8Array> => {
    const target = new Uint8Array(bytes.length);
    const at = { bucket: door.env.MEDIA, db: door.env.DB };
    await readInto(at, to.split("/")[3] ?? "", { offset: 0, length: bytes.length }, target);
    return target;
  };
  return { door, key, id, account_id, metadata, begin, path, patch, head, received };
}

const codeOf = async (answer: Response) => ({
  status: answer.status,
  code: (await answer.json<Body>()).code,
});

describe("an upload", () => {
  test("comes in pieces, resumes where it stands, and is whole", async () => {
    const { path, patch, head, received, door, key } = await opened();
    const to = await path();
    const first = await patch(to, 0, bytes.slice(0, 5_000));
    expect([first.status, first.headers.get("upload-offset")]).toEqual([204, "5000"]);
    expect(Date.parse(first.headers.get("upload-expires") ?? "")).toBeGreaterThan(door.now());
    const asked = await head(to);
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      "upload-offset": "5000",
      "upload-length": "9000",
      "cache-control": "no-store",
      "tus-resumable": "1.0.0",
    });
    const last = await patch(to, 5_000, bytes.slice(5_000));
    expect(last.headers.get("upload-offset")).toBe("9000");
    expect(last.headers.has("upload-expires")).toBe(false);
    expect(equalBytes(await received(to), bytes)).toBe(true);
    const { body } = await door.call("GET", to.replace("uploads", "media"), { key });
    expect(body).toMatchObject({ state: "received", bytes_received: 9_000, media_type: "video/mp4" });
  });

  test("may bring its first bytes along", async () => {
    const { begin, received } = await opened();
    const answer = await begin({ "content-type": OFFSET_STREAM }, bytes);
    expect([answer.status, answer.headers.get("upload-offset")]).toEqual([201, "9000"]);
    expect(equalBytes(await received(answer.headers.get("location") ?? ""), bytes)).toBe(true);
  });

  test("keeps what its client said of it, also what is nothing to us", async () => {
    const { begin, head, metadata } = await opened();
    const said = `${metadata({ relativePath: "null", name: "a.mp4" })},flag`;
    const answer = await begin({ "upload-metadata": said });
    const asked = await head(answer.headers.get("location") ?? "");
    const given = (asked.headers.get("upload-metadata") ?? "").split(",");
    expect(given.sort()).toEqual(said.split(",").sort());
  });

  test("names the subtitles that it is to have, which must be there", async () => {
    const { door, begin, metadata, head, id, account_id } = await opened();
    const srt = {
      client_id: id,
      account_id,
      now: door.now(),
      media_type: "text/srt",
      media_category: "subtitles",
    };
    const track = {
      media_id: await putMedium(file("image/png"), srt),
      language_code: "EN",
      display_name: "English",
    };
    const with_ = (tracks: object[]) =>
      begin({ "upload-metadata": metadata({ subtitles: JSON.stringify(tracks) }) });
    const begun = await with_([track]);
    const said = (await head(begun.headers.get("location") ?? "")).headers.get("upload-metadata");
    expect(said).toContain(btoa(JSON.stringify([track])));
    const refused = await with_([track, { ...track, media_id: "med_01KAB3C4D5V1StGXR8Z5jd0" }]);
    expect(mistakes(await refused.json<Body>())).toEqual(["/subtitles/1/media_id not_found"]);
  });

  test("is answered as whole when its last bytes are asked about again", async () => {
    const { begin, patch, head } = await opened();
    const to = (await begin({ "content-type": OFFSET_STREAM }, bytes)).headers.get("location") ?? "";
    expect((await head(to)).headers.get("upload-offset")).toBe("9000");
    expect((await patch(to, 9_000, "")).status).toBe(204);
  });

  test("goes on with the method that a proxy would not let through", async () => {
    const { path, door, key } = await opened();
    const to = await path();
    const asked = await door.ask("POST", to, {
      key,
      text: bytes.slice(0, 10),
      headers: {
        ...TUS,
        "x-http-method-override": "PATCH",
        "content-type": OFFSET_STREAM,
        "upload-offset": "0",
      },
    });
    expect(asked.headers.get("upload-offset")).toBe("10");
  });

  test("that is given up is gone, with its bytes", async () => {
    const { path, patch, head, door, key } = await opened();
    const to = await path();
    await patch(to, 0, bytes.slice(0, 5_000));
    expect((await door.ask("DELETE", to, { key, headers: TUS })).status).toBe(204);
    expect((await head(to)).status).toBe(404);
    const left = await door.env.MEDIA.list({ prefix: `uploads/${to.split("/")[3] ?? ""}/` });
    expect(left.objects).toEqual([]);
  });

  test("of which somebody asks how far it has come belongs to the asker", async () => {
    const { path, head, patch } = await opened();
    const to = await path();
    const slow = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          await head(to);
          controller.enqueue(bytes.slice(0, 5_000));
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const answer = await patch(to, 0, slow);
    expect(await codeOf(answer)).toEqual({ status: 409, code: "upload_conflict" });
    expect((await patch(to, 0, bytes)).headers.get("upload-offset")).toBe("9000");
  });
});

describe("nothing is lost, and the reason is said, when", () => {
  test.each([
    [
      "the offset is another",
      async (o: Opened, to: string) => o.patch(to, 7, bytes.slice(7)),
      409,
      "upload_conflict",
    ],
    [
      "the type is not that of a piece",
      async (o: Opened, to: string) => o.patch(to, 0, bytes, { "content-type": "video/mp4" }),
      415,
      "unsupported_media_type",
    ],
    [
      "the checksum is another's",
      async (o: Opened, to: string) =>
        o.patch(to, 0, bytes, { "upload-checksum": `sha1 ${btoa("a".repeat(20))}` }),
      460,
      "checksum_mismatch",
    ],
    [
      "the checksum (sha256) is another's",
      async (o: Opened, to: string) =>
        o.patch(to, 0, bytes, { "upload-checksum": `sha256 ${btoa("a".repeat(32))}` }),
      460,
      "checksum_mismatch",
    ],
    [
      "the checksum is none",
      async (o: Opened, to: string) => o.patch(to, 0, bytes, { "upload-checksum": "md5 YQ==" }),
      400,
      "unknown_parameter",
    ],
    [
      "there is more than the upload has",
      async (o: Opened, to: string) => o.patch(to, 0, movie(9_001)),
      413,
      "body_too_large",
    ],
    [
      "the version is another",
      async (o: Opened, to: string) => o.patch(to, 0, bytes, { "tus-resumable": "0.2.2" }),
      412,
      "tus_version",
    ],
    [
      "the offset is missing",
      async (o: Opened, to: string) => o.patch(to, 0, bytes, { "upload-offset": "" }),
      400,
      "unknown_parameter",
    ],
    [
      "the bytes are another file's",
      async (o: Opened, to: string) => o.patch(to, 0, file("image/png", 9_000)),
      422,
      "media_mislabelled",
    ],
  ] as const)("%s", async (_, ask, status, code) => {
    const o = await opened();
    const to = await o.path();
    expect(await codeOf(await ask(o, to))).toEqual({ status, code });
    const { body } = await o.door.call("GET", to.replace("uploads", "media"), { key: o.key });
    expect(body.bytes_received).toBe(0);
    // Whatever was wrong with the request: the right one is taken, unless it was the file.
    if (code === "media_mislabelled") return;
    expect((await o.patch(to, 0, bytes)).status).toBe(204);
    expect(equalBytes(await o.received(to), bytes)).toBe(true);
  });

  test("its type is known from its first bytes, and X takes none such", async () => {
    const { begin, patch, metadata } = await opened();
    const unnamed = { "upload-metadata": metadata({ filetype: "" }) };
    const to = (await begin(unnamed)).headers.get("location") ?? "";
    const answer = await patch(to, 0, file("application/pdf", 9_000));
    expect(await codeOf(answer)).toEqual({ status: 415, code: "media_unsupported" });
    const named = await begin({ "upload-metadata": metadata({ filetype: "application/pdf" }) });
    expect(await codeOf(named)).toEqual({ status: 415, code: "media_unsupported" });
  });

  test("another request goes on with it meanwhile: the first one counts nothing more", async () => {
    const { path, patch, head, received, door } = await opened();
    const to = await path();
    let isUnderWay: () => void = () => undefined;
    const underWay = new Promise<void>((resolve) => (isUnderWay = resolve));
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const { MEDIA } = door.env;
    door.env.MEDIA = new Proxy(MEDIA, {
      get: (bucket, name) =>
        name === "put"
          ? async (...args: Parameters<R2Bucket["put"]>) => {
              const put = await MEDIA.put(...args);
              isUnderWay();
              await held;
              return put;
            }
          : (Reflect.get(bucket, name) as (...all: unknown[]) => unknown).bind(bucket),
    });
    const first = patch(to, 0, bytes);
    await underWay;
    door.env.MEDIA = MEDIA;
    expect((await head(to)).headers.get("upload-offset")).toBe("0");
    expect((await patch(to, 0, bytes.slice(0, 5_000))).status).toBe(204);
    goOn();
    expect(await codeOf(await first)).toEqual({ status: 409, code: "upload_conflict" });
    expect((await patch(to, 5_000, bytes.slice(5_000))).status).toBe(204);
    expect(equalBytes(await received(to), bytes)).toBe(true);
  });

  test("the request is longer than any may be: the answer names the size of a piece", async () => {
    const { path, patch } = await opened({ MAX_REQUEST_BYTES: "4000" });
    const answer = await patch(await path(), 0, bytes);
    expect(answer.status).toBe(413);
    expect((await answer.json<Body>()).detail).toContain("chunkSize: 4000");
  });

  test("it is another client's", async () => {
    const { path, head, door } = await opened();
    const other = await door.tenant();
    expect((await head(await path(), other.key)).status).toBe(404);
  });

  test("the key reaches other accounts only", async () => {
    const { path, head, door, id } = await opened();
    const narrow = await door.key(id, { scopes: ["media:write"], account_ids: [await door.account(id)] });
    expect((await head(await path(), narrow)).status).toBe(404);
  });

  test("it has expired", async () => {
    const { path, patch, door } = await opened();
    const to = await path();
    door.advance(3 * 86_400_000);
    expect(await codeOf(await patch(to, 0, bytes))).toEqual({ status: 410, code: "upload_expired" });
  });

  test("it was refused before: the reason is the same", async () => {
    const { path, patch } = await opened();
    const to = await path();
    await patch(to, 0, file("image/png", 9_000));
    expect(await codeOf(await patch(to, 0, bytes))).toEqual({ status: 422, code: "media_mislabelled" });
  });
});

type Opened = Awaited<ReturnType<typeof opened>>;

describe("an upload does not begin", () => {
  test.each([
    ["without a length", { "upload-length": "" }, 400, "unknown_parameter"],
    ["as a part of another", { "upload-concat": "partial" }, 400, "unknown_parameter"],
    ["with a length to be said later", { "upload-defer-length": "1" }, 400, "unknown_parameter"],
    ["with nothing in it", { "upload-length": "0" }, 422, "invalid"],
    ["longer than X takes", { "upload-length": "8000000001" }, 413, "media_too_large"],
    ["without an account", { "upload-metadata": `filetype ${btoa("video/mp4")}` }, 422, "invalid"],
    ["with metadata of another form", { "upload-metadata": "account_id !" }, 400, "unknown_parameter"],
  ])("%s", async (_, headers, status, code) => {
    const { begin } = await opened();
    expect(await codeOf(await begin(headers as Record<string, string>))).toEqual({ status, code });
  });

  test("for an account of somebody else", async () => {
    const { begin, door, metadata } = await opened();
    const { account_id } = await door.tenant();
    expect((await begin({ "upload-metadata": metadata({ account_id }) })).status).toBe(404);
  });
});

describe("a browser's page", () => {
  const origin = "https://app.test";

  test("is told by a preflight what it may send, and what this server can", async () => {
    const { door } = await opened({ CORS_ORIGINS: origin });
    const answer = await door.ask("OPTIONS", "/v1/uploads/med_x", {
      headers: {
        origin,
        "access-control-request-method": "PATCH",
        "access-control-request-headers":
          "authorization,content-type,tus-resumable,upload-checksum,upload-offset",
      },
    });
    expect(answer.status).toBe(204);
    const allowed = (answer.headers.get("access-control-allow-headers") ?? "").toLowerCase().split(", ");
    for (const name of ["authorization", "content-type", "tus-resumable", "upload-checksum", "upload-offset"])
      expect(allowed).toContain(name);
    expect(answer.headers.get("access-control-allow-methods")).toBe("HEAD, PATCH, DELETE, OPTIONS");
    expect(answer.headers.get("tus-max-size")).toBe("8000000000");
    expect(answer.headers.get("tus-extension")).toContain("checksum");
  });

  test("uploads with a session, and reads the headers that tell it how", async () => {
    const { door, begin, key, path } = await opened({ CORS_ORIGINS: origin });
    const { body } = await door.call("POST", "/v1/sessions", { key, body: { scopes: ["media:write"] } });
    const answer = await door.ask("HEAD", await path(), {
      key: String(body.token),
      headers: { ...TUS, origin },
    });
    expect(answer.status).toBe(200);
    const shown = answer.headers.get("access-control-expose-headers") ?? "";
    for (const name of ["Location", "Upload-Offset", "Upload-Length", "Upload-Expires", "Tus-Resumable"])
      expect(shown).toContain(name);
    expect((await begin({ origin })).headers.get("access-control-allow-origin")).toBe(origin);
  });
});
