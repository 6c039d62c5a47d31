import { createHash } from 'node:crypto';

const STYLE = String.raw`
:root {
  color-scheme: light dark;
  --ground: light-dark(#f4f5f7, #14171c);
  --panel: light-dark(#fff, #1d2128);
  --line: light-dark(#d8dce3, #343b46);
  --text: light-dark(#1b2028, #e6e9ee);
  --quiet: light-dark(#565f6d, #a3acb9);
  --accent: light-dark(#0b57a4, #8ab8ff);
  --on-accent: light-dark(#fff, #0d1320);
  --good: light-dark(#17703a, #6fd394);
  --bad: light-dark(#b3261e, #ff9d94);
  font: 16px/1.5 system-ui, sans-serif;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); }
header, main { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 1rem; padding-top: 1.25rem; }
h1 { flex: 1 1 20rem; margin: 0; font-size: 1.375rem; line-height: 1.3; }
h2 { margin: 0 0 0.75rem; font-size: 1.0625rem; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; padding-top: 1rem; padding-bottom: 2rem; }
section, details.api { background: var(--panel); border: 1px solid var(--line); border-radius: 0.625rem; padding: 1rem; }
.side, .main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; min-width: 0; }
@media (min-width: 56rem) {
  main { grid-template-columns: minmax(0, 21rem) minmax(0, 1fr); align-items: start; }
  .wide { grid-column: 1 / -1; }
}
p { margin: 0 0 0.75rem; }
.quiet { color: var(--quiet); }
.row { display: flex; flex-wrap: wrap; gap: 0.5rem; }
button, input, select { font: inherit; color: inherit; border: 1px solid var(--line); border-radius: 0.375rem; padding: 0.5rem 0.75rem; min-height: 2.75rem; }
input, select { width: 100%; background: var(--ground); }
button { background: var(--panel); cursor: pointer; font-weight: 600; }
button.first { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button[aria-pressed='true'] { border-color: var(--accent); color: var(--accent); }
button:disabled { opacity: 0.55; cursor: not-allowed; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
form { display: grid; grid-template-columns: 1fr 1fr; gap: 0.75rem; }
form .whole { grid-column: 1 / -1; }
label { display: grid; gap: 0.25rem; font-size: 0.875rem; color: var(--quiet); }
label input, label select { font-size: 1rem; color: var(--text); }
#state { display: inline-flex; align-items: center; gap: 0.375rem; margin: 0; color: var(--quiet); }
#state::before { content: ''; width: 0.625rem; height: 0.625rem; border-radius: 50%; background: var(--quiet); }
#state.live::before { background: var(--good); }
#state.offline::before { background: var(--bad); }
#said { min-height: 1.5em; margin: 0.75rem 0 0; overflow-wrap: anywhere; }
#said.bad { color: var(--bad); }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.75rem; }
li { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.75rem; }
.head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 0.25rem 0.75rem; }
.name { font-weight: 600; overflow-wrap: anywhere; }
.status { font-weight: 600; color: var(--quiet); }
.succeeded .status { color: var(--good); }
.failed .status { color: var(--bad); }
.foot { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: 0.5rem; }
.running .foot, .queued .foot { min-height: 2rem; }
.foot button { min-height: 2rem; padding: 0.125rem 0.75rem; font-weight: 400; }
progress { display: block; appearance: none; width: 100%; height: 0.625rem; margin: 0.5rem 0; border: 0; border-radius: 1rem; overflow: hidden; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--accent); transition: width 0.2s; }
progress::-moz-progress-bar { background: var(--accent); }
.failed progress, .cancelled progress { opacity: 0.45; }
@media (prefers-reduced-motion: reduce) { progress::-webkit-progress-value { transition: none; } }
pre { overflow: auto; max-height: 20rem; margin: 0.5rem 0 0; padding: 0.75rem; border-radius: 0.375rem; background: var(--ground); font-size: 0.8125rem; }
summary { cursor: pointer; }
.api summary { font-weight: 600; font-size: 1.0625rem; }
.scroll { overflow: auto; max-height: 26rem; }
table { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
th, td { padding: 0.375rem 0.75rem 0.375rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); white-space: nowrap; }
th { position: sticky; top: 0; background: var(--panel); border-top: 0; color: var(--quiet); font-weight: 600; }
th:first-child, td.number { text-align: right; font-variant-numeric: tabular-nums; }
td:last-child { width: 100%; }
dl { margin: 0.75rem 0 0; }
dt { font: 600 0.875rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
dd { margin: 0 0 0.625rem; color: var(--quiet); }
`;

