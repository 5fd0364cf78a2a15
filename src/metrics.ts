import { shards } from "#core/store/shard";
import { authorize } from "./auth.ts";
import { metricsOf } from "./metrics-list.ts";
import { reportOf, sum } from "./metrics-report.ts";
import { metricsText } from "./metrics-text.ts";
import { defineRoute } from "./route.ts";

/** GET /metrics: for Prometheus, of the whole installation. */
export const getMetrics = defineRoute({
  method: "GET",
  path: "/metrics",
  summary: "How all this is doing, for Prometheus: with the scope `metrics:read`, or the admin key",
  scope: "any",
  answers: { 200: { description: "The text format 0.0.4.", schema: null } },
  async handle({ app, caller }) {
    if (!caller.scopes.includes("metrics:read")) authorize(caller, "admin");
    const all = await Promise.all(shards(app.databases).map((name) => reportOf(app, name)));
    return new Response(metricsText(metricsOf(app, all)), {
      headers: {
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
        "x-rows-read": String(sum(all.map(({ rows_read }) => rows_read))),
      },
    });
  },
});
