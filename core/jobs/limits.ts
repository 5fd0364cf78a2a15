import { DAY_MS, SECOND_MS } from "#core/lib/clock";

/**
 * The numbers of a turn. A lease is never renewed, and two owners of a lane never both send: whoever takes an expired
 * lease over finds that the last call under it ended at least 75 − 25 − 20 s ago.
 */
export const TWEETS_TURN = {
  /** A lane belongs to a turn this long. */
  lease_ms: 75 * SECOND_MS,
  /** A turn claims nothing after this. */
  claims_for_ms: 15 * SECOND_MS,
  /** A call to X ends by then, one way or the other. */
  call_ms: 20 * SECOND_MS,
  /** A call does not begin with less of the lease left. */
  send_margin_ms: 50 * SECOND_MS,
} as const;

/** The same for webhooks: receivers have 15 s, and what came twice does no harm. */
export const WEBHOOKS_TURN = {
  lease_ms: 60 * SECOND_MS,
  claims_for_ms: 15 * SECOND_MS,
  call_ms: 15 * SECOND_MS,
  send_margin_ms: 25 * SECOND_MS,
} as const;

/** The same for media: 45 s of work, and a call carries megabytes. 150 − 45 s hold the last call and its ending. */
export const MEDIA_TURN = {
  lease_ms: 150 * SECOND_MS,
  claims_for_ms: 30 * SECOND_MS,
  call_ms: 60 * SECOND_MS,
  send_margin_ms: 105 * SECOND_MS,
} as const;

export type TurnLimits = { [Name in keyof typeof TWEETS_TURN]: number };

/** Nearer than this, whoever knows sends the delayed wake-up; farther, the clock does. */
export const WAKE_HORIZON_MS = 90 * SECOND_MS;

/** A job that has not been sent by then is not sent any more, unless its client says otherwise. */
export const EXPIRES_AFTER_MS = 7 * DAY_MS;

/** How long final jobs are kept. */
export const KEPT_FOR_MS = 30 * DAY_MS;
