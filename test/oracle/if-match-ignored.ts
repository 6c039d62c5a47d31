import assert from 'node:assert/strict';
import { answered, bodyOf, logIn, monitorOf, type Company } from './company.ts';

/** Of two who change what they read at once, the second is refused. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const path = monitorOf(await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' }));
  const etag = String((await ann('GET', path)).headers.get('etag'));
  await ann('PUT', path, { name: 'Ada King', email: 'ada@example.test' }, { 'if-match': etag });
  const late = await ann('PUT', path, { name: 'Ada', email: 'new@example.test' }, { 'if-match': etag });
  answered(late, 412, 'a change with the entity tag of an older state');
  const { name } = await bodyOf(await ann('GET', path));
  assert.equal(name, 'Ada King', 'a change was refused, and undid the one before it');
}
