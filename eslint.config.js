import tseslint from "typescript-eslint";

export default [
  { ignores: ["**/dist/**", ".wrangler", ".state", ".deploy", "node_modules", "eslint.config.js"] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ["./tsconfig.json", "./tsconfig.node.json", "./tsconfig.bench.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // Row and wire types are plain shapes; `type` states them all the same way.
      "@typescript-eslint/consistent-type-definitions": ["error", "type"],
      // Numbers read well in messages; everything else must be made a string on purpose.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // `while (true)` with a return inside says "until done" better than a flag does.
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      // vitest's `test(...)` and node's `describe(...)` return promises that the runner awaits.
      "@typescript-eslint/no-floating-promises": "error",
      // `_` marks what an interface hands over and we do not need.
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // A test double of an async interface need not await anything.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    // Cloudflare's Env is widened by declaration merging, which only an interface can do.
    files: ["**/*.d.ts"],
    rules: { "@typescript-eslint/consistent-type-definitions": "off" },
  },
];
