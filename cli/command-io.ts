/** What a command may touch besides the configuration directory, and how it fails. */

export interface CommandIo {
  /** Answers go to standard output, everything said to a person beside them to standard error. */
  out(text: string): void;
  err(text: string): void;
  /** Rejects when there is more than the limit. */
  readStdin(limitBytes: number): Promise<string>;
  nowMs(): number;
  randomBytes(length: number): Uint8Array;
  /** Resolves after the time, or rejects when the user interrupts. */
  sleep(milliseconds: number): Promise<void>;
}

export const EXIT = {
  ok: 0,
  /** The command was right and could not be carried out. */
  failure: 1,
  /** `can-i`: the answer is no. */
  no: 2,
  /** The command or the configuration is wrong; nothing was changed. */
  usage: 64,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Something outside stopped a command that was right. The message says what to do. */
export class CommandFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CommandFailure';
  }
}
