import assert from 'node:assert/strict';
import { logIn, monitorOf, type Company } from './company.ts';

/** Who lost the first answer is given the same. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const order = (): Promise<Response> => ann('POST', '/reports', {}, { 'idempotency-key': '"1"' });
  const monitor = monitorOf(await order());
  assert.equal(
    (await order()).headers.get('location'),
    monitor,
    'an order that is sent again under its key is not told its monitor',
  );
}
