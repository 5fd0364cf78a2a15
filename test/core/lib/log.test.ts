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
  expect(reasonOf(new Error("x".repeat(10_000)))).toHaveLength(300);
});
