import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rejudge, type Judgement } from '../../../src/logic/index.ts';
import { parseTrace } from '../../../src/trace/index.ts';
import { LAST_LOOK_GRACE_MS } from '../../../src/watch/index.ts';
import { lawAsync, SEED } from '../../setup/law.ts';
import { dawdling, live, plans, shared, type Lived } from './world.ts';

const law = (name: string, holds: (lived: Lived) => void, worlds = plans): void =>
  test(name, () => lawAsync(worlds, async (plan) => holds(await live(plan)), 600));

const text = (judgement: Judgement): string => JSON.stringify(judgement);

describe('the laws of a watch', () => {
  test('random worlds are decided in every way, so that the laws below speak of all', async () => {
    const ways = new Set<string>();
    const verdicts = new Set<string>();
    for (const plan of fc.sample(plans, { seed: SEED, numRuns: 300 })) {
      for (const { decidedBy, verdict } of (await live(plan)).judgements) {
        ways.add(decidedBy);
        verdicts.add(verdict);
      }
    }
    expect([...ways].sort()).toEqual(['aborted', 'bound', 'broken', 'deadline', 'hung', 'nothing', 'observation']);
    expect([...verdicts].sort()).toEqual(['holds', 'undecided', 'violated']);
  });

  const same = ({ trace, judgements }: Lived): void => {
    const again = rejudge(parseTrace(trace.toJSONL()));
    expect(again.map(text).sort()).toEqual(judgements.map(text).sort());
    expect(again).toEqual(trace.header.claims.map(({ judgement }) => judgement));
  };
  law('a recording judged again gives the live judgements', same);
  law('also of one operation on a channel that tells of others', same, shared);

  law('when all have settled nothing goes on: no timer, no look, and what a late look brings is dropped', (lived) => {
    expect(lived.pendingAfter).toBe(0);
    expect(lived.looks.later).toBe(lived.looks.then);
    expect(lived.seen.later).toBe(lived.seen.then);
  });

  const inTime = ({ took }: Lived): void => {
    for (const { spent, most } of took) expect(spent).toBeLessThanOrEqual(most + LAST_LOOK_GRACE_MS);
  };
  law('a wait lasts no longer than it was to last, and the grace of its last look', inTime);
  law('not even where every look dawdles', inTime, dawdling);
  law('nor where it waits to be told apart', inTime, shared);

  law('a verdict is known exactly where an observation or the deadline decided', ({ judgements }) => {
    for (const { verdict, decidedBy } of judgements)
      expect(verdict !== 'undecided').toBe(decidedBy === 'observation' || decidedBy === 'deadline');
  });

  law('of one source no two looks are under way at once', ({ mostAtOnce }) => {
    expect(mostAtOnce).toBeLessThanOrEqual(1);
  });

  test('the same world gives the same bytes', () =>
    lawAsync(
      plans,
      async (plan) => {
        expect((await live(plan)).trace.toJSONL()).toBe((await live(plan)).trace.toJSONL());
      },
      400,
    ));

  law(
    'looks are counted once, and for a claim about what happens from now on only those that came back from then on',
    (lived) => {
      lived.judgements.forEach(({ coverage }, i) => {
        const { fromNow, looks } = lived.took[i]!;
        if (fromNow) expect(coverage.looks).toBeLessThanOrEqual(looks);
        else expect(coverage.looks).toBeLessThanOrEqual(lived.brought);
      });
    },
  );

  law(
    'nobody is asked earlier than wished, but for the last look, and where somebody waits who asked for a pace',
    ({ impolite }) => {
      expect(impolite).toBe(0);
    },
  );
});
