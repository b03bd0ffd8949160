// What of each page the programs that most people read mail in do not know, by caniemail.com: paths of HTML files as
// arguments, `[[path, feature, program]...]` as JSON on stdout. A feature that is known in part counts as not known.
import { readFileSync } from "node:fs";
import { caniemail } from "caniemail";

const clients = [
  "gmail.desktop-webmail", "gmail.ios", "gmail.android",
  "outlook.windows", "outlook.outlook-com",
  "apple-mail.*", "yahoo.*",
];
const found = new Set();
for (const path of process.argv.slice(1)) {
  const { issues } = caniemail({ clients, html: readFileSync(path, "utf8") });
  for (const kind of [issues.errors, issues.warnings])
    for (const [client, faults] of kind)
      for (const { title } of faults) found.add(JSON.stringify([path, title, client]));
}
console.log(`[${[...found].join(",\n")}]`);
