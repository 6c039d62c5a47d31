import { answered, monitorOf, post, type Company } from './company.ts';

/** An operation is told for a while after its end. */
export default async function check(company: Company): Promise<void> {
  const monitor = monitorOf(await post(company));
  // Nobody looks for a minute.
  await company.sleep(60_000);
  answered(await company.fetch(monitor), 200, 'the first look at an operation, a minute after its order,');
}
