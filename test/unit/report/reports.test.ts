import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { junit, sarif, type Case, type Suite } from '../../../src/report/index.ts';

/** An element, read by the rules of XML 1.0 alone: what breaks one of them is an error. */
interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** A reader that knows no mercy: characters (§2.2), tags that match, attributes once, no bare `<` and `&`. */
function readXml(xml: string): Element {
  for (const character of xml)
    if (!/^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]$/u.test(character))
      throw new Error(`not allowed: U+${character.codePointAt(0)!.toString(16)}`);
  const whole: Element = { name: '', attributes: {}, children: [], text: '' };
  const open: Element[] = [whole];
  let rest = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  if (rest === xml) throw new Error('no declaration');
  while (rest !== '') {
    const top = open.at(-1)!;
    const [tag, end, name, attributes, empty] =
      /^<(\/)?([a-zA-Z][\w-]*)((?:\s+[a-zA-Z][\w-]*="[^"<]*")*)\s*(\/)?>/.exec(rest) ?? [];
    if (tag !== undefined) {
      rest = rest.slice(tag.length);
      if (end !== undefined) {
        if (open.pop()!.name !== name) throw new Error(`</${name}> ends <${top.name}>`);
        continue;
      }
      const pairs = [...attributes!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, decoded(value!)] as const);
      if (new Set(pairs.map(([key]) => key)).size < pairs.length) throw new Error(`an attribute of <${name}> comes twice`);
      const element: Element = { name: name!, attributes: Object.fromEntries(pairs), children: [], text: '' };
      top.children.push(element);
      if (empty === undefined) open.push(element);
      continue;
    }
    const [text] = /^[^<]+/.exec(rest) ?? [];
    if (text === undefined) throw new Error(`no tag: ${rest.slice(0, 40)}`);
    top.text += decoded(text);
    rest = rest.slice(text.length);
  }
  if (open.length > 1) throw new Error(`<${open.at(-1)!.name}> is never ended`);
  if (whole.children.length !== 1 || whole.text.trim() !== '') throw new Error('not one element');
  return whole.children[0]!;
}

