import assert from 'node:assert/strict';
import { bodyOf, logIn, transfer, type Company } from './company.ts';

/** A moment is the same in each time zone. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  await transfer(ann, 1_000);
  // A whole second after it.
  const moment = (Math.floor(company.wall() / 1000) + 1) * 1000;
  await company.sleep(2_000);
  await transfer(ann, 1_000);
  const inZone = `${new Date(moment - 2 * 3_600_000).toISOString().slice(0, 19)}-02:00`;
  const { events } = await bodyOf(await ann('GET', `/events?from=${inZone}`));
  assert.equal(events.length, 2, `a debit and a credit came after ${inZone}, and ${events.length} events are told from then on`);
}
