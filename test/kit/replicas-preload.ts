/**
 * Loaded into a sidecar before its main module: the operator's name resolves to the addresses in TEST_REPLICAS, as a
 * headless Service's name would inside a cluster.
 */
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';

const addresses = (process.env['TEST_REPLICAS'] ?? '').split(',').map((address) => ({ address, family: 4 }));
Object.assign(dns, { lookup: () => Promise.resolve(addresses) });
syncBuiltinESMExports();
