import { expect, test } from '@jest/globals';
import { BATCH_REVISION, isModernRevision, LEGACY_REVISIONS, MODERN_REVISIONS } from '../../../../core/mcp/revision.ts';

test('every known revision belongs to its era', () => {
  expect(MODERN_REVISIONS.filter(isModernRevision)).toEqual(MODERN_REVISIONS);
  expect(LEGACY_REVISIONS.filter(isModernRevision)).toEqual([]);
  expect(LEGACY_REVISIONS).toContain(BATCH_REVISION);
});

test.each(['2026-07-28', '2026-07-29', '2099-01-01', 'DRAFT'])('%s is later than the legacy era', (version) => {
  expect(isModernRevision(version)).toBe(true);
});
