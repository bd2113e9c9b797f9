// The page: one view for each address after `#`. Speaks only to the service that served it.

import { bars, graph, h, source, table } from "./draw.js";

const view = document.getElementById("view");
const status = document.getElementById("status");
let leave = new AbortController();

function headers(more = {}) {
  const key = sessionStorage.getItem("key");
  return key ? { ...more, Authorization: `Bearer ${key}` } : more;
}

async function call(path, options = {}) {
  const answer = await fetch(path, { signal: leave.signal, ...options,
    headers: headers(options.headers) });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({ detail: `the service answers ${answer.status}` }));
  throw new Error([problem.field, problem.detail, problem.fix && `(${problem.fix})`]
    .filter(Boolean).join(" "));
}

const get = async (path) => (await call(path)).json();
const post = async (path, body) => (await call(path, { method: "POST",
  headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) })).json();

const tag = (word) => h("span", { class: `tag ${word}` }, word);
const time = (text) => text ? new Date(text).toLocaleString() : "–";
const variantLink = (name) => `#/variant/${encodeURIComponent(name)}`;

function show(title, ...content) {
  document.title = `${title} – Aludel`;
  view.replaceChildren(h("h1", {}, title), ...content.filter(Boolean));
}

async function jobs(cursor) {
  const page = await get("v1/jobs?limit=50" + (cursor ? `&cursor=${cursor}` : ""));
  const rows = page.jobs.map((job) => [
    h("a", { href: `#/job/${job.id}` }, job.id.slice(0, 12)), job.kind, tag(job.state),
    `${ended(job.progress)} of ${job.total}`
      + (job.kind === "prove" ? `, ${job.progress.accepted} proved` : ""), time(job.created_at)]);
  show("Jobs", rows.length ? table("Jobs", ["Job", "Kind", "State", "Ended", "Submitted"], rows)
    : h("p", {}, "No job yet. ", h("a", { href: "#/check" }, "Check a candidate"), "."),
  page.next_cursor && h("p", {}, h("a", { href: `#/jobs/${page.next_cursor}` }, "Older jobs")));
}

const ended = (progress) => progress.done + progress.failed + progress.cancelled;

async function job(id) {
  let now = await get(`v1/jobs/${id}`);
  const bar = h("progress", { max: now.total, "aria-label": "Items that have ended" });
  const counts = h("p", { id: "counts", role: "status" });
  const cancel = h("button", { type: "button", onclick: attempt(async () => {
    update(await post(`v1/jobs/${id}/cancel`));
  }) }, "Cancel the job");
  const list = h("div", {}), figures = h("div", { id: "figures" });
  const update = (job) => { now = job; tell(job.progress); };
  const tell = (progress) => {
    bar.value = ended(progress);
    const of = now.kind === "prove" ? `${progress.accepted} proved, ` : now.kind === "check"
      ? `${progress.accepted} accepted, ${progress.rejected} rejected, `
        + `${progress.undecided} undecided, ` : "";
    counts.replaceChildren(tag(now.state), ` – ${ended(progress)} of ${now.total} ended: ${of}`
      + `${progress.failed} failed, ${progress.cancelled} cancelled`);
    cancel.hidden = Boolean(now.finished_at);
  };
  show(`${now.kind} job ${id.slice(0, 12)}`, counts, bar, h("p", {}, cancel),
    now.error && h("p", { class: "failed" }, `${now.error.code}: ${now.error.message}`),
    now.summary && table("Summary", ["Figure", "Value"],
      Object.entries(now.summary).map(([name, value]) => [name, JSON.stringify(value)])),
    figures, h("h2", {}, "Results"), list);
  update(now);
  await Promise.all([items(id, list), run(now, figures)]);
  await watch(id, (name, data) => {
    if (name === "progress") tell(data);
    if (name === "item" && list.childElementCount < 200) list.append(entry(data));
    if (name === "end") { update(data); Promise.all([items(id, list),
      run(data, figures)]).catch(complain); }
  }, now.finished_at);
}

async function items(id, list) {
  const page = await get(`v1/jobs/${id}/items?limit=200`);
  const over = page.items.filter((item) => item.state !== "queued" && item.state !== "running");
  list.replaceChildren(...over.map(entry));
  if (page.next_cursor !== null) list.append(h("p", {}, "The first 200 are shown."));
}

