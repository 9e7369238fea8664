/** The five schemas that user input is judged by, each as JSON Schema. */
import { readFileSync } from 'node:fs';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { GatewayToken, MCPServer } from '../api/v1alpha1/index.ts';
import { CONFIG_MAP_SCHEMA, SECRET_SCHEMA } from './core-kinds.ts';
import type { ConfigMap, SecretManifest } from './core-kinds.ts';
import { embeddedCrd } from './embedded-crd.ts';
import { isRecord, type UnknownRecord } from './record.ts';
import { manifestSchema } from './strict-schema.ts';

/** What a value is once it has been judged valid. */
export interface Judged {
  readonly MCPServer: MCPServer;
  readonly GatewayToken: GatewayToken;
  readonly Secret: SecretManifest;
  readonly ConfigMap: ConfigMap;
  readonly GatewayConfig: GatewayConfig;
}

export const JUDGED = ['MCPServer', 'GatewayToken', 'Secret', 'ConfigMap', 'GatewayConfig'] as const satisfies readonly (keyof Judged)[];

export function judgedSchema(name: keyof Judged): UnknownRecord {
  switch (name) {
    case 'MCPServer':
    case 'GatewayToken': {
      const { openAPIV3Schema, apiVersion, kind } = embeddedCrd(name);
      return manifestSchema(openAPIV3Schema, apiVersion, kind);
    }
    case 'Secret':
      return SECRET_SCHEMA;
    case 'ConfigMap':
      return CONFIG_MAP_SCHEMA;
    case 'GatewayConfig':
      return gatewayConfigSchema();
  }
}

function gatewayConfigSchema(): UnknownRecord {
  const raw: unknown = JSON.parse(readFileSync(new URL('../api/gateway-config.schema.json', import.meta.url), 'utf8'));
  if (!isRecord(raw)) throw new TypeError('the schema is an object');
  return raw;
}
