import { expect, test } from "vitest";
import { createTally } from "../../scripts/tally.ts";

test("rows are summed over the lines that name them, whatever stands around", async () => {
  let time = 0;
  const tally = createTally(() => (time += 100));
  tally.hear('[tap-producer] {"event":"job.accepted","job":"job_1","rows_written":4}');
  tally.hear('[tap-tweets] {"event":"turn.ended","lanes":1,"commits":2,"rows_written":12,"rows_read":40}');
  tally.hear('[tap-tweets] {"event":"job.settled","outcome":"done"}');
  tally.hear("POST /v1/tweets 202 Accepted");
  expect(await tally.rowsWritten()).toBe(16);
});
