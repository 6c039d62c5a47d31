/** How long a head may be, in bytes, and how many fields it or a trailer may have. */
export const MAX_HEAD_BYTES = 65_536;
export const MAX_FIELDS = 1_000;
/** How long the line before a chunk may be, in bytes, with its extensions. */
export const MAX_CHUNK_LINE_BYTES = 4_096;
/** How many empty lines may come before a request (RFC 9112 §2.2). */
const MAX_EMPTY_LINES = 4;

/** A message that is not HTTP/1.1, or that could be taken for more than one. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
  /** What a server answers to it. */
  readonly status: 400 | 414 | 431 | 501 | 505;

  constructor(status: Malformed['status'], message: string) {
    super(message);
    this.status = status;
  }
}

/** How a body ends. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface Head {
  /** All of it, with the empty line. */
  readonly raw: Buffer;
  /** A request's method, and its target as sent; empty of a response. */
  readonly method: string;
  readonly target: string;
  /** A response's status; 0 of a request. */
  readonly status: number;
  /** 0 of HTTP/1.0, or 1. */
  readonly minor: number;
  /** In their order, as sent; names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly framing: Framing;
  /** Of a body that is told by its length. */
  readonly length: number;
}

/** What the next bytes were: a head, bytes of a body or around it, the end of a message, or that more are needed. */
export type Step = 'head' | 'body' | 'end' | 'more';

type At = 'head' | 'length' | 'chunk-line' | 'chunk-data' | 'chunk-end' | 'trailer' | 'close' | 'end';

