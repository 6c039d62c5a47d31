import type { Duration } from '../time/index.ts';
import type { FaultDefinition } from './fault.ts';
import type { Parameter } from './parameter.ts';

/** Which way, where it is the answer's by default. */
export const SIDE_OF_ANSWERS: Parameter = {
  type: 'choice',
  choices: ['request', 'response'],
  otherwise: 'response',
  says: 'which way: to the server, or back',
};

/** How one comes more than once: the same of a request and of a delivery. */
export interface CopiesArgs {
  /** How many times more. */
  readonly copies: number;
  /** How long after the one before. */
  readonly gap: Duration;
}

/** How one is overtaken: the same of a request and of a delivery. */
export interface OvertakenArgs {
  /** How many overtake it. */
  readonly by: number;
  /** How long it is kept back at most. */
  readonly atMost: Duration;
}

type Shared<A extends object, K extends keyof FaultDefinition<A> = never> = Pick<
  FaultDefinition<A>,
  'parameters' | 'does' | 'actions' | 'samples' | K
>;

export const COPIES: Required<Shared<CopiesArgs, 'milder'>> = {
  parameters: {
    copies: { type: 'count', least: 1, otherwise: 1, says: 'how many times more' },
    gap: { type: 'duration', otherwise: 0, says: 'how long after the one before' },
  },
  does: ['repeat'],
  actions: ({ copies, gap }) => [{ do: 'repeat', times: copies, gap }],
  milder: ({ copies, gap }) =>
    copies === 1 && gap === 0
      ? []
      : [
          { copies: 1, gap: 0 },
          { copies: 1, gap },
        ],
  samples: [
    { copies: 1, gap: 0 },
    { copies: 2, gap: 10 },
  ],
};

export const OVERTAKEN: Shared<OvertakenArgs, 'says'> = {
  says: ({ by }) => `it is overtaken by ${by === 1 ? 'the next' : `the next ${by}`}`,
  parameters: {
    by: { type: 'count', least: 1, otherwise: 1, says: 'how many overtake it' },
    atMost: { type: 'duration', otherwise: 1000, says: 'how long it is kept back at most' },
  },
  does: ['hold'],
  actions: ({ by, atMost }) => [{ do: 'hold', for: by, ms: atMost }],
  samples: [{ by: 1, atMost: 1000 }],
};
