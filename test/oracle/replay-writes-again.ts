import assert from 'node:assert/strict';
import { answered, bodyOf, CUSTOMER, logIn, type Company } from './company.ts';

/** A replay reads the log, and writes nothing to it. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  await ann('POST', '/customers', CUSTOMER);
  answered(await ann('POST', '/replays'), 202, 'the order of a replay');
  await company.sleep(10_000);
  const { events } = await bodyOf(await ann('GET', '/events?type=customer.created'));
  assert.equal(
    events.length,
    1,
    `a customer was made, and the log was replayed: it tells ${events.length} times that one was made`,
  );
}
