import type { Millis } from '../time/index.ts';

/** Which way it goes: to the server, or back. */
export type Side = 'request' | 'response';

/**
 * What is done to one request with its answer, to one delivery, or to one connection. Plain JSON: a plan, a trace and an injector
 * say the same.
 */
export type PassingAction =
  /** It goes on only after so long. */
  | { readonly do: 'delay'; readonly side: Side; readonly ms: Millis }
  /** It is answered in the server's stead, which sees nothing of it. */
  | {
      readonly do: 'respond';
      readonly status: number;
      readonly headers: readonly (readonly [name: string, value: string])[];
      readonly body: string;
    }
  /** It is swallowed: nothing more comes, and the connection stays open. Of a `response`, the work was done. */
  | { readonly do: 'drop'; readonly side: Side }
  /** The client's connection is reset (RST). Of a `response`, the work was done and its answer is lost. */
  | { readonly do: 'reset'; readonly side: Side; readonly ms?: Millis }
  /** After so long the client has left; the request goes on. */
  | { readonly do: 'hang-up'; readonly ms: Millis }
  /** The server gets it so many times more, each so long after the one before; the client gets the first answer. */
  | { readonly do: 'repeat'; readonly times: number; readonly gap: Millis }
  /** It is kept back until so many others of its route have overtaken it, at most so long. */
  | { readonly do: 'hold'; readonly for: number; readonly ms: Millis }
  /** It is answered by what the same address answered before. */
  | { readonly do: 'recall'; readonly which: 'first' | 'previous' }
  /** No connection comes about. */
  | { readonly do: 'refuse'; readonly as: 'refused' | 'dns' | 'tls' }
  /** So many bytes a second pass, and whoever sends is held back. */
  | { readonly do: 'throttle'; readonly side: Side; readonly bytesPerSecond: number }
  /** After so many bytes of the body it ends: as if that were all, or by a reset. */
  | { readonly do: 'cut'; readonly side: Side; readonly bytes: number; readonly by: 'end' | 'reset' }
  /** It comes in pieces of about this size, each so long after the one before. */
  | { readonly do: 'slice'; readonly side: Side; readonly bytes: number; readonly variation: number; readonly ms: Millis }
  /** One byte in so many, on average, has a bit turned over, drawn from this seed. */
  | { readonly do: 'corrupt'; readonly side: Side; readonly oneIn: number; readonly seed: string }
  /** Its end is told only after so long. */
  | { readonly do: 'slow-close'; readonly side: Side; readonly ms: Millis }
  /** Whoever answers seems to have a clock that is wrong by so much. */
  | { readonly do: 'skew'; readonly ms: number }
  /** A delivery is changed so that it must not be believed. */
  | { readonly do: 'forge'; readonly what: 'signature' | 'body' | 'timestamp' };

/** What is done to a process or a network, by the name that the injector knows it by. */
export type WorldAction =
  | { readonly do: 'pause' | 'resume' | 'kill' | 'start' | 'restart'; readonly target: string }
  | { readonly do: 'partition' | 'heal'; readonly target: string; readonly way: 'both' | 'in' | 'out' };

export type Action = PassingAction | WorldAction;

/** What is done, in one word: what an injector says that it can do. */
export type Deed = Action['do'];
