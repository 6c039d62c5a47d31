import { escapeText, oneLine } from './text.ts';
import type { Case, Suite } from './suite.ts';

/** How much of what is told of one case is kept, in characters. */
const MAX_TEXT = 100_000;
/** How long a property may be: a line that replays a run must stay whole. */
const MAX_PROPERTY = 10_000;

/**
 * A suite as JUnit XML, as continuous integration reads it: `testsuites` with one `testsuite`, `failure` for what is violated and
 * `error` for what could not be asked. What comes from outside is escaped, also what XML 1.0 does not allow at all.
 *
 * @example
 * ```ts
 * import { junit } from 'holdfast/report';
 * const xml = junit({ kind: 'chaos', name: 'a & b', cases: [{ name: 'one', rule: 'claim', outcome: 'kept' }], properties: {} });
 * xml.includes('<testsuite name="a &amp; b" tests="1" failures="0" errors="0" skipped="0" time="0">'); // => true
 * ```
 */
export function junit(suite: Suite): string {
  const { name, kind, cases, properties } = suite;
  const count = (outcome: Case['outcome']): number => cases.filter((one) => one.outcome === outcome).length;
  const time = seconds(cases.reduce((sum, { took = 0 }) => sum + took, 0));
  const totals = `tests="${cases.length}" failures="${count('violated')}" errors="${count('error')}"`;
  const told = Object.entries(properties).map(
    ([property, value]) => `      <property name="${attribute(property)}" value="${attribute(value, MAX_PROPERTY)}"/>`,
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="holdfast ${attribute(kind)}" ${totals} time="${time}">`,
    `  <testsuite name="${attribute(name)}" ${totals} skipped="${count('skipped')}" time="${time}">`,
    ...(told.length === 0 ? [] : ['    <properties>', ...told, '    </properties>']),
    ...cases.flatMap((one) => caseLines(one, `holdfast.${kind}.${name}`)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function caseLines({ name, rule, took = 0, outcome, message = '', text = '' }: Case, classname: string): readonly string[] {
  const head = `    <testcase name="${attribute(name)}" classname="${attribute(classname)}" time="${seconds(took)}"`;
  if (outcome === 'kept') return [`${head}/>`];
  if (outcome === 'skipped') return [`${head}>`, `      <skipped message="${attribute(message)}"/>`, '    </testcase>'];
  const element = outcome === 'error' ? 'error' : 'failure';
  return [
    `${head}>`,
    `      <${element} message="${attribute(message)}" type="${attribute(rule)}">${content(text)}</${element}>`,
    '    </testcase>',
  ];
}

function seconds(ms: number): string {
  return String(Math.round(ms) / 1000);
}

/** In one line: an attribute's line ends would be read as spaces. */
function attribute(text: string, limit?: number): string {
  return escaped(oneLine(text, limit));
}

function content(text: string): string {
  return escaped(escapeText(text.slice(0, MAX_TEXT)));
}

/** XML 1.0 §2.2 and §2.4. `escapeText` has made text of controls and of halves of characters; two more are not allowed. */
function escaped(text: string): string {
  return text
    .replace(/[\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
