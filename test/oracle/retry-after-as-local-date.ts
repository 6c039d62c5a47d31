import assert from 'node:assert/strict';
import { post, type Company } from './company.ts';

/** Retry-After is a number of seconds or a date in GMT (RFC 9110 §10.2.3). */
export default async function check(company: Company): Promise<void> {
  const field = String((await post(company)).headers.get('retry-after'));
  assert.match(field, /^(?:\d+|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT)$/, `nobody can read Retry-After: ${field}`);
}
