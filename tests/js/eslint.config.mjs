// Lints the comparison page's JavaScript: `make lint`, or `make lint-js` alone. Every finding is an error.
//
// The page's files are plain scripts that the browser reads as one, in strict mode, so a top-level name of one file is
// known in all of them. ESLint looks at one file at a time; the names are therefore collected here first. A name that
// no file uses is found by the rule `page/no-unused-top-level`, which looks at all of them together.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import js from "@eslint/js";
import { parse, tokenize } from "espree";
import globals from "globals";

const PAGE = "src/lightweight_ssd/report/page";
const SYNTAX = { ecmaVersion: 2023, sourceType: "script" };

const files = readdirSync(PAGE).filter((name) => name.endsWith(".js"));
const sources = Object.fromEntries(files.map((name) => [name, readFileSync(join(PAGE, name), "utf8")]));

// { name: "readonly" or "writable" } of what a script declares at its top level
function declared(source) {
  const names = {};
  for (const node of parse(source, SYNTAX).body) {
    if (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") names[node.id.name] = "readonly";
    if (node.type !== "VariableDeclaration") continue;
    for (const { id } of node.declarations) {
      for (const name of bound(id)) names[name] = node.kind === "const" ? "readonly" : "writable";
    }
  }
  return names;
}

// The names that a pattern binds: `a`, `{ a, b: c }`, `[a, ...rest]`
function bound(pattern) {
  if (!pattern) return [];
  if (pattern.type === "Identifier") return [pattern.name];
  if (pattern.type === "ObjectPattern") return pattern.properties.flatMap((each) => bound(each.value ?? each.argument));
  if (pattern.type === "ArrayPattern") return pattern.elements.flatMap(bound);
  return bound(pattern.left ?? pattern.argument);
}

const topLevel = Object.fromEntries(files.map((name) => [name, declared(sources[name])]));
const uses = {};
for (const source of Object.values(sources)) {
  for (const { type, value } of tokenize(source, SYNTAX)) {
    if (type === "Identifier") uses[value] = (uses[value] ?? 0) + 1;
  }
}

// A name that occurs once in all files is only declared. (It also counts as used where a property has the same name.)
const unusedTopLevel = {
  meta: { type: "problem", schema: [], messages: { unused: "'{{name}}' is declared but no file of the page uses it." } },
  create: (context) => ({
    Program(program) {
      for (const { name, identifiers } of context.sourceCode.getScope(program).variables) {
        if (!identifiers.length || uses[name] > 1) continue; // a browser's name, or one that is used
        context.report({ node: identifiers[0], messageId: "unused", data: { name } });
      }
    },
  }),
};

const othersOf = (name) => Object.assign({}, ...files.filter((other) => other !== name).map((other) => topLevel[other]));

export default [
  js.configs.recommended,
  {
    files: [`${PAGE}/*.js`],
    plugins: { page: { rules: { "no-unused-top-level": unusedTopLevel } } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "page/no-unused-top-level": "error",
      "no-unused-vars": ["error", { vars: "local", args: "after-used" }],
      "no-redeclare": ["error", { builtinGlobals: true }],
      "array-callback-return": "error",
      "consistent-return": "error",
      eqeqeq: "error",
      "no-eval": "error",
      "no-nested-ternary": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Text from runs must not be read as HTML; use textContent." },
        { property: "outerHTML", message: "Text from runs must not be read as HTML; use textContent." },
        { property: "insertAdjacentHTML", message: "Text from runs must not be read as HTML; use textContent." },
      ],
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  ...files.map((name) => ({
    files: [`${PAGE}/${name}`],
    languageOptions: {
      ...SYNTAX,
      parserOptions: { ecmaFeatures: { impliedStrict: true } },
      globals: { ...globals.browser, Plotly: "readonly", ...othersOf(name) },
    },
  })),
];
