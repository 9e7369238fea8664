/** The one reference to the snapshot in use. Swapped whole; a request reads it when it is judged. */
import type { Snapshot } from './snapshot.ts';

export type SnapshotListener = (next: Snapshot, previous: Snapshot | undefined) => void;

export interface CurrentSnapshot {
  /** `undefined` until the first one is published, and while it is withdrawn: nothing is allowed then. */
  get(): Snapshot | undefined;
  publish(next: Snapshot): void;
  /** Nobody can say any more what is allowed. Listeners run before it returns. */
  withdraw(): void;
  onWithdraw(listener: () => void): void;
  /** Listeners run inside `publish`, so that what is no longer allowed is cut before it returns. */
  onChange(listener: SnapshotListener): void;
}

export function createCurrentSnapshot(): CurrentSnapshot {
  let current: Snapshot | undefined;
  let last: Snapshot | undefined;
  const listeners: SnapshotListener[] = [];
  const withdrawals: (() => void)[] = [];
  return {
    get: () => current,
    publish(next) {
      // Also after a withdrawal: what was revoked meanwhile has to be on record.
      const previous = last;
      current = next;
      last = next;
      for (const listener of listeners) listener(next, previous);
    },
    withdraw() {
      if (current === undefined) return;
      current = undefined;
      for (const listener of withdrawals) listener();
    },
    onWithdraw: (listener) => void withdrawals.push(listener),
    onChange: (listener) => void listeners.push(listener),
  };
}
