import { redactUrl } from '../../trace/redact.ts';
import type { ObservationOf } from '../../trace/index.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../../time/duration.ts';
import { checkMembers, checkNumbers, invalidArgument } from '../arguments.ts';
import { defineClaim, type ClaimFactory, type Standing } from '../judge.ts';
import { micros } from '../micros.ts';
import { Polls } from '../polls.ts';
import { counted, times } from '../say.ts';

export interface PollBudgetArgs {
  /** How often one client may ask at one address. */
  readonly requests: number;
  /** In any stretch of this length; over the whole time by default. */
  readonly per?: Duration;
}

const HINT = "write it as in stayWithinPollBudget({ requests: 10, per: '1m' })";

/** A client asks no more often than it may: by GET or HEAD, at one address, in any stretch of `per`. */
export const stayWithinPollBudget: ClaimFactory<PollBudgetArgs> = defineClaim<PollBudgetArgs>({
  name: 'stayWithinPollBudget',
  says: ({ requests, per }) =>
    `ask at most ${times(requests)}${per === undefined ? '' : ` in ${formatDuration(parseDuration(per, 'per'))}`}`,
  check(args) {
    checkMembers('stayWithinPollBudget', args, ['requests', 'per'], HINT);
    if (!Number.isInteger(args.requests) || args.requests < 1)
      throw invalidArgument('stayWithinPollBudget', 'requests to be a whole number from 1', args.requests, HINT);
    const per = args.per === undefined ? undefined : parseDuration(args.per, 'per');
    checkNumbers('stayWithinPollBudget', { per }, HINT, 1);
    return { requests: args.requests, ...(per === undefined ? {} : { per }) };
  },
  start({ requests, per }, { since }) {
    const length = per === undefined ? Number.POSITIVE_INFINITY : parseDuration(per, 'per');
    const polls = new Polls();
    const latest = new Map<string, Latest>();
    let most = 0;
    /** It was watched for less than one stretch. */
    let tooShort: { readonly watched: Millis; readonly per: Millis } | undefined;
    const standing = (): Standing => ({
      reason: tooShort === undefined ? { code: 'within-budget', most } : { code: 'watched-too-short', most, ...tooShort },
      evidence: polls.last === undefined ? [] : [polls.last],
    });
    return {
      step(o) {
        const asked = polls.step(o);
        if (asked?.isLook !== true) return undefined;
        const { request, whom } = asked;
        let own = latest.get(whom);
        if (own === undefined) latest.set(whom, (own = new Latest()));
        own.add(request, length);
        most = Math.max(most, own.count);
        if (own.count <= requests) return undefined;
        const first = own.first!;
        return {
          verdict: 'violated',
          reason: { code: 'over-budget', url: request.url, times: own.count, in: micros(o.at - first.at), allowed: requests },
          evidence: [first, request],
        };
      },
      standing,
      atEnd({ by, at }) {
        // Who asked nobody is none that polls.
        if (most === 0) return undefined;
        // One that goes on could ask too often yet, in the rest of the first stretch.
        const watched = micros(at - since);
        if (by === 'end' || per === undefined || watched >= length) return { verdict: 'holds', ...standing() };
        tooShort = { watched, per: length };
        return undefined;
      },
    };
  },
  tell({ reason }) {
    switch (reason.code) {
      case 'over-budget': {
        const n = Number(reason['times']);
        return {
          but: `${redactUrl(String(reason['url']))} was asked ${times(n)} in ${formatDuration(Number(reason['in']))}`,
          hint: `let the gap between two looks grow, or take it from Retry-After: the budget allows ${counted(Number(reason['allowed']), 'request')}`,
        };
      }
      case 'within-budget':
        return reason['most'] === 0
          ? { but: 'nobody asked: no request was seen', hint: 'let the client poll while it is watched' }
          : { but: `it asked ${times(Number(reason['most']))} at most` };
      case 'watched-too-short':
        return {
          but: `it was watched for ${formatDuration(Number(reason['watched']))} of ${formatDuration(Number(reason['per']))}, and asked ${times(Number(reason['most']))} at most so far`,
          hint: `close the recorder when the client is done, or raise within to ${formatDuration(Number(reason['per']))}`,
        };
      default:
        return undefined;
    }
  },
  samples: [{ requests: 2, per: 100 }, { requests: 1 }],
});

/** The latest requests of one client at one address, no more of them than are allowed. */
class Latest {
  #all: ObservationOf<'request'>[] = [];
  /** Where those begin that are not too old: taking them off the front one by one would cost more, the more are allowed. */
  #from = 0;

  get count(): number {
    return this.#all.length - this.#from;
  }

  get first(): ObservationOf<'request'> | undefined {
    return this.#all[this.#from];
  }

  add(request: ObservationOf<'request'>, length: Millis): void {
    this.#all.push(request);
    while (request.at - this.#all[this.#from]!.at >= length) this.#from++;
    if (this.#from * 2 <= this.#all.length) return;
    this.#all = this.#all.slice(this.#from);
    this.#from = 0;
  }
}
