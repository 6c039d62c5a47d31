import { describe, expect, test } from 'vitest';
import { location } from '../../../src/dialects/location.ts';
import { answer, type Told } from './world.ts';

const at = (status: number, headers: Record<string, string> = { location: '/operations/1' }): Told => ({ status, headers });

describe('Location names the monitor', () => {
  test.each<[Told, string | undefined]>([
    [at(202), '/operations/1'],
    // Whether this is the resource or a job is for the caller to say (RFC 9110 §15.3.2).
    [at(201), '/operations/1'],
    [at(200), undefined],
    [at(303), undefined],
    [at(307), undefined],
    [at(404), undefined],
    [at(202, {}), undefined],
    [at(202, { location: '' }), undefined],
    [at(202, { 'content-location': '/operations/1' }), undefined],
  ])('in an acceptance: %j', (told, monitor) => {
    expect(location.accepts(answer(told))?.monitor).toBe(monitor);
  });

  test.each<[Told, string | undefined]>([
    [at(202), '/operations/1'],
    [at(202, {}), undefined],
    [at(202, { location: '' }), undefined],
    // Where the result is, or the same resource elsewhere: no move of the monitor.
    [at(200), undefined],
    [at(201), undefined],
    [at(303), undefined],
  ])('as it moves: %j', (told, monitor) => {
    expect(location.moved?.(answer(told))).toBe(monitor);
  });
});