// What the run of a prove job comes to so far; it begins when a worker takes the job up.
async function run(job, figures) {
  if (job.kind !== "prove" || !job.started_at) return;
  const answer = await fetch(`v1/attempts/${encodeURIComponent(job.request.run)}`,
    { signal: leave.signal, headers: headers() });
  if (!answer.ok) return;
  const told = (await answer.json()).figures;
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  figures.replaceChildren(table(`Run ${told.run}`, ["Figure", "Value"], [
    ["generator", told.generator], ["search", told.search],
    [told.automation ? "closed by automation" : "proved", `${told.proved} of ${told.done}`],
    ["invalid statements", told.invalid],
    ...Object.entries(told.pass_at_k).map(([k, one]) => [
      told.automation ? `by the first ${k}` : `pass@${k}`,
      `${percent(one.value)} (${percent(one.low)} to ${percent(one.high)})`])]));
}

// One result. Its source is fetched when it is opened.
function entry(item) {
  if (item.problem) return attempted(item);
  if (item.variant) {
    return h("details", {}, h("summary", {}, h("a", { href: variantLink(item.variant.name) },
      item.variant.name)), h("pre", {}, item.variant.statement));
  }
  const verdict = item.verdict;
  const word = verdict ? verdict.kind : item.state;
  const body = h("div", {});
  const details = h("details", { ontoggle: attempt(async () => {
    if (details.open && !body.childElementCount) body.replaceChildren(...await result(item));
  }) }, h("summary", {}, `${item.position} `, tag(word), verdict?.reason ? ` ${verdict.reason}` : "",
    item.error ? ` ${item.error.message}` : ""), body);
  return details;
}

function attempted(item) {
  const outcome = item.outcome;
  const word = outcome ? (outcome.accepted ? "accepted" : "rejected") : item.state;
  const said = outcome ? `${outcome.accepted} of ${outcome.samples} accepted, ${outcome.end}`
    : item.error?.message ?? "";
  return h("details", {}, h("summary", {}, `${item.problem} `,
    outcome ? h("span", { class: `tag ${word}` }, outcome.accepted ? "proved" : "open") : tag(word)),
  h("p", {}, said), outcome && h("pre", {}, outcome.statement));
}

async function result(item) {
  const verdict = item.verdict;
  if (!verdict) {
    return [h("p", {}, item.error ? [item.error.code, item.error.message, item.error.fix]
      .filter(Boolean).join(" – ") : "It has no result.")];
  }
  const parts = [h("p", {}, verdict.message ?? "", ` ${verdict.usage.wall_s.toFixed(3)} s`)];
  if (verdict.kind === "undecided") return [...parts, ...verdict.diagnostics.map((one) =>
    h("p", { class: `said ${one.severity}` }, one.message))];
  const record = await get(`v1/results/${verdict.hash}`);
  if (record.request.statement) parts.push(h("pre", {}, record.request.statement));
  parts.push(source(record.request.code, verdict.diagnostics));
  if (verdict.kind === "accepted") parts.push(h("p", {}, "Checked: "
    + verdict.evidence.checks.join(", ") + ". Axioms: " + (verdict.axioms.join(", ")
      || (verdict.evidence.hidden ? "none of its own" : "none"))));
  return parts;
}

// Server-sent events by fetch, which can show a key; a broken stream is taken up again.
async function watch(id, tell, over) {
  let last = "";
  while (!over) {
    try {
      const answer = await call(`v1/jobs/${id}/events`, { headers: last ? { "Last-Event-ID": last } : {} });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        const events = (text + chunk.value).split("\n\n");
        text = events.pop();
        for (const event of events) {
          const fields = Object.fromEntries(event.split("\n").map((line) => {
            const at = line.indexOf(": ");
            return [line.slice(0, at), line.slice(at + 2)];
          }));
          if (!fields.event) continue;
          last = fields.id ?? last;
          over ||= fields.event === "end";
          tell(fields.event, JSON.parse(fields.data));
        }
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof TypeError)) throw error; // the network is away: try again
    }
    if (!over) await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function check() {
  const field = (name, label, rows, value) => [h("label", { for: name }, label),
    h("textarea", { id: name, rows, spellcheck: "false" }, value)];
  const form = h("form", { onsubmit: attempt(async (event) => {
    event.preventDefault();
    const statement = form.querySelector("#statement").value.trim();
    const request = { code: form.querySelector("#code").value,
      budget: { wall_s: Number(form.querySelector("#wall").value) } };
    if (statement) request.statement = statement;
    const { job } = await post("v1/checks", request);
    location.hash = `#/job/${job.id}`;
  }) }, ...field("statement", "Statement that must be proved (may be empty)", 3,
    "theorem swap (a b : Nat) : a + b = b + a"),
  ...field("code", "Candidate", 10,
    "theorem swap (a b : Nat) : a + b = b + a :=\n  Nat.add_comm a b"),
  h("label", { for: "wall" }, "Seconds at most"),
  h("input", { id: "wall", type: "number", min: 1, max: 3600, value: 60 }),
  h("p", {}, h("button", { class: "main" }, "Check")));
  show("Check a Lean candidate", form);
}

