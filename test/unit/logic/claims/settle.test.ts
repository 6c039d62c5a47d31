import { expect, test } from 'vitest';
import { settle } from '../../../../src/logic/index.ts';
import { deadline, judged, state } from '../seen.ts';
import { waitsForAnEnding } from './endings.ts';

waitsForAnEnding(settle(), ['success', 'failure', 'cancelled']);

test('tells what it waited for', () => {
  expect(judged(settle(), [state('running')], { closing: deadline(5) }).reason).toMatchObject({ wanted: 'an ending' });
});
