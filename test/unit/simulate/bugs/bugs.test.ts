import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bugNamed } from '../../../../src/demo/index.ts';
import { plan, saysWhere, type Entry, type Shrunk } from '../../../../src/faults/index.ts';
import {
  bookings,
  callbacks,
  crashedTrips,
  goneForGood,
  imports,
  live,
  REPLAYS,
  smallest,
  transfers,
  trips,
  webhooks,
  type Story,
} from './stories.ts';

/** Bugs of the demo that have to do with keys, retries, sagas and webhooks, and the story that each is found in. */
const PLANTED: readonly (readonly [Story, readonly string[]])[] = [
  [bookings, ['orphan-payment', 'undo-fire-and-forget', 'error-kept-for-ever', 'key-expires-in-flight']],
  [trips, ['new-key-each-try', 'timeout-as-refusal']],
  [crashedTrips, ['noted-afterwards']],
  [goneForGood, ['retries-for-ever']],
  [transfers, ['key-noted-afterwards', 'key-looked-up-first']],
  [webhooks, ['new-id-each-retry', 'overtaken-event', 'webhook-not-retried']],
  [callbacks, ['callback-booked-twice', 'late-callback-wins', 'noted-before-booked']],
  [imports, ['import-starts-over']],
];
const CASES = PLANTED.flatMap(([story, bugs]) => bugs.map((bug) => [bug, story] as const));
const NONE = plan({ seed: 0 });
const MAX_FAULTS = 2;
const TIMEOUT_MS = 120_000;
/** Where the table is, which these tests keep true; UPDATE_TABLES=1 writes it. */
const GUIDE = new URL('../../../../docs/guide/faults.md', import.meta.url);
const BEGIN = '<!-- bugs: begin (written by UPDATE_TABLES=1 npm test -- test/unit/simulate/bugs) -->';
const END = '<!-- bugs: end -->';

const rows = new Map<string, string>();

describe.each(PLANTED)('$name', (story) => {
  test(
    'a demo without a bug keeps its word, whatever happens',
    async () => {
      for (const planned of [NONE, ...[1, 2, 3, 4, 5].map(story.plan)])
        expect((await live(story, [], planned)).wrong).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

describe.each(CASES)('%s', (bug, story) => {
  test(
    'is missed without faults, found with them, and shrunk to at most two that replay',
    async () => {
      expect((await live(story, [bug], NONE)).wrong).toEqual([]);
      const found = await (story === goneForGood ? whole(story, bug) : smallest(story, bug, MAX_FAULTS));
      expect(found).toMatchObject({ failed: REPLAYS, of: REPLAYS });
      const { entries } = found!.plan;
      expect(entries.length).toBeGreaterThan(0);
      expect(entries.length).toBeLessThanOrEqual(MAX_FAULTS);
      rows.set(bug, `| \`${bug}\` | ${bugNamed(bug).family} | missed | found | ${entries.map(named).join(', and ')} |`);
    },
    TIMEOUT_MS,
  );
});

/** One fault that never ends is as small as it gets. */
async function whole(story: Story, bug: string): Promise<Pick<Shrunk, 'plan' | 'failed' | 'of'>> {
  const planned = story.plan(1);
  let failed = 0;
  for (let i = 0; i < REPLAYS; i++) if ((await live(story, [bug], planned)).fails) failed++;
  return { plan: planned, failed, of: REPLAYS };
}

function named({ fault, where, when, args }: Entry): string {
  const whom = fault === 'kill' ? `\`${String(args['target'])}\`` : `\`${saysWhere(where).replace('http://', '')}\``;
  return `${fault} of ${whom}${when.nth === undefined ? '' : ` (number ${when.nth[0]! + 1})`}`;
}

describe('the table of the guide', () => {
  test('is what was found', () => {
    // One bug alone, as when a single test is run, tells nothing of the table.
    expect(rows.size).toBe(CASES.length);
    const head = '| bug | family | without faults | with faults | the smallest that finds it |\n| --- | --- | --- | --- | --- |';
    const table = `${BEGIN}\n\n${head}\n${CASES.map(([bug]) => rows.get(bug)).join('\n')}\n\n${END}`;
    const text = readFileSync(GUIDE, 'utf8');
    const [before = '', rest = ''] = text.split(BEGIN);
    const after = rest.split(END)[1] ?? '';
    if (process.env['UPDATE_TABLES'] !== undefined) writeFileSync(GUIDE, `${before}${table}${after}`);
    const cells = (all: string): string[] => all.split('\n').map((line) => line.replaceAll(/[ -]+/g, ' '));
    expect(cells(readFileSync(GUIDE, 'utf8'))).toEqual(expect.arrayContaining(cells(table)));
  });
});
