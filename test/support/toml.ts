type Table = Record<string, unknown>;

/** As much of TOML as our wrangler.toml files use: tables, lists of tables, and values on one line. */
export function readToml(text: string): Table {
  const root: Table = {};
  let table = root;
  for (const line of text.split("\n").map((raw) => raw.trim())) {
    const header = /^(\[\[?)([\w.]+)\]\]?$/.exec(line);
    const pair = /^(\w+) = (.+)$/.exec(line);
    if (header) table = tableAt(root, header[2] ?? "", header[1] === "[[");
    else if (pair) table[pair[1] ?? ""] = valueOf(pair[2] ?? "");
    else if (line !== "" && !line.startsWith("#")) throw new Error(`cannot read ${line}`);
  }
  return root;
}

function tableAt(root: Table, path: string, listed: boolean): Table {
  const names = path.split(".");
  const last = names.pop() ?? "";
  const parent = names.reduce((table, name) => (table[name] ??= {}) as Table, root);
  if (!listed) return (parent[last] ??= {}) as Table;
  const list = (parent[last] ??= []) as Table[];
  list.push({});
  return list.at(-1) ?? {};
}

/** One line of TOML is JSON but for the names in an inline table. */
const valueOf = (text: string): unknown => JSON.parse(text.replace(/(\w+) = /g, '"$1": '));
