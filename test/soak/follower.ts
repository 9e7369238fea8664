/** A sidecar as far as its policy goes: the real source of bundles for a real Pod object, in this process and with no listener. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUNDLE_AUDIENCE } from '../../api/annotations.ts';
import type { Bundle } from '../../api/bundle.ts';
import { createOperatorSource } from '../../sidecar/snapshot/operator-source.ts';
import { realClock, silent } from '../kit/bundle-replica.ts';
import { OPERATOR_NAME } from '../kit/operator-process.ts';
import { authoritiesOf, createPod, requestToken } from '../kit/simulated-pod.ts';
import type { PodOptions } from '../kit/simulated-pod.ts';

export interface Follower {
  /** What it would judge calls by; `undefined`: nothing yet, or the server is retracted. */
  bundle(): Bundle | undefined;
  /** Ends it and begins anew, with what it kept. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface FollowerOptions extends Pick<PodOptions, 'cluster' | 'namespace' | 'name' | 'server' | 'replicas'> {
  /** Of the replicas' streams. */
  readonly port: number;
}

export async function startFollower(options: FollowerOptions): Promise<Follower> {
  const { cluster, namespace, name, server, replicas, port } = options;
  const { uid } = await createPod(options);
  const directory = await mkdtemp(join(tmpdir(), 'mcpgateway-follower-'));
  const [caFile, tokenFile, kept] = [join(directory, 'ca.crt'), join(directory, 'token'), join(directory, 'bundle')];
  await mkdir(kept);
  await writeFile(caFile, await authoritiesOf(cluster, namespace));
  await writeFile(tokenFile, await requestToken(cluster, { namespace, name, uid }, `${BUNDLE_AUDIENCE}/${namespace}/${server}`));
  let bundle: Bundle | undefined;

  function start(): () => Promise<void> {
    const over = new AbortController();
    const source = createOperatorSource(
      {
        server: { namespace, name: server }, port, tlsName: OPERATOR_NAME, caFile, tokenFile, directory: kept,
        silenceMs: 10_000, backoff: { minMs: 200, maxMs: 10_000 }, resolveEveryMs: 2_000,
      },
      {
        clock: realClock,
        log: silent,
        resolve: () => Promise.resolve(replicas),
        onBundle(next) {
          bundle = next;
        },
        onStale: () => undefined,
        onRetracted() {
          bundle = undefined;
        },
      },
    );
    const ended = source.run(over.signal);
    return async () => {
      over.abort();
      await ended;
    };
  }

  let end = start();
  return {
    bundle: () => bundle,
    async restart() {
      await end();
      bundle = undefined;
      end = start();
    },
    async stop() {
      await end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
