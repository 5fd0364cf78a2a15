import { steps } from "#core/lib/lifecycle";

/**
 * What the statements share. `?1` is always the time: epoch ms, or NULL for D1's own clock, so that Workers whose clocks
 * differ agree on what is due.
 */
export const NOW = "coalesce(?1, cast(round(unixepoch('subsec') * 1000) as integer))";

/** The first open job of a lane, in the order in which a lane is worked. Read from the index alone. */
export const headOf = (lane: string): string =>
  `(SELECT h.id FROM jobs AS h WHERE h.lane = ${lane} AND h.open = 1 ORDER BY h.due_at, h.id LIMIT 1)`;

/**
 * A JSON list of `count` texts as a table with the column `lane`. Written out as VALUES because D1 bills each row that
 * `json_each` yields as a row read, and the NULL row because a table of one constant row would be materialized, and billed.
 */
export const namesIn = (parameter: string, count: number): string => {
  const rows = Array.from({ length: count }, (_, index) => `(${parameter} ->> ${index})`);
  return `(SELECT column1 AS lane FROM (VALUES ${rows.join(",")}, (NULL)))`;
};

/** More rows than this are read by `json_each`: the text of a statement is bounded. */
const WRITTEN_OUT = 100;

/** A JSON list of `count` objects as a table with these columns: written out as above while it is short. */
export function rowsIn(parameter: string, columns: readonly string[], count: number): string {
  const names = columns.map((name, index) => `column${index + 1} AS ${name}`);
  if (count > WRITTEN_OUT) {
    const values = columns.map((name) => `value ->> '${name}' AS ${name}`);
    return `(SELECT ${values.join(", ")} FROM json_each(${parameter}))`;
  }
  const row = (index: number) => columns.map((name) => `${parameter} ->> '$[${index}].${name}'`).join(", ");
  const rows = Array.from({ length: count }, (_, index) => `(${row(index)})`);
  const none = columns.map(() => "NULL").join(", ");
  return `(SELECT ${names.join(", ")} FROM (VALUES ${rows.join(", ")}, (${none})))`;
}

/** A part of X whose faults come to this many is left alone for a while. */
export const BREAKS_AT = 10;

/**
 * A lane has at most this many gates that must be open for a claim. Each is one lookup, and free while it has no row. The first
 * is that of its part of X.
 */
export const GATES_A_LANE = 4;

/**
 * Behind them stand those of its allowances: the window of its X app, the cap of its client, that of its account. They say when a
 * lane is due, not whether it may claim: that follows from what it was given.
 */
export const ALLOWANCES_A_LANE = 3;

/** The gate of the reads by which jobs that X may have acted on are looked for: theirs alone. */
const READS = "'x:reads'";
/** Behind those of the allowances stands that of a thread that stopped short, where the lane has one. */
const HELD_AT = GATES_A_LANE + ALLOWANCES_A_LANE;
const GATES = [...Array(GATES_A_LANE).keys(), HELD_AT].map((index) => `lanes.gates ->> ${index}`);

/** Some condition on a gate, for all lanes but the one that is to try it. */
const gateIs = (name: string, condition: string): string =>
  `EXISTS (SELECT 1 FROM gates WHERE gates.name = ${name} AND ${condition} AND gates.probe IS NOT lanes.lane)`;

const SHUT = `(gates.open_at > ${NOW} OR gates.faults >= ${BREAKS_AT})`;
const WAITS = `gates.open_at > ${NOW}`;
const BROKEN = `gates.faults >= ${BREAKS_AT}`;

/** Whether every gate of a lane is open. `lanes` must be in scope. */
export const GATES_OPEN = `NOT (${GATES.map((name) => gateIs(name, SHUT)).join(" OR ")})`;

const LANE_WAITS = GATES.map((name) => gateIs(name, WAITS)).join(" OR ");

/** That of the X app: shut when X wants money of it, and then tried by one lane too. */
const APP = "lanes.gates ->> 1";

/**
 * Whether a job's gates let it go on. A look is no trial of the part that its job will use: it goes on once that part's time
 * is over, but needs X's reads. `lanes` and `jobs` must be in scope.
 */
export const MAY_RUN = `iif(jobs.state = 'unknown', NOT (${LANE_WAITS} OR ${gateIs(READS, SHUT)} OR ${gateIs(APP, BROKEN)}), ${GATES_OPEN})`;

/** Whether a job waits only for somebody to try a part of X that was broken, or an app that X refused. `lanes` and `jobs` must be in scope. */
export const HALF_OPEN = `((iif(jobs.state = 'unknown', ${gateIs(READS, BROKEN)}, ${gateIs("lanes.gates ->> 0", BROKEN)}) OR ${gateIs(APP, BROKEN)})
  AND NOT (${LANE_WAITS} OR jobs.state = 'unknown' AND ${gateIs(READS, WAITS)}))`;

/**
 * Looks wait for no allowance, and what costs nothing for no money: behind that of the app's window stand the caps. A lane that could
 * pay just now may be able to again: it was another's job that was too dear.
 */
const allowancesOf = (paid: string): string[] =>
  Array.from({ length: ALLOWANCES_A_LANE }, (_, index) => {
    const free = index === 0 ? "" : ` OR ${paid} OR jobs.cost_estimated <= jobs.cost_actual`;
    return `iif(jobs.state = 'unknown'${free}, NULL, lanes.gates ->> ${GATES_A_LANE + index})`;
  });

