/** Read RFC 4180: the rows below the head, each with as many cells as the head. Throws when one has not. */
export function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  const row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (end === "" && plain === "" && row.length === 0) break;
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end !== ",") rows.push(row.splice(0));
  }
  const [head = [], ...body] = rows;
  const odd = body.findIndex((cells) => cells.length !== head.length);
  if (odd >= 0) throw new Error(`row ${odd + 2} has not ${head.length} cells`);
  return body;
}
