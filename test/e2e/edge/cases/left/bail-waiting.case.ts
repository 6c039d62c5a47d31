import { test } from 'vitest';
import { waitOnEverything } from './waiting.ts';

test('is cut off by the failure of another file', waitOnEverything, 30_000);
