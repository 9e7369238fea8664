/** The one reference to the snapshot in use. Swapped whole; a request reads it when it is judged. */
import type { Snapshot } from './snapshot.ts';

export type SnapshotListener = (next: Snapshot, previous: Snapshot | undefined) => void;

export interface CurrentSnapshot {
  /** `undefined` until the first one is published: nothing is allowed before that. */
  get(): Snapshot | undefined;
  publish(next: Snapshot): void;
  /** Listeners run inside `publish`, so that what is no longer allowed is cut before it returns. */
  onChange(listener: SnapshotListener): void;
}

export function createCurrentSnapshot(): CurrentSnapshot {
  let current: Snapshot | undefined;
  const listeners: SnapshotListener[] = [];
  return {
    get: () => current,
    publish(next) {
      const previous = current;
      current = next;
      for (const listener of listeners) listener(next, previous);
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
