import { describe, expect, test } from 'vitest';
import { operationLocation } from '../../../src/dialects/operationLocation.ts';
import { answer } from './world.ts';

const FIELD = { 'operation-location': '/operations/1' };

describe('Operation-Location names the monitor', () => {
  test.each<[number, Record<string, string>, string | undefined]>([
    [200, FIELD, '/operations/1'],
    [201, FIELD, '/operations/1'],
    [202, { ...FIELD, location: '/reports/1' }, '/operations/1'],
    [204, FIELD, '/operations/1'],
    [303, FIELD, undefined],
    [400, FIELD, undefined],
    [503, FIELD, undefined],
    [202, { location: '/operations/1' }, undefined],
    [202, { 'operation-location': '' }, undefined],
  ])('in an acceptance with %i and %j: %j', (status, headers, monitor) => {
    expect(operationLocation.accepts(answer({ status, headers }))?.monitor).toBe(monitor);
  });

  test.each([200, 202])('as it moves, on any answer: %i', (status) => {
    expect(operationLocation.moved?.(answer({ status, headers: FIELD }))).toBe('/operations/1');
    expect(operationLocation.moved?.(answer({ status }))).toBeUndefined();
  });
});
