/** A sidecar in front of a spy: what most tests of the request path start from. Everything is stopped after the test. */
import { afterEach } from '@jest/globals';
import type { BundleSettings, TestToken } from './bundles.ts';
import { aBundle, aToken } from './bundles.ts';
import type { SidecarSettings, TestSidecar } from './sidecar.ts';
import { startSidecar } from './sidecar.ts';
import type { SpyOptions, SpyUpstream } from './spy-upstream.ts';
import { startSpyUpstream } from './spy-upstream.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export interface Guarded {
  readonly spy: SpyUpstream;
  readonly sidecar: TestSidecar;
  /** The secret of the first token. */
  readonly text: string;
}

export interface GuardedSettings extends Omit<SidecarSettings, 'bundles'> {
  /** Nothing is published. */
  readonly withoutPolicy?: true;
  readonly tokens?: readonly TestToken[];
  readonly bundle?: Partial<BundleSettings>;
  readonly spy?: SpyOptions;
}

/** One server at `/mcp`, one token named alice that may do everything, unless the settings say otherwise. */
export async function guarded(settings: GuardedSettings = {}): Promise<Guarded> {
  const { tokens = [aToken()], bundle = {}, spy: spyOptions = {}, withoutPolicy, ...rest } = settings;
  const spy = await startSpyUpstream(spyOptions);
  cleanups.push(() => spy.stop());
  const bundles = withoutPolicy === true ? {} : { bundles: [aBundle({ port: spy.port, tokens, ...bundle })] };
  const sidecar = await startSidecar({ ...rest, ...bundles });
  cleanups.push(() => sidecar.stop());
  return { spy, sidecar, text: tokens[0]?.text ?? '' };
}
