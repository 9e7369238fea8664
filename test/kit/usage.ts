/** Reports of usage as tests want to say them. */
import type { GenerationUsage, PermissionUsage, UsageReport } from '../../api/bundle-stream.ts';

export function aPermissionUsage(index: number, over: Partial<PermissionUsage> = {}): PermissionUsage {
  return { index, lastUsedAtMs: 1_000, tools: [], moreTools: false, ...over };
}

export function aGenerationUsage(uid: string, over: Partial<GenerationUsage> = {}): GenerationUsage {
  return { uid, generation: 'abcdefgh', uses: 0, failures: 0, permissions: [], ...over };
}

export function aReport(generations: readonly GenerationUsage[], over: Partial<UsageReport> = {}): UsageReport {
  return { format: 1, reporter: '0123456789abcdef', sequence: 1, uncounted: 0, generations, ...over };
}
