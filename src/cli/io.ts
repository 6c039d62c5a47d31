/** What a command may touch of the process, so that it can be run in a test as well. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Aborts when the user asks to stop. */
  readonly signal: AbortSignal;
  /** Whether standard output takes colour and rewriting of a line. */
  readonly terminal: boolean;
}

/** DESIGN: 0 kept, 1 violated, 2 misuse, 3 environment. */
export const EXIT = { kept: 0, violated: 1, misuse: 2, environment: 3 } as const;
