import { afterEach, expect, test, vi } from "vitest";
import { consoleLog, reasonOf, silentLog } from "#core/lib/log";

afterEach(() => {
  vi.restoreAllMocks();
});

test("an event is one line of JSON", () => {
  const lines = vi.spyOn(console, "log").mockImplementation(() => undefined);
  consoleLog("job.settled", { job: "job_1", attempt: 2, replayed: false });
  consoleLog("lanes.staged");
  silentLog("job.settled");
  expect(lines.mock.calls).toEqual([
    ['{"event":"job.settled","job":"job_1","attempt":2,"replayed":false}'],
    ['{"event":"lanes.staged"}'],
  ]);
});

test.each([
  ["the name and the first line of an error", new TypeError("broken\nBearer secret"), "TypeError: broken"],
  ["the type of anything else, not its content", { token: "secret" }, "object"],
  ["also of a text", "secret", "string"],
  ["nothing", undefined, "undefined"],
])("a reason is %s", (_, thrown, reason) => {
  expect(reasonOf(thrown)).toBe(reason);
});

test("a reason is bounded", () => {
  expect(reasonOf(new Error("no ".repeat(10_000)))).toHaveLength(300);
});

test("a reason has nothing in it that looks like a secret, also where one would be cut off", () => {
  const token = "VGhpc0lzTm90QVJlYWxUb2tlbg_VGhpc0lzTm90QVJlYWw";
  expect(reasonOf(new Error(`D1_ERROR: ${token}, acc_01KAB3C4D5V1StGXR8Z5jd0: SQLITE_CONSTRAINT`))).toBe(
    "Error: D1_ERROR: [removed], acc_01KAB3C4D5V1StGXR8Z5jd0: SQLITE_CONSTRAINT",
  );
  expect(reasonOf(new Error("no ".repeat(93) + token))).not.toContain("VGhp");
});
