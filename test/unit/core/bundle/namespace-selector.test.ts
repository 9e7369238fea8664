import { describe, expect, test } from '@jest/globals';
import { type NamespaceSelector, selectsNamespace } from '../../../../core/bundle/namespace-selector.ts';

const expression = (key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', values?: readonly string[]): NamespaceSelector => ({
  matchExpressions: [values === undefined ? { key, operator } : { key, operator, values }],
});
const NAME = 'kubernetes.io/metadata.name';

describe('a selector', () => {
  const labels = { team: 'a', env: 'prod' };

  test.each<[NamespaceSelector, boolean]>([
    [{}, true],
    [{ matchLabels: { team: 'a' } }, true],
    [{ matchLabels: { team: 'a', env: 'dev' } }, false],
    [{ matchLabels: { other: 'a' } }, false],
    [{ matchLabels: { constructor: 'a' } }, false],
    [{ matchLabels: { [NAME]: 'ns' } }, true],
    [{ matchLabels: { [NAME]: 'other' } }, false],
    [expression('team', 'In', ['a', 'b']), true],
    [expression('team', 'In', ['b']), false],
    [expression('team', 'In', []), false],
    [expression('x', 'In', ['a']), false],
    [expression('team', 'NotIn', ['b']), true],
    [expression('team', 'NotIn', ['a']), false],
    [expression('x', 'NotIn', ['a']), true],
    [expression('team', 'Exists'), true],
    [expression('x', 'Exists'), false],
    [expression('x', 'DoesNotExist'), true],
    [expression('team', 'DoesNotExist'), false],
    [expression(NAME, 'Exists'), true],
    [{ matchLabels: { team: 'a' }, ...expression('env', 'In', ['dev']) }, false],
  ])('%j: %s', (selector, selected) => {
    expect(selectsNamespace(selector, 'ns', labels)).toBe(selected);
  });

  test('does not believe a label that claims another name', () => {
    expect(selectsNamespace({ matchLabels: { [NAME]: 'other' } }, 'ns', { [NAME]: 'other' })).toBe(false);
  });

  test('concludes nothing from the absence of labels that are not known', () => {
    expect(selectsNamespace(expression('x', 'NotIn', ['a']), 'ns', undefined)).toBe(false);
    expect(selectsNamespace(expression('x', 'DoesNotExist'), 'ns', undefined)).toBe(false);
    expect(selectsNamespace({ matchLabels: { [NAME]: 'ns' } }, 'ns', undefined)).toBe(true);
    expect(selectsNamespace(expression(NAME, 'NotIn', ['other']), 'ns', undefined)).toBe(true);
  });
});
