import type { Limit, Settings, Window } from "./settings.ts";

const quarter = 900;
const day = 86_400;

/**
 * X's rate limits, from its page "Rate limits": user windows by endpoint, and the 24 hour windows that all users
 * of an app share. (X's 15 minute app windows hold for app-only tokens, which this simulator does not issue.)
 */
export const limits: Record<string, Limit> = {
  "POST /2/tweets": { user: [100, quarter], app: [10_000, day] },
  "DELETE /2/tweets/:id": { user: [50, quarter] },
  "GET /2/tweets": { user: [5_000, quarter] },
  "GET /2/tweets/:id": { user: [900, quarter] },
  "GET /2/users/me": { user: [75, quarter] },
  "GET /2/users/:id": { user: [900, quarter] },
  "GET /2/users/:id/tweets": { user: [900, quarter] },
  "GET /2/users/:id/mentions": { user: [300, quarter] },
  "GET /2/users/:id/timelines/reverse_chronological": { user: [180, quarter] },
  "POST /2/users/:id/retweets": { user: [50, quarter] },
  "DELETE /2/users/:id/retweets/:source_tweet_id": { user: [50, quarter] },
  "POST /2/users/:id/likes": { user: [50, quarter] },
  "DELETE /2/users/:id/likes/:tweet_id": { user: [50, quarter] },
  "POST /2/users/:id/bookmarks": { user: [50, quarter] },
  "DELETE /2/users/:id/bookmarks/:tweet_id": { user: [50, quarter] },
  "POST /2/media/upload": { user: [500, quarter], app: [50_000, day] },
  "GET /2/media/upload": { user: [1_000, quarter], app: [100_000, day] },
  "POST /2/media/upload/initialize": { user: [1_875, quarter], app: [180_000, day] },
  "POST /2/media/upload/:id/append": { user: [1_875, quarter], app: [180_000, day] },
  "POST /2/media/upload/:id/finalize": { user: [1_875, quarter], app: [180_000, day] },
  "POST /2/media/metadata": { user: [500, quarter], app: [50_000, day] },
  "POST /2/media/subtitles": { user: [100, quarter], app: [10_000, day] },
};

type Count = { started_at: number; used: number };
/** Whether a request may pass, and the headers that tell its sender where it stands. */
export type Passage = { allowed: boolean; headers: Record<string, string> };

/** The windows of a running simulator. A window begins with its first request and ends all at once. */
export class Windows {
  #counts = new Map<string, Count>();

  /** Count one request, unless a window is used up: a refused request costs nothing. */
  take(route: string, client_id: string, user_id: string, settings: Settings, now_ms: number): Passage {
    const limit = settings.limits === "off" ? "off" : (settings.limits[route] ?? limits[route]);
    if (limit === undefined || limit === "off") return { allowed: true, headers: {} };
    const user = limit.user && this.#count(`${route} ${client_id} ${user_id}`, limit.user, now_ms);
    const app = limit.app && this.#count(`${route} ${client_id}`, limit.app, now_ms);
    const userAllows = !user || !limit.user || user.used < limit.user[0];
    const appAllows = !app || !limit.app || app.used < limit.app[0];
    if (userAllows && appAllows) {
      if (user) user.used += 1;
      if (app) app.used += 1;
    }
    const headers: Record<string, string> = {};
    if (user && limit.user) describe(headers, "x-rate-limit", user, limit.user);
    // X shows the app's day only where it matters; logs of 2026 have no such header on answers that passed.
    if (app && limit.app && !appAllows) describe(headers, "x-app-limit-24hour", app, limit.app);
    return { allowed: userAllows && appAllows, headers };
  }

  /** Forget all counts. */
  clear(): void {
    this.#counts.clear();
  }

  #count(key: string, [, seconds]: Window, now_ms: number): Count {
    let count = this.#counts.get(key);
    if (!count || now_ms >= count.started_at + seconds * 1000) {
      count = { started_at: now_ms, used: 0 };
      this.#counts.set(key, count);
    }
    return count;
  }
}

function describe(headers: Record<string, string>, name: string, count: Count, [size, seconds]: Window) {
  headers[`${name}-limit`] = String(size);
  headers[`${name}-remaining`] = String(Math.max(0, size - count.used));
  headers[`${name}-reset`] = String(Math.ceil(count.started_at / 1000 + seconds));
}
