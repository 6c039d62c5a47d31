import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plain } from '../../../src/trace/index.ts';
import { law } from '../../setup/law.ts';

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  maxDepth: 3,
});
const json = fc.jsonValue({ noUnicodeString: false });

test('law: any value has a copy that reads back from JSON as it is', () => {
  law(
    anything,
    (value) => {
      const copy = plain(value);
      const text = JSON.stringify(copy) as string | undefined;
      expect(text === undefined).toBe(value === undefined);
      expect(text === undefined ? undefined : JSON.parse(text)).toStrictEqual(copy);
    },
    1000,
  );
});

test('law: a copy is its own copy', () => {
  law(anything, (value) => {
    const copy = plain(value);
    expect(plain(copy)).toStrictEqual(copy);
  });
});

test('law: what is plain already is copied as it is, member by member in order', () => {
  law(json, (value) => {
    const copy = plain(value);
    expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
    expect(typeof value === 'object' && value !== null && copy === value).toBe(false);
  });
});
