import { createReadStream, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { bars, readMedium, sendFile } from "./uploading.ts";
import { until } from "./wait.ts";

// npm run upload -- film.mp4 --account acc_… [--alt "A cat"] [--type video/mp4]

const X_MS = 6 * 3_600_000;
const LOOK_MS = 500;
const ENDED = ["ready", "failed"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { account: { type: "string" }, alt: { type: "string" }, type: { type: "string" } },
});
const local = join(resolve(process.env.STATE_DIR ?? ".state"), "local.json");
const { url, api_key, account_id } = JSON.parse(readFileSync(local, "utf8")) as Record<string, string>;
const [path] = positionals;
const account = values.account ?? account_id;
if (path === undefined || !url || !api_key || !account)
  throw new Error("npm run upload -- FILE --account acc_… while `npm start` runs");

const caller = { url, key: api_key };
const size = statSync(path).size;
const show = (received: number, sent: number, state: string): void => {
  process.stdout.write(`\r${bars(size, received, sent)} ${state.padEnd(12)}`);
};
const metadata: Record<string, string> = { account_id: account, filename: basename(path) };
if (values.alt !== undefined) metadata.alt_text = values.alt;
if (values.type !== undefined) metadata.filetype = values.type;

const id = await sendFile(caller, createReadStream(path), {
  size,
  metadata,
  onProgress: (received) => {
    show(received, 0, "receiving");
  },
});
await until(
  "the medium is at X",
  X_MS,
  async () => {
    const medium = await readMedium(caller, id);
    const percent = medium.processing_percent === null ? "" : ` ${medium.processing_percent} %`;
    show(medium.bytes_received, medium.bytes_sent, medium.state + percent);
    return ENDED.includes(medium.state);
  },
  LOOK_MS,
);
const { state, x_media_id, x_expires_at, error } = await readMedium(caller, id);
console.log(
  `\n${id}: ${state}${x_media_id === null ? "" : `, at X ${x_media_id} until ${x_expires_at ?? ""}`}`,
);
if (state === "failed") {
  console.error(JSON.stringify(error));
  process.exitCode = 1;
}
