import assert from 'node:assert/strict';
import { bodyOf, CUSTOMER, logIn, monitorOf, toItsEnd, type Company } from './company.ts';

/** A replay reads the log, and writes nothing to it. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  await ann('POST', '/customers', CUSTOMER);
  await toItsEnd(company, monitorOf(await ann('POST', '/replays')), 100, ann);
  const { events } = await bodyOf(await ann('GET', '/events?type=customer.created'));
  assert.equal(
    events.length,
    1,
    `a customer was made, and the log was replayed: it tells ${events.length} times that one was made`,
  );
}
