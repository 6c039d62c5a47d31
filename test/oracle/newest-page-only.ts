import assert from 'node:assert/strict';
import { logIn, STREAM, streaming, transfer, type Company } from './company.ts';

/** Who comes late is told all that happened before, in its order. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  for (let i = 0; i < MANY; i++) await transfer(ann, 1);
  const all = ['account.opened', ...Array.from({ length: MANY }, () => 'account.credited')];
  const path = '/events?subject=/accounts/acc_ann_savings';
  await streaming(company, await ann('GET', path, undefined, STREAM), async (stream) => {
    const told = (await stream.take(1 + MANY)).map(({ event }) => event);
    assert.deepEqual(told, all, 'a stream from the beginning leaves out events');
  });
}

/** More than a page of a log holds. */
const MANY = 60;
