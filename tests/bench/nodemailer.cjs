// The same mails through nodemailer's pool to the same sink: prints the seconds from the first send to the last answer.
const [port, count, connections, path] = process.argv.slice(2);
const { text, html, subject } = JSON.parse(require("node:fs").readFileSync(path, "utf8"));
const pool = require("nodemailer").createTransport({
  pool: true, host: "127.0.0.1", port: Number(port), secure: false, ignoreTLS: true,
  maxConnections: Number(connections), maxMessages: 100,
});
(async () => {
  const began = process.hrtime.bigint();
  const one = (number) => pool.sendMail({
    from: "alerts@tocsin.example", to: `reader-${number}@example.org`, subject, text, html,
  });
  await Promise.all(Array.from({ length: Number(count) }, (_, number) => one(number)));
  console.log(Number(process.hrtime.bigint() - began) / 1e9);
  pool.close();
})();
