import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ask as askOverHttp, Ask } from "../../scripts/api.ts";
import { newestIn } from "../../scripts/keyring.ts";
import type { Step } from "../../scripts/reseal.ts";
import { rotate, usage } from "../../scripts/rotation.ts";
import { loadSecrets, saveSecrets, secretsPath } from "../../scripts/secrets.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rotation-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const KEY = "A".repeat(43);
const ringHere = () => loadSecrets(folder).token_keys;
const keepRing = (token_keys: string) => {
  saveSecrets(folder, { ...loadSecrets(folder), token_keys });
};
const runsAt = (url: string) => {
  writeFileSync(join(folder, "local.json"), JSON.stringify({ url, admin_key: "admin-of-the-stack" }));
};

/** Run a command. The installation answers these steps, one after the other, and the last one ever after. */
async function run(
  args: string[],
  of: { steps?: Partial<Step>[]; environment?: Record<string, string> } = {},
) {
  const asked: { url: string; given: Ask }[] = [];
  const said: string[] = [];
  const steps = of.steps ?? [{}];
  const ask = async (url: string, given: Ask = {}) => {
    const step = steps[Math.min(asked.length, steps.length - 1)];
    asked.push({ url, given });
    const nothing = { examined: 0, resealed: 0, moved: 0, unreadable: [], next_cursor: null };
    return { key: "k1", ...nothing, ...step };
  };
  const code = await rotate(args, {
    environment: { STATE_DIR: folder, ...of.environment },
    say: (text) => said.push(text),
    ask: ask as typeof askOverHttp,
    pause: async () => undefined,
  });
  const heard = said.join("\n");
  expect(heard).not.toContain(KEY);
  return { code, asked, heard };
}

test.each([["--nonsense"], ["--new-key", "--drop-old"], ["help"], ["--webhooks", "--nonsense"]])(
  "%s %s is answered by the usage",
  async (...args) => {
    const { code, heard, asked } = await run(args.filter(Boolean));
    expect([code, heard, asked.length]).toEqual([1, usage, 0]);
  },
);

describe("which installation", () => {
  test("is the one that npm start runs in the state folder", async () => {
    runsAt("http://127.0.0.1:8787");
    const { asked } = await run([], { steps: [{ next_cursor: "0.apps." }, {}] });
    const url = "http://127.0.0.1:8787/v1/token-keys/reseal";
    expect(asked).toEqual([
      { url, given: { key: "admin-of-the-stack", body: {} } },
      { url, given: { key: "admin-of-the-stack", body: { cursor: "0.apps." } } },
    ]);
  });

  test("is the one that the environment names, whatever runs here", async () => {
    runsAt("http://127.0.0.1:8787");
    const { asked } = await run([], {
      environment: { PROXY_URL: "https://proxy.test/", ADMIN_KEY: "theirs" },
    });
    expect(asked).toMatchObject([
      { url: "https://proxy.test/v1/token-keys/reseal", given: { key: "theirs" } },
    ]);
  });

  test("is said to be missing in a sentence", async () => {
    await expect(run([])).rejects.toThrow('"npm start" first, or set PROXY_URL and ADMIN_KEY');
    await expect(run([], { environment: { PROXY_URL: "https://proxy.test" } })).rejects.toThrow("ADMIN_KEY");
  });
});

describe("sealing anew", () => {
  test("tells what it did and ends with 0", async () => {
    runsAt("http://x");
    const { code, heard } = await run([], { steps: [{ key: "k2", examined: 3, resealed: 2 }] });
    expect([code, heard]).toEqual([0, '3 looked at, 2 sealed anew with the key "k2".']);
  });

  test("names what could not be opened, but not more than fifty, and ends with 1", async () => {
    runsAt("http://x");
    const unreadable = Array.from({ length: 60 }, (_, n) => `acc_${n}`);
    const { code, heard } = await run([], { steps: [{ examined: 60, unreadable }] });
    expect(code).toBe(1);
    expect(heard).toContain("60 cannot be opened");
    expect(heard).toMatch(/acc_49\n… and 10 more$/);
  });
});

