/** `npm run bench` lists the benches, `npm run bench NAME` runs one. They print what they measured and assert nothing. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const [name, ...rest] = process.argv.slice(2);
const benches = readdirSync("bench")
  .filter((file) => readFileSync(`bench/${file}`, "utf8").includes("npm run bench"))
  .map((file) => file.replace(/\.ts$/, ""));

if (name === undefined || !benches.includes(name)) {
  console.log(`npm run bench NAME, where NAME is one of: ${benches.join(", ")}`);
  process.exit(name === undefined ? 0 : 1);
}
process.exit(spawnSync(process.execPath, [`bench/${name}.ts`, ...rest], { stdio: "inherit" }).status ?? 1);
