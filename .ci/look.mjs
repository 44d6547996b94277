// Looks at what `cargo xtask run` serves: the page, and a decision.

const address = "http://127.0.0.1:8730";
const end = Date.now() + 600_000;

for (;;) {
  const ready = await fetch(`${address}/readyz`).then((answer) => answer.ok, () => false);
  if (ready) break;
  if (Date.now() > end) throw new Error("the daemon does not get ready");
  await new Promise((resolve) => setTimeout(resolve, 500));
}

const page = await (await fetch(`${address}/`)).text();
if (!page.includes("<title>")) throw new Error(`this is no page: ${page}`);
for (const [reference, decision] of [["10.2.40.40/library/nginx:1.27", "allow"], ["alpine:3.20", "deny"]]) {
  const answer = await fetch(`${address}/v1/decide`, { method: "POST", body: JSON.stringify({ reference }) });
  const text = await answer.text();
  if (JSON.parse(text).decision !== decision) throw new Error(`${reference}: ${text}`);
}
console.log("the page and the daemon answer");