const CR = 13;
const LF = 10;
const EMPTY = Buffer.alloc(0);
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d)\.(\d)$/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** No blank before the colon and none folded on to the next line: both have been read in two ways (RFC 9112 §5.1, §5.2). */
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,13})(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

/**
 * Finds where the messages of one way of an HTTP/1.1 connection begin and end, and reads no more of them than that takes: bodies are
 * not looked at, and nothing is copied that came in one piece.
 *
 * Strict, because two who read one message in two ways let a third smuggle one in (RFC 9112 §6.3, §11.2): a length and a coding
 * together, lengths that are told twice, codings other than `chunked`, bare line feeds, blanks before a colon, folded lines and a
 * chunk's size in any other spelling than hexadecimal digits are refused.
 */
export class Framer {
  readonly #isRequest: boolean;
  #at: At = 'head';
  /** What came of a line or a head that is not whole yet. */
  #carried: Buffer = EMPTY;
  #left = 0;
  #fields = 0;
  #emptyLines = 0;
  /** Where the next step begins in the bytes that were handed in. */
  position = 0;
  head!: Head;
  /** After `body`: the payload, where it was one; `undefined` for what is around it. */
  payload: Buffer | undefined;
  /** Where a head begins in the bytes at hand; below 0, where some of it came before. */
  headAt = 0;
  /** The trailer of a chunked body, as sent. */
  trailer: (readonly [name: string, value: string])[] = [];
  /** What the response's request was asked by: set before its head comes. */
  method = '';

  constructor(role: 'request' | 'response') {
    this.#isRequest = role === 'request';
  }

  /** Whether it is between two messages, with nothing of the next. */
  get isIdle(): boolean {
    return this.#at === 'head' && this.#carried.length === 0;
  }

  /** Whether the body ends with the connection. */
  get endsByClose(): boolean {
    return this.#at === 'close';
  }

  /**
   * Takes the next step in these bytes, from `position` on, which it moves.
   *
   * @throws Malformed
   */
  step(bytes: Buffer): Step {
    switch (this.#at) {
      case 'head':
        return this.#readHead(bytes);
      case 'length':
      case 'chunk-data':
        return this.#readData(bytes);
      case 'chunk-line':
      case 'chunk-end':
      case 'trailer':
        return this.#readLine(bytes);
      case 'close':
        if (this.position >= bytes.length) return 'more';
        this.payload = this.position === 0 ? bytes : bytes.subarray(this.position);
        this.position = bytes.length;
        return 'body';
      case 'end':
        this.#at = 'head';
        return 'end';
    }
  }

  #readHead(bytes: Buffer): Step {
    if (this.#carried.length === 0 && this.#isRequest) this.#skipEmptyLines(bytes);
    const start = this.position;
    if (start >= bytes.length) return 'more';
    // An end that was cut in two begins at most three bytes before.
    const whole = this.#carried.length === 0 ? bytes : Buffer.concat([this.#carried, bytes.subarray(start)]);
    const from = this.#carried.length === 0 ? start : 0;
    const end = whole.indexOf('\r\n\r\n', from, 'latin1');
    const size = (end === -1 ? whole.length : end + 4) - from;
    if (size > MAX_HEAD_BYTES) throw new Malformed(431, `a head of more than ${MAX_HEAD_BYTES} bytes`);
    if (end === -1) {
      this.#refuseEarly(whole, from);
      this.#carried = this.#carried.length === 0 ? Buffer.from(bytes.subarray(start)) : whole;
      this.position = bytes.length;
      return 'more';
    }
    const raw = whole.subarray(from, end + 4);
    this.position = this.#carried.length === 0 ? end + 4 : start + (end + 4 - this.#carried.length);
    this.headAt = this.position - raw.length;
    this.#carried = EMPTY;
    this.#emptyLines = 0;
    this.head = this.#parse(raw);
    return 'head';
  }

  #skipEmptyLines(bytes: Buffer): void {
    while (bytes[this.position] === CR && bytes[this.position + 1] === LF) {
      if (++this.#emptyLines > MAX_EMPTY_LINES) throw new Malformed(400, 'empty lines, and no request');
      this.position += 2;
    }
  }

  /** What can be no head is told at once, and not when there is no room for more of it. */
  #refuseEarly(whole: Buffer, from: number): void {
    const first = whole[from]!;
    // An empty line that is cut in two may come before a request.
    if (first === CR && this.#isRequest && whole.length - from === 1) return;
    if (first <= 32 || first >= 127) throw new Malformed(400, 'what has come is no HTTP/1.1');
    const line = whole.indexOf(LF, from);
    if (line !== -1 && whole[line - 1] !== CR) throw new Malformed(400, 'a line that ends without a carriage return');
  }

  #parse(raw: Buffer): Head {
    const lines = raw.toString('latin1', 0, raw.length - 4).split('\r\n');
    if (lines.length - 1 > MAX_FIELDS) throw new Malformed(431, `more than ${MAX_FIELDS} fields`);
    const fields: [string, string][] = [];
    let hosts = 0;
    let length: string | undefined;
    let coding: string | undefined;
    for (let i = 1; i < lines.length; i++) {
      const field = readField(lines[i]!);
      fields.push(field);
      const [name, value] = field;
      if (name === 'content-length') {
        if (length !== undefined) throw new Malformed(400, 'a length that is told twice');
        length = value;
      } else if (name === 'transfer-encoding') {
        if (coding !== undefined) throw new Malformed(400, 'codings that are told twice');
        coding = value;
      } else if (name === 'host') hosts++;
    }
    if (length !== undefined && !/^\d{1,15}$/.test(length)) throw new Malformed(400, 'a length that is no number');
    if (length !== undefined && coding !== undefined) throw new Malformed(400, 'a length and a coding');
    const start = lines[0]!;
    const head = this.#isRequest
      ? requestOf(raw, start, fields, hosts, length, coding)
      : responseOf(raw, start, fields, length, coding, this.method);
    this.trailer = [];
    this.#fields = 0;
    switch (head.framing) {
      case 'none':
        this.#at = 'end';
        break;
      case 'length':
        this.#left = head.length;
        this.#at = 'length';
        break;
      case 'chunked':
        this.#at = 'chunk-line';
        break;
      case 'close':
        this.#at = 'close';
        break;
    }
    return head;
  }

  #readData(bytes: Buffer): Step {
    const here = bytes.length - this.position;
    if (here <= 0) return 'more';
    const size = Math.min(here, this.#left);
    this.payload = bytes.subarray(this.position, this.position + size);
    this.position += size;
    this.#left -= size;
    if (this.#left === 0) this.#at = this.#at === 'length' ? 'end' : 'chunk-end';
    return 'body';
  }

  /** The line before a chunk, the one after it, and those of the trailer. */
  #readLine(bytes: Buffer): Step {
    const start = this.position;
    if (start >= bytes.length) return 'more';
    const lf = bytes.indexOf(LF, start);
    const end = lf === -1 ? bytes.length : lf + 1;
    const most = this.#at === 'trailer' ? MAX_HEAD_BYTES : MAX_CHUNK_LINE_BYTES;
    const size = this.#carried.length + end - start;
    if (size > most) throw new Malformed(this.#at === 'trailer' ? 431 : 400, `a line of more than ${most} bytes`);
    const part = bytes.subarray(start, end);
    const line = this.#carried.length === 0 ? part : Buffer.concat([this.#carried, part]);
    this.position = end;
    this.payload = undefined;
    if (lf === -1) {
      this.#carried = Buffer.from(line);
      // It has been looked at, and may be forwarded.
      return 'body';
    }
    this.#carried = EMPTY;
    if (line[line.length - 2] !== CR) throw new Malformed(400, 'a line that ends without a carriage return');
    this.#endLine(line.toString('latin1', 0, line.length - 2));
    return 'body';
  }

  #endLine(text: string): void {
    if (this.#at === 'chunk-end') {
      if (text !== '') throw new Malformed(400, 'a chunk that is longer than it said');
      this.#at = 'chunk-line';
      return;
    }
    if (this.#at === 'chunk-line') {
      const [, digits] = CHUNK_LINE.exec(text) ?? [];
      if (digits === undefined) throw new Malformed(400, 'a chunk without a size');
      this.#left = Number.parseInt(digits, 16);
      this.#at = this.#left === 0 ? 'trailer' : 'chunk-data';
      return;
    }
    if (text === '') {
      this.#at = 'end';
      return;
    }
    if (++this.#fields > MAX_FIELDS) throw new Malformed(431, `more than ${MAX_FIELDS} fields`);
    const field = readField(text);
    // What frames or routes a message must not come after it (RFC 9110 §6.5.1).
    if (/^(content-length|transfer-encoding|host)$/.test(field[0])) throw new Malformed(400, `${field[0]} in a trailer`);
    this.trailer.push(field);
  }
}

function readField(line: string): [string, string] {
  const match = FIELD.exec(line);
  if (match === null) throw new Malformed(400, 'a line that is no field');
  return [match[1]!.toLowerCase(), match[2]!.trimEnd()];
}

function requestOf(
  raw: Buffer,
  start: string,
  fields: Head['fields'],
  hosts: number,
  length: string | undefined,
  coding: string | undefined,
): Head {
  const match = REQUEST_LINE.exec(start);
  if (match === null) throw new Malformed(400, 'no request line');
  const [, method = '', target = '', major, minor] = match;
  if (major !== '1' || Number(minor) > 1) throw new Malformed(505, 'a version other than 1.0 and 1.1');
  if (hosts > 1) throw new Malformed(400, 'a host that is told twice');
  if (hosts === 0 && minor === '1') throw new Malformed(400, 'no host');
  if (method === 'CONNECT') throw new Malformed(501, 'CONNECT: this is no forward proxy');
  if (coding !== undefined) {
    if (minor === '0') throw new Malformed(400, 'a coding in HTTP/1.0');
    if (coding.toLowerCase() !== 'chunked')
      throw new Malformed(/(^|[ \t,])chunked$/i.test(coding) ? 501 : 400, 'a coding other than chunked');
  }
  const framing = coding !== undefined ? 'chunked' : length !== undefined && Number(length) > 0 ? 'length' : 'none';
  return { raw, method, target, status: 0, minor: Number(minor), fields, framing, length: Number(length ?? 0) };
}

function responseOf(
  raw: Buffer,
  start: string,
  fields: Head['fields'],
  length: string | undefined,
  coding: string | undefined,
  method: string,
): Head {
  const match = STATUS_LINE.exec(start);
  if (match === null) throw new Malformed(400, 'no status line');
  const [minor, status] = [Number(match[1]), Number(match[2])];
  const isChunked = coding !== undefined && /(^|[ \t,])chunked$/i.test(coding);
  if (isChunked && coding.toLowerCase() !== 'chunked') throw new Malformed(400, 'a coding other than chunked');
  let framing: Framing;
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) framing = 'none';
  else if (coding !== undefined) framing = isChunked ? 'chunked' : 'close';
  else if (length !== undefined) framing = Number(length) > 0 ? 'length' : 'none';
  else framing = 'close';
  return { raw, method: '', target: '', status, minor, fields, framing, length: Number(length ?? 0) };
}
