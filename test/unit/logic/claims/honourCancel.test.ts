import { describe, expect, test } from 'vitest';
import { honourCancel } from '../../../../src/logic/index.ts';
import { deadline, failed, judged, lost, refusal, request, response, state, succeeded, tick, type Step } from '../seen.ts';

const URL = 'http://a.test/op/1';
const cancel = (at: number, status = 200): Step[] => [request('c', at, URL, 'DELETE'), response('c', at + 1, {}, { status })];
const again = (at: number, status: number): Step[] => [request('d', at, URL, 'DELETE'), response('d', at + 1, {}, { status })];
const cancelled = (at: number): Step => state('cancelled', at, { ending: 'cancelled' });

describe('honourCancel', () => {
  test.each<[string, Step[], string, string, string, number?]>([
    ['it is cancelled, and quiet', [...cancel(10), cancelled(50), tick(300)], 'holds', 'deadline', 'cancelled'],
    ['it is cancelled, and all has ended', [...cancel(10), cancelled(50)], 'holds', 'observation', 'cancelled'],
    [
      'it succeeds all the same',
      [...cancel(10), state('running', 20), succeeded(50)],
      'violated',
      'observation',
      'ended-otherwise',
    ],
    ['it fails', [...cancel(10), failed(50)], 'violated', 'observation', 'ended-otherwise'],
    [
      'it succeeds later',
      [...cancel(10), cancelled(50), succeeded(90, 1, 'webhook')],
      'violated',
      'observation',
      'succeeded-later',
    ],
    [
      'it is told to run later, which is late news',
      [...cancel(10), cancelled(50), state('running', 90)],
      'holds',
      'observation',
      'cancelled',
    ],
    ['it runs on', [...cancel(10), state('running', 20)], 'violated', 'deadline', 'not-cancelled', 500],
    ['it is refused, and ends otherwise', [...cancel(10, 409), succeeded(50)], 'holds', 'observation', 'refused'],
    ['it is refused, and cancelled', [...cancel(10, 409), cancelled(50)], 'violated', 'observation', 'refused-and-cancelled'],
    [
      'it is refused, and not known to end',
      [...cancel(10, 409), state('running', 20)],
      'undecided',
      'nothing',
      'refused-and-pending',
      500,
    ],
    ['there is no way to cancel', [...cancel(10, 405), state('running', 20)], 'violated', 'observation', 'cannot-cancel'],
    [
      'its answer is lost, and it succeeds',
      [cancel(10)[0]!, lost('c', 11), succeeded(50)],
      'undecided',
      'nothing',
      'not-cancelled',
    ],
    [
      'its answer is lost, and it runs on',
      [cancel(10)[0]!, lost('c', 11), state('running', 50)],
      'undecided',
      'nothing',
      'not-cancelled',
      500,
    ],
    [
      'its answer is lost, and it is cancelled',
      [cancel(10)[0]!, lost('c', 11), cancelled(50)],
      'holds',
      'observation',
      'cancelled',
    ],
    ...([408, 429, 500, 503] as const).map((status): [string, Step[], string, string, string] => [
      `it is told ${status}, which is no answer, and succeeds`,
      [...cancel(10, status), succeeded(50)],
      'undecided',
      'nothing',
      'not-cancelled',
    ]),
    [
      'it is asked again after "not now", and succeeds all the same',
      [...cancel(10, 503), ...again(20, 202), succeeded(50)],
      'violated',
      'observation',
      'ended-otherwise',
    ],
    [
      'it is asked again after a lost answer, and runs on',
      [cancel(10)[0]!, lost('c', 11), ...again(20, 202), state('running', 50)],
      'violated',
      'deadline',
      'not-cancelled',
      500,
    ],
    [
      'it is asked again after a refusal',
      [...cancel(10, 409), ...again(20, 202), cancelled(50)],
      'holds',
      'observation',
      'cancelled',
    ],
    [
      'it is asked again, and refused as the first one may have arrived',
      [cancel(10)[0]!, lost('c', 11), ...again(20, 409), cancelled(50)],
      'holds',
      'observation',
      'cancelled',
    ],
    [
      'it is asked again, and is gone, as the first one may have arrived',
      [cancel(10)[0]!, lost('c', 11), ...again(20, 404)],
      'undecided',
      'nothing',
      'not-cancelled',
    ],
    [
      'it is asked again when it was accepted, and refused',
      [...cancel(10, 202), ...again(20, 404), cancelled(50)],
      'holds',
      'observation',
      'cancelled',
    ],
    [
      'it is asked again while the first has no answer',
      [cancel(10)[0]!, ...again(20, 202), succeeded(50)],
      'violated',
      'observation',
      'ended-otherwise',
    ],
    [
      'it is asked again when it had ended',
      [...cancel(10, 503), succeeded(50), ...again(60, 202)],
      'undecided',
      'nothing',
      'ended-before',
    ],
    ['it had ended before', [succeeded(5), ...cancel(10, 404)], 'undecided', 'nothing', 'ended-before'],
    ['nobody asked', [state('running', 20)], 'undecided', 'nothing', 'not-asked'],
    [
      'by an action of its own',
      [request('c', 1, `${URL}:cancel`, 'POST'), response('c', 2), succeeded(50)],
      'violated',
      'observation',
      'ended-otherwise',
    ],
  ])('%s', (_name, steps, verdict, decidedBy, code, at) => {
    expect(judged(honourCancel(), steps, at === undefined ? {} : { closing: deadline(at) })).toMatchObject({
      verdict,
      decidedBy,
      reason: { code },
    });
  });

  test('waits as long as it is told', () => {
    const steps = [...cancel(10), cancelled(50), succeeded(90)];
    expect(judged(honourCancel({ quiet: 0 }), steps)).toMatchObject({ verdict: 'holds', at: 50 });
    expect(judged(honourCancel({ quiet: '1s' }), [...cancel(10), cancelled(50), tick(900), succeeded(1000)]).verdict).toBe(
      'violated',
    );
    for (const args of [{ for: 1 }, { quiet: 'soon' }])
      expect(refusal(() => honourCancel(args as never))).toMatchObject({ name: 'HarnessError' });
  });
});
