import { describe, expect, test } from 'vitest';
import { judge, succeed, type Closing } from '../../../src/logic/index.ts';
import { message } from '../../../src/report/index.ts';
import type { Event } from '../../../src/trace/index.ts';
import { lawAsync } from '../../setup/law.ts';
import { OURS, plans, recorded, SECRET, told, type Story } from './stories.ts';
import { UNSAFE } from './unsafe.ts';

const law = (name: string, holds: (text: string, story: Story) => void): void =>
  test(name, () =>
    lawAsync(
      plans,
      async (plan) => {
        const story = await told(plan);
        holds(message(story), story);
      },
      500,
    ),
  );

/** A message of one look, judged as ended or given up. */
async function ofOne(event: Event, closing: Closing): Promise<string> {
  const trace = await recorded([{ source: 'monitor', event, after: 5 }]);
  return message({ claim: succeed(), judgement: judge(succeed(), trace.observations, { closing }), trace });
}

describe('the system under test says', () => {
  const failed = (error: unknown): Promise<string> =>
    ofOne({ kind: 'state', state: 'failed', ending: 'failure', error }, { by: 'deadline', at: 10 });

  test('an address with a secret, in whatever member of its error', async () => {
    for (const error of [
      { type: `https://p.test/full?token=${SECRET}` },
      { detail: 'full', instance: `/jobs/7?sig=${SECRET}` },
      { error: { links: [`http://ann:${SECRET}@p.test/`] } },
    ]) {
      const text = await failed(error);
      expect(text).not.toContain(SECRET);
      expect(text).toMatch(/p\.test|jobs\/7/);
    }
  });

  test('nothing where it should say why: no label stands alone, and no sentence ends in the air', async () => {
    for (const nothing of ['', ' ', '\n', { message: '' }, { title: ' ', detail: '' }]) {
      expect((await failed(nothing)).split('\n')).not.toContain('  because');
    }
    const blank: Event = { kind: 'error', message: '' };
    const [given] = (await ofOne(blank, { by: 'deadline', at: 10 })).split('\n');
    expect(given).toBe(
      'expected the operation to eventually succeed, but the only look at the monitor failed with an error without a message',
    );
    const [broken] = (await ofOne(blank, { by: 'broken', at: 10 })).split('\n');
    expect(broken).toMatch(/but the only look failed$/);
    const [start] = (await ofOne({ ...blank, name: 'StartFailed' }, { by: 'broken', at: 10 })).split('\n');
    expect(start).toMatch(/but it could not be started: an error without a message$/);
    const [ended] = (await ofOne(blank, { by: 'aborted', at: 10, why: '\n' })).split('\n');
    expect(ended).toMatch(/but the wait was ended after 10ms: aborted$/);
  });

  test('a progress with more digits than anybody reads', async () => {
    const text = await ofOne({ kind: 'state', state: 'running', progress: 300 / 7 }, { by: 'deadline', at: 10, within: 10 });
    expect(text.split('\n')[0]).toContain("still 'running' at 42.9 %");
    expect(text).not.toContain('42.85');
  });
});

describe('the laws of a message', () => {
  law('says everything in words, whatever was claimed, seen and decided', (text) => {
    expect(text).not.toMatch(OURS);
    expect(text).toMatch(/^expected .+ to .+, but .+\n\n {2}decided {2}/);
  });

  law('prints nothing that turns, hides or overwrites text', (text) => {
    expect(text).not.toMatch(UNSAFE);
    expect(text).not.toContain('\t');
  });

  law('tells no secret of an address', (text) => {
    expect(text).not.toContain(SECRET);
  });

  law('has a first line that says all, labels in one column, and no space at the end of a line', (text) => {
    const [, second, ...rest] = text.split('\n');
    expect(second).toBe('');
    for (const line of rest)
      expect(line).toMatch(
        /^ {2}(decided|because|started|read as|states|values|nearest|faults|errors|others|looks|notes|bounds|replay|hint|) *  \S|^$/,
      );
    expect(text.split('\n').filter((line) => /\s$/.test(line))).toEqual([]);
  });

  law('stays short, however much was said', (text) => {
    expect(text.split('\n').length).toBeLessThan(160);
    expect(text.length).toBeLessThan(30_000);
  });

  test('is the same each time', () =>
    lawAsync(
      plans,
      async (plan) => {
        const story = await told(plan);
        expect(message(story)).toBe(message(story));
        expect(message(await told(plan))).toBe(message(story));
      },
      200,
    ));
});
