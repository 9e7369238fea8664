/** Label selectors over namespaces, with the semantics of Kubernetes. */

export interface NamespaceSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelRequirement[];
}

interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

/** Set by Kubernetes on every namespace, and by nobody else. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/**
 * Whether the selector selects the namespace; an empty one selects all. Where the labels are not known, only the name
 * is: nothing is concluded from the absence of a label.
 */
export function selectsNamespace(
  selector: NamespaceSelector,
  namespace: string,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  const known = new Map(Object.entries({ ...labels, [NAME_LABEL]: namespace }));
  const complete = labels !== undefined;
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => known.get(key) === value);
  return equal && (selector.matchExpressions ?? []).every((requirement) => holds(requirement, known, complete));
}

function holds({ key, operator, values = [] }: LabelRequirement, labels: ReadonlyMap<string, string>, complete: boolean): boolean {
  const value = labels.get(key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'NotIn':
      return value === undefined ? complete : !values.includes(value);
    case 'DoesNotExist':
      return value === undefined && complete;
  }
}
