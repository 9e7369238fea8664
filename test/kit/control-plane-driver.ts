/** A process that starts a control plane, prints where and who it is in one line of JSON, and lives until it is killed. */
import { startControlPlane } from './control-plane.ts';

const { directory, pids, url } = await startControlPlane();
console.log(JSON.stringify({ directory, url, pids: Object.values(pids()) }));
