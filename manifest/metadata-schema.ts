/** JSON Schema of `metadata` in a manifest: what an author writes; what a server would add is accepted and dropped. */
const LABEL_KEY = '^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$';

/** Set by kube-apiserver, found in the output of `kubectl get -o yaml`. A uid is never taken from a file. */
export const IGNORED_METADATA = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'selfLink',
] as const;

export const METADATA_SCHEMA = {
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 253, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$' },
    namespace: { type: 'string', minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', default: 'default' },
    labels: {
      type: 'object',
      maxProperties: 256,
      propertyNames: { type: 'string', maxLength: 317, pattern: LABEL_KEY },
      additionalProperties: { type: 'string', maxLength: 63, pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$' },
    },
    annotations: {
      type: 'object',
      maxProperties: 256,
      propertyNames: { type: 'string', maxLength: 317, pattern: LABEL_KEY },
      additionalProperties: { type: 'string', maxLength: 262_144 },
    },
    ...Object.fromEntries(IGNORED_METADATA.map((name) => [name, {}])),
  },
} as const;
