import { resolve } from "node:path";

/** Another X than the simulator. Without a client id jobs are taken but no account can be connected. */
export type OtherX = {
  api_url: string;
  authorize_url: string;
  client_id: string | null;
  client_secret: string | null;
};

/** Where a stack stands and what it talks to. */
export type Settings = {
  port: number;
  simulator_port: number;
  state_dir: string;
  /** null: a generated one. */
  admin_key: string | null;
  /** null: the simulator. */
  other_x: OtherX | null;
  /** Time passes this many times faster, in the Workers and in the simulator. For tests. */
  time_scale: number;
};

type Environment = Record<string, string | undefined>;

/** Read the settings of `npm start` from the environment. Throws a sentence about what makes no sense. */
export function readSettings(environment: Environment): Settings {
  return {
    port: portIn(environment, "PORT", 8787),
    simulator_port: portIn(environment, "SIMULATOR_PORT", 8788),
    state_dir: resolve(given(environment, "STATE_DIR") ?? ".state"),
    admin_key: adminKeyIn(environment),
    other_x: otherX(environment),
    time_scale: timeScaleIn(environment),
  };
}

/** What X allows its apps and what it charges, where the environment says otherwise than X's pages. */
export const ofX = (environment: Environment): Record<string, string> =>
  Object.fromEntries(
    ["X_APP_WINDOWS", "X_PRICES"].flatMap((name) => {
      const value = given(environment, name);
      return value === null ? [] : [[name, value]];
    }),
  );

function adminKeyIn(environment: Environment): string | null {
  const key = given(environment, "ADMIN_KEY");
  if (key !== null && !/^[!-~]+$/.test(key))
    throw new Error("ADMIN_KEY is sent in a header: letters, digits and signs, without spaces");
  return key;
}

function otherX(environment: Environment): OtherX | null {
  const api_url = given(environment, "X_API_URL");
  const authorize_url = given(environment, "X_AUTHORIZE_URL");
  if (api_url === null && authorize_url === null) return null;
  if (api_url === null || authorize_url === null)
    throw new Error("Set X_API_URL and X_AUTHORIZE_URL both, or neither");
  const api = new URL(api_url);
  if (api.pathname !== "/" || api.search !== "")
    throw new Error("X_API_URL must be an origin, such as https://api.x.com");
  return {
    api_url: api.origin,
    authorize_url: new URL(authorize_url).href,
    client_id: given(environment, "X_CLIENT_ID"),
    client_secret: given(environment, "X_CLIENT_SECRET"),
  };
}

function portIn(environment: Environment, name: string, otherwise: number): number {
  const text = given(environment, name) ?? String(otherwise);
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535)
    throw new Error(`${name} must be a port from 1 to 65535, not ${text}`);
  return port;
}

function timeScaleIn(environment: Environment): number {
  const scale = Number(given(environment, "TIME_SCALE") ?? 1);
  if (!(scale >= 1 && scale <= 100)) throw new Error("TIME_SCALE must be a number from 1 to 100");
  return scale;
}

/** Set to nothing is not set. */
const given = (environment: Environment, name: string): string | null =>
  environment[name] === "" ? null : (environment[name] ?? null);
