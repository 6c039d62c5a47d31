import { describe, expect, test } from 'vitest';
import { readScenario } from '../../../src/chaos/index.ts';

const told = async (text: string): Promise<readonly string[]> =>
  ((await readScenario(text)).issues ?? []).map(({ line, path, message }) => `${line} ${path}: ${message}`);

describe('a scenario that is written wrong', () => {
  test('lists all that is wrong at once, by its lines', async () => {
    const text = `scenario: ''
sead: 4
steady:
  - get: health
  - get: /ok
    within: 2 weeks
    status: [200, 'fine']
traffic:
  - request: reports
    time: 3
  - request: POST /reports
    times: 0
    claims:
      - reach: { state: [] }
      - reech: { state: running }
      - succeed: {}
        fail: {}
faults:
  - fault: lostResponse
    where: POST /reports
    nth: first
  - fault: latensy
    ms: 5
for: ever
`;
    expect(await told(text)).toMatchInlineSnapshot(`
      [
        "1 scenario: expected what it is called, a text, received """,
        "1 recovery: expected how soon it must be steady again: milliseconds, or a number with its unit ('10s'), received nothing",
        "2 sead: a scenario has no 'sead'; did you mean 'seed'?",
        "4 steady[0].get: expected a path ('/health'), received "health"",
        "6 steady[1].within: expected how soon it is answered: milliseconds, or a number with its unit ('10s'), received "2 weeks"",
        "7 steady[1].status: expected an HTTP status, or a list of them, received [200,"fine"]",
        "9 traffic[0].request: expected a method and a path ('POST /reports'), received "reports"",
        "10 traffic[0].time: traffic has no 'time'; did you mean 'times'?",
        "12 traffic[1].times: expected a whole number from 1 to 10000, received 0",
        "14 traffic[1].claims[0].reach: reach: expected the name of a state, received []; write it as text, as in reach('running')",
        "15 traffic[1].claims[1].reech: there is no claim 'reech'; did you mean 'reach'?; the catalogue has acceptWithin, deliver, deliverExactlyOnce, deliverInOrder, deliverWithIntermediateResults, doneExactlyOnce, equal, exactlyOnce, expire, fail, follow, formula, haveSpan, holdUntil, honourCancel, honourRetryAfter, keepsPassing, leadTo, match, neverDeliver, neverReach, noErrorSpans, passThrough, passes, politeness, progressMonotonically, reach, respondWithin, sameStory, satisfy, settle, settleWithin, spansInOrder, stay, stayWithinPollBudget, stopPollingAfterTheEnd, succeed, throttle, timeOutWithin",
        "16 traffic[1].claims[2]: expected one claim with its arguments ({ reach: { state: 'running' } }), received {"succeed":{},"fail":{}}",
        "21 faults[0].nth: expected a whole number from 0, or a list of them, received "first"",
        "22 faults[1].fault: there is no fault 'latensy'; did you mean 'latency'?",
        "24 for: expected how long faults are in force: milliseconds, or a number with its unit ('10s'), received "ever"",
      ]
    `);
  });

  test('as YAML', async () => {
    expect(await told('scenario: a\nsteady: [1\nfor: 3s\nfor: 4s\n')).toMatchInlineSnapshot(`
      [
        "3 : Flow sequence in block collection must be sufficiently indented and end with a ]",
        "4 : Map keys must be unique",
      ]
    `);
  });

  test.each([['[]'], ['7'], [''], ['scenario: a']])('%s is none', async (text) => {
    expect((await readScenario(text)).issues).not.toHaveLength(0);
  });

  test('a document without end is not read', async () => {
    expect(await told(`scenario: ${'x'.repeat(1_000_001)}`)).toEqual([
      expect.stringContaining('expected at most 1000000 characters'),
    ]);
  });

  test('nor are aliases that make one', async () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'[i]}`).join()}]`),
    ];
    expect(await told(bomb.join('\n'))).toEqual([expect.stringMatching(/alias/i)]);
  });
});
