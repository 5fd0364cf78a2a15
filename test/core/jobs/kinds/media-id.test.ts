import { expect, test } from "vitest";
import { mediaId } from "#core/jobs/kinds/media-id";

test.each([
  ["med_01KAB3C4D5V1StGXR8Z5jd0", true],
  ["acc_01KAB3C4D5V1StGXR8Z5jd0", false],
  ["1346889436626259968", false],
])("%s names a medium of ours: %s", (text, is) => {
  expect(mediaId.safeParse(text).success).toBe(is);
});
