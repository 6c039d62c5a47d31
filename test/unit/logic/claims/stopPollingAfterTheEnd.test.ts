import { describe, expect, test } from 'vitest';
import { stopPollingAfterTheEnd, type Claim } from '../../../../src/logic/index.ts';
import { deadline, judged, observed, refusal, request, response, short, tick, type Short, type Step } from '../seen.ts';

const URL = 'http://a.test/op/1';
let exchanges = 0;
function ask(at: number, body?: string, status = 200, url = URL): Step[] {
  const id = `x${exchanges++}`;
  return [request(id, at, url), response(id, at, {}, { status, ...(body === undefined ? {} : { body }) })];
}
const END = '{"status":"succeeded"}';
const holds = (by: Short['by'], evidence: number[]): Short => ({ verdict: 'holds', by, code: 'stopped', evidence });
const violated = (evidence: number[]): Short => ({ verdict: 'violated', by: 'observation', code: 'polled-on', evidence });
const unknown = (evidence: number[]): Short => ({ verdict: 'undecided', by: 'nothing', code: 'no-end', evidence });
const stop = stopPollingAfterTheEnd();

describe('stopPollingAfterTheEnd', () => {
  test.each<[string, Claim, Step[], Short]>([
    ['who stopped', stop, [ask(0, '{"status":"running"}'), ask(1, END)].flat(), holds('observation', [3])],
    ['who did not', stop, [ask(0, END), ask(1)].flat(), violated([1, 2])],
    ['who was told by 303', stop, [ask(0, undefined, 303), ask(1)].flat(), violated([1, 2])],
    ['who was told by 410', stop, [ask(0, undefined, 410), ask(1)].flat(), violated([1, 2])],
    ['who was told 200 after 202', stop, [ask(0, '{}', 202), ask(1, '{"rows":3}'), ask(2)].flat(), violated([3, 4])],
    [
      'who was told 200 that it runs',
      stop,
      [ask(0, '{}', 202), ask(1, '{"status":"running"}'), ask(2, '{}', 202)].flat(),
      unknown([5]),
    ],
    ['who asks elsewhere', stop, [ask(0, END), ask(1, undefined, 200, `${URL}/result`)].flat(), holds('observation', [1])],
    ['who was told no end', stop, [ask(0), ask(1)].flat(), unknown([3])],
    [
      'as many as are allowed',
      stopPollingAfterTheEnd({ allowed: 1 }),
      [ask(0, END), ask(1, END)].flat(),
      holds('observation', [1]),
    ],
    ['one more', stopPollingAfterTheEnd({ allowed: 1 }), [0, 1, 2].flatMap((t) => ask(t, END)), violated([1, 4])],
    ['quiet for so long', stopPollingAfterTheEnd({ for: 100 }), [...ask(0, END), tick(100)], holds('deadline', [1])],
    ['quiet for less', stopPollingAfterTheEnd({ for: 100 }), [ask(0, END), ask(99)].flat(), violated([1, 2])],
    [
      'one after the quiet',
      stopPollingAfterTheEnd({ for: 100 }),
      [...ask(0, END), tick(101), ...ask(102)],
      holds('deadline', [1]),
    ],
  ])('judges %s', (_name, claim, steps, expected) => {
    expect(short(judged(claim, steps))).toEqual(expected);
  });

  test('knows when time alone decides', () => {
    const running = stopPollingAfterTheEnd({ for: '1s' }).start({ since: 0 });
    expect(running.due()).toBeUndefined();
    for (const o of observed(ask(5, END))) running.step(o);
    expect(running.due()).toBe(1005);
    expect(short(judged(stop, ask(0, END), { closing: deadline(9) }))).toEqual(holds('deadline', [1]));
  });

  test('is not believed to have stopped before it was quiet for as long as that', () => {
    const claim = stopPollingAfterTheEnd({ for: '10s' });
    const told = (at: number): Short => short(judged(claim, ask(0, END), { closing: deadline(at) }));
    expect(told(100)).toEqual({ verdict: 'undecided', by: 'nothing', code: 'unsettled', evidence: [1] });
    expect(told(10_000)).toEqual(holds('deadline', [1]));
    expect(short(judged(claim, ask(0, END)))).toEqual(holds('observation', [1]));
    const late = judged(claim, ask(0, END), { closing: deadline(100) });
    expect(claim.tell?.(late)?.but).toBe('it was told the end so late that it could not be watched for 10s more');
  });

  test.each([[{ allowed: -1 }], [{ quiet: 1 }], [{ for: 'soon' }]])('refuses %j', (args) => {
    expect(refusal(() => stopPollingAfterTheEnd(args as never))).toMatchObject({ name: 'HarnessError' });
  });
});
