/** Everything a test file starts, stopped together: `afterAll(owner.stopAll)`. */
export interface Stoppable {
  stop(): Promise<unknown>;
}

export interface Owner {
  readonly own: <Started extends Stoppable>(started: Started) => Started;
  /** Stops in reverse order, all of them even if one fails. */
  readonly stopAll: () => Promise<void>;
}

export function createOwner(): Owner {
  const owned: Stoppable[] = [];
  return {
    own: (started) => {
      owned.push(started);
      return started;
    },
    stopAll: async () => {
      const failures: unknown[] = [];
      for (const started of owned.splice(0).reverse()) {
        await started.stop().catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw new AggregateError(failures, 'not everything stopped');
    },
  };
}
