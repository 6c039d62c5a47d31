import type { Millis } from '../time/index.ts';

/** One event of a stream. */
export interface StreamedEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  readonly data: string;
  /** The id in its own block; undefined where it has none. */
  readonly id: string | undefined;
}

/**
 * Reads Server-Sent Events, chunk by chunk, as the WHATWG's HTML Standard says (§9.2.6): fields and lines may be cut anywhere.
 */
export class EventStream {
  readonly #decoder = new TextDecoder('utf-8');
  readonly #limit: number;
  readonly #told: (event: StreamedEvent) => void;
  #line = '';
  /** The chunk before ended with a CR: a LF that follows belongs to it. */
  #afterCr = false;
  #data: string[] = [];
  #size = 0;
  #type = '';
  #id: string | undefined;
  #lastId: string;
  #retry: Millis | undefined;

  /**
   * @param limit the most characters of one event
   * @param lastId the last event's id of the connection before
   */
  constructor(told: (event: StreamedEvent) => void, limit: number, lastId = '') {
    this.#told = told;
    this.#limit = limit;
    this.#lastId = lastId;
  }

  /** By this a client that comes back says what it has; empty where there is nothing to say. */
  get lastId(): string {
    return this.#lastId;
  }

  /** How long the server asks to wait before coming back; undefined where it asks for nothing. */
  get retry(): Millis | undefined {
    return this.#retry;
  }

  /**
   * Takes the next bytes.
   *
   * @returns false when an event is larger than the limit: there is no reading on
   */
  push(bytes: Uint8Array): boolean {
    // A byte order mark at the beginning is not told, and what is no UTF-8 is replaced.
    const text = this.#decoder.decode(bytes, { stream: true });
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code !== LF && code !== CR) continue;
      if (code === LF && i === from && this.#afterCr) {
        this.#afterCr = false;
        from = i + 1;
        continue;
      }
      const line = this.#line + text.slice(from, i);
      this.#line = '';
      this.#afterCr = code === CR;
      from = i + 1;
      this.#take(line);
      if (this.#size > this.#limit) return false;
    }
    if (from < text.length) {
      this.#afterCr = false;
      this.#line += text.slice(from);
    }
    // What the stream ends with unfinished is dropped with this reader.
    return this.#size + this.#line.length <= this.#limit;
  }

  #take(line: string): void {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    // A comment.
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const rest = colon < 0 ? '' : line.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    switch (field) {
      case 'data':
        this.#data.push(value);
        this.#size += value.length + 1;
        return;
      case 'event':
        this.#size += value.length;
        this.#type = value;
        return;
      case 'id':
        this.#size += value.length;
        if (!value.includes('\0')) this.#id = value;
        return;
      case 'retry':
        if (/^\d+$/.test(value)) this.#retry = Number(value);
        return;
      default:
    }
  }

  #dispatch(): void {
    const [data, type, id] = [this.#data, this.#type, this.#id];
    this.#data = [];
    this.#size = 0;
    this.#type = '';
    this.#id = undefined;
    if (id !== undefined) this.#lastId = id;
    if (data.length > 0) this.#told({ type: type === '' ? 'message' : type, data: data.join('\n'), id });
  }
}

const LF = 10;
const CR = 13;