function decoded(text: string): string {
  if (/&(?!(?:amp|lt|gt|quot);)/.test(text)) throw new Error(`a bare & in ${text}`);
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

const HOSTILE = '<script>"\'&amp;]]>\u001b[31m\u0000\ufffe\u202e\ud800 end';

const SUITE: Suite = {
  kind: 'chaos',
  name: `a & b ${HOSTILE}`,
  file: 'a folder/lost answers.scenario.yaml',
  cases: [
    { name: 'kept', rule: 'claim', outcome: 'kept', took: 1234.4 },
    { name: `broken ${HOSTILE}`, rule: 'claim', outcome: 'violated', message: HOSTILE, text: `one\n${HOSTILE}` },
    { name: 'not asked', rule: 'recovery', outcome: 'skipped', message: 'stopped' },
    { name: 'not steady', rule: 'before', outcome: 'error', message: 'answered 503', text: 'answered 503' },
  ],
  properties: { seed: '42', replay: `holdfast chaos 'a' --only "${HOSTILE}"` },
};
const RULES = { before: 'Steady before.', claim: 'Claims hold.', recovery: 'Steady again.' };

describe('JUnit', () => {
  test('is well-formed, adds up, and holds nothing that acts', () => {
    const xml = junit(SUITE);
    const { name, attributes, children } = readXml(xml);
    expect([name, attributes]).toEqual([
      'testsuites',
      { name: 'holdfast chaos', tests: '4', failures: '1', errors: '1', time: '1.234' },
    ]);
    const [suite] = children;
    expect(suite?.attributes).toMatchObject({ tests: '4', failures: '1', errors: '1', skipped: '1', time: '1.234' });
    const [properties, ...cases] = suite!.children;
    expect(properties?.children.map((one) => one.attributes['name'])).toEqual(['seed', 'replay']);
    expect(cases.map((one) => [one.attributes['name']!.slice(0, 6), one.children.map((inner) => inner.name)])).toEqual([
      ['kept', []],
      ['broken', ['failure']],
      ['not as', ['skipped']],
      ['not st', ['error']],
    ]);
    expect(cases[1]!.children[0]!.text).toContain('<script>"\'&amp;]]>\\x1b[31m\\x00\\ufffe\\u202e\\ud800 end');
    expect(xml).not.toContain('<script>');
  });

  test('whatever is told', () => {
    const text = fc.string({ unit: 'binary' });
    const one = fc.record<Case>({
      name: text,
      rule: text,
      outcome: fc.constantFrom('kept', 'violated', 'error', 'skipped'),
      message: text,
      text,
    });
    fc.assert(
      fc.property(
        fc.record({ kind: text, name: text, cases: fc.array(one, { maxLength: 4 }), properties: fc.dictionary(text, text) }),
        (suite) => {
          const read = readXml(junit(suite));
          expect(read.children[0]!.children.filter(({ name }) => name === 'testcase')).toHaveLength(suite.cases.length);
        },
      ),
    );
  });

  test('the reader of this test finds what is not well-formed', () => {
    const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
    const isRefused = (bad: string): boolean => {
      try {
        readXml(head + bad);
        return false;
      } catch {
        return true;
      }
    };
    const all = ['<a>', '<a></b>', '<a b="<"/>', '<a>&</a>', '<a b="1" b="2"/>', '<a/>\u0001', '<a/><b/>', '<a>\ud800</a>', ''];
    expect(all.filter((bad) => !isRefused(bad))).toEqual([]);
    expect(readXml(`${head}<a b="&lt;"><c/>&amp;</a>`)).toMatchObject({ attributes: { b: '<' }, text: '&' });
  });
});

/** What of SARIF 2.1.0 our logs use, by the sections of the standard. */
const text = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string', minLength: 1 } },
  additionalProperties: false,
};
const strings = { type: 'object', additionalProperties: { type: 'string' } };
const SARIF = {
  type: 'object',
  additionalProperties: false,
  required: ['version', 'runs'],
  properties: {
    $schema: { type: 'string', pattern: '^https://.*sarif-2\\.1\\.0\\.json$' },
    version: { const: '2.1.0' },
    runs: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['tool', 'results'],
        properties: {
          // §3.18.2, §3.19.2, §3.49.3
          tool: {
            type: 'object',
            additionalProperties: false,
            required: ['driver'],
            properties: {
              driver: {
                type: 'object',
                additionalProperties: false,
                required: ['name'],
                properties: {
                  name: { type: 'string' },
                  rules: {
                    type: 'array',
                    uniqueItems: true,
                    items: {
                      type: 'object',
                      required: ['id'],
                      additionalProperties: false,
                      properties: { id: { type: 'string' }, shortDescription: text },
                    },
                  },
                },
              },
            },
          },
          // §3.20.14, §3.58
          invocations: {
            type: 'array',
            items: {
              type: 'object',
              required: ['executionSuccessful'],
              additionalProperties: false,
              properties: {
                executionSuccessful: { type: 'boolean' },
                toolExecutionNotifications: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['message'],
                    additionalProperties: false,
                    properties: { level: { enum: ['none', 'note', 'warning', 'error'] }, message: text },
                  },
                },
              },
            },
          },
          // §3.27
          results: {
            type: 'array',
            items: {
              type: 'object',
              required: ['message', 'ruleId'],
              additionalProperties: false,
              properties: {
                ruleId: { type: 'string' },
                ruleIndex: { type: 'integer', minimum: 0 },
                level: { enum: ['none', 'note', 'warning', 'error'] },
                message: text,
                partialFingerprints: strings,
                locations: {
                  type: 'array',
                  items: {
                    type: 'object',
                    additionalProperties: false,
                    properties: {
                      physicalLocation: {
                        type: 'object',
                        additionalProperties: false,
                        properties: {
                          // A relative reference, without a leading slash (§3.4.3).
                          artifactLocation: {
                            type: 'object',
                            properties: { uri: { type: 'string', pattern: '^[\\w.~%-]+(/[\\w.~%-]+)*$' } },
                          },
                          region: { type: 'object', properties: { startLine: { type: 'integer', minimum: 1 } } },
                        },
                      },
                      logicalLocations: {
                        type: 'array',
                        items: { type: 'object', properties: { fullyQualifiedName: { type: 'string' } } },
                      },
                    },
                  },
                },
              },
            },
          },
          properties: strings,
        },
      },
    },
  },
};

describe('SARIF', () => {
  const validate = new Ajv({ strict: false }).compile(SARIF);

  test('is a log of version 2.1.0, with a result for what is violated alone', () => {
    const log = sarif(SUITE, RULES);
    validate(JSON.parse(JSON.stringify(log)));
    expect(validate.errors).toBeNull();
    const [run] = log.runs;
    expect(run.results).toHaveLength(1);
    const [result] = run.results;
    expect(run.tool.driver.rules[result!.ruleIndex]?.id).toBe(result!.ruleId);
    expect(result!.locations[0]?.physicalLocation?.artifactLocation.uri).toBe('a%20folder/lost%20answers.scenario.yaml');
    expect(run.invocations[0]).toMatchObject({
      executionSuccessful: false,
      toolExecutionNotifications: [{ message: { text: 'not steady: answered 503' } }],
    });
    // What comes from outside turns and hides nothing.
    expect(JSON.stringify(log)).not.toMatch(/\u202e|\\u001b|\\u0000/);
  });

  test('the same failure is the same result, whatever it says of moments', () => {
    const [one, other] = [1, 2].map((n) =>
      sarif({ ...SUITE, cases: [{ name: 'x', rule: 'claim', outcome: 'violated', message: `after ${n} s` }] }, RULES),
    );
    expect(one!.runs[0].results[0]!.partialFingerprints).toEqual(other!.runs[0].results[0]!.partialFingerprints);
  });

  test('the check of this test finds what is none', () => {
    const log = sarif(SUITE, RULES);
    const [run] = log.runs;
    expect(validate({ ...log, version: '2.0.0' })).toBe(false);
    expect(validate({ ...log, runs: [{ ...run, results: [{ ...run.results[0], level: 'fatal' }] }] })).toBe(false);
    expect(validate({ ...log, runs: [{ ...run, results: [{ ...run.results[0], message: 'text' }] }] })).toBe(false);
  });
});
