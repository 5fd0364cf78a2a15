declare module "parse-prometheus-text-format" {
  type Sample = { labels?: Record<string, string>; value?: string; count?: string; sum?: string };
  /** Throws on what is not the text format. */
  export default function parse(
    text: string,
  ): { name: string; help: string; type: string; metrics: Sample[] }[];
}
