import { expect, test } from 'vitest';
import { succeed } from '../../../../src/logic/index.ts';
import { failed, judged } from '../seen.ts';
import { waitsForAnEnding } from './endings.ts';

waitsForAnEnding(succeed(), ['success']);

test('tells the error with which it failed instead', () => {
  expect(judged(succeed(), [failed(3, { code: 'E7' })]).reason).toEqual({
    code: 'ended-otherwise',
    state: 'failed',
    ending: 'failure',
    wanted: 'success',
    error: { code: 'E7' },
  });
  expect(judged(succeed(), [failed(3)]).reason).not.toHaveProperty('error');
});
