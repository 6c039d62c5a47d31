import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timeline, type Lane } from '../../../src/report/index.ts';
import type { Event, Observation } from '../../../src/trace/index.ts';
import { law } from '../../setup/law.ts';

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('queued', 'running', 'done').map((state) => ({ kind: 'state' as const, state })) },
  { weight: 2, arbitrary: fc.nat(100).map((progress) => ({ kind: 'state' as const, state: 'running', progress })) },
  {
    weight: 3,
    arbitrary: fc
      .record({ message: fc.constantFrom('a', 'b', 'c', 'd'), status: fc.constantFrom(404, 500) }, { requiredKeys: ['message'] })
      .map((rest) => ({ kind: 'error' as const, ...rest })),
  },
  { weight: 3, arbitrary: fc.nat(9).map((looks) => ({ kind: 'tick' as const, looks })) },
  fc.constant({ kind: 'tick' as const }),
  fc.nat(2).map((value) => ({ kind: 'value' as const, value })),
  fc.constantFrom('m', 'n').map((type) => ({ kind: 'message' as const, type })),
  fc.constantFrom('f', 'g').map((fault) => ({ kind: 'fault' as const, fault, action: {} })),
  fc.constantFrom('f', 'g').map((fault) => ({ kind: 'healed' as const, fault })),
  fc.constant({ kind: 'note' as const, text: 'x' }),
);
const observations: fc.Arbitrary<readonly Observation[]> = fc
  .array(fc.record({ event, gap: fc.nat(50), source: fc.constantFrom('a', 'b') }), { maxLength: 60, size: 'max' })
  .map((steps) => {
    let at = 0;
    return steps.map(({ event: seen, gap, source }, seq): Observation => ({ ...seen, at: (at += gap), seq, source }));
  });
const options = fc.record(
  { from: fc.nat(70), upTo: fc.nat(70), maxSegments: fc.integer({ min: 1, max: 8 }), maxErrors: fc.integer({ min: 1, max: 4 }) },
  { requiredKeys: [] },
);

const sum = (items: readonly { readonly looks: number }[]): number => items.reduce((all, { looks }) => all + looks, 0);
/** All looks that a lane shows or says that it leaves out. */
const shown = ({ segments, left, errors, errorsLeft }: Lane): number =>
  sum(segments) + (left?.looks ?? 0) + sum(errors) + (errorsLeft?.looks ?? 0);
const looksOf = (o: Observation): number =>
  o.kind === 'tick'
    ? (o.looks ?? 0)
    : o.kind === 'state' || o.kind === 'value' || o.kind === 'message' || o.kind === 'error'
      ? 1
      : 0;
const RUNS = 1000;

