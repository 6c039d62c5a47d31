import type { Harm, PassingAction } from '../faults/index.ts';
import type { Millis } from '../time/index.ts';

type Of<D extends PassingAction['do']> = Extract<PassingAction, { do: D }>;

/** What is done to the bytes that go one way. */
export interface Shape {
  /** Bytes a second; the least that was ordered. */
  readonly bytesPerSecond?: number;
  /** After so many bytes it ends; the earliest that was ordered. */
  readonly cut?: Pick<Of<'cut'>, 'bytes' | 'by'>;
  readonly slice?: Pick<Of<'slice'>, 'bytes' | 'variation' | 'ms'>;
  readonly corrupt?: Pick<Of<'corrupt'>, 'oneIn' | 'seed'>;
  /** Its end is told so much later. */
  readonly slowClose?: Millis;
}

/** All that is ordered for one exchange, in the order in which it happens. */
export interface Orders {
  readonly refuse?: Of<'refuse'>['as'];
  /** Before it is sent. */
  readonly delay: Millis;
  readonly hold?: Pick<Of<'hold'>, 'for' | 'ms'>;
  /** The server sees nothing of it; `undefined`, where it does. */
  readonly lost?: { readonly by: 'silence' | 'reset'; readonly after: Millis };
  readonly respond?: Pick<Of<'respond'>, 'status' | 'headers' | 'body'>;
  readonly recall?: Of<'recall'>['which'];
  /** The client has left after so long. */
  readonly hangUp?: Millis;
  readonly repeat: readonly Pick<Of<'repeat'>, 'times' | 'gap'>[];
  readonly request?: Shape;
  /** Before the answer is handed on. */
  readonly answerDelay: Millis;
  readonly answerLost?: { readonly by: 'silence' | 'reset'; readonly after: Millis };
  /** The clock of whoever answers is wrong by so much. */
  readonly skew: Millis;
  readonly response?: Shape;
  /** What is to be forged of a delivery. */
  readonly forge: readonly Of<'forge'>['what'][];
}

const NONE: Orders = { delay: 0, answerDelay: 0, repeat: [], skew: 0, forge: [] };

/** The actions of one exchange put in order: delays add up, the narrowest limit counts, and the first answer that is given for it. */
export function ordersOf(harms: readonly Harm<PassingAction>[]): Orders {
  if (harms.length === 0) return NONE;
  const orders: { -readonly [K in keyof Orders]: Orders[K] } = { ...NONE };
  const shapes: Record<'request' | 'response', { -readonly [K in keyof Shape]: Shape[K] }> = { request: {}, response: {} };
  const repeat: Orders['repeat'][number][] = [];
  const forge: Orders['forge'][number][] = [];
  for (const { action } of harms) {
    switch (action.do) {
      case 'delay':
        if (action.side === 'request') orders.delay += action.ms;
        else orders.answerDelay += action.ms;
        break;
      case 'respond':
        orders.respond ??= action;
        break;
      case 'drop':
        if (action.side === 'request') orders.lost ??= { by: 'silence', after: 0 };
        else orders.answerLost ??= { by: 'silence', after: 0 };
        break;
      case 'reset': {
        // After a drop it is what ends the silence.
        const reset = { by: 'reset', after: action.ms ?? 0 } as const;
        if (action.side === 'request') orders.lost = reset;
        else orders.answerLost = reset;
        break;
      }
      case 'hang-up':
        orders.hangUp = Math.min(orders.hangUp ?? Number.POSITIVE_INFINITY, action.ms);
        break;
      case 'repeat':
        repeat.push(action);
        break;
      case 'hold':
        orders.hold ??= action;
        break;
      case 'recall':
        orders.recall ??= action.which;
        break;
      case 'refuse':
        orders.refuse ??= action.as;
        break;
      case 'throttle': {
        const shape = shapes[action.side];
        shape.bytesPerSecond = Math.min(shape.bytesPerSecond ?? Number.POSITIVE_INFINITY, action.bytesPerSecond);
        break;
      }
      case 'cut': {
        const shape = shapes[action.side];
        if (shape.cut === undefined || action.bytes < shape.cut.bytes) shape.cut = action;
        break;
      }
      case 'slice':
        shapes[action.side].slice ??= action;
        break;
      case 'corrupt':
        shapes[action.side].corrupt ??= action;
        break;
      case 'slow-close': {
        const shape = shapes[action.side];
        shape.slowClose = (shape.slowClose ?? 0) + action.ms;
        break;
      }
      case 'skew':
        orders.skew += action.ms;
        break;
      case 'forge':
        forge.push(action.what);
        break;
    }
  }
  if (Object.keys(shapes.request).length > 0) orders.request = shapes.request;
  if (Object.keys(shapes.response).length > 0) orders.response = shapes.response;
  return { ...orders, repeat, forge };
}
