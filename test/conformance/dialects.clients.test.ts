import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { azure, google, ours, recorded, type Verdict } from './dialects/clients.ts';
import { MIXTURES } from './dialects/mixtures.ts';

const GUIDE = new URL('../../docs/guide.md', import.meta.url);

/** The client of each of the demo's dialects that have one. */
const CLIENTS = [
  ['operation-location', azure],
  ['azure-async', azure],
  ['azure-location', azure],
  ['aip-151', google],
] as const;

describe.each(CLIENTS)('on what was recorded of a demo that speaks %s, its own client and Holdfast agree', (demo, client) => {
  const dialect = demo === 'azure-location' ? 'location' : demo;

  test.each<['success' | 'failure' | 'cancel', Verdict]>([
    ['success', 'succeeded'],
    ['failure', 'failed'],
    // The status code alone tells the state: to have been cancelled is an error like others.
    ['cancel', demo === 'azure-location' ? 'failed' : 'cancelled'],
  ])('on a %s', async (what, verdict) => {
    const exchanges = await recorded(demo, dialect, what);
    expect(exchanges.length).toBeGreaterThan(3);
    expect([await client(exchanges), await ours(exchanges)]).toEqual([verdict, verdict]);
  });
});

describe('on what was recorded of a demo that speaks another dialect', () => {
  test.each<[string, string, 'success' | 'failure', Verdict, Verdict]>([
    ['json-api', 'json-api', 'failure', 'succeeded', 'failed'],
    ['fhir', 'fhir', 'failure', 'succeeded', 'failed'],
    ['ogc-processes', 'ogc-processes', 'failure', 'succeeded', 'failed'],
    // The failure is told by 200, and by a field that the client does not know.
    ['odata', 'odata', 'failure', 'succeeded', 'failed'],
    ['location', 'location', 'failure', 'succeeded', 'failed'],
    ['job-resource', 'job-resource', 'failure', 'succeeded', 'failed'],
    ['status-field', 'resource-status', 'failure', 'succeeded', 'failed'],
    ['job-resource-202', 'location', 'failure', 'failed', 'failed'],
  ])('%s: @azure/core-lro is fooled, or not, and Holdfast is not', async (demo, dialect, what, theirs, verdict) => {
    const exchanges = await recorded(demo, dialect, what);
    expect(await azure(exchanges)).toBe(theirs);
    expect(await ours(exchanges, { dialect: dialect as 'location' })).toBe(verdict);
  });
});

describe('on mixtures', () => {
  test('where they differ is what the guide says, with the clause that decides', async () => {
    const rows: string[] = [];
    for (const { name, client, exchanges, dialect, clause } of MIXTURES) {
      const theirs = await (client === 'azure' ? azure : google)(exchanges);
      const verdict = await ours(exchanges, dialect === undefined ? {} : { dialect });
      rows.push(
        `| ${name} | ${client === 'azure' ? '`@azure/core-lro`' : '`google-gax`'} | ${theirs} | ${verdict} | ${clause} |`,
      );
    }
    const guide = readFileSync(GUIDE, 'utf8');
    const section = /\n### Where real clients differ\n([^]*?)(?:\n##|$)/.exec(guide)?.[1] ?? '';
    const told = [...section.matchAll(/^\|.*\|$/gm)].map(([row]) => row.replaceAll(/ +\|/g, ' |')).slice(2);
    const missing = rows.filter((row) => !told.includes(row));
    expect(missing, 'run with UPDATE_MESSAGES=1 to write them').toEqual([]);
    expect(told).toEqual(rows);
  }, 120_000);
});
