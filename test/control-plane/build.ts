/** `node test/control-plane/build.ts`: builds the control plane of the tests, if need be, and prints its directory. */
import { controlPlaneDirectory } from '../kit/control-plane-binaries.ts';

console.log(await controlPlaneDirectory());
