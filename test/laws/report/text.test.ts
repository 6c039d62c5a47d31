import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeText, renderText, timeline } from '../../../src/report/index.ts';
import { columns, fewLines, hanging, labelled, oneLine, wrap } from '../../../src/report/text.ts';
import { law, lawAsync } from '../../setup/law.ts';
import { hostile, recorded, recordings } from './stories.ts';
import { UNSAFE } from './unsafe.ts';

const text = fc.oneof(hostile, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
const RUNS = 1000;

describe('text from outside', () => {
  test('is escaped whole: nothing unsafe is left, nothing else is touched, and once is enough', () => {
    law(
      text,
      (from) => {
        const escaped = escapeText(from);
        expect(escaped).not.toMatch(UNSAFE);
        expect(escapeText(escaped)).toBe(escaped);
        expect(escaped.replace(/\\(x[\da-f]{2}|u[\da-f]{4})/g, '').length).toBeLessThanOrEqual(from.length);
        expect(UNSAFE.test(from) ? '' : escaped).toBe(UNSAFE.test(from) ? '' : from);
      },
      RUNS,
    );
  });

  test('is one line, no longer than its limit', () => {
    law(
      fc.tuple(text, fc.integer({ min: 1, max: 80 })),
      ([from, limit]) => {
        const line = oneLine(from, limit);
        expect(line).not.toMatch(UNSAFE);
        expect(line).not.toMatch(/[\n\t]/);
        expect(line.length).toBeLessThanOrEqual(limit);
      },
      RUNS,
    );
  });

  test('is a few lines, and the last tells how many there were more', () => {
    law(
      fc.tuple(fc.array(text, { maxLength: 12 }), fc.integer({ min: 2, max: 8 })),
      ([parts, max]) => {
        const from = parts.join('\n');
        const lines = fewLines(from, max);
        expect(lines.length).toBeGreaterThan(0);
        expect(lines.length).toBeLessThanOrEqual(max);
        for (const line of lines) expect(line).not.toMatch(UNSAFE);
        const left = Number(/^… and (\d+) more lines$/.exec(lines.at(-1)!)?.[1] ?? 0);
        const all = escapeText(from)
          .replace(/\t/g, '  ')
          .replace(/^(?: *\n)+/, '')
          .trimEnd()
          .split('\n').length;
        expect(all > max ? lines.length - 1 + left : lines.length).toBe(all);
      },
      RUNS,
    );
  });
});

describe('layout', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/'), minLength: 1, maxLength: 9 });
  const cell = fc.array(word, { maxLength: 4 }).map((words) => words.join(' '));

  test('a wrapped line says the same, within the width but for a word that is longer', () => {
    law(
      fc.tuple(fc.array(word, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 40 })),
      ([words, width]) => {
        const lines = wrap(words.join(' '), width);
        expect(lines.join(' ')).toBe(words.join(' '));
        for (const line of lines) expect(line.length <= width || !line.includes(' ')).toBe(true);
        // As few lines as there can be.
        lines.slice(1).forEach((line, i) => expect(lines[i]!.length + 1 + line.split(' ', 1)[0]!.length).toBeGreaterThan(width));
      },
      RUNS,
    );
  });

  test('columns stand under each other', () => {
    law(fc.array(fc.array(word, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 6 }), (rows) => {
      const lines = columns(rows);
      const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
      expect(lines).toEqual(rows.map(([a, b, c]) => `${a!.padEnd(widths[0]!)}  ${b!.padEnd(widths[1]!)}  ${c!}`));
    });
  });

  test('what hangs keeps to its place', () => {
    law(fc.tuple(fc.array(fc.tuple(word, cell), { maxLength: 5 }), fc.integer({ min: 30, max: 60 })), ([rows, width]) => {
      const indent = Math.max(0, ...rows.map(([head]) => head.length)) + 2;
      const lines = hanging(rows, width);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(width, indent + 20));
      const heads = lines.map((line) => line.slice(0, indent).trim()).filter((head) => head !== '');
      expect(heads).toEqual(rows.map(([head]) => head));
      expect(
        lines
          .map((line) => line.slice(indent))
          .join(' ')
          .replace(/ +/g, ' ')
          .trim(),
      ).toBe(
        rows
          .map(([, last]) => last)
          .join(' ')
          .replace(/ +/g, ' ')
          .trim(),
      );
    });
  });

  test('a label stands beside the first of its lines alone', () => {
    law(fc.array(fc.tuple(word, fc.array(word, { minLength: 1, maxLength: 3 })), { minLength: 1, maxLength: 4 }), (blocks) => {
      const width = Math.max(...blocks.map(([label]) => label.length));
      expect(labelled(blocks)).toEqual(
        blocks.flatMap(([label, lines]) => lines.map((line, i) => `${(i === 0 ? label : '').padEnd(width)}  ${line}`)),
      );
    });
  });
});

describe('a timeline drawn as text', () => {
  test('has nothing unsafe in it, with colour or without, and colour changes nothing else', async () => {
    await lawAsync(
      recordings,
      async (steps) => {
        const picture = timeline(await recorded(steps));
        const plain = renderText(picture);
        expect(plain).not.toMatch(UNSAFE);
        expect(plain).not.toContain('\t');
        expect(plain === '' || plain.endsWith('\n')).toBe(true);
        // oxlint-disable-next-line no-control-regex
        expect(renderText(picture, { colour: true }).replace(/\u001b\[(?:2|22|3[0-9])m/g, '')).toBe(plain);
      },
      300,
    );
  });
});
