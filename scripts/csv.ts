/** A row of a table, and the line of the file that it begins in. */
export type Row = { line: number; cells: string[] };

/** Read RFC 4180: the head, and the rows below it, which may have more or fewer cells. Empty lines are passed over. */
export function readTable(text: string): { head: string[]; rows: Row[] } {
  const rows: Row[] = [];
  let [line, begins] = [1, 1];
  const cells: string[] = [];
  for (const [all, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    if (end === "" && plain === "" && cells.length === 0) break;
    cells.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    line += all.split("\n").length - 1;
    if (end === ",") continue;
    const row = cells.splice(0);
    if (row.length > 1 || row[0] !== "") rows.push({ line: begins, cells: row });
    begins = line;
  }
  const [head, ...body] = rows;
  return { head: head?.cells ?? [], rows: body };
}

/** The rows below the head, each with as many cells as the head. Throws when one has not. */
export function readCsv(text: string): string[][] {
  const { head, rows } = readTable(text);
  const odd = rows.find(({ cells }) => cells.length !== head.length);
  if (odd) throw new Error(`row ${odd.line} has not ${head.length} cells`);
  return rows.map(({ cells }) => cells);
}

/** A line of a table. A text that a spreadsheet would run as a formula is given an apostrophe. */
export const csvLine = (cells: readonly (string | number | null)[]): string =>
  `${cells.map((cell) => cellOf(String(cell ?? ""))).join(",")}\r\n`;

function cellOf(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
