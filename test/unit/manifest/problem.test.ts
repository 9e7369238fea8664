import { describe, expect, test } from '@jest/globals';
import { formatPath, formatProblem, shownPath } from '../../../manifest/problem.ts';

describe('formatPath', () => {
  test.each([
    [[], ''],
    [['spec', 'access', 0, 'tools', 12], 'spec.access[0].tools[12]'],
    [['metadata', 'labels', 'a.example/b'], 'metadata.labels["a.example/b"]'],
    [['$schema'], '$schema'],
    [['spec', 'a\nb'], 'spec["…"]'],
    [['spec', ''], 'spec["…"]'],
    [['spec', 'x'.repeat(65)], 'spec["…"]'],
    [['spec', '"]: fine'], 'spec["…"]'],
  ])('%j', (path, text) => {
    expect(formatPath(path)).toBe(text);
  });
});

test('a key that may be a secret is not shown', () => {
  expect(shownPath({ path: ['data', 'hunter2'], problem: 'x', hidesKey: true })).toBe('data["…"]');
  expect(shownPath({ path: ['data', 'key'], problem: 'x' })).toBe('data.key');
});

test('formatProblem leaves out what is not known', () => {
  const place = { file: 'a.yaml', line: 3, problem: 'is wrong' };
  expect(formatProblem({ ...place, object: 'Secret/a/b', field: 'type' })).toBe('a.yaml:3 Secret/a/b type: is wrong');
  expect(formatProblem({ ...place, object: undefined, field: 'kind' })).toBe('a.yaml:3 kind: is wrong');
  expect(formatProblem({ ...place, object: undefined, field: '' })).toBe('a.yaml:3: is wrong');
});
