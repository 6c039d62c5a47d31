import { describe, expect, test } from 'vitest';
import { demoApp } from '../../../src/demo/index.ts';
import { operation } from '../../../src/dialects/operation.ts';
import { rejudge, succeed } from '../../../src/logic/index.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { parseTrace } from '../../../src/trace/index.ts';
import { watch } from '../../../src/watch/index.ts';

/** A job of an hour whose server asks to be looked at every two seconds, start to end, in one process. */
async function hour(seed: number): Promise<{ jsonl: string; looks: number; verdict: string; took: number }> {
  const clock = virtualClock();
  const app = demoApp({ clock, random: seeded(seed), work: '1h', retryAfter: 2 }).start();
  try {
    const op = operation(
      { url: 'http://demo.test/reports', method: 'POST', body: { title: 'the long one', rows: 12 } },
      { clock, fetch: app.fetch, seed: String(seed) },
    );
    const judgement = await clock.run(() => watch(op, succeed(), { within: '61m' }));
    expect(rejudge(parseTrace(op.trace.toJSONL()))).toEqual([judgement]);
    const looks = op.trace.observations.filter((o) => o.kind === 'request' && o.source === 'monitor').length;
    return { jsonl: op.trace.toJSONL(), looks, verdict: judgement.verdict, took: clock.now() };
  } finally {
    await app.close();
  }
}

describe('a job of an hour in virtual time', () => {
  test('is looked at exactly 1,800 times, and succeeds when it is done', async () => {
    const { looks, verdict, took } = await hour(7);
    expect({ looks, verdict, took }).toEqual({ looks: 1800, verdict: 'holds', took: 3_600_000 });
  });

  test('gives the same bytes for the same seed, and others for another', async () => {
    const first = await hour(7);
    expect((await hour(7)).jsonl).toBe(first.jsonl);
    expect((await hour(8)).jsonl).not.toBe(first.jsonl);
  });
});
