/**
 * Everything this service can say when it says no, on one screen: code → HTTP status and title.
 * The same codes stand in answers (RFC 9457) and in the `error` of a job.
 */
export const problems = {
  // the request
  not_json: [400, "The body is not JSON"],
  unknown_parameter: [400, "Unknown or malformed parameter"],
  unauthorized: [401, "A valid key is needed"],
  insufficient_scope: [403, "The key lacks a scope"],
  not_found: [404, "Not found"],
  method_not_allowed: [405, "Method not allowed"],
  already_sent: [409, "Too late: it was already sent or has ended"],
  not_parked: [409, "Only a job that nobody could find out about can be resolved"],
  not_retryable: [409, "Only failed and dead jobs can be retried"],
  account_in_use: [409, "This X account is connected by another client"],
  account_disconnected: [409, "This account was disconnected"],
  endpoint_disabled: [409, "Nothing is sent to this endpoint"],
  too_many_endpoints: [409, "The client has as many endpoints as it may have"],
  app_in_use: [409, "Accounts are connected through this X app"],
  precondition_failed: [412, "It has changed since it was read"],
  body_too_large: [413, "The body is too large"],
  unsupported_media_type: [415, "The body must be application/json"],
  invalid: [422, "The request has invalid fields"],
  idempotency_mismatch: [422, "The Idempotency-Key was used with another body"],
  // media
  tus_version: [412, "Tus-Resumable must be 1.0.0"],
  upload_conflict: [409, "The upload does not stand there, or another request goes on with it"],
  upload_expired: [410, "The upload has expired"],
  checksum_mismatch: [460, "The bytes do not have the checksum"],
  media_too_large: [413, "X takes no media of this size"],
  media_unsupported: [415, "X takes no media of this type"],
  media_mislabelled: [422, "The file is not what its client says"],
  media_cut_off: [422, "The file ends before its own boxes do"],
  media_duration: [422, "X takes no video of this duration"],
  spend_cap: [429, "The daily cap of the account or its client does not pay for this"],
  too_many_requests: [429, "Too many requests with this key"],
  internal: [500, "Something broke on our side"],
  unavailable: [503, "Not available for the moment"],
  misconfigured: [503, "This installation is not set up rightly"],
  // the ends of a job
  expired: [409, "The job was not sent before its expires_at"],
  poison: [500, "The job crashed its Worker three times"],
  unreadable: [500, "The stored job cannot be read by this version"],
  attempts_exhausted: [503, "Every attempt failed"],
  media_gone: [410, "The bytes of the medium are gone"],
  media_failed: [422, "The medium could not be sent to X"],
  source_refused: [422, "The file cannot be fetched from there"],
  source_unreachable: [502, "The server of the file did not answer"],
  x_media_failed: [422, "X could not process the medium"],
  tweet_not_found: [404, "No such tweet"],
  reconnect_required: [409, "The account must be connected again"],
  not_refreshable: [409, "The account was connected without offline.access"],
  endpoint_gone: [404, "The event, or the endpoint it was for, was deleted"],
  delivery_failed: [502, "The receiver did not take the event"],
  // connecting an account
  invalid_state: [400, "This connect link is unknown, used or older than 10 minutes"],
  access_denied: [403, "The user did not allow access"],
  app_deleted: [409, "The X app was deleted meanwhile"],
  app_refused: [502, "X refused the X app's credentials"],
  // what X said
  x_invalid_request: [422, "X refused the request as invalid"],
  x_unauthorized: [401, "X did not accept the access token"],
  x_payment_required: [402, "The X app has no credits left"],
  x_forbidden: [403, "X does not allow this"],
  x_duplicate: [403, "X refused a tweet with the same content"],
  x_account_locked: [403, "X has locked or suspended the account"],
  x_account_limit: [403, "The account is over X's daily limit"],
  x_app_forbidden: [403, "X does not allow this X app to do that"],
  x_not_found: [404, "X does not know this"],
  x_rate_limited: [429, "X's window is used up"],
  x_usage_capped: [429, "The X app's usage cap is reached"],
  x_unavailable: [503, "X is not available"],
  x_unreachable: [504, "X did not answer"],
  x_unexpected: [502, "X answered something unexpected"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof problems;

/** One wrong field: `pointer` is a JSON pointer (RFC 6901) into the body, or the name of a parameter. */
export type FieldError = { pointer: string; code: string; detail: string };

/** X's own words, kept as they came. */
export type Upstream = { status: number; type: string | null; detail: string | null; request_id?: string };

export type ProblemExtra = {
  detail?: string;
  errors?: FieldError[];
  upstream?: Upstream;
  headers?: Record<string, string>;
};

/** A refusal with a stable code. As an error it ends a request; as JSON it is the `error` of a job. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly extra: ProblemExtra;

  constructor(code: ProblemCode, extra: ProblemExtra = {}) {
    super(`${code}: ${extra.detail ?? problems[code][1]}`);
    this.name = "Problem";
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return problems[this.code][0];
  }

  /** `{code, title, detail, source?, upstream?, errors?}`: what a job row keeps. */
  toJSON(): ProblemBody {
    const { detail, errors, upstream } = this.extra;
    return {
      code: this.code,
      title: problems[this.code][1],
      detail: detail ?? problems[this.code][1],
      ...(upstream && { source: "x" as const, upstream }),
      ...(errors && { errors }),
    };
  }
}

export type ProblemBody = {
  code: ProblemCode;
  title: string;
  detail: string;
  source?: "x";
  upstream?: Upstream;
  errors?: FieldError[];
};
