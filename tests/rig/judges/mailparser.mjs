// What mailparser reads in each mail: paths as arguments, a JSON object for each mail on stdout, as `mime.py` writes it.
import { readFileSync } from "node:fs";
import { simpleParser } from "mailparser";

const mailboxes = field => (field?.value ?? []).map(({ name, address }) => [name, address]);
const read = [];
for (const path of process.argv.slice(1)) {
  const mail = await simpleParser(readFileSync(path), { keepCidLinks: true, skipTextToHtml: true, skipTextLinks: true });
  read.push({
    subject: mail.subject,
    from: mailboxes(mail.from),
    to: mailboxes(mail.to),
    reply_to: mailboxes(mail.replyTo),
    message_id: mail.messageId,
    date: mail.date.toISOString().replace(".000", ""),
    text: mail.text,
    html: mail.html,
    attached: mail.attachments.map(({ filename, contentType, cid, content }) =>
      [filename, contentType, cid && `<${cid}>`, content.toString("base64")]),
  });
}
console.log(JSON.stringify(read));
