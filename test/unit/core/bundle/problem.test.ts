import { expect, test } from '@jest/globals';
import { problemOf } from '../../../../core/bundle/problem.ts';
import { aServer } from './kit.ts';

test('a problem names the object and the field', () => {
  expect(problemOf(aServer('github'), 'spec.x', 'is wrong')).toEqual({ kind: 'MCPServer', namespace: 'tools', name: 'github', field: 'spec.x', problem: 'is wrong', reason: 'Invalid' });
});
