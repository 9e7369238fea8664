/** A control plane for a test file: started before its first test, stopped after its last. */
import { afterAll, beforeAll } from '@jest/globals';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';

/** Where the programs are not built yet, the first file to come builds them. */
const START_DEADLINE_MS = 20 * 60_000;

/** `const cluster = withControlPlane()` at the top of the file, `cluster()` inside a test. */
export function withControlPlane(options: ControlPlaneOptions = {}): () => ControlPlane {
  let started: ControlPlane | undefined;
  beforeAll(async () => {
    started = await startControlPlane(options);
  }, START_DEADLINE_MS);
  afterAll(() => started?.stop());
  return () => {
    if (started === undefined) throw new TypeError('the control plane is there inside tests and hooks only');
    return started;
  };
}
