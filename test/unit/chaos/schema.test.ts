import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseScenario, readScenario } from '../../../src/chaos/index.ts';
import { scenarioSchema, SCENARIO_SCHEMA_FILE } from '../../../src/chaos/schema.ts';
import { exampleOf, FAULTS } from '../../../src/faults/index.ts';

const ROOT = join(import.meta.dirname, '../../..');
const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: Readonly<Record<string, string>> };
const published = JSON.parse(readFileSync(join(ROOT, SCENARIO_SCHEMA_FILE), 'utf8')) as object;
const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
const validate = ajv.compile(published);

const GOOD = {
  scenario: 'a scenario',
  steady: [{ get: '/health' }],
  traffic: [{ request: 'POST /reports', retries: 1, claims: [{ reach: { state: 'running' } }] }],
  faults: [{ fault: 'lostResponse', where: 'POST /reports', nth: 0 }],
  for: '5s',
  recovery: 2000,
};

/** Scenarios that are in the repository, to be read by people. */
const files = ['examples'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.scenario.yaml'))
    .map((name) => join(folder, name)),
);

describe('the schema of scenarios', () => {
  test('is the one that is published', () => {
    expect(published).toEqual(scenarioSchema());
    expect(exports['./scenario.schema.json']?.replace(/^\.\/dist\//, 'src/')).toBe(SCENARIO_SCHEMA_FILE);
  });

  test('there are examples', () => {
    expect(files).not.toHaveLength(0);
  });

  test.each(files)('%s fits it, is read, and names it', async (file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    validate(parse(text));
    expect(validate.errors ?? []).toEqual([]);
    expect((await readScenario(text)).issues ?? []).toEqual([]);
    const [first] = text.split('\n', 1);
    expect(first).toMatch(/^# yaml-language-server: \$schema=(\.\.\/)+node_modules\/holdfast\//);
    // Where an install has it.
    expect(first!.replace(/^.*\/holdfast\//, './')).toBe(exports['./scenario.schema.json']);
  });

  test.each([...FAULTS.values()].map((definition) => [definition.name, definition] as const))('knows %s', (name, { samples }) => {
    for (const sample of samples) {
      const document = { ...GOOD, faults: [{ fault: name, ...sample, where: 'GET /a/**', every: 2, from: '1s' }] };
      expect(parseScenario(document).issues ?? []).toEqual([]);
      validate(document);
      expect(validate.errors ?? []).toEqual([]);
    }
    const misspelt = { ...GOOD, faults: [{ fault: name, ...samples[0], wher: 'GET /a' }] };
    expect([validate(misspelt), parseScenario(misspelt).issues?.length]).toEqual([false, 1]);
  });

  test.each([
    ['POST /orders', true],
    ['* /orders', true],
    ['/operations/*', true],
    ['https://pay.example/charge', true],
    ['PUT https://pay.example/**', true],
    ['redis', true],
    ['order.*', true],
    ['**', true],
    [' POST /orders ', true],
    [{ method: 'GET', path: '/a' }, true],
    ['', false],
    ['POST', true],
    ['POST orders', false],
    ['post /orders', false],
    ['two words', false],
    [{}, false],
    [{ verb: 'GET' }, false],
    [{ path: 7 }, false],
    [7, false],
  ])('takes where as reading does: %j', (where, isFine) => {
    const document = { ...GOOD, faults: [{ fault: 'lostResponse', where }] };
    expect([validate(document), parseScenario(document).issues === undefined]).toEqual([isFine, isFine]);
  });

  test.each<readonly [string, unknown]>([
    ['a list', []],
    ['nothing', null],
    ['a member that there is not', { ...GOOD, sead: 1 }],
    ['no name', { ...GOOD, scenario: undefined }],
    ['an empty name', { ...GOOD, scenario: ' ' }],
    ['a seed that is none', { ...GOOD, seed: [] }],
    ['no steady state', { ...GOOD, steady: undefined }],
    ['an empty steady state', { ...GOOD, steady: [] }],
    ['a question without a path', { ...GOOD, steady: [{ get: 'health' }] }],
    ['a status that is none', { ...GOOD, steady: [{ get: '/', status: 99 }] }],
    ['a list of statuses with one that is none', { ...GOOD, steady: [{ get: '/', status: [200, 'fine'] }] }],
    ['a wrong unit', { ...GOOD, steady: [{ get: '/', within: '2 weeks' }] }],
    ['no bound on recovery', { ...GOOD, recovery: undefined }],
    ['a length below zero', { ...GOOD, for: -1 }],
    ['a length of a year and a day', { ...GOOD, for: 366 * 86_400_000 }],
    ['no faults', { ...GOOD, faults: undefined }],
    ['faults that are no list', { ...GOOD, faults: {} }],
    ['a fault without a name', { ...GOOD, faults: [{ where: '/a' }] }],
    ['a fault that there is not', { ...GOOD, faults: [{ fault: 'lostRespons' }] }],
    ['a fault that lacks what it needs', { ...GOOD, faults: [{ fault: 'latency' }] }],
    ['a parameter in a wrong unit', { ...GOOD, faults: [{ fault: 'latency', ms: '5 parsecs' }] }],
    ['a choice that there is not', { ...GOOD, faults: [{ fault: 'lostResponse', as: 'smoke' }] }],
    ['a number that is a text', { ...GOOD, faults: [{ fault: 'lostResponse', nth: 'first' }] }],
    ['an empty list of numbers', { ...GOOD, faults: [{ fault: 'lostResponse', nth: [] }] }],
    ['a probability above 1', { ...GOOD, faults: [{ fault: 'lostResponse', probability: 2 }] }],
    ['a moment that is none', { ...GOOD, faults: [{ fault: 'lostResponse', from: 'soon' }] }],
    ['an empty id', { ...GOOD, faults: [{ fault: 'lostResponse', id: '' }] }],
    ['traffic that is no list', { ...GOOD, traffic: {} }],
    ['traffic without a request', { ...GOOD, traffic: [{}] }],
    ['a request without a method', { ...GOOD, traffic: [{ request: '/reports' }] }],
    ['headers that are no texts', { ...GOOD, traffic: [{ request: 'GET /', headers: { a: 1 } }] }],
    ['none at all', { ...GOOD, traffic: [{ request: 'GET /', times: 0 }] }],
    ['too many', { ...GOOD, traffic: [{ request: 'GET /', times: 10_001 }] }],
    ['half a retry', { ...GOOD, traffic: [{ request: 'GET /', retries: 0.5 }] }],
    ['a claim that there is not', { ...GOOD, traffic: [{ request: 'GET /', claims: [{ reech: {} }] }] }],
    ['two claims in one', { ...GOOD, traffic: [{ request: 'GET /', claims: [{ succeed: {}, fail: {} }] }] }],
    ['a claim as text', { ...GOOD, traffic: [{ request: 'GET /', claims: ['succeed'] }] }],
    ['during as text', { ...GOOD, during: 'yes' }],
  ])('refuses %s, as reading does', (_, given) => {
    const document = JSON.parse(JSON.stringify(given)) as unknown;
    expect(parseScenario(document).issues ?? []).not.toHaveLength(0);
    expect(validate(document)).toBe(false);
  });

  test('takes what reading takes', () => {
    expect(exampleOf([...FAULTS.values()][0]!)).toMatch(/where/);
    expect([validate(GOOD), parseScenario(GOOD).issues]).toEqual([true, undefined]);
  });
});
