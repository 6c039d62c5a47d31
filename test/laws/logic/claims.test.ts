import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { catalogue, claimFrom, judge, type Claim, type Closing } from '../../../src/logic/index.ts';
import type { Observation } from '../../../src/trace/index.ts';
import { SEED } from '../../setup/law.ts';
import { refusal } from '../../unit/logic/seen.ts';

/** Every claim of the catalogue with every sample of its arguments: a new file is put through the laws by being there. */
const MEMBERS = [...catalogue()].flatMap(([name, factory]) =>
  factory.definition.samples.map((args, index) => [`${name} #${index}`, (factory as (args: unknown) => Claim)(args)] as const),
);

const ENDINGS = { succeeded: 'success', failed: 'failure', cancelled: 'cancelled' } as const;
const event = fc.oneof(
  fc
    .constantFrom('queued', 'running', 'succeeded', 'failed', 'cancelled')
    .map(
      (state) =>
        ({ kind: 'state', state, ...(state in ENDINGS ? { ending: ENDINGS[state as keyof typeof ENDINGS] } : {}) }) as const,
    ),
  fc.constantFrom('1', '2').map((id) => ({ kind: 'message', id, type: 'done' }) as const),
  fc.constant({ kind: 'error', message: 'no connection' } as const),
  fc.constant({ kind: 'tick', looks: 2, largestGap: 5 } as const),
  fc.constant({ kind: 'no-response', exchange: 'x', reason: 'aborted' } as const),
  fc.constant({ kind: 'request', exchange: 'x', method: 'GET', url: 'http://a.test/1', headers: [] } as const),
  fc.constant({
    kind: 'response',
    exchange: 'x',
    status: 200,
    headers: [['retry-after', '1']],
    body: '{"status":"succeeded"}',
  } as const),
);
const traces = fc
  .array(fc.record({ event, gap: fc.integer({ min: 0, max: 30 }), source: fc.constantFrom('monitor', 'webhook') }), {
    maxLength: 12,
  })
  .map((steps) => {
    let at = 0;
    return steps.map(({ event, gap, source }, seq): Observation => ({ ...event, at: (at += gap), seq, source }));
  });
const closings: fc.Arbitrary<Closing> = fc
  .constantFrom('deadline', 'hung', 'broken', 'aborted', 'bound', 'end')
  .map((by) => ({ by, at: 1000, within: 1000 }));

const start = (claim: Claim) => claim.start({ since: 0 });

test('every claim has samples to be put through the laws with', () => {
  expect([...catalogue()].filter(([, { definition }]) => definition.samples.length === 0)).toEqual([]);
  expect(MEMBERS.length).toBeGreaterThanOrEqual(catalogue().size);
});

test.each([...catalogue()])('%s refuses an argument that it does not know', (name, factory) => {
  const make = factory as (args: unknown) => Claim;
  for (const sample of factory.definition.samples) {
    expect(refusal(() => make({ ...(sample as object | undefined), misspelt: 1 }))).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(new RegExp(`^${name}: expected n.*misspelt`)),
    });
  }
});

describe.each(MEMBERS)('%s', (_name, claim) => {
  const law = (name: string, check: (observations: Observation[], closing: Closing) => void): void =>
    test(name, () => fc.assert(fc.property(traces, closings, check), { numRuns: 150, seed: SEED }));

  law('judges the same twice', (observations, closing) => {
    expect(judge(claim, observations, { closing })).toEqual(judge(claim, observations, { closing }));
  });

  law('keeps its verdict, whatever comes after it, and however it is closed', (observations, closing) => {
    const running = start(claim);
    const decided = observations.findIndex((o) => running.step(o) !== 'undecided');
    const before = running.judgement();
    if (decided >= 0) {
      for (const o of observations.slice(decided + 1)) running.step(o);
      expect(running.judgement()).toEqual(before);
      expect(running.close(closing)).toEqual(before);
      expect(running.due()).toBeUndefined();
    } else {
      const closed = running.close(closing);
      expect(running.close({ by: 'end', at: 5000 })).toEqual(closed);
    }
  });

  law('is plain JSON, claim and judgement', (observations, closing) => {
    const judgement = judge(claim, observations, { closing });
    expect(JSON.parse(JSON.stringify(judgement))).toEqual(judgement);
    const copy = claimFrom(
      JSON.parse(JSON.stringify({ claim: claim.name, args: claim.args })) as { claim: string; args: unknown },
    );
    expect(copy.says).toBe(claim.says);
    expect(judge(copy, observations, { closing })).toEqual(judgement);
  });

  law('says "unknown" when it is not known', (observations, closing) => {
    const judgement = judge(claim, observations, { closing });
    if (judgement.decidedBy === 'observation' || judgement.decidedBy === 'deadline')
      expect(judgement.verdict).not.toBe('undecided');
    else expect(judgement.verdict).toBe('undecided');
  });

  law('counts its looks', (observations, closing) => {
    const looks = observations.reduce(
      (sum, o) => sum + (o.kind === 'tick' ? (o.looks ?? 0) : ['state', 'value', 'error', 'message'].includes(o.kind) ? 1 : 0),
      0,
    );
    const running = start(claim);
    const early = observations.some((o) => running.step(o) !== 'undecided');
    const counted = running.close(closing).coverage.looks;
    if (early) expect(counted).toBeLessThanOrEqual(looks);
    else expect(counted).toBe(looks);
  });

  test('nothing seen decides nothing', () => {
    expect(judge(claim, [], { closing: { by: 'deadline', at: 10 } })).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'nothing',
    });
  });
});
