// As much of two parsers as the tests of documents use: the one has no types, those of the other need a package of their own.

declare module "js-yaml" {
  export function load(text: string): unknown;
}

declare module "@prometheus-io/lezer-promql" {
  type Node = { from: number; to: number; getChild(name: string): Node | null };
  type Visited = { node: Node; type: { name: string; isError: boolean } };

  export const parser: { parse(text: string): { iterate(visitor: { enter(visited: Visited): void }): void } };
}
