/**
 * Loaded into a sidecar before its main module: what a pod's network would be. The operator's name resolves to the
 * addresses in TEST_REPLICAS, as a headless Service's name would, and loopback is the pod's own: TEST_LOOPBACK.
 */
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const addresses = (process.env['TEST_REPLICAS'] ?? '').split(',').map((address) => ({ address, family: 4 }));
Object.assign(dns, { lookup: () => Promise.resolve(addresses) });

const loopback = process.env['TEST_LOOPBACK'] ?? '127.0.0.1';
const { connect } = net;
/** By any name; the addresses of the pod are others. */
const isOwn = (host = ''): boolean => host === '127.0.0.1' || net.isIP(host) === 0;
// Only what has no TLS is made so, and that is what goes to the server of the pod; undici resolves its name by itself.
Object.assign(net, {
  connect: ({ lookup: _own, ...options }: net.TcpNetConnectOpts) => connect({ ...options, host: isOwn(options.host) ? loopback : options.host }),
});
syncBuiltinESMExports();
