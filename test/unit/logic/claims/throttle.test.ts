import { describe, expect, test } from 'vitest';
import type { ThrottleArgs } from '../../../../src/logic/claims/throttle.ts';
import { throttle } from '../../../../src/logic/index.ts';
import { judged, refusal, request, response, state, type Step } from '../seen.ts';

let exchanges = 0;
function ask(who: string, at: number, status = 200, headers: Record<string, string> = {}): Step[] {
  const id = `x${exchanges++}`;
  return [request(id, at, 'http://a.test/'), response(id, at, headers, { status })].map((step) => ({ ...step, keys: [who] }));
}
const WAIT = { 'retry-after': '2' };
/** Let in again when the time is over. */
const BACK = ask('ann', 2100);
const ANN = { caller: 'ann' };

describe('throttle', () => {
  test.each<[string, Step[], string, string, ThrottleArgs?]>([
    ['the guilty one alone', [...ask('ann', 0), ...ask('ann', 1, 429, WAIT), ...ask('bob', 2), ...BACK], 'holds', 'throttled'],
    ['who never asks again', [...ask('ann', 0), ...ask('ann', 1, 429, WAIT), ...ask('bob', 2)], 'undecided', 'throttled'],
    [
      'who asks again while the server is down',
      [...ask('ann', 0), ...ask('ann', 1, 429, WAIT), ...ask('bob', 2), ...ask('ann', 2100, 503)],
      'undecided',
      'throttled',
    ],
    [
      'by an address, as it was recorded',
      [...ask('http://a.test/?key=[redacted]', 1, 429, WAIT), ...ask('bob', 2), ...ask('http://a.test/?key=[redacted]', 2100)],
      'holds',
      'throttled',
      { caller: 'http://a.test/?key=s3cret' },
    ],
    ['nobody', [...ask('ann', 0), ...ask('bob', 2)], 'violated', 'never-refused'],
    ['who has no others beside', [...ask('ann', 0), ...ask('ann', 1, 429, WAIT), ...BACK], 'undecided', 'throttled'],
    ['one caller, where none is named', [...ask('ann', 0), ...ask('ann', 1, 429, WAIT), ...BACK], 'holds', 'throttled', {}],
    ['another too', [...ask('ann', 1, 429, WAIT), ...ask('bob', 2, 429, WAIT)], 'violated', 'refused-another'],
    ['without telling when to come back', ask('ann', 1, 429), 'violated', 'no-retry-after'],
    ['with a wait of nothing', ask('ann', 1, 429, { 'retry-after': '0' }), 'violated', 'no-wait'],
    ['with a wait that nobody can read', ask('ann', 1, 429, { 'retry-after': 'soon' }), 'violated', 'unreadable'],
    ['with a limit that nobody can read', ask('ann', 1, 429, { ...WAIT, ratelimit: 'r=0' }), 'violated', 'unreadable'],
    ['with a limit without what remains', ask('ann', 1, 429, { ...WAIT, ratelimit: '"a";t=1' }), 'violated', 'unreadable'],
    [
      'with a limit that begins anew later',
      ask('ann', 1, 429, { ...WAIT, ratelimit: '"a";r=0;t=9' }),
      'violated',
      'back-too-soon',
    ],
    [
      'with limits that agree',
      [...ask('ann', 1, 429, { ...WAIT, ratelimit: '"a,b";r=0;t=2, "c";r=5' }), ...ask('bob', 2), ...BACK],
      'holds',
      'throttled',
    ],
    [
      'and lets in again',
      [...ask('ann', 0, 429, WAIT), ...ask('ann', 2000), ...ask('ann', 2001, 429, WAIT), ...ask('bob', 3000)],
      'holds',
      'throttled',
    ],
    [
      'who asks meanwhile',
      [...ask('ann', 0, 429, WAIT), ...ask('ann', 1000, 429, WAIT), ...ask('bob', 3000), ...ask('ann', 3001)],
      'holds',
      'throttled',
    ],
    [
      'and never lets in again',
      [...ask('ann', 0, 429, WAIT), ...ask('ann', 1000, 429, WAIT), ...ask('ann', 2100, 429, WAIT)],
      'violated',
      'kept-out',
    ],
    [
      'and may put it off',
      [
        ...ask('ann', 0, 429, WAIT),
        ...ask('ann', 1000, 429, WAIT),
        ...ask('ann', 2100, 429, WAIT),
        ...ask('bob', 3000),
        ...ask('ann', 4200),
      ],
      'holds',
      'throttled',
      { caller: 'ann', putOff: true },
    ],
  ])('refuses %s', (_name, steps, verdict, code, args = ANN) => {
    expect(judged(throttle(args), steps)).toMatchObject({ verdict, reason: { code } });
  });

  test('nothing asked, nothing known', () => {
    expect(judged(throttle(), [state('running')])).toMatchObject({ verdict: 'undecided', reason: { code: 'never-refused' } });
  });

  test.each([[{ caller: '' }], [{ caller: 7 }], [{ who: 'ann' }], [{ putOff: 'yes' }], ['ann']])(
    'refuses %j as its argument',
    (args) => {
      expect(refusal(() => throttle(args as never))).toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/^throttle: /),
      });
    },
  );
});
