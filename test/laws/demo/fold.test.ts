import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { demoApp } from '../../../src/demo/index.ts';
import { eventId, type EventType, type LoggedEvent } from '../../../src/demo/events.ts';
import { BEGINNING, fold, MAX_OPERATIONS, type State } from '../../../src/demo/fold.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { law, lawAsync } from '../../setup/law.ts';

const { state: NOTHING } = BEGINNING;

test('a state keeps the newest operations: one that was left out comes not back', () => {
  const at = (type: EventType, n: number, id: number): LoggedEvent => ({
    type,
    subject: `/operations/op_${id}`,
    owner: '',
    n,
    id: eventId(n),
    at: 0,
    data: { kind: 'report', status: 'running', progress: 0 },
  });
  const accepted = Array.from({ length: MAX_OPERATIONS + 1 }, (_, index) => at('operation.accepted', index + 1, index + 1));
  const { operations } = fold(NOTHING, [...accepted, at('operation.progressed', MAX_OPERATIONS + 2, 1)]);
  expect(Object.keys(operations)).toEqual(accepted.slice(1).map(({ subject }) => subject.slice('/operations/'.length)));
});

/** Events as the demo writes them, and some of types that nobody knows yet. */
const happening = fc.oneof(
  fc.record({
    type: fc.constantFrom('account.opened', 'account.debited', 'account.credited'),
    subject: fc.constantFrom('/accounts/a', '/accounts/b'),
    data: fc.record({ balance: fc.nat(1_000), amount: fc.nat(1_000) }),
  }),
  fc.record({
    type: fc.constantFrom('customer.created', 'customer.changed', 'customer.deleted'),
    subject: fc.constantFrom('/customers/a', '/customers/b', '/customers/__proto__'),
    data: fc.record({ name: fc.string(), email: fc.string(), version: fc.nat(9) }),
  }),
  fc.record({
    type: fc.constantFrom('operation.accepted', 'operation.failed'),
    subject: fc.nat(1_200).map((n) => `/operations/op_${n}`),
    data: fc.record({ kind: fc.constant('report'), status: fc.string(), progress: fc.nat(100) }),
  }),
  fc.record({
    type: fc.constantFrom('email.sent', 'trip.booked', 'constructor', ''),
    subject: fc.string(),
    data: fc.dictionary(fc.string(), fc.jsonValue()),
  }),
);
const log = fc.array(happening, { maxLength: 40 }).map((happenings): readonly LoggedEvent[] =>
  happenings.map((one, index) => ({
    ...one,
    type: one.type as EventType,
    owner: '',
    n: index + 1,
    id: eventId(index + 1),
    at: 1_000 * index,
  })),
);
/** As it comes back from where it was kept. */
const kept = (state: State): State => JSON.parse(JSON.stringify(state)) as State;

describe('the fold', () => {
  test('of a log in two parts, with a snapshot kept between them, is that of the whole', () => {
    law(fc.tuple(log, fc.nat(40)), ([events, cut]) => {
      const snapshot = kept(fold(NOTHING, events.slice(0, cut)));
      expect(kept(fold(snapshot, events.slice(cut)))).toEqual(kept(fold(NOTHING, events)));
    });
  });

  test('changes nothing that it is given, and gives the same twice', () => {
    law(fc.tuple(log, log), ([before, after]) => {
      const state = fold(NOTHING, before);
      const copy = kept(state);
      expect(fold(state, after)).toEqual(fold(state, after));
      expect(kept(state)).toEqual(copy);
    });
  });

  test('leaves alone what it does not know', () => {
    law(log, (events) => {
      const known = events.filter(({ type }) => /^(account|customer|operation)\./.test(type));
      expect(fold(NOTHING, events)).toEqual(fold(NOTHING, known));
    });
  });

  test('keeps the newest thousand operations, whichever way it comes to them', () => {
    const events = Array.from({ length: 1_500 }, (_, index): LoggedEvent => ({
      n: index + 1,
      id: eventId(index + 1),
      type: 'operation.accepted',
      subject: `/operations/op_${index}`,
      owner: '',
      at: 0,
      data: { kind: 'report', status: 'queued', progress: 0 },
    }));
    const whole = fold(NOTHING, events);
    expect(Object.keys(whole.operations)).toHaveLength(1_000);
    expect(Object.keys(whole.operations)[0]).toBe('op_500');
    expect(fold(kept(fold(NOTHING, events.slice(0, 1_200))), events.slice(1_200))).toEqual(whole);
  });
});

