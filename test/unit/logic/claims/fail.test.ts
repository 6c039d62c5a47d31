import { expect, test } from 'vitest';
import { fail } from '../../../../src/logic/index.ts';
import { failed, judged, state } from '../seen.ts';
import { waitsForAnEnding } from './endings.ts';

waitsForAnEnding(fail(), ['failure']);

test('a cancellation is no failure', () => {
  expect(judged(fail(), [state('stopped', 1, { ending: 'cancelled' })]).reason).toEqual({
    code: 'ended-otherwise',
    state: 'stopped',
    ending: 'cancelled',
    wanted: 'failure',
  });
  expect(judged(fail(), [failed(1)]).reason).toEqual({ code: 'ended', state: 'failed', ending: 'failure' });
});
