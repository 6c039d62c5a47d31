import assert from 'node:assert/strict';
import { bodyOf, logIn, type Body, type Company } from './company.ts';

/** No two events have one id. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const first = await bodyOf(await ann('GET', '/events?limit=1'));
  const second = await bodyOf(await ann('GET', `/events?limit=1&from=${first['next']}`));
  const [one, other] = [...(first['events'] as Body[]), ...(second['events'] as Body[])];
  assert.ok(one !== undefined && other !== undefined, 'two events were asked for, and are not told');
  assert.notEqual(one['id'], other['id'], `two events, ${one['n']} and ${other['n']}, have one id, ${one['id']}`);
}
