import assert from 'node:assert/strict';
import { answered, need, type Company } from './company.ts';

/** Who is told to wait is told to wait for some time. */
export default async function check(company: Company): Promise<void> {
  const [limit, skip] = [need(company, 'rateLimit'), need(company, 'skip')];
  for (let i = 0; i < limit; i++) await company.fetch('/airports');
  await skip(HOUR_MS - 500);
  const refused = await company.fetch('/airports');
  answered(refused, 429, 'one request more than a caller may send in an hour');
  const wait = Number(refused.headers.get('retry-after'));
  assert.ok(wait >= 1, `who asks too often is told to come back after ${wait} s`);
}

const HOUR_MS = 3_600_000;
