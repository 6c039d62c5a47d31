/** What a command may touch of the process, so that it can be run in a test as well. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Reads standard input to its end. */
  readonly input: () => Promise<string>;
  /** Whether what is written by `err` is read as it comes, on a terminal. */
  readonly isLive?: boolean;
  /** Aborts when the user asks to stop. */
  readonly signal: AbortSignal;
}

/**
 * 0 kept, 1 violated, 2 misuse, 3 environment, 4 a target that is not steady before anything is done to it. Who is stopped has none
 * of these to tell, but what shells expect.
 */
export const EXIT = { kept: 0, violated: 1, misuse: 2, environment: 3, unsteady: 4, stopped: 130 } as const;
