import assert from 'node:assert/strict';
import { answered, logIn, monitorOf, transfer, type Company } from './company.ts';

/** Keys that differ at their end are two. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const pay = (month: string): Promise<Response> =>
    transfer(ann, 100, { 'idempotency-key': `"rent-of-the-flat-in-the-old-mill-${month}"` });
  const [may, june] = [await pay('may'), await pay('june')];
  answered(june, 201, 'a transfer with a key of its own');
  assert.notEqual(monitorOf(june), monitorOf(may), 'two transfers with two long keys are one');
}