/** What a user does, each by one request. */
const act = fc.oneof(
  fc.record({ amount: fc.integer({ min: 1, max: 60_000 }), to: fc.constantFrom('acc_ann_savings', 'acc_bob_current') }),
  fc.record({ customer: fc.nat(3), name: fc.constantFrom('Ada', 'Grace') }),
  fc.record({ remove: fc.nat(3) }),
  fc.constant({ report: true }),
  fc.constant({ snapshot: true }),
);

test('the log, folded from any snapshot, says what the API says', async () => {
  await lawAsync(
    fc.array(act, { minLength: 3, maxLength: 15 }),
    async (acts) => {
      const clock = virtualClock();
      const app = demoApp({ clock, random: seeded(5) }).start();
      await clock.run(async () => {
        let token = '';
        const send = (method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> =>
          app.fetch(path, {
            method,
            headers: {
              'content-type': 'application/json',
              ...headers,
              ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
            },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          });
        const told = async <T>(method: string, path: string, body?: object): Promise<T> =>
          (await (await send(method, path, body)).json()) as T;
        ({ token } = await told<{ token: string }>('POST', '/login', { user: 'ann', password: 'ann-demo' }));
        const addressOf = (nth: number): string => `c${nth}@example.test`;
        const customers = new Map<number, string>();
        const snapshots: string[] = [];
        for (const one of acts) {
          await clock.sleep(700);
          if ('amount' in one) await send('POST', '/transfers', { from: 'acc_ann_current', ...one });
          if ('report' in one) await send('POST', '/reports', {});
          if ('snapshot' in one) snapshots.push((await told<{ id: string }>('POST', '/snapshots')).id);
          if ('customer' in one) {
            const path = customers.get(one.customer);
            const body = { name: one.name, email: addressOf(one.customer) };
            const made =
              path === undefined ? await send('POST', '/customers', body) : await send('PUT', path, body, { 'if-match': '*' });
            customers.set(one.customer, path ?? String(made.headers.get('location')));
          }
          if ('remove' in one) {
            const path = customers.get(one.remove);
            if (path !== undefined) await send('DELETE', path, undefined, { 'if-match': '*' });
            customers.delete(one.remove);
          }
        }
        await clock.sleep(10_000);
        const { accounts } = await told<{ accounts: { id: string; balance: number }[] }>('GET', '/accounts');
        const { customers: kept } = await told<{ customers: { id: string }[] }>('GET', '/customers');
        const { operations } = await told<{ operations: { id: string; status: string; progress: number }[] }>(
          'GET',
          '/operations',
        );
        const { next } = await told<{ next: number }>('GET', '/events?from=now');
        const monitors: string[] = [];
        for (const from of [0, ...snapshots]) {
          const accepted = await send('POST', '/replays', { from, to: next - 1 });
          monitors.push(String(accepted.headers.get('location')));
        }
        await clock.sleep(10_000);
        for (const monitor of monitors) {
          const { result } = await told<{ result: { state: State } }>('GET', monitor);
          const { state } = result;
          expect(Object.entries(state.accounts).map(([id, account]) => ({ id, ...account }))).toEqual(accounts);
          const mine = Object.entries(state.customers).map(([id, { version: _tag, ...customer }]) => ({ id, ...customer }));
          expect(mine.toReversed()).toEqual(kept);
          const known = Object.entries(state.operations).map(([id, { status, progress }]) => ({ id, status, progress }));
          expect(known.toReversed()).toEqual(operations.map(({ id, status, progress }) => ({ id, status, progress })));
        }
      });
      await app.close();
    },
    25,
  );
});