describe("--new-key", () => {
  test("puts a fresh key in front of the ring, and shows none", async () => {
    keepRing(`k1:${KEY}`);
    const { code, heard, asked } = await run(["--new-key"]);
    expect([code, asked.length]).toEqual([0, 0]);
    expect(ringHere()).toMatch(new RegExp(`^k2:[\\w-]{43},k1:${KEY}$`));
    expect(heard).toContain("npm start");
    expect(heard).not.toContain(ringHere().slice(3, 46));
  });

  test.each([
    ["no stack was ever started here", {}, false],
    ["an installation elsewhere is meant", { PROXY_URL: "https://proxy.test", ADMIN_KEY: "k" }, true],
  ])("makes none when %s, and says how it is done deployed", async (_, environment, started) => {
    if (started) keepRing(`k1:${KEY}`);
    const { code, heard } = await run(["--new-key"], { environment });
    expect(code).toBe(1);
    expect(heard).toContain("docs/keys.md");
    expect(existsSync(secretsPath(folder))).toBe(started);
    if (started) expect(ringHere()).toBe(`k1:${KEY}`);
  });
});

describe("--drop-old", () => {
  const ring = `k2:${KEY},k1:${KEY}`;
  beforeEach(() => {
    keepRing(ring);
    runsAt("http://x");
  });

  test("leaves the newest key alone once a round found nothing else", async () => {
    const steps = [
      { key: "k2", examined: 2, resealed: 2 },
      { key: "k2", examined: 2 },
    ];
    const { code, asked } = await run(["--drop-old"], { steps });
    expect([code, asked.length]).toEqual([0, 2]);
    expect(ringHere()).toBe(`k2:${KEY}`);
  });

  test.each([
    ["something cannot be opened", { unreadable: ["acc_1"] }],
    ["there is always something left", { resealed: 1 }],
    ["something keeps moving", { moved: 1 }],
  ])("drops nothing while %s", async (_, left) => {
    const { code, heard, asked } = await run(["--drop-old"], {
      steps: [{ key: "k2", examined: 2, ...left }],
    });
    expect([code, asked.length, ringHere()]).toEqual([1, 3, ring]);
    expect(heard).toContain("No key was dropped");
  });

  test("drops nothing while the Workers seal with another key than the newest of the ring", async () => {
    const { code, heard } = await run(["--drop-old"], { steps: [{ key: "k1", examined: 2 }] });
    expect([code, ringHere()]).toEqual([1, ring]);
    expect(heard).toContain('the Workers seal with "k1"');
    expect(newestIn(ringHere())).toBe("k2");
  });

  test("elsewhere says that the old keys may go, and leaves the ring of this folder as it is", async () => {
    const environment = { PROXY_URL: "https://proxy.test", ADMIN_KEY: "k" };
    const { code, heard } = await run(["--drop-old"], { steps: [{ key: "k9", examined: 2 }], environment });
    expect([code, ringHere()]).toEqual([0, ring]);
    expect(heard).toContain('another key than "k9"');
  });
});

describe("--webhooks", () => {
  const keep = (webhook_keys: string) => {
    saveSecrets(folder, { ...loadSecrets(folder), webhook_keys });
  };
  const webhookRing = () => loadSecrets(folder).webhook_keys;

  test("means the ring of webhooks, and leaves that of tokens as it is", async () => {
    keepRing(`k1:${KEY}`);
    keep(`w1:${KEY}`);
    const { code, heard } = await run(["--webhooks", "--new-key"]);
    expect(code).toBe(0);
    expect(webhookRing()).toMatch(new RegExp(`^w2:[\\w-]{43},w1:${KEY}$`));
    expect(heard).toContain('"npm run rotate-keys -- --webhooks"');
    expect(ringHere()).toBe(`k1:${KEY}`);
  });

  test("asks the installation for the secrets of webhooks, step by step", async () => {
    runsAt("http://x");
    const { asked, heard } = await run(["--webhooks"], {
      steps: [{ next_cursor: "0.clients." }, { examined: 1, unreadable: ["whe_1"] }],
    });
    expect(asked.map(({ given }) => given.body)).toEqual([
      { ring: "webhooks" },
      { ring: "webhooks", cursor: "0.clients." },
    ]);
    expect(heard).toContain("any key of WEBHOOK_KEYS");
  });

  test("with --drop-old leaves its newest key alone", async () => {
    runsAt("http://x");
    keepRing(`k2:${KEY},k1:${KEY}`);
    keep(`w2:${KEY},w1:${KEY}`);
    expect((await run(["--drop-old", "--webhooks"], { steps: [{ key: "w2" }] })).code).toBe(0);
    expect([webhookRing(), ringHere()]).toEqual([`w2:${KEY}`, `k2:${KEY},k1:${KEY}`]);
  });
});
