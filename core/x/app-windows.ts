import { z } from "zod";

/**
 * What X allows the users of one app together, in 24 hours: from its page "Rate limits" of September 2026. What its headers say
 * goes before.
 */
const X_APP_WINDOWS: Record<string, number> = {
  "POST /2/tweets": 10_000,
  "POST /2/media/upload": 50_000,
  "POST /2/media/upload/initialize": 180_000,
  "POST /2/media/metadata": 50_000,
  "POST /2/media/subtitles": 10_000,
};

const limits = z.record(z.string(), z.int().min(0));

/** X's windows of apps, but for those that a JSON object names; `off`: none. Throws, with a sentence, on anything else. */
export function readAppWindows(json: string | undefined, name: string): Record<string, number> {
  if (!json) return X_APP_WINDOWS;
  if (json === "off") return {};
  try {
    return { ...X_APP_WINDOWS, ...limits.parse(JSON.parse(json)) };
  } catch {
    throw new Error(`${name} must be "off" or a JSON object of calls by endpoint: {"POST /2/tweets": 10000}`);
  }
}
