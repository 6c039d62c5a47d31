import { describe, expectTypeOf, test } from 'vitest';
import type * as dialects from 'holdfast/dialects';
import {
  defineLifecycle,
  operation,
  subject,
  watch,
  type Claim,
  type Duration,
  type Judgement,
  type Lifecycle,
  type Observation,
  type Operation,
  type OperationOptions,
} from 'holdfast';
import { reach, stay, succeed } from 'holdfast/logic';
import { poll } from 'holdfast/probes';

const start = (): Promise<Response> => fetch('http://api.test/reports', { method: 'POST' });

describe('operation', () => {
  test('starts in these ways', () => {
    expectTypeOf(operation(start)).toEqualTypeOf<Operation>();
    operation(async ({ fetch, signal }) => fetch('http://api.test/reports', { method: 'POST', signal }));
    operation(() => new Response(null, { status: 202 }));
    operation(start());
    operation(new Response());
    operation({ url: 'http://api.test/reports' });
    operation({ url: 'http://api.test/reports', method: 'POST', headers: { 'x-tenant': '7' }, body: { rows: 12 } });
    operation({ monitor: 'http://api.test/operations/1' });
  });

  test('and in no others', () => {
    expectTypeOf(operation).parameter(0).not.toExtend<string>();
    // @ts-expect-error an address alone does not say what to do with it
    operation('http://api.test/reports');
    // @ts-expect-error the answer is forgotten
    operation(async () => void (await start()));
    // @ts-expect-error not a Response
    operation(() => ({ status: 202 }));
    // @ts-expect-error a body is not the answer
    operation(async () => (await start()).json() as Promise<{ id: string }>);
    // @ts-expect-error where to?
    operation({ method: 'POST' });
    // @ts-expect-error misspelt
    operation({ monitr: 'http://api.test/operations/1' });
    // @ts-expect-error with what?
    operation();
  });

  test('takes these options', () => {
    expectTypeOf(operation).parameter(1).toExtend<OperationOptions | undefined>();
    operation(start, { dialect: 'location', reading: 'body-status', name: 'the report', statusField: 'job.phase' });
    operation(start, { dialect: 'operation-location', reading: 'status-code' });
    // Derived from the catalogue: literal names, and no mere text.
    operation(start, { dialect: 'aip-151', statuses: { 404: 'pending', 500: 'gone' } });
    expectTypeOf<OperationOptions['dialect']>().not.toEqualTypeOf<string | undefined>();
    expectTypeOf<(typeof dialects)['odata']['name']>().toExtend<OperationOptions['dialect']>();
    operation(start, { dialect: 'sync', headers: { authorization: 'Bearer x' }, seed: '7' });
    operation(start, { states: { shipped: 'success', onHold: 'pending', lost: 'failure', returned: 'cancelled' } });
    operation(start, { also: [poll(() => true)], monitor: '/tasks/{id}', base: 'http://api.test' });
  });

  test('and refuses what is none', () => {
    expectTypeOf(operation).parameter(1).not.toBeAny();
    // @ts-expect-error no such dialect
    operation(start, { dialect: 'locaton' });
    // @ts-expect-error no such meaning of a status
    operation(start, { statuses: { 404: 'later' } });
    // @ts-expect-error no such reading
    operation(start, { reading: 'body' });
    // @ts-expect-error no such meaning
    operation(start, { states: { shipped: 'succeeded' } });
    // @ts-expect-error no such option
    operation(start, { timeout: 500 });
    // @ts-expect-error a start is no source
    operation(start, { also: [start] });
  });

  test('has these parts, which are read only', () => {
    const op = operation(start);
    const other = operation(start);
    const seen = {} as Observation;
    expectTypeOf(op.result()).toEqualTypeOf<Promise<unknown>>();
    expectTypeOf(op.cancel()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(op.accepted).resolves.toMatchObjectType<{ readonly id: string; readonly dialect: string }>();
    expectTypeOf(op.trace.observations).toEqualTypeOf<readonly Observation[]>();
    // @ts-expect-error what was seen stays as it was seen
    op.trace.observations.push(seen);
    // @ts-expect-error an operation keeps its trace
    op.trace = other.trace;
  });
});

test('Duration is a number, or a number with a unit', () => {
  expectTypeOf<500>().toExtend<Duration>();
  expectTypeOf<'0.5ms' | '5s' | '2m' | '1h'>().toExtend<Duration>();
  expectTypeOf<'5 sec'>().not.toExtend<Duration>();
  expectTypeOf<'5d'>().not.toExtend<Duration>();
  expectTypeOf<'5'>().not.toExtend<Duration>();
  expectTypeOf<''>().not.toExtend<Duration>();
  expectTypeOf<string>().not.toExtend<Duration>();
  expectTypeOf<Date>().not.toExtend<Duration>();
});

describe('defineLifecycle', () => {
  test('knows the names of its states', () => {
    const order = defineLifecycle({
      initial: 'placed',
      moves: { placed: ['shipped', 'lost'] },
      endings: { shipped: 'success', lost: 'failure' },
    });
    expectTypeOf(order).toEqualTypeOf<Lifecycle<'placed' | 'shipped' | 'lost'>>();
    operation(start, { lifecycle: order });
  });

  test('with its states named, a misspelt one is an error', () => {
    type State = 'placed' | 'shipped';
    const order = defineLifecycle<State>({ initial: 'placed', moves: { placed: ['shipped'] }, endings: { shipped: 'success' } });
    expectTypeOf(order.initial).toEqualTypeOf<State>();
    // @ts-expect-error no such state
    defineLifecycle<State>({ initial: 'plased', moves: { placed: ['shipped'] }, endings: { shipped: 'success' } });
    // @ts-expect-error no such state
    defineLifecycle<State>({ initial: 'placed', moves: { placed: ['shiped'] }, endings: { shipped: 'success' } });
    // @ts-expect-error no such state
    defineLifecycle<State>({ initial: 'placed', moves: { plased: ['shipped'] }, endings: { shipped: 'success' } });
    // @ts-expect-error no such state
    defineLifecycle<State>({ initial: 'placed', moves: { placed: ['shipped'] }, endings: { shiped: 'success' } });
    // @ts-expect-error no such ending
    defineLifecycle<State>({ initial: 'placed', moves: { placed: ['shipped'] }, endings: { shipped: 'succeeded' } });
    // @ts-expect-error no endings
    defineLifecycle({ initial: 'placed', moves: {} });
  });
});

describe('claims and judgements', () => {
  test('are read only', () => {
    const claim: Claim = succeed();
    // @ts-expect-error a claim keeps its name
    claim.name = 'fail';
    const judgement = {} as Judgement;
    const seen = {} as Observation;
    expectTypeOf(judgement.verdict).toEqualTypeOf<'holds' | 'violated' | 'undecided'>();
    // @ts-expect-error a verdict stands
    judgement.verdict = 'holds';
    // @ts-expect-error so does what it rests on
    judgement.evidence.push(seen);
    // @ts-expect-error and how well it was watched
    judgement.coverage.looks = 7;
    // @ts-expect-error and why
    judgement.reason['code'] = 'none';
  });

  test('a claim takes its own arguments', () => {
    expectTypeOf(reach({ state: 'running' })).toEqualTypeOf<Claim>();
    // @ts-expect-error which state?
    reach();
    // @ts-expect-error for how long?
    stay({ state: 'running' });
    // @ts-expect-error it is 's'
    stay({ state: 'running', for: '5 sec' });
    // @ts-expect-error it takes none
    succeed({ state: 'running' });
  });

  test('watch resolves to a judgement', () => {
    expectTypeOf(watch(subject([poll(() => true)]), succeed(), { within: '5s' })).toEqualTypeOf<Promise<Judgement>>();
    // @ts-expect-error it is 's'
    void watch(subject([poll(() => true)]), succeed(), { within: '5 sec' });
    // @ts-expect-error a claim, not its name
    void watch(subject([poll(() => true)]), 'succeed');
    // @ts-expect-error a function is no source: poll(() => true)
    subject([() => true]);
  });
});
