import { describe, expect, test } from 'vitest';
import { operation } from '../../../src/dialects/operation.ts';
import { succeed } from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { watch } from '../../../src/watch/index.ts';

const hanging = (): { readonly fetch: typeof globalThis.fetch; readonly signals: AbortSignal[] } => {
  const signals: AbortSignal[] = [];
  const fetch: typeof globalThis.fetch = (_url, init = {}) => {
    const { signal } = init;
    if (signal === undefined || signal === null) throw new Error('no signal');
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  };
  return { fetch, signals };
};

describe('a start without an answer', () => {
  test('is given up with the last who waits, and sent no more', async () => {
    const clock = virtualClock();
    const { fetch, signals } = hanging();
    const op = operation({ url: 'http://api.test/jobs', method: 'POST' }, { clock, fetch });
    const [short, long] = await clock.run(() =>
      Promise.all([
        watch(op, succeed(), { within: 100 }).then((judgement) => ({ judgement, aborted: signals[0]?.aborted })),
        watch(op, succeed(), { within: 300 }),
      ]),
    );
    expect([short.judgement.decidedBy, short.aborted, long.decidedBy]).toEqual(['hung', false, 'hung']);
    await clock.advance(0);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    const again = await clock.run(() => watch(op, succeed(), { within: 100 }));
    expect([again.decidedBy, signals.length]).toEqual(['broken', 1]);
    expect(clock.pending.count).toBe(0);
  });

  test('that is a function of the caller is told by its signal', async () => {
    const clock = virtualClock();
    let given: AbortSignal | undefined;
    const op = operation(
      ({ signal }) => {
        given = signal;
        return new Promise<Response>(() => undefined);
      },
      { clock },
    );
    await clock.run(() => watch(op, succeed(), { within: 100 }));
    expect(given?.aborted).toBe(true);
  });

  test('goes on while somebody asks for the acceptance by itself', async () => {
    const clock = virtualClock();
    const { fetch, signals } = hanging();
    const op = operation({ url: 'http://api.test/jobs', method: 'POST' }, { clock, fetch });
    void op.accepted.catch(() => undefined);
    await clock.run(() => watch(op, succeed(), { within: 100 }));
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });
});

test('a result that is elsewhere may take as long as it is given', async () => {
  const clock = virtualClock();
  const fetch = (async (url: string) => {
    if (url.endsWith('/jobs')) return new Response(null, { status: 202, headers: { location: '/jobs/1' } });
    if (url.endsWith('/jobs/1')) return new Response(null, { status: 303, headers: { location: '/result' } });
    await clock.sleep(6000);
    return Response.json({ rows: 12 });
  }) as typeof globalThis.fetch;
  const start = { url: 'http://api.test/jobs', method: 'POST' };
  await expect(clock.run(() => operation(start, { clock, fetch }).result())).rejects.toThrow(/it took more than 4s/);
  await expect(clock.run(() => operation(start, { clock, fetch }).result({ within: '10s' }))).resolves.toEqual({ rows: 12 });
});
