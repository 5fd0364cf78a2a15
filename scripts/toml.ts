/**
 * Small changes to our own wrangler.toml files. They keep one value a line, which is all this understands; what it does not
 * find it refuses, so that a file that outgrows it is noticed.
 */

/** Set a value of a section; "" is the top of the file, a missing section is added at its end. */
export function setValue(toml: string, section: string, key: string, value: string): string {
  const lines = toml.split("\n");
  const from = section === "" ? 0 : lines.indexOf(`[${section}]`) + 1;
  if (section !== "" && from === 0) return `${toml.trimEnd()}\n\n[${section}]\n${entry(key, value)}\n`;
  const to = endOf(lines, from);
  const at = lines.findIndex((line, index) => index >= from && index < to && keyOf(line) === key);
  if (at >= 0) lines[at] = entry(key, value);
  else lines.splice(from, 0, entry(key, value));
  return lines.join("\n");
}

/** The text of a value, or null when the section does not have it. */
export function valueOf(toml: string, section: string, key: string): string | null {
  const lines = toml.split("\n");
  const from = section === "" ? 0 : lines.indexOf(`[${section}]`) + 1;
  if (section !== "" && from === 0) return null;
  const line = lines.slice(from, endOf(lines, from)).find((one) => keyOf(one) === key);
  const text = line === undefined ? null : /=\s*"(.*)"\s*$/.exec(line)?.[1];
  if (text === undefined) throw new Error(`${key} in [${section}] is not a text on one line`);
  return text;
}

/** Every table of an array of tables, as the lines between its head and the next one. */
export function tablesOf(toml: string, name: string): string[] {
  const lines = toml.split("\n");
  return lines.flatMap((line, index) =>
    line === `[[${name}]]` ? [lines.slice(index + 1, endOf(lines, index + 1)).join("\n")] : [],
  );
}

/** Add a table to the end of an array of tables. */
export const addTable = (toml: string, name: string, table: string): string =>
  `${toml.trimEnd()}\n\n[[${name}]]\n${table.trim()}\n`;

/** Change every table of an array of tables. */
export function changeTables(toml: string, name: string, change: (table: string) => string): string {
  const lines = toml.split("\n");
  for (let index = lines.length - 1; index >= 0; index--) {
    if (lines[index] !== `[[${name}]]`) continue;
    const end = endOf(lines, index + 1);
    lines.splice(index + 1, end - index - 1, ...change(lines.slice(index + 1, end).join("\n")).split("\n"));
  }
  return lines.join("\n");
}

/** The file without a section. */
export function withoutSection(toml: string, section: string): string {
  const lines = toml.split("\n");
  const at = lines.indexOf(`[${section}]`);
  if (at >= 0) lines.splice(at, endOf(lines, at + 1) - at);
  return lines.join("\n");
}

const endOf = (lines: string[], from: number): number => {
  const next = lines.findIndex((line, index) => index >= from && line.startsWith("["));
  return next < 0 ? lines.length : next;
};

const keyOf = (line: string): string | undefined => /^([\w-]+)\s*=/.exec(line)?.[1];

const entry = (key: string, value: string): string => `${key} = ${JSON.stringify(value)}`;
