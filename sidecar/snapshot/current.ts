/** The one reference to the snapshot in use. Swapped whole; a request reads it when it is judged. */
import type { Snapshot } from './snapshot.ts';

export interface CurrentSnapshot {
  /** `undefined` until the first one is published: nothing is allowed before that. */
  get(): Snapshot | undefined;
  publish(next: Snapshot): void;
  /** Listeners run inside `publish`, so that what is no longer allowed is cut before it returns. */
  onChange(listener: (next: Snapshot) => void): void;
}

export function createCurrentSnapshot(): CurrentSnapshot {
  let current: Snapshot | undefined;
  const listeners: ((next: Snapshot) => void)[] = [];
  return {
    get: () => current,
    publish(next) {
      current = next;
      for (const listener of listeners) listener(next);
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
