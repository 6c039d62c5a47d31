import assert from 'node:assert/strict';
import { monitorOf, post, type Company } from './company.ts';

/** What is told as an address is where it was asked from. */
export default async function check(company: Company): Promise<void> {
  const order = await post(company);
  const [asked, told] = [new URL(order.url), new URL(monitorOf(order), order.url)];
  assert.equal(told.host, asked.host, `the monitor of what was ordered at ${asked.host} is told to be at ${told.host}`);
}
