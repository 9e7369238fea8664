/** Whether something grows: the straight line through samples that fits best. */

export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** Of so many parts of equal length, in order, the sample with the lowest value; fewer than that are all returned. */
export function lowestOfWindows(samples: readonly Sample[], windows: number): readonly Sample[] {
  const length = Math.ceil(samples.length / windows);
  return Array.from({ length: windows }, (_, index) => samples.slice(index * length, (index + 1) * length))
    .flatMap((window) => window.toSorted((one, other) => one.value - other.value)[0] ?? []);
}

/** Per hour; at least two samples at different times. */
export function slopePerHour(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanMs, meanValue] = [mean(samples.map(({ atMs }) => atMs)), mean(samples.map(({ value }) => value))];
  const products = samples.map(({ atMs, value }) => (atMs - meanMs) * (value - meanValue)).reduce((sum, each) => sum + each, 0);
  const squares = samples.map(({ atMs }) => (atMs - meanMs) ** 2).reduce((sum, each) => sum + each, 0);
  return (products / squares) * 3_600_000;
}
