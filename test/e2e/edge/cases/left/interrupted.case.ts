import { test } from 'vitest';
import { waitOnEverything } from './waiting.ts';

test('is cut off by the keyboard', waitOnEverything, 30_000);
test('does not begin any more', waitOnEverything, 30_000);
