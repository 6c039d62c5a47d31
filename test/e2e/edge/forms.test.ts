import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { nested, type Nested } from './nested.ts';

type Wanted = 'green' | readonly RegExp[];

const UNAWAITED = /was not awaited/;
const PENDING = /the wait was ended after [^]*Test timed out/;

/** What must come of each case: green, or these messages in this order, each pointing at a line marked HERE. */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, Wanted>>>> = {
  'behaviour.case.ts': {
    'the probe hangs from the first call': 'green',
    'it is false first, and then hangs': 'green',
    'it comes true after the deadline': 'green',
    'it resolves true after the deadline': 'green',
    'it rejects after the deadline': 'green',
    'an attempt takes 170 ms': 'green',
    'attempts never overlap': 'green',
    'fake timers, true by a fake timer of 200 ms': 'green',
    'fake timers, true by a fake timer of 30 s': 'green',
    'fake timers, true after five fake sleeps': 'green',
    'fake timers, true by real input': 'green',
    'fake timers are switched on in mid-wait': 'green',
    'it rejects with undefined': 'green',
    'it rejects with null': 'green',
    'it rejects with ""': 'green',
    'it rejects with 0': 'green',
    'it rejects with false': 'green',
    'it throws a text': 'green',
    'it comes true within a pace that is longer than the wait': 'green',
    'the event loop is blocked, and the probe answers at once': 'green',
    'the event loop is blocked, and the probe answers later': 'green',
    'its test times out in mid-wait': [/timed out in 150ms/, PENDING],
    'its test times out while an attempt hangs': [/timed out in 100ms/, PENDING],
    'its test times out while something keeps passing': [/timed out in 100ms/, PENDING],
    'a soft one is pending when its test times out': [PENDING, /timed out in 100ms/],
    'and nothing tries any more': 'green',
    'the signal that a block is given aborts when nobody waits': 'green',
  },
  'forms.case.ts': {
    'passes when its assertions do': 'green',
    'gives back what it gave back': 'green',
    'that answers false has not passed': [/answered false, which is taken for "not yet"/],
    'fails at its call, and says what came nearest': [
      /expected the ledger to eventually pass within 60ms, but all \d+ attempts failed, the last one with: expected false to be true[^]*nearest +attempt 2 of \d+, after 1 assertion that held\s+expected 4, received 3[^]*errors +\d+ looks/,
    ],
    'of the runner, with its words': 'green',
    'of your own, sync and async': [/pass toBeEvenLater\(\) within 40ms, but all .* failed with: 3 is odd/],
    'of promises': [/pass rejects\.toThrow\(\) within 40ms, .*expected it to reject, but it resolved to 1/],
    'but none that writes a snapshot': 'green',
    'and none that waits by itself': [/toEventuallySucceed\(\) polls twice/],
    'that is not there': 'green',
    'a block': [UNAWAITED],
    'a matcher': [/eventually\(…\)\.toBe\(\) was not awaited/],
    consistently: [UNAWAITED],
    'that would fail': [/eventually\(…\)\.not\.toBe\(\) was not awaited/],
    soft: [/eventually\.soft\(…\)\.toBe\(\) was not awaited/],
    'two of them': [UNAWAITED, UNAWAITED],
    'innocent neighbour': 'green',
    'raced away': [/still undecided when the test ended/],
    'then, failing': [/expected 1 to be 2/],
    'then on then, failing': [/expected 1 to be 2/],
    'finally, failing': [/expected 1 to be 2/],
    'then, of what passed at once, and what it does fails': [/what follows/],
    'then, undecided': [/still undecided when the test ended/],
    'then, passing': 'green',
    'then, awaited in the end': 'green',
    'kept and awaited later, in Promise.all, returned through then': 'green',
    returned: 'green',
    'in a hook': 'green',
    'fails its test': [UNAWAITED],
    'awaited in afterEach': 'green',
    'of the matcher': [/expected 1 to be 2/],
    'kept and awaited later': [/expected 1 to be 2/],
    'returned from a plain function': [/expected 1 to be 2/],
    'in Promise.all': [/expected 1 to be 2/],
    'inside a helper': [/expected 1 to be 2/],
    'of consistently': [
      /keep passing toBe\(1\) for 200ms, but it failed after .* when 2 attempts had passed: expected 2 to be 1/,
    ],
    'goes on, and fails at the end': [/expected 1 to be 2/, /failed with: no/],
    'holds while it passes': 'green',
    'ends at the first that fails': 'green',
    'does not hold of what hangs': 'green',
    'does not hold by too few attempts': 'green',
    'watches from the call on': 'green',
    'stopTrying ends the wait': 'green',
    'tryAgainAfter puts the next attempt off': 'green',
    'tryAgainAfter does not take the last look away': 'green',
    'of a block that is retried': 'green',
    'of an async block that is retried': 'green',
    'also without any': 'green',
    "by the context's expect": 'green',
    good: 'green',
    bad: [/expected 1 to be 2/],
    'not awaited, concurrently': [UNAWAITED],
    'soft, concurrently': [/expected 1 to be 2/],
    innocent: 'green',
    retried: 'green',
    'expected to fail': 'green',
    'expected to fail, not awaited': 'green',
    'more time than the test has': [/within is 10s, but the test has [\d.]+m?s left of its timeout of 2s[^]*testTimeout/],
    'a default wait ends before the test': [/expected 1 to be 2/],
    'a value': 'green',
    'an option of another library': 'green',
    'an option that nobody knows': 'green',
    'no duration': 'green',
    'options that are none': 'green',
    'within for consistently': 'green',
    'hold for its tests': 'green',
    'are overruled by an inner one': 'green',
    'and by a call': 'green',
    'and in a test': 'green',
    'are checked': 'green',
    'says when it would have passed': [/later +it would have passed \d+(\.\d+)?ms later: it was looked at for up to 1s past/],
    'says so of a matcher as well': [
      /to eventually succeed[^]*later +it would have passed \d+(\.\d+)?ms later: it was looked at for up to 1s past/,
    ],
    'says so of a matcher that is negated': [
      /not to eventually succeed[^]*later +it would have passed \d+(\.\d+)?ms later: it was looked at for up to 1s past/,
    ],
    'says that a matcher would not have passed': [/later +it would not have passed 30ms later either/],
    'looks no longer than until it ended otherwise': [/later +it would not have passed (?!1s)\d+(\.\d+)?ms later either/],
    'says nothing of what has a limit of its own': [/^(?![^]*later +it would)/],
    'says nothing of what ended otherwise in time': [/^(?![^]*later +it would)/],
    'leaves the recording as it was judged': 'green',
    'says that it would not': [/later +it would not have passed 30ms later either/],
    'a pass is remarked on': 'green',
    'an easy pass is not': 'green',
    'unawaited, last of the file': [UNAWAITED],
  },
  'slow.case.ts': {
    'a multiplier is in force, and said': [/within is 150ms: 50ms × 3 \(HOLDFAST_SLOW=3\)/],
    'a default of the config is multiplied too': [/within 120ms[^]*within is 120ms: 40ms × 3/],
    'what passes late passes': 'green',
    'what the test has left cuts it': [/500ms × 3 \(HOLDFAST_SLOW=3\), cut to what the test has left/],
  },
};

