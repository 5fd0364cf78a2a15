import { describe, expect, test } from "vitest";
import { fetchSource, type Fetching } from "#core/media/fetch-source";
import { equalBytes } from "#core/lib/bytes";
import { OBJECT_BYTES } from "#core/media/objects";
import { movie } from "../../../scripts/movie.ts";
import { file } from "../../support/files.ts";
import { NOW } from "../../support/rows.ts";
import { uploading } from "../../support/uploading.ts";

const film = movie(OBJECT_BYTES + 5_000);
const picture = file("image/png", 4_000);

/** A server with ranges. */
const ranged = (bytes: Uint8Array<ArrayBuffer>) => (request: Request) => {
  const [, from = "0", to = "0"] = /bytes=(\d+)-(\d+)/.exec(request.headers.get("range") ?? "") ?? [];
  const piece = bytes.slice(Number(from), Number(to) + 1);
  const range = `bytes ${from}-${Number(from) + piece.length - 1}/${bytes.length}`;
  return new Response(piece, { status: 206, headers: { "content-range": range } });
};

async function fetching(
  answer: (request: Request) => Response | Promise<Response>,
  {
    url = "https://files.example.com/a",
    mayCall = () => true,
  }: { url?: string; mayCall?: () => boolean } = {},
) {
  const up = await uploading(null);
  await up.intake.db.prepare("UPDATE uploads SET source_url = ?").bind(url).run();
  const asked: string[] = [];
  const by: Fetching = {
    network: async (request, init) => {
      const one = new Request(request, init);
      asked.push(`${one.url} ${one.headers.get("range") ?? ""}`);
      return answer(one);
    },
    intake: up.intake,
    now: () => NOW,
    mayCall,
    allow_local: false,
    writer: "w1",
  };
  return { up, asked, by, run: () => fetchSource(by, { client_id: up.client_id, id: up.id }) };
}

describe("a file is fetched", () => {
  test("in ranges, however large", async () => {
    const { up, asked, run } = await fetching(ranged(film));
    expect(await run()).toMatchObject({ type: "again" });
    expect(asked.map((one) => one.split(" ")[1])).toEqual([
      `bytes=0-${OBJECT_BYTES - 1}`,
      `bytes=${OBJECT_BYTES}-${2 * OBJECT_BYTES - 1}`,
    ]);
    expect(equalBytes(await up.received(), film)).toBe(true);
    expect(await up.row()).toMatchObject({
      state: "received",
      media_type: "video/mp4",
      size_bytes: film.length,
    });
  });

  test("at once from a server without ranges, if it is small", async () => {
    const { up, run } = await fetching(
      () => new Response(picture, { headers: { "content-length": "4000" } }),
    );
    await run();
    expect(equalBytes(await up.received(), picture)).toBe(true);
  });

  test("turn by turn, from where it stands", async () => {
    let left = 1;
    const { up, asked, by, run } = await fetching(ranged(film), { mayCall: () => left-- > 0 });
    await run();
    expect((await up.row()).bytes_received).toBe(OBJECT_BYTES);
    left = 1;
    await fetchSource({ ...by, writer: "w2" }, { client_id: up.client_id, id: up.id });
    expect((await up.row()).state).toBe("received");
    expect(asked).toHaveLength(2);
  });

  test("from where it has moved to", async () => {
    const { up, asked, run } = await fetching((request) =>
      request.url.endsWith("/a")
        ? new Response(null, { status: 302, headers: { location: "/b" } })
        : ranged(picture)(request),
    );
    await run();
    expect((await up.row()).state).toBe("received");
    expect(asked[1]).toContain("https://files.example.com/b");
  });
});

describe("it is not fetched", () => {
  test.each([
    ["from this machine", "http://127.0.0.1/a"],
    ["from a private name", "https://printer.local/a"],
    ["from an address", "https://10.0.0.1/a"],
  ])("%s", async (_, url) => {
    const { asked, run } = await fetching(ranged(picture), { url });
    expect(await run()).toMatchObject({ type: "fail", problem: { code: "source_refused" } });
    expect(asked).toEqual([]);
  });

  test("from a private name that a public one leads to", async () => {
    const location = "https://metadata.internal/token";
    const { asked, run } = await fetching(() => new Response(null, { status: 301, headers: { location } }));
    expect(await run()).toMatchObject({ type: "fail", problem: { code: "source_refused" } });
    expect(asked).toHaveLength(1);
  });

  test("in circles", async () => {
    const { asked, run } = await fetching(
      () => new Response(null, { status: 302, headers: { location: "/a" } }),
    );
    expect(await run()).toMatchObject({ type: "fail" });
    expect(asked.length).toBeLessThan(10);
  });

  test.each([
    ["that is not there", () => new Response(null, { status: 404 }), "source_refused"],
    [
      "that is large, from a server without ranges",
      () => new Response(film, { headers: { "content-length": String(film.length) } }),
      "source_refused",
    ],
    ["that X would not take", ranged(file("application/pdf", 9_000)), "media_unsupported"],
    [
      "that is larger than X takes",
      () => new Response("a", { status: 206, headers: { "content-range": "bytes 0-0/9000000000" } }),
      "media_too_large",
    ],
  ])("a file %s, and it says so", async (_, answer, code) => {
    const { up, run } = await fetching(answer);
    expect(await run()).toMatchObject({ type: "fail", problem: { code } });
    expect((await up.row()).state).toBe("failed");
  });
});

describe("it is tried again", () => {
  test.each([
    ["when the server is out of order", () => new Response(null, { status: 503 })],
    ["when nobody answers", () => Promise.reject(new Error("no route"))],
  ])("%s", async (_, answer) => {
    const { up, run } = await fetching(answer);
    expect(await run()).toMatchObject({ type: "retry", problem: { code: "source_unreachable" } });
    expect((await up.row()).state).toBe("receiving");
  });
});

test("a file that is another one meanwhile is not put together from two", async () => {
  const { up, by, run } = await fetching(ranged(film), { mayCall: () => true });
  let first = true;
  by.network = async (request, init) => {
    const answer = ranged(first ? film : movie(film.length + 1))(new Request(request, init));
    first = false;
    return answer;
  };
  expect(await run()).toMatchObject({ type: "fail", problem: { code: "source_refused" } });
  expect((await up.row()).state).toBe("failed");
});

test("one that nobody waits for any more is not fetched", async () => {
  const { up, asked, run } = await fetching(ranged(picture));
  await up.intake.db.prepare("DELETE FROM uploads").run();
  expect(await run()).toMatchObject({ type: "fail", problem: { code: "media_gone" } });
  expect(asked).toEqual([]);
});