async function variants(cursor) {
  const page = await get(`v1/variants?limit=50&cursor=${cursor || 0}`);
  const rows = page.variants.map((one) => [h("a", { href: variantLink(one.name) }, one.name),
    h("code", {}, one.statement), one.rule, one.lemma]);
  show("Variants", rows.length ? table("Variants", ["Name", "Statement", "Rule", "Lemma"], rows)
    : h("p", {}, "No variant has been recorded yet."),
  page.next_cursor !== null && h("p", {}, h("a", { href: `#/variants/${page.next_cursor}` }, "More")));
}

async function variant(name) {
  const lineage = await get(`v1/lineage?name=${encodeURIComponent(name)}`);
  const here = lineage.nodes.find((node) => node.name === name);
  const list = (title, edges, of) => edges.length ? [h("h2", {}, title),
    h("ul", {}, edges.map((edge) => h("li", {}, h("a", { href: variantLink(edge[of]) }, edge[of]),
      ` (${edge.role})`)))] : [];
  show(name, h("pre", {}, here.statement ?? "The statement is not recorded."),
    graph(lineage, variantLink),
    ...list("Made of", lineage.edges.filter((edge) => edge.child === name), "parent"),
    ...list("Made of it", lineage.edges.filter((edge) => edge.parent === name), "child"),
    lineage.complete ? null : h("p", {}, "There is more than is shown."));
}

async function corpus() {
  const counts = await get("v1/corpus");
  show("Corpus", h("p", {}, `${counts.variants} variants, ${counts.theorems} library theorems.`),
    bars("Verdicts", counts.verdicts), bars("Reasons of rejections", counts.reasons),
    bars("Variants by operation", counts.rules), bars("Variants by round", counts.rounds),
    bars("Variants by lemma", counts.lemmas));
}

async function provers() {
  const toolchains = await get("v1/toolchains");
  const ready = await fetch("readyz", { signal: leave.signal });
  const why = ready.ok ? "A check that is submitted now will be carried out."
    : `Not ready: ${(await ready.json()).detail}`;
  const text = await (await call("metrics")).text();
  const pool = {};
  for (const [, labels, value] of text.matchAll(/^aludel_(?:pool_processes|items){(.*)} (.*)$/gm)) {
    pool[labels.replaceAll(/\w+="([^"]*)"/g, "$1").replaceAll(",", " ")] = Number(value);
  }
  show("Provers", h("p", { class: ready.ok ? "accepted" : "failed" }, why),
    table("Toolchains", ["Prover", "Name", "Version", "Kind", "Last seen"],
      toolchains.map(({ toolchain, seen_at }) => [toolchain.prover, toolchain.name,
        toolchain.version, toolchain.kind, time(seen_at)])),
    h("h2", {}, "Queue and processes"), bars("Items and prover processes", pool));
}

const VIEWS = { jobs, job, check, variants, variant, corpus, provers };

function complain(error) {
  if (error.name !== "AbortError") status.textContent = error.message;
}

function attempt(action) {
  return (event) => {
    status.textContent = "";
    action(event).catch(complain);
  };
}

// An address is anybody's text: what is no id or cursor never becomes part of a path.
async function open(name, argument) {
  let text;
  try {
    text = decodeURIComponent(argument);
  } catch {
    throw new Error("this address cannot be read: a % in it stands for nothing");
  }
  if (name !== "variant" && !/^[\w=-]*$/.test(text)) throw new Error(`there is no ${name} ${text}`);
  await VIEWS[name](text);
}

function route() {
  if (location.hash === "#view") return;
  leave.abort();
  leave = new AbortController();
  status.textContent = "";
  const [, asked = "jobs", argument = ""] = location.hash.split("/");
  const name = Object.hasOwn(VIEWS, asked) ? asked : "jobs";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  show("…");
  open(name, name === asked ? argument : "").catch(complain);
  view.focus({ preventScroll: true });
}

document.getElementById("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("key");
  if (field.value) sessionStorage.setItem("key", field.value);
  else sessionStorage.removeItem("key");
  field.value = "";
  route();
});
window.addEventListener("hashchange", route);
route();
