/** What `can-i` is asked, in words or as a protocol method, as the question the policy answers. */
import { ConfigError } from '../core/config-error.ts';
import type { Target } from '../core/mcp/message.ts';
import type { Question } from '../core/policy/explain.ts';

interface Phrase {
  readonly verb: string;
  readonly noun: string;
  readonly method: string;
  readonly target: (name: string) => Target;
}

const tool = (name: string): Target => ({ kind: 'tool', name });
const prompt = (name: string): Target => ({ kind: 'prompt', name });
const resource = (uri: string): Target => ({ kind: 'resource', uri });
const none = (): Target => ({ kind: 'none' });

const PHRASES: readonly Phrase[] = [
  { verb: 'call', noun: 'tool', method: 'tools/call', target: tool },
  { verb: 'get', noun: 'prompt', method: 'prompts/get', target: prompt },
  { verb: 'read', noun: 'resource', method: 'resources/read', target: resource },
  { verb: 'subscribe', noun: 'resource', method: 'resources/subscribe', target: resource },
  { verb: 'list', noun: 'tools', method: 'tools/list', target: none },
  { verb: 'list', noun: 'prompts', method: 'prompts/list', target: none },
  { verb: 'list', noun: 'resources', method: 'resources/list', target: none },
];

/** `call tool NAME`, or `tools/call NAME`. A method that names nothing takes no name. */
export function parseQuestion(words: readonly string[]): Question {
  const [first = '', second = '', third] = words;
  const isMethod = first.includes('/');
  const phrase = PHRASES.find(({ verb, noun, method }) => (isMethod ? method === first : verb === first && noun === second));
  const name = isMethod ? words[1] : third;
  if (phrase === undefined) throw new ConfigError([`can-i: ask one of ${PHRASES.map(describe).join('; ')}`]);
  const needsName = phrase.target !== none;
  if (needsName !== (name !== undefined) || words.length > (isMethod ? 2 : 3)) {
    throw new ConfigError([`can-i: ${describe(phrase)} ${needsName ? 'takes one name' : 'takes no name'}`]);
  }
  return { era: 'legacy', method: phrase.method, target: phrase.target(name ?? '') };
}

function describe({ verb, noun, method, target }: Phrase): string {
  return `${verb} ${noun}${target === none ? '' : ' NAME'} (${method})`;
}
