/** kubectl as the tests of the operator use it: what fails throws, with what kubectl said. */
import type { ControlPlane } from './control-plane.ts';

export interface Kubectl {
  /** What it printed. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Until `kubectl wait --for=<condition>` is content with this object, for 30 s at most. */
  wait(condition: string, object: string): Promise<string>;
  /** The text of the token in the Secret `<name>-token`. */
  secretOf(name: string): Promise<string>;
}

/** `namespace` is that of `wait` and `secretOf`. */
export function createKubectl(cluster: () => ControlPlane, namespace: () => string): Kubectl {
  async function kubectl(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await cluster().kubectl([...args], input === undefined ? {} : { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  return {
    kubectl,
    wait: (condition, object) => kubectl(['wait', `--for=${condition}`, object, '-n', namespace(), '--timeout=30s']),
    secretOf: async (name) => Buffer.from(await kubectl(['get', 'secret', `${name}-token`, '-n', namespace(), '-o', 'jsonpath={.data.token}']), 'base64').toString('utf8'),
  };
}
