/** A list, page by page. */
import { isRecord } from '../../core/mcp/record.ts';
import { KubeError } from './kube-error.ts';
import { type KubeList, type KubeObject, isName, requireObject } from './kube-object.ts';
import type { Resource } from './resources.ts';

export interface Page {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Asks for the page after this one, of the same state; absent on the last. */
  readonly next: string | undefined;
}

/** Throws a `KubeError` unless the answer is a list with a resourceVersion and every member of it is an object. */
export function parsePage(answer: unknown, resource: Resource): Page {
  const metadata = isRecord(answer) && isRecord(answer['metadata']) ? answer['metadata'] : {};
  const { resourceVersion, continue: next } = metadata;
  // A list in Go that was never filled is `null`.
  const items = isRecord(answer) ? (answer['items'] ?? []) : undefined;
  if (!Array.isArray(items) || !isName(resourceVersion)) {
    throw new KubeError('ResponseMalformed', `the API server sent something that is no list of ${resource.plural}`);
  }
  return { items: items.map((item: unknown) => requireObject(item, resource)), resourceVersion, next: isName(next) ? next : undefined };
}

/** All pages, each asked for with what the one before it named. */
export async function readPages(read: (next: string | undefined) => Promise<Page>): Promise<KubeList> {
  const items: KubeObject[] = [];
  for (let next: string | undefined; ; ) {
    const page = await read(next);
    items.push(...page.items);
    if (page.next === undefined) return { items, resourceVersion: page.resourceVersion };
    next = page.next;
  }
}
