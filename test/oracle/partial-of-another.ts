import assert from 'node:assert/strict';
import { bodyOf, monitorOf, post, type Body, type Company } from './company.ts';

/** What is shown of a report while it is made is the beginning of that report. */
export default async function check(company: Company): Promise<void> {
  const report = await bodyOf(await post(company, { rows: 10 }, '?mode=sync'));
  const monitor = monitorOf(await post(company, { rows: 10 }));
  for (let look = 0; look < 15; look++) {
    await company.sleep(100);
    const { partial } = await bodyOf(await company.fetch(monitor));
    if (partial === undefined) continue;
    const { lines } = partial as { readonly lines: readonly Body[] };
    const begun = (report['lines'] as readonly Body[]).slice(0, lines.length);
    assert.deepEqual(lines, begun, 'lines were shown while a report was made, and are not those of the report');
  }
}
