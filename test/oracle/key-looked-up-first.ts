import assert from 'node:assert/strict';
import { bodyOf, logIn, transfer, type Company, type Fires } from './company.ts';

export const fires: Fires = 'under concurrency';

/** Of two at a time with one key one is done. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  for (let nth = 1; nth <= TRIES; nth++) {
    const pay = (): Promise<Response> => transfer(ann, 100, { 'idempotency-key': `"${nth}"` });
    await Promise.all([pay(), pay()]);
    const { transfers } = await bodyOf(await ann('GET', '/transfers'));
    assert.equal(transfers.length, nth, 'one transfer was sent twice at a time under one key, and was made twice');
  }
}

/** They meet, or they do not. */
const TRIES = 10;