/** When a closed gate opens, to say so. A cap is looked at again earlier, in case that money comes back. */
export const OPENS_AT = `iif(gates.reason = 'spend_cap', max(gates.open_at, coalesce(gates.resets_at, 0)), gates.open_at)`;

/** Lanes that wait for an allowance come back within this time, those first that were served the longest ago. */
const IN_TURN_MS = 60_000;
const LONGEST_AGO_MS = 7 * 86_400_000;

/**
 * Until when each gate of a lane is closed, or 0; for those of allowances, until its turn comes. `served`: when the lane was last
 * served; `paid`: whether it has just spent money. `lanes` and `jobs` must be in scope.
 */
export const closedUntil = (served: string, paid: string): string => {
  const until = (name: string, turn = "0") =>
    `coalesce((SELECT gates.open_at + ${turn} FROM gates WHERE gates.name = ${name} AND ${WAITS} AND gates.probe IS NOT lanes.lane), 0)`;
  const turn = `cast(max(0, ${IN_TURN_MS} - (gates.open_at - ${served}) / ${LONGEST_AGO_MS / IN_TURN_MS}) AS INTEGER)`;
  return [
    ...GATES.map((name) => until(name)),
    ...allowancesOf(paid).map((name) => until(name, turn)),
    until(`iif(jobs.state = 'unknown', ${READS}, NULL)`),
  ].join(", ");
};

/** When a lane is next due, from its first job and its gates; NULL when it is empty. `lanes` must be in scope. */
export const nextAt = (served: string, paid = "false"): string => `(
  SELECT min(iif(jobs.state = 'unknown', 9e15, jobs.expires_at),
             max(jobs.due_at, coalesce(jobs.next_attempt_at, 0), ${closedUntil(served, paid)}))
    FROM jobs WHERE jobs.client_id = lanes.client_id AND jobs.id = ${headOf("lanes.lane")})`;

/**
 * Whether a job's state is one that a claim starts from. Not by `IN`: of three and more constants SQLite makes a table at each
 * look, and D1 bills its rows.
 */
export const isClaimable = (job: string): string =>
  `(${steps.claim.from.map((state) => `${job}.state = '${state}'`).join(" OR ")})`;

/** Whether a job's time has come, and has not passed: an unclear one is looked for however late it is. */
export const claimable = (job: string): string =>
  `${isClaimable(job)} AND ${job}.due_at <= ${NOW} AND coalesce(${job}.next_attempt_at, 0) <= ${NOW}
   AND (${job}.expires_at > ${NOW} OR ${job}.state = 'unknown')`;

/** What a canceled job is set to. */
export const CANCELED = `state = 'canceled', open = NULL, finished_at = ${NOW}, next_attempt_at = NULL, sequence = sequence + 1`;

/** Whether a job holds what its account would post behind it. `jobs` must be in scope. */
export const HOLDS =
  "EXISTS (SELECT 1 FROM gates WHERE gates.name = 'thread:' || jobs.account_id AND gates.held_by = jobs.id)";

/**
 * What a job that is given a new life is set to: at the end of its lane's line, so that nothing is put before a running job; one that
 * holds its lane, where nothing runs then, in its old place. It has all its attempts, and a week (`expiresAfterMs` names a
 * parameter) to be sent if its time had passed. Whoever sets it lets go of what it held behind it (`gates.release`).
 */
export const redriven = (expiresAfterMs: string): string =>
  `state = iif(maybe_sent = 2, 'unknown', 'queued'), open = 1, due_at = iif(${HOLDS}, due_at, ${NOW}), attempts = 0, crashes = 0,
   finished_at = NULL, next_attempt_at = NULL, cancel_requested = 0, looks = 0, losses = iif(maybe_sent = 2, losses, 0),
   log = ${logged("redriven")},
   expires_at = iif(expires_at <= ${NOW}, ${NOW} + ${expiresAfterMs}, expires_at), sequence = sequence + 1`;

/** Whether a text stands in a JSON list of plain names. */
export const isIn = (parameter: string, column: string): string =>
  `instr(${parameter}, '"' || ${column} || '"') > 0`;

/** A job's log keeps so many of its first entries and so many of its last: what a life begins and ends with. */
export const LOG_FIRST = 20;
export const LOG_LAST = 80;

/** A job's log with one entry more. `jobs` must be in scope. */
export const logged = (outcome: string): string =>
  `json_insert(iif(json_array_length(log) >= ${LOG_FIRST + LOG_LAST}, json_remove(log, '$[${LOG_FIRST}]'), log),
               '$[#]', json_object('at', ${NOW}, 'outcome', '${outcome}'))`;

/** All rows of a statement. */
export const all = async <Row>(statement: D1PreparedStatement): Promise<Row[]> =>
  (await statement.all<Row>()).results;

/** The first row of a statement, or null. */
export const first = <Row>(statement: D1PreparedStatement): Promise<Row | null> => statement.first<Row>();

/** How many rows the statement directly before it changed, without those that triggers changed; D1's own count has them, too. */
export const changed = (db: D1Database): D1PreparedStatement => db.prepare("SELECT changes() AS count");

/** Asks nothing of the database but an answer. */
export const ping = (db: D1Database): D1PreparedStatement => db.prepare("SELECT 1");
