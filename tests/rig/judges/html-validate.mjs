// What html-validate finds wrong with each page: paths of HTML files as arguments, `[[path, rule, message]...]` as JSON
// on stdout.
import { readFileSync } from "node:fs";
import { HtmlValidate, StaticConfigLoader } from "html-validate";

const validator = new HtmlValidate(new StaticConfigLoader({
  root: true,
  extends: ["html-validate:recommended", "html-validate:document", "html-validate:a11y"],
  rules: {
    // Mail programs keep a style attribute and drop nearly everything else.
    "no-inline-style": "off",
    // Outlook for Windows lays out by the attributes of tables, not by CSS: cellpadding, width, bgcolor and the like.
    "no-deprecated-attr": "off",
    // It also wants a table of its own around the sheet, which nobody else may see.
    "no-conditional-comment": "off",
    // The role of the wrapper tells a screen reader where the mail begins; an `article` does not survive every program.
    "prefer-native-element": ["error", { exclude: ["article"] }],
    // An issue may hold several articles, each with its own title.
    "heading-level": ["error", { allowMultipleH1: true }],
  },
}));
const found = [];
for (const path of process.argv.slice(1)) {
  const { results } = await validator.validateString(readFileSync(path, "utf8"), path);
  for (const { messages } of results)
    for (const { ruleId, message, line, column } of messages)
      found.push([path, ruleId, `${line}:${column} ${message}`]);
}
console.log(JSON.stringify(found));
