/** A metric in the Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
export type Metric = {
  name: string;
  type: "counter" | "gauge" | "histogram";
  help: string;
  samples: Sample[];
};

/** `suffix`: what a histogram's parts are called. */
export type Sample = {
  labels?: Record<string, string>;
  value: number;
  suffix?: "_bucket" | "_sum" | "_count";
};

/** All of them, each with its help and type, also where there is no sample yet. */
export const metricsText = (metrics: readonly Metric[]): string =>
  metrics
    .map(({ name, type, help, samples }) =>
      [
        `# HELP ${name} ${escaped(help)}`,
        `# TYPE ${name} ${type}`,
        ...samples.map((sample) => `${name}${sample.suffix ?? ""}${labelsOf(sample)} ${sample.value}`),
      ].join("\n"),
    )
    .join("\n") + "\n";

function labelsOf({ labels = {} }: Sample): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");

/** A histogram of counts by upper bound, which are for one bucket each; `sum` in the metric's unit. */
export function histogram(
  bounds: readonly number[],
  counts: (bound: string) => number,
  sum: number,
): Sample[] {
  let below = 0;
  const buckets = [...bounds.map(String), "+Inf"].map((le): Sample => {
    below += counts(le);
    return { suffix: "_bucket", labels: { le }, value: below };
  });
  return [...buckets, { suffix: "_sum", value: sum }, { suffix: "_count", value: below }];
}