describe('the laws of a timeline', () => {
  test('every look of the part is counted, in its own lane, also those that are left out', () => {
    law(
      fc.tuple(observations, options),
      ([all, given]) => {
        const { lanes } = timeline({ observations: all }, given);
        const { from = 0, upTo = all.length } = given;
        for (const source of ['a', 'b']) {
          const own = all.slice(0, upTo).filter((o) => o.source === source);
          const part = own.filter(({ seq }) => seq >= from);
          const lane = lanes.find((one) => one.source === source);
          expect(lane?.looks ?? 0).toBe(sum(part.map((o) => ({ looks: looksOf(o) }))));
          // Looks without news are shown with what was seen last; before anything was seen there is nothing to show them with.
          const news = own.findIndex((o) => o.kind !== 'tick' && looksOf(o) > 0);
          const blind = sum(
            (news < 0 ? own : own.slice(0, news)).filter(({ seq }) => seq >= from).map((o) => ({ looks: looksOf(o) })),
          );
          expect(lane === undefined ? 0 : shown(lane) + blind).toBe(lane?.looks ?? 0);
        }
      },
      RUNS,
    );
  });

  test('segments and errors are in order of time, and within it', () => {
    law(
      fc.tuple(observations, options),
      ([all, given]) => {
        const { lanes } = timeline({ observations: all }, given);
        const end = all[Math.min(given.upTo ?? all.length, all.length) - 1]?.at ?? 0;
        for (const { segments, errors, last } of lanes) {
          segments.slice(1).forEach(({ first }, i) => expect(first).toBeGreaterThanOrEqual(segments[i]!.last));
          errors.slice(1).forEach(({ first }, i) => expect(first).toBeGreaterThanOrEqual(errors[i]!.first));
          for (const item of [...segments, ...errors]) {
            expect(item.first).toBeLessThanOrEqual(item.last);
            expect(item.last).toBeLessThanOrEqual(last);
          }
          expect(last).toBeLessThanOrEqual(end);
        }
      },
      RUNS,
    );
  });

  test('no lane is longer than its bounds, and what is left out is what is missing', () => {
    law(
      fc.tuple(observations, options),
      ([all, given]) => {
        const whole = timeline({ observations: all }, { ...given, maxSegments: 1000, maxErrors: 1000 }).lanes;
        timeline({ observations: all }, given).lanes.forEach((lane, i) => {
          const { maxSegments = 40, maxErrors = 8 } = given;
          expect(lane.segments.length).toBeLessThanOrEqual(maxSegments);
          expect(lane.errors.length).toBeLessThanOrEqual(maxErrors);
          const { segments, errors } = whole[i]!;
          expect(lane.segments.length + (lane.left?.segments ?? 0)).toBe(segments.length);
          expect(lane.errors.length + (lane.errorsLeft?.errors ?? 0)).toBe(errors.length);
          const at = lane.left?.at ?? 0;
          expect(lane.segments).toEqual(
            lane.left === undefined ? segments : [...segments.slice(0, at), ...segments.slice(at + lane.left.segments)],
          );
          // What was seen last is never left out.
          expect(lane.segments.at(-1)).toEqual(segments.at(-1));
        });
      },
      RUNS,
    );
  });

  test('neighbours differ, unless each is a message of its own', () => {
    law(observations, (all) => {
      for (const { segments } of timeline({ observations: all }, { maxSegments: 1000 }).lanes) {
        const alike = segments
          .slice(1)
          .filter(({ kind, label }, i) => kind !== 'message' && kind === segments[i]!.kind && label === segments[i]!.label);
        expect(alike).toEqual([]);
      }
    });
  });

  test('a lane is failing exactly when its last look failed, and since the last that did not', () => {
    law(
      observations,
      (all) => {
        for (const { source, failing } of timeline({ observations: all }).lanes) {
          const own = all.filter((o) => o.source === source && looksOf(o) > 0 && (o.kind !== 'tick' || o.looks! > 0));
          const news = own.filter(({ kind }) => kind !== 'tick');
          const good = news.findLastIndex(({ kind }) => kind !== 'error');
          const bad = news.slice(good + 1);
          expect(failing === undefined).toBe(bad.length === 0);
          if (failing === undefined) continue;
          const [first] = bad;
          expect(failing.since).toBe(first!.at);
          expect(failing.looks).toBe(sum(own.slice(own.indexOf(first!)).map((o) => ({ looks: looksOf(o) }))));
        }
      },
      RUNS,
    );
  });

  test('what goes on failing from before the part is told with the status it failed with', () => {
    law(
      fc.tuple(observations, fc.nat(30)),
      ([all, from]) => {
        for (const source of ['a', 'b']) {
          const news = all.slice(0, from).findLast((o) => o.source === source && o.kind !== 'tick' && looksOf(o) > 0);
          const next = all.slice(from).find((o) => o.source === source && looksOf(o) > 0);
          if (news?.kind !== 'error' || next?.kind !== 'tick') continue;
          const lane = timeline({ observations: all }, { from, maxErrors: 1000 }).lanes.find((one) => one.source === source);
          expect([lane?.errors[0]?.message, lane?.errors[0]?.status]).toEqual([news.message, news.status]);
        }
      },
      RUNS,
    );
  });

  test('a fault is in force from its beginning to the first healing after it', () => {
    law(observations, (all) => {
      const { faults } = timeline({ observations: all });
      expect(faults.map(({ fault, from }) => [fault, from])).toEqual(
        all.flatMap((o) => (o.kind === 'fault' ? [[o.fault, o.at]] : [])),
      );
      for (const { from, to } of faults) expect(to ?? from).toBeGreaterThanOrEqual(from);
      const healings = all.filter((o) => o.kind === 'healed').length;
      expect(faults.filter(({ to }) => to !== undefined).length).toBeLessThanOrEqual(healings);
    });
  });

  test('the same trace is laid out the same way, and the trace is left as it was', () => {
    law(fc.tuple(observations, options), ([all, given]) => {
      const before = JSON.stringify(all);
      expect(timeline({ observations: all }, given)).toEqual(timeline({ observations: all }, given));
      expect(JSON.stringify(all)).toBe(before);
    });
  });
});
