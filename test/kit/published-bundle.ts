/** What one replica of the operator publishes to a pod, asked for as the pod would ask. */
import { BUNDLE_AUDIENCE } from '../../api/annotations.ts';
import type { Bundle } from '../../api/bundle.ts';
import { connect } from 'node:tls';
import { OPERATOR_NAME } from './operator-process.ts';
import type { SimulatedPod } from './simulated-pod.ts';

const DEADLINE_MS = 10_000;

export interface PublishedFrom {
  readonly namespace: string;
  readonly server: string;
  readonly address: string;
  readonly port: number;
}

/** The sidecar's own stream to this replica is replaced by this one, and comes back by itself. */
export async function publishedBundle(pod: SimulatedPod, { namespace, server, address, port }: PublishedFrom): Promise<Bundle> {
  const token = await pod.token(`${BUNDLE_AUDIENCE}/${namespace}/${server}`);
  const socket = connect({ host: address, port, rejectUnauthorized: false });
  socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error('no bundle came')));
  socket.write([`GET /v1/bundles/${namespace}/${server} HTTP/1.1`, `Host: ${OPERATOR_NAME}`, `Authorization: Bearer ${token}`, '', ''].join('\r\n'));
  try {
    let received = '';
    for await (const chunk of socket) {
      received += String(chunk);
      const line = /\{"format":\d+,"type":"bundle".*\}(?=\n)/.exec(received)?.[0];
      if (line !== undefined) return (JSON.parse(line) as { readonly bundle: Bundle }).bundle;
    }
    throw new Error(`the stream ended without a bundle: ${received.slice(0, 200)}`);
  } finally {
    socket.destroy();
  }
}
