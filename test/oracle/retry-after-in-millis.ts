import assert from 'node:assert/strict';
import { post, type Company } from './company.ts';

/** Retry-After counts seconds: nobody is asked to wait much longer than a report takes. */
export default async function check(company: Company): Promise<void> {
  const wait = (await post(company)).headers.get('retry-after');
  assert.ok(Number(wait) <= 10, `a report takes a second or two, and its client is asked to come back after ${wait} s`);
}
