/** Reads gateway-config.json: strict JSON, judged by the published schema, defaults filled in, every problem with its path. */
import type { ErrorObject } from 'ajv';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import { ConfigError } from '../core/config-error.ts';
import { parseGoDuration } from '../core/go-duration.ts';
import { formatPath, shownPath, type FieldPath, type FieldProblem } from './problem.ts';
import { schemaProblems } from './strict-schema.ts';
import { compileValidator } from './validator.ts';
import { readYamlDocuments, type YamlDocument } from './yaml-documents.ts';

export type GatewayConfigParser = (text: string, path: string) => GatewayConfig;

const LISTENER_RULE = 'exactly one of tls and plainHTTP: true is required';

/** The `if` of the listener says in several errors what one sentence says better. */
function configProblems(errors: readonly ErrorObject[]): FieldProblem[] {
  const isListenerRule = ({ schemaPath }: ErrorObject): boolean => /\/listener\/(if|then|else)/.test(schemaPath);
  const rule = errors.some(isListenerRule) ? [{ path: ['listener'], problem: LISTENER_RULE }] : [];
  return [...schemaProblems(errors.filter((error) => !isListenerRule(error))), ...rule];
}

const durationProblem = (path: FieldPath, text: string): FieldProblem[] =>
  parseGoDuration(text) === undefined ? [{ path, problem: 'must be a Go duration such as 15m or 24h' }] : [];

/** What the schema cannot say. */
const semanticProblems = (config: GatewayConfig): FieldProblem[] => [...lifetimeProblems(config), ...publicHostProblems(config)];

/** The operator itself decides who is a Service: a namespace that may name one could pass for another. */
function publicHostProblems({ certificates: { publicHosts } }: GatewayConfig): FieldProblem[] {
  const names = publicHosts.map(({ name }) => name);
  return publicHosts.flatMap(({ name, hosts }, index) => {
    const path = ['certificates', 'publicHosts', index];
    return [
      ...(names.indexOf(name) < index ? [{ path: [...path, 'name'], problem: 'another entry has the same name' }] : []),
      ...hosts.flatMap((host, at) => (host.split('.').includes('svc') ? [{ path: [...path, 'hosts', at], problem: 'must not be the name of a Service' }] : [])),
    ];
  });
}

function lifetimeProblems({ tokens }: GatewayConfig): FieldProblem[] {
  const names = tokens.lifetimePolicies.map(({ name }) => name);
  const policies = tokens.lifetimePolicies.flatMap(({ name, minLifetime, maxLifetime }, index) => {
    const path = ['tokens', 'lifetimePolicies', index];
    const durations = [
      ...durationProblem([...path, 'minLifetime'], minLifetime),
      ...durationProblem([...path, 'maxLifetime'], maxLifetime),
    ];
    const isReversed = (parseGoDuration(minLifetime) ?? 0) > (parseGoDuration(maxLifetime) ?? Number.POSITIVE_INFINITY);
    return [
      ...durations,
      ...(isReversed ? [{ path: [...path, 'minLifetime'], problem: 'must not exceed maxLifetime' }] : []),
      ...(names.indexOf(name) < index ? [{ path: [...path, 'name'], problem: 'another policy has the same name' }] : []),
    ];
  });
  return policies;
}

function requireJson(text: string, path: string): YamlDocument {
  try {
    JSON.parse(text);
  } catch {
    // The parser's own message quotes the file.
    throw new ConfigError([`${path}:1: is not JSON`]);
  }
  // JSON is YAML: read again for the lines of fields and for duplicate keys, of which JSON.parse keeps the last silently.
  const [document] = readYamlDocuments(text);
  if (document === undefined) throw new ConfigError([`${path}:1: must be an object`]);
  if (document.faults.length > 0) {
    throw new ConfigError(document.faults.map(({ line, problem }) => `${path}:${line}: ${problem}`));
  }
  return document;
}

/** The parser throws ConfigError with all problems, each as `<path>:<line> <field>: <problem>`, and nothing else. */
export function createGatewayConfigParser(): GatewayConfigParser {
  const validate = compileValidator('GatewayConfig');
  return (text, path) => {
    const document = requireJson(text, path);
    const { value } = document;
    const isValid = validate(value);
    const faults = isValid ? semanticProblems(value) : configProblems(validate.errors ?? []);
    if (isValid && faults.length === 0) return value;
    throw new ConfigError(
      faults.map((fault) => {
        const line = document.lineOf(fault.path);
        return formatPath(fault.path) === ''
          ? `${path}:${line}: ${fault.problem}`
          : `${path}:${line} ${shownPath(fault)}: ${fault.problem}`;
      }),
    );
  };
}

/** For a caller that reads one configuration: see createGatewayConfigParser. */
export const parseGatewayConfig: GatewayConfigParser = (text, path) => createGatewayConfigParser()(text, path);
