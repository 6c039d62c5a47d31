import assert from 'node:assert/strict';
import { customers, logIn, monitorOf, need, toItsEnd, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** After a restart an import goes on where it was. */
export default async function check(company: Company): Promise<void> {
  const restart = need(company, 'restart');
  const ann = await logIn(company, 'ann');
  const monitor = monitorOf(await ann('POST', '/imports', { items: customers(10) }));
  await company.sleep(1000);
  await restart();
  const { result } = await toItsEnd(company, monitor, 60, await logIn(company, 'ann'));
  assert.equal(result?.created, 10, `an import made ten customers, and tells of ${result?.created} after a restart`);
}
