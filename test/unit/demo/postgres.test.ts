import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoApp, openStore, sqliteStore } from '../../../src/demo/index.ts';
import { numbered, postgresTables, withoutPassword } from '../../../src/demo/postgres.ts';
import { TABLES } from '../../../src/demo/tables.ts';

describe('a statement', () => {
  test.each([
    ['SELECT 1', 'SELECT 1'],
    ['a = ? AND b IN (?, ?)', 'a = $1 AND b IN ($2, $3)'],
    ["a = '?' AND b = ? AND c = 'it''s ?' AND d = ?", "a = '?' AND b = $1 AND c = 'it''s ?' AND d = $2"],
    ['SELECT "?" -- ?\n WHERE a = ?', 'SELECT "?" -- ?\n WHERE a = $1'],
  ])('%s', (sql, told) => expect(numbered(sql)).toBe(told));
});

describe('tables in the words of PostgreSQL', () => {
  test('have its types, and refer to each other when all are there', () => {
    const given = [
      "\n  CREATE TABLE a (\n    n INTEGER PRIMARY KEY,\n    b REAL REFERENCES b (n),\n    c TEXT CHECK (c IN ('REAL'))\n  ) STRICT;\n",
    ];
    expect(postgresTables(given)).toBe(
      "\n  CREATE TABLE a (\n    n BIGINT PRIMARY KEY,\n    b DOUBLE PRECISION,\n    c TEXT CHECK (c IN ('REAL'))\n  );\n\nALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (n);",
    );
  });

  test('are all that the demo has', () => {
    const told = postgresTables(TABLES);
    const count = (text: string, words: RegExp): number => [...text.matchAll(words)].length;
    const given = TABLES.join('\n');
    expect(told).not.toMatch(/STRICT|\bREAL\b|\bINTEGER\b/);
    expect(count(told, /CREATE TABLE/g)).toBe(count(given, /CREATE TABLE/g));
    expect(count(told, /ADD FOREIGN KEY/g)).toBe(count(given, /REFERENCES/g));
    expect(count(told, /REFERENCES/g)).toBe(count(given, /REFERENCES/g));
  });
});

describe('the URL of a server', () => {
  test.each([
    ['postgres://ann:s3cret@db.test:5432/demo?sslmode=require', 'postgres://ann@db.test:5432/demo'],
    ['postgresql://ann:s3cret%40%2F@[::1]/demo', 'postgres://ann@[::1]/demo'],
    ['postgres://db.test/demo?user=ann&password=s3cret', 'postgres://db.test/demo'],
    ['postgres://db.test', 'postgres://db.test'],
  ])('%s is shown without its password', (url, shown) => expect(withoutPassword(url)).toBe(shown));

  test.each([
    'postgres://ann:s3/cret@db.test/demo',
    'postgres://ann:s3?cret@db.test/demo',
    'postgres://ann:5#s3cret@db.test/demo',
    'postgres://ann:s3#cret@db.test/demo',
    'postgres:s3cret',
    'postgres://ann:s3cret@db.test/demo/more',
  ])('%s is refused, and nothing of it is told', async (url) => {
    const refused: unknown = await openStore(url).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'store-unavailable', message: expect.stringContaining('%40') });
    expect(inspect(refused, { depth: 10, showHidden: true })).not.toMatch(/cret|ann:/);
  });

  test('is no file', () => {
    const url = 'postgres://ann:s3cret@db.test/demo';
    expect(() => sqliteStore(url)).toThrow(/hand in await openStore\(url\)/);
    expect(() => demoApp({ store: url })).toThrow(/^((?!s3cret)[^])*$/);
  });
});

describe('a server that is none', () => {
  let url = '';
  const server = createServer(
    (socket) =>
      void socket
        .resume()
        .on('error', () => undefined)
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  );
  beforeAll(async () => {
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    url = `postgres://ann:s3cret@127.0.0.1:${(server.address() as { port: number }).port}/demo`;
  });
  afterAll(() => new Promise((resolve) => void server.close(resolve)));

  const refusalOf = (where: string): Promise<unknown> => openStore(where).catch((error: unknown) => error);

  test('is told with what may mend it', async () => {
    const refused = await refusalOf(url);
    expect(refused).toMatchObject({ code: 'store-unavailable', hint: 'see that this is the address of a PostgreSQL server' });
    expect(inspect(refused, { depth: 10, showHidden: true })).not.toContain('s3cret');
  });

  test('nor is one that does not listen', async () => {
    const refused = await refusalOf('postgres://ann:s3cret@127.0.0.1:1/demo');
    expect(refused).toMatchObject({
      code: 'store-unavailable',
      message: expect.stringContaining('cannot keep jobs in "postgres://ann@127.0.0.1:1/demo": nothing listens there'),
    });
    expect(inspect(refused, { depth: 10, showHidden: true })).not.toContain('s3cret');
  });
});