const SCRIPT = String.raw`
'use strict';
const EVENTS_SHOWN = 40;
const OPERATIONS_SHOWN = 20;
const byId = (id) => document.getElementById(id);
const make = (tag, text, name) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name !== undefined) made.className = name;
  return made;
};
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let token;
let user;
let session = new AbortController();
/** Whether operations are told as the log tells them; in another dialect the log alone is understood here. */
let isPlain = true;
const cards = new Map();

function say(text, isBad) {
  byId('said').textContent = text;
  byId('said').className = isBad ? 'bad' : '';
}
function state(name, text) {
  if (byId('state').className === name) return;
  byId('state').className = name;
  byId('state').textContent = text;
}

/** Asks the API, for an answer at once; what is refused is an error that says why. */
async function ask(method, path, body) {
  const headers = { accept: 'application/json' };
  if (method === 'POST') headers.prefer = 'respond-async';
  if (token !== undefined) headers.authorization = 'Bearer ' + token;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await response.text();
  const told = text === '' ? {} : JSON.parse(text);
  if (response.ok) return { told, response };
  if (response.status === 401 && token !== undefined) {
    token = undefined;
    user = undefined;
    enter();
  }
  const parts = (told.title === undefined ? [] : told.errors || []).map((one) => one.pointer.slice(2) + ': ' + one.detail);
  const why = parts.length > 0 ? parts.join('; ') : told.detail;
  const error = new Error(told.title === undefined ? 'It was refused with ' + response.status + '.' : told.title + ': ' + why);
  error.status = response.status;
  throw error;
}
/** Does what a button is for, once at a time, and says what came of it. */
async function act(button, work) {
  button.disabled = true;
  try {
    const text = await work();
    if (text !== undefined) say(text, false);
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = button.dataset.forUsers !== undefined && user === undefined;
  }
}

function moneyOf(cents) {
  return (cents / 100).toLocaleString('en', { style: 'currency', currency: 'EUR' });
}
function detailOf(body) {
  if (body.error) return body.error.title;
  if (body.partial) return body.partial.rows + ' lines so far, ' + moneyOf(body.partial.net);
  if (body.result && body.result.total !== undefined) return body.result.rows + ' lines, ' + moneyOf(body.result.total);
  if (body.result && body.result.state !== undefined) return 'the state at event ' + body.result.to;
  return '';
}

/** Shows an operation as it is. */
function show(body) {
  let card = cards.get(body.id);
  if (card === undefined) {
    card = { item: make('li'), title: make('span', '', 'name'), status: make('span', '', 'status'), bar: make('progress'),
      detail: make('span', '', 'quiet'), cancel: make('button', 'Cancel'), result: make('details') };
    card.bar.max = 100;
    card.cancel.type = 'button';
    card.cancel.setAttribute('aria-label', 'Cancel ' + body.kind + ' ' + body.id);
    card.cancel.addEventListener('click', () => act(card.cancel, async () => {
      show((await ask('DELETE', '/operations/' + body.id)).told);
    }));
    const head = make('div', undefined, 'head');
    head.append(card.title, card.status);
    const foot = make('div', undefined, 'foot');
    foot.append(card.detail, card.cancel);
    card.result.append(make('summary', 'Result'), make('pre'));
    card.result.addEventListener('toggle', () => {
      // What the collection lists comes without its result.
      if (card.result.open && card.result.lastChild.textContent === '') void look('/operations/' + body.id, session.signal);
    });
    card.result.hidden = true;
    card.result.lastChild.tabIndex = 0;
    card.item.append(head, card.bar, foot, card.result);
    cards.set(body.id, card);
    byId('operations').prepend(card.item);
    const old = byId('operations').children[OPERATIONS_SHOWN];
    if (old !== undefined) {
      for (const [id, one] of cards) if (one.item === old) cards.delete(id);
      old.remove();
    }
  }
  const isOver = !['queued', 'running', 'cancelling'].includes(body.status);
  card.item.className = body.status;
  card.title.textContent = body.kind + ' ' + body.id;
  card.status.textContent = body.status + (body.status === 'running' ? ' ' + body.progress + ' %' : '');
  card.bar.value = body.progress;
  card.bar.setAttribute('aria-label', 'Progress of ' + body.kind + ' ' + body.id);
  card.detail.textContent = detailOf(body);
  card.cancel.hidden = isOver || !isPlain;
  card.result.hidden = body.status !== 'succeeded' || !isPlain;
  if (body.result) card.result.lastChild.textContent = JSON.stringify(body.result, undefined, 2);
  byId('none').hidden = true;
}

/** Shows what was accepted, where it is told so that it is understood here. */
function accepted(body) {
  if (!isPlain) return 'Accepted.';
  show(body);
  return 'Accepted: ' + body.id + '.';
}

/** Looks at an operation; while one look is under way the next waits, and stands for all that are wanted meanwhile. */
const looks = new Map();
async function look(path, mine) {
  if (looks.has(path)) return void looks.set(path, true);
  looks.set(path, false);
  try {
    const { told } = await ask('GET', path);
    if (!mine.aborted) show(told);
  } catch {
    // It is told again by its next event.
  }
  const again = looks.get(path);
  looks.delete(path);
  if (again && !mine.aborted) await look(path, mine);
}

function happened(event, mine) {
  const row = make('tr');
  row.append(make('td', String(event.n), 'number'), make('td', new Date(event.at).toLocaleTimeString('en-GB')),
    make('td', event.type), make('td', event.subject));
  byId('events').prepend(row);
  while (byId('events').children.length > EVENTS_SHOWN) byId('events').lastChild.remove();
  if (!event.subject.startsWith('/operations/')) return;
  if (isPlain) void look(event.subject, mine);
  else show({ ...event.data, id: event.subject.slice('/operations/'.length) });
}

/** Reads a stream until it breaks; what is silent for too long has broken, too. */
async function stream(from, mine, told) {
  const over = new AbortController();
  const stop = () => over.abort();
  mine.addEventListener('abort', stop);
  let timer = setTimeout(stop, 3000);
  try {
    const headers = { accept: 'text/event-stream' };
    if (token !== undefined) headers.authorization = 'Bearer ' + token;
    const response = await fetch('/events?from=' + from, { headers, signal: over.signal });
    if (!response.ok) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const chunk = await reader.read();
      if (chunk.done) return;
      state('live', 'live');
      clearTimeout(timer);
      timer = setTimeout(stop, 40000);
      const messages = (text + chunk.value).split('\n\n');
      text = messages.pop();
      for (const message of messages) {
        const data = message.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
        if (data.length > 0) told(JSON.parse(data.join('\n')));
      }
    }
  } catch {
    // Asked for anew, or polled, by the caller.
  } finally {
    clearTimeout(timer);
    mine.removeEventListener('abort', stop);
  }
}

/** Follows the log, by a stream while there is one, and by looking while there is none. */
async function follow(first, mine) {
  let from = first;
  const told = (event) => {
    if (mine.aborted || event.n < from) return;
    from = event.n + 1;
    happened(event, mine);
  };
  while (!mine.aborted) {
    await stream(from, mine, told);
    if (mine.aborted) return;
    try {
      const page = (await ask('GET', '/events?from=' + from)).told;
      state('polling', 'polling');
      page.events.forEach(told);
    } catch (error) {
      // The log is another one now, and shorter.
      if (error.status === 400 && !mine.aborted) return enter();
      state('offline', 'not connected');
    }
    await pause(2000);
  }
}

/** Begins anew, as somebody or as nobody. */
async function enter() {
  session.abort();
  session = new AbortController();
  const mine = session.signal;
  cards.clear();
  byId('operations').replaceChildren();
  byId('events').replaceChildren();
  byId('none').hidden = false;
  byId('who').textContent = user === undefined ? 'You see what is everybody’s. Log in as:' : 'You are ' + user + ', or log in as:';
  byId('out').hidden = user === undefined;
  for (const button of document.querySelectorAll('[data-for-users]')) button.disabled = user === undefined;
  for (const button of byId('users').children) button.setAttribute('aria-pressed', String(button.textContent === user));
  for (;;) {
    try {
      const { next } = (await ask('GET', '/events?from=now')).told;
      const operations = isPlain ? (await ask('GET', '/operations')).told.operations : [];
      if (mine.aborted) return;
      operations.slice(0, OPERATIONS_SHOWN).toReversed().forEach(show);
      return await follow(Math.max(1, next - EVENTS_SHOWN), mine);
    } catch {
      state('offline', 'not connected');
      await pause(2000);
      if (mine.aborted) return;
    }
  }
}

async function begin() {
  const { name, users, routes, dialect } = (await ask('GET', '/')).told;
  isPlain = dialect === 'location';
  byId('name').textContent = name;
  document.title = name;
  for (const [one, password] of Object.entries(users)) {
    const button = make('button', one);
    button.setAttribute('aria-label', 'Log in as ' + one);
    button.type = 'button';
    button.addEventListener('click', () => act(button, async () => {
      token = (await ask('POST', '/login', { user: one, password })).told.token;
      user = one;
      void enter();
      return 'Welcome, ' + one + '.';
    }));
    byId('users').append(button);
  }
  for (const [route, says] of Object.entries(routes)) byId('routes').append(make('dt', route), make('dd', says));
  byId('out').addEventListener('click', () => {
    token = undefined;
    user = undefined;
    void enter();
    say('Good-bye.', false);
  });
  byId('order').addEventListener('submit', (event) => {
    event.preventDefault();
    const given = new FormData(byId('order'));
    void act(byId('send'), async () => {
      const order = { title: given.get('title'), template: given.get('template'), rows: Number(given.get('rows')), work: Number(given.get('seconds')) * 1000 };
      return accepted((await ask('POST', '/reports', order)).told);
    });
  });
  byId('snapshot').addEventListener('click', () => act(byId('snapshot'), async () => {
    const { told } = await ask('POST', '/snapshots');
    return 'Snapshot ' + told.id + ' holds all up to event ' + told.n + '.';
  }));
  byId('replay').addEventListener('click', () => act(byId('replay'), async () => {
    return accepted((await ask('POST', '/replays')).told);
  }));
  await enter();
}
begin().catch((error) => say(error.message, true));
`;

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast demo</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<header>
<h1 id="name">Holdfast demo</h1>
<p id="state" role="status">connecting</p>
</header>
<main>
<div class="side">
<section aria-labelledby="who-head">
<h2 id="who-head">Who you are</h2>
<p id="who" class="quiet">Log in as:</p>
<div class="row"><div id="users" class="row"></div><button id="out" type="button" hidden>Log out</button></div>
</section>
<section aria-labelledby="order-head">
<h2 id="order-head">Order a report</h2>
<form id="order">
<label class="whole">Title <input name="title" value="Monthly report" required maxlength="200" autocomplete="off"></label>
<label class="whole">Template <select name="template"><option>sales</option><option>trips</option><option>summary</option><option value="none">none (it fails)</option></select></label>
<label>Lines <input name="rows" type="number" value="120" min="1" max="1000" required></label>
<label>Seconds <input name="seconds" type="number" value="5" min="0" max="3600" step="any" required></label>
<button id="send" class="first whole">Order the report</button>
</form>
<p id="said" role="status"></p>
</section>
<section aria-labelledby="log-head">
<h2 id="log-head">The log</h2>
<p class="quiet">For users: keep what the log says now, or fold it again.</p>
<div class="row"><button id="snapshot" type="button" data-for-users disabled>Take a snapshot</button><button id="replay" type="button" data-for-users disabled>Replay the log</button></div>
</section>
</div>
<div class="main">
<section aria-labelledby="operations-head">
<h2 id="operations-head">Operations</h2>
<p id="none" class="quiet">None yet: order a report, and watch it here.</p>
<ul id="operations"></ul>
</section>
<section aria-labelledby="events-head">
<h2 id="events-head">Latest events</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="events-head">
<table><thead><tr><th scope="col">#</th><th scope="col">At</th><th scope="col">What</th><th scope="col">To what</th></tr></thead><tbody id="events"></tbody></table>
</div>
</section>
</div>
<details class="api wide"><summary>What the API offers</summary><dl id="routes"></dl></details>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The page of the demo for people, and the header fields that keep it from loading or running anything else. */
export function page(): { readonly html: string; readonly policy: Readonly<Record<string, string>> } {
  return { html: HTML, policy: POLICY };
}

const POLICY = {
  'content-security-policy': [
    "default-src 'none'",
    `script-src ${hashOf(SCRIPT)}`,
    `style-src ${hashOf(STYLE)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};
