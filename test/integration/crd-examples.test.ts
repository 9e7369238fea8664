/** The examples of the CRDs, judged by the API server itself: it and our own reader of files take and refuse the same. */
import { beforeAll, expect, test } from '@jest/globals';
import { CRD_EXAMPLES } from '../kit/crd-examples.ts';
import type { CrdExample } from '../kit/crd-examples.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
let namespace = '';
beforeAll(async () => {
  namespace = await cluster().namespace('tools');
});

const pathOf = ({ kind }: CrdExample): string => `/apis/mcpgateway.dev/v1alpha1/namespaces/${namespace}/${kind.toLowerCase()}s`;
const here = (object: CrdExample['object'], name?: string): object => {
  const metadata = object['metadata'] as object;
  return { ...object, metadata: { ...metadata, namespace, ...(name === undefined ? {} : { name }) } };
};

/** Strict, as kubectl asks for it: an unknown field is refused. */
async function judge(example: CrdExample, index: number): Promise<number> {
  const path = pathOf(example);
  if (example.old === undefined) return (await cluster().request('POST', `${path}?dryRun=All&fieldValidation=Strict`, here(example.object))).status;
  const name = `example-${String(index)}`;
  const stored = await cluster().request('POST', path, here(example.old, name));
  expect(stored.status).toBe(201);
  const object = here(example.object, name) as { metadata: object };
  const { resourceVersion } = stored.body.metadata as { resourceVersion?: string };
  return (await cluster().request('PUT', `${path}/${name}?dryRun=All&fieldValidation=Strict`, { ...object, metadata: { ...object.metadata, resourceVersion } })).status;
}

test.each(CRD_EXAMPLES.map((example, index) => [`${example.kind}: ${example.title}`, example, index] as const))('%s', async (_title, example, index) => {
  const status = await judge(example, index);
  expect(example.refusal === undefined ? [200, 201] : [400, 422]).toContain(status);
});
