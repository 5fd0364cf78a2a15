import { rotate } from "./rotation.ts";

/** `npm run rotate-keys`: from one key of TOKEN_KEYS or WEBHOOK_KEYS to the next. */
rotate(process.argv.slice(2), {
  environment: process.env,
  say: (text) => {
    console.log(text);
  },
}).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
