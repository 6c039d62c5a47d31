import { monitorOf, post, toItsEnd, type Company } from './company.ts';

/** What was begun ends, within a minute. */
export default async function check(company: Company): Promise<void> {
  await toItsEnd(company, monitorOf(await post(company)), 60);
}
