/** What a command may touch of the process, so that it can be run in a test as well. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Reads standard input to its end. */
  readonly input: () => Promise<string>;
  /** Aborts when the user asks to stop. */
  readonly signal: AbortSignal;
}

/** 0 kept, 1 violated, 2 misuse, 3 environment. Who is stopped has none of these to tell, but what shells expect. */
export const EXIT = { kept: 0, violated: 1, misuse: 2, environment: 3, stopped: 130 } as const;