let ran: Nested;

beforeAll(async () => {
  ran = await nested('forms', 'slow');
});

for (const [file, cases] of Object.entries(EXPECTED)) {
  describe(file, () => {
    test('ran exactly the cases that are told here', () => {
      expect([...(ran.cases.get(file)?.keys() ?? [])].sort()).toEqual(Object.keys(cases).sort());
    });
    for (const [title, wanted] of Object.entries(cases)) {
      test(title, () => {
        const found = ran.cases.get(file)?.get(title);
        const patterns = wanted === 'green' ? [] : wanted;
        const messages = found?.failureMessages ?? [];
        expect({
          status: found?.status,
          failed: wanted === 'green' ? 0 : messages.length,
          text: messages.length > patterns.length && wanted !== 'green' ? messages : [],
        }).toEqual({
          status: wanted === 'green' ? 'passed' : 'failed',
          failed: patterns.length,
          text: [],
        });
        for (const [index, pattern] of patterns.entries()) {
          const text = messages[index] ?? '';
          expect(text).toMatch(pattern);
          // Our own failures point at a line that the case marks; that its time is up is the runner's to say.
          expect(/timed out in \d+ms/.test(text.split('\n', 1)[0]!) || ran.pointsAtMark(text, file)).toBe(true);
        }
      });
    }
  });
}

test('no rejection went unhandled, and no test was blamed for another', () => {
  expect(ran.log).toMatch(/Test Files/);
  expect(ran.log).not.toMatch(/Unhandled/);
});

test('no timer, socket or listener was left open, also where a time-out came in mid-wait', () => {
  expect(Object.fromEntries(ran.messages)).toEqual({ 'behaviour.case.ts': '', 'forms.case.ts': '', 'slow.case.ts': '' });
});

test('in CI nobody looks past the deadline', () => {
  const text = [...(ran.cases.get('slow.case.ts')?.values() ?? [])].flatMap(({ failureMessages }) => failureMessages).join('\n');
  expect(text).toMatch(/HOLDFAST_SLOW/);
  expect(text).not.toMatch(/later +it would/);
});

test('a pass with hardly any time left is remarked on, and an easy one is not', () => {
  const said = (title: string): readonly string[] => ran.annotations.get(title) ?? [];
  expect(said('a pass is remarked on')).toEqual([
    expect.stringMatching(/^warning: eventually\(…\)\.toBe\(\) passed at \d+ % of its budget \(\d+(\.\d+)?ms of 300ms\)/),
  ]);
  expect(said('an easy pass is not')).toEqual([]);
});

test('a test that failed has its timeline as a picture', () => {
  expect(ran.annotations.get('of the matcher')).toEqual([
    'holdfast:timeline: the timeline of eventually(…).toBe() <image/svg+xml>',
  ]);
  expect(ran.pictures.length).toBeGreaterThan(20);
  for (const picture of ran.pictures) expect(picture).toMatch(/^<svg xmlns[^]*<\/svg>\n$/);
});

describe('docs/guide/forms.md', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/guide/forms.md'), 'utf8');
  const table = guide.slice(guide.indexOf('## What goes wrong while one waits'));
  const rows = [...table.matchAll(/^\| (?!What happens|-)([^|]+?) +\|/gm)].map((row) => row[1]!);

  test('tells every behaviour, and none that is not tested', () => {
    const told = new Set(rows.flatMap((row) => row.split(' / ')));
    const tested = [
      ...Object.keys(EXPECTED['behaviour.case.ts']!),
      'a matcher',
      'innocent neighbour',
      'unawaited, last of the file',
    ];
    const untold = ['and nothing tries any more', 'the signal that a block is given aborts when nobody waits'];
    expect(tested.filter((title) => !told.has(title) && !untold.includes(title))).toEqual([]);
    expect([...told].filter((title) => !tested.includes(title))).toEqual([]);
  });
});
