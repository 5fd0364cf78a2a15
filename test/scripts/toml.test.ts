import { describe, expect, test } from "vitest";
import { addTable, changeTables, setValue, tablesOf, valueOf, withoutSection } from "../../scripts/toml.ts";

const toml = `# A Worker.
name = "one"
main = "index.ts"

[vars]
NAME = "in vars"
main = "another"

[[d1_databases]]
binding = "DB"
`;

describe("setValue", () => {
  test("changes the value of its section and no other", () => {
    expect(setValue(toml, "", "main", "/far/index.ts")).toBe(
      toml.replace('main = "index.ts"', 'main = "/far/index.ts"'),
    );
    expect(setValue(toml, "vars", "main", "new")).toBe(toml.replace('"another"', '"new"'));
  });

  test("adds a value that the section does not have", () => {
    expect(valueOf(setValue(toml, "vars", "MORE", "x"), "vars", "MORE")).toBe("x");
    expect(valueOf(setValue(toml, "vars", "MORE", "x"), "", "MORE")).toBeNull();
  });

  test("adds a section that the file does not have", () => {
    expect(setValue('name = "one"\n', "vars", "MORE", "x")).toBe('name = "one"\n\n[vars]\nMORE = "x"\n');
  });

  test("keeps quotes and backslashes", () => {
    expect(setValue("", "", "text", 'a"b\\c')).toContain(String.raw`text = "a\"b\\c"`);
  });
});

test("valueOf knows no value that is not there, and refuses one it cannot read", () => {
  expect(valueOf(toml, "", "name")).toBe("one");
  expect(valueOf(toml, "", "NAME")).toBeNull();
  expect(valueOf(toml, "limits", "cpu_ms")).toBeNull();
  expect(() => valueOf("count = 3", "", "count")).toThrow("count in []");
});

test("tables are read and added", () => {
  expect(tablesOf(toml, "d1_databases").map((table) => table.trim())).toEqual(['binding = "DB"']);
  expect(tablesOf(addTable(toml, "d1_databases", 'binding = "DB_1"\n'), "d1_databases")).toHaveLength(2);
});

test("every table of a name is changed, and nothing else", () => {
  const two = addTable(toml, "d1_databases", 'binding = "DB_1"\n');
  const changed = changeTables(two, "d1_databases", (table) => table.replace("DB", "OTHER"));
  expect(changed).toBe(two.replaceAll('"DB', '"OTHER'));
  expect(changeTables(two, "kv_namespaces", () => "gone")).toBe(two);
});

test("a section goes with all that is in it, and one that is not there does not miss", () => {
  expect(withoutSection(toml, "vars")).toBe(
    toml.replace('[vars]\nNAME = "in vars"\nmain = "another"\n\n', ""),
  );
  expect(withoutSection(toml, "limits")).toBe(toml);
});
