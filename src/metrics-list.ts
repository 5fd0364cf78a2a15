import { partGate, parts as partNames } from "#core/jobs/define";
import { BUCKETS_S, keyOf, spendKey } from "#core/jobs/tally";
import { JOBS_LOOKED_AT, LOOKS_AT } from "#core/store/status";
import type { App } from "./app.ts";
import { added, sum, type Report } from "./metrics-report.ts";
import { histogram, type Metric, type Sample } from "./metrics-text.ts";

/** Everything there is to say, in the order in which it is shown. */
export function metricsOf(app: App, all: Report[]): Metric[] {
  const counts = added(all.map((one) => one.counts));
  const labeled = (
    name: string,
    labels: string[],
    keep: (values: string[]) => boolean = () => true,
  ): Sample[] =>
    Object.entries(counts).flatMap(([key, value]) => {
      const [of, ...values] = key.split("|");
      return of === name && keep(values)
        ? [{ labels: Object.fromEntries(labels.map((label, index) => [label, values[index] ?? ""])), value }]
        : [];
    });
  const timed = (of: keyof typeof BUCKETS_S): Sample[] =>
    histogram(BUCKETS_S[of], (le) => counts[keyOf(of, le)] ?? 0, (counts[keyOf(`${of}_ms`)] ?? 0) / 1000);
  const outcomesOf = (kind: string): Sample[] =>
    labeled("outcomes", ["kind", "outcome"], ([of]) => of === kind).map(({ labels, value }) => ({
      labels: { outcome: labels?.outcome ?? "" },
      value,
    }));
  const counter = (name: string, help: string, samples: Sample[]): Metric => ({
    name,
    type: "counter",
    help,
    samples,
  });
  const gauge = (name: string, help: string, samples: Sample[]): Metric => ({
    name,
    type: "gauge",
    help,
    samples,
  });
  const one = (value: number): Sample[] => [{ value }];
  const due = all.flatMap((report) => report.due);
  const closed = new Map(all.flatMap((report) => report.closed).map((gate) => [gate.name, gate.reason]));

  return [
    counter("tap_jobs_accepted_total", "Jobs that were taken.", labeled("accepted", ["kind"])),
    counter(
      "tap_jobs_ended_total",
      "Jobs that came to an end, by what it was.",
      labeled("ended", ["kind", "state"]),
    ),
    counter(
      "tap_jobs_redriven_total",
      "Jobs that had ended and were given a new life.",
      labeled("redriven", ["kind"]),
    ),
    gauge(
      "tap_jobs_open",
      `Jobs that have not ended, those included whose time is to come, up to ${JOBS_LOOKED_AT} of each database.`,
      byQueue(
        app,
        all.flatMap((report) => report.open),
        (rows) => sum(rows.map(({ jobs }) => jobs)),
      ),
    ),
    gauge(
      "tap_jobs_due_lanes",
      `Lanes that are due and that nobody works on, of the first ${LOOKS_AT} of each database.`,
      byQueue(app, due, (rows) => sum(rows.map(({ lanes }) => lanes))),
    ),
    gauge(
      "tap_jobs_oldest_due_seconds",
      "How long the lane has waited that has been due the longest.",
      byQueue(app, due, (rows) => Math.max(0, ...rows.map(({ late_ms }) => late_ms / 1000))),
    ),
    {
      name: "tap_job_due_to_sent_seconds",
      type: "histogram",
      help: "From when a job was due to when it was first run.",
      samples: timed("late"),
    },
    {
      name: "tap_accept_seconds",
      type: "histogram",
      help: "From a request's body to its commit, for single jobs.",
      samples: timed("accept"),
    },
    counter(
      "tap_x_calls_total",
      "Calls to X by what became of them.",
      labeled("calls", ["endpoint", "class"]),
    ),
    gauge(
      "tap_x_window_remaining",
      "The least that is left in an account's window of those with something to do.",
      windowsOf(app, all),
    ),
    gauge("tap_app_window_remaining", "What is left of an X app's 24 hours.", appWindowsOf(app, all)),
    gauge(
      "tap_gates_closed",
      "Closed gates with something behind them, by reason.",
      byReason([...closed.values()]),
    ),
    gauge(
      "tap_x_part_up",
      "1: X answers there; 0: it is left alone, or tried by one lane.",
      partNames.map((part) => ({ labels: { part }, value: isUp(all, partGate(part)) ? 1 : 0 })),
    ),
    counter(
      "tap_token_refreshes_total",
      "Refreshes that were tried, by outcome.",
      outcomesOf("token.refresh"),
    ),
    gauge(
      "tap_accounts_to_reconnect",
      `Accounts whose grant is dead, up to ${LOOKS_AT} a database.`,
      one(sum(all.map(({ reconnect }) => reconnect))),
    ),
    counter(
      "tap_webhook_deliveries_total",
      "Events that were sent, by outcome.",
      outcomesOf("webhook.deliver"),
    ),
    gauge(
      "tap_dead_letters",
      `Jobs that were given up, up to ${LOOKS_AT} a database.`,
      one(sum(all.map(({ dead }) => dead))),
    ),
    gauge(
      "tap_jobs_unknown_parked",
      `Jobs of which a person must say what became of them, up to ${LOOKS_AT} a database.`,
      one(sum(all.map(({ parked }) => parked))),
    ),
    gauge(
      "tap_spend_today_micro_usd",
      "What X has billed jobs for today (UTC), in micro-USD.",
      one(counts[spendKey(app.clock.now())] ?? 0),
    ),
    gauge(
      "tap_orphaned_media",
      "Uploads whose bytes should have gone more than two days ago.",
      one(sum(all.map(({ orphans }) => orphans))),
    ),
  ];
}

function byQueue<Row extends { lane: string }>(
  app: App,
  all: Row[],
  value: (rows: Row[]) => number,
): Sample[] {
  return Object.keys(app.queues).map((queue) => ({
    labels: { queue },
    value: value(all.filter(({ lane }) => app.kinds.queueOfLane(lane) === queue)),
  }));
}

function windowsOf(app: App, all: Report[]): Sample[] {
  const kinds = app.kinds.names.flatMap((name) => app.kinds.find(name) ?? []);
  const least = new Map<string, number>();
  for (const { lane, remaining } of all.flatMap(({ windows }) => windows)) {
    const endpoint = kinds.find((kind) => kind.lane === lane)?.endpoint;
    if (endpoint !== undefined) least.set(endpoint, Math.min(remaining, least.get(endpoint) ?? Infinity));
  }
  return [...least].map(([endpoint, value]) => ({ labels: { endpoint }, value }));
}

function appWindowsOf(app: App, all: Report[]): Sample[] {
  return all
    .flatMap(({ apps }) => apps)
    .flatMap(({ name, limit, used }) => {
      const [, id = "", endpoint = ""] = /^app:([^:]+):(.*)$/.exec(name) ?? [];
      const whole = limit ?? app.app_windows[endpoint];
      return whole === undefined ? [] : [{ labels: { app: id, endpoint }, value: Math.max(0, whole - used) }];
    });
}

function byReason(reasons: string[]): Sample[] {
  return [...Map.groupBy(reasons, (reason) => reason)].map(([reason, some]) => ({
    labels: { reason },
    value: some.length,
  }));
}

const isUp = (all: Report[], gate: string): boolean =>
  all.every(({ parts }) => parts.every(({ name, state }) => name !== gate || state === "well"));
