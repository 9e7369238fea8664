/**
 * CEL rules of the CRDs, evaluated here as kube-apiserver does. The subset is small so that both evaluators agree: plain
 * strings instead of `format`, no arithmetic but `+`, no regular expression beyond what RE2 and JavaScript share.
 */
import { Environment, type ASTNode } from '@marcbachmann/cel-js';

/** All the CEL that crds/ may use. A test walks every rule. */
export const CEL_SUBSET = {
  variables: ['self', 'oldSelf'],
  macros: ['has', 'all', 'exists', 'exists_one'],
  functions: [
    'size',
    'startsWith',
    'endsWith',
    'contains',
    'matches',
    // Only on strings that another rule confines to ASCII.
    'lowerAscii',
    // Only guarded by `matches`, where the text could be something else.
    'duration',
    'timestamp',
  ],
  operators: ['&&', '||', '!_', '==', '!=', '<', '<=', '>', '>=', 'in', '+', '?:', '.', 'list'],
} as const;

const FUNCTIONS: ReadonlySet<string> = new Set([...CEL_SUBSET.macros, ...CEL_SUBSET.functions]);
const OPERATORS: ReadonlySet<string> = new Set([...CEL_SUBSET.operators, 'value', 'id', 'call', 'rcall']);

export interface CelRule {
  /** Whether it mentions oldSelf: such a rule holds where there is no older value. */
  readonly isTransition: boolean;
  /** True, false, or `error` where it cannot be evaluated; never throws. */
  readonly evaluate: (self: unknown, oldSelf: unknown) => boolean | 'error';
  /** Operators and functions outside CEL_SUBSET. */
  readonly outsideSubset: readonly string[];
}

function children(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}

const nodesOf = (node: ASTNode): readonly ASTNode[] => [node, ...children(node).flatMap(nodesOf)];

function outsideSubset(nodes: readonly ASTNode[]): readonly string[] {
  return nodes.flatMap((node) => {
    if (!OPERATORS.has(node.op)) return [node.op];
    const called = node.op === 'call' || node.op === 'rcall' ? node.args[0] : undefined;
    if (called !== undefined && !FUNCTIONS.has(called)) return [called];
    const isPlain = node.op !== 'value' || ['string', 'bigint', 'boolean'].includes(typeof node.args);
    return isPlain ? [] : ['literal'];
  });
}

/** Compiles rules; throws for a rule that is not CEL, because rules are ours. */
export function createCelCompiler(): (rule: string) => CelRule {
  const environment = new Environment().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');
  return (rule) => {
    const parsed = environment.parse(rule);
    const nodes = nodesOf(parsed.ast);
    return {
      isTransition: nodes.some((node) => node.op === 'id' && node.args === 'oldSelf'),
      outsideSubset: outsideSubset(nodes),
      evaluate: (self, oldSelf) => {
        try {
          const result: unknown = parsed({ self, oldSelf });
          return typeof result === 'boolean' ? result : 'error';
        } catch {
          // An evaluation error refuses the object, as in kube-apiserver: the caller treats it like false.
          return 'error';
        }
      },
    };
  };
}
