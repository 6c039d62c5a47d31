// One run of a client: it orders once and says so by mail, and sends again what was not answered.
const { SHOP_URL, MAIL_URL, LEDGER_URL, HOLDFAST_RUN, CLIENT = '' } = process.env;
// A world of its own for each run.
const shop = `${SHOP_URL}/runs/${HOLDFAST_RUN}`;
const key = CLIENT.includes('no-key') ? undefined : `order-${HOLDFAST_RUN}`;

/** @param {string} url @param {Record<string, string>} headers */
async function send(url, headers = {}) {
  for (let tries = 0; ; tries++) {
    try {
      const response = await fetch(url, { method: 'POST', headers, signal: AbortSignal.timeout(5000) });
      await response.text();
      if (response.ok) return true;
    } catch {
      // Sent again below.
    }
    if (tries === 2) return false;
  }
}

const ordered = await send(`${shop}/orders`, key === undefined ? {} : { 'idempotency-key': key });
await send(`${MAIL_URL}/mails`);
if (CLIENT.includes('chatty')) console.log(`at ${process.hrtime.bigint()}`);

const orders = Number(await (await fetch(`${LEDGER_URL}/runs/${HOLDFAST_RUN}/orders`)).text());
if (orders > 1) {
  console.error(`ordered ${orders} times`);
  process.exitCode = 1;
}
if (ordered && orders === 0) {
  console.error('told of an order that was never made');
  process.exitCode = 1;
}
