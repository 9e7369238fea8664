/** CPU time of this process: a bound on it is a ratio to other work in the same process, never a number of seconds. */

export function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Eight times the size of an input takes a linear pass 8 times as long, a quadratic one 64 times. */
export const LINEAR_GROWTH = 24;

/** CPU time for eight times `size` over that for `size`; the least of three each, so that a collection is not counted. */
export function growth(size: number, workOf: (size: number) => () => void): number {
  const least = (each: number): number => {
    const work = workOf(each);
    return Math.min(...[1, 2, 3].map(() => cpuMsOf(work)));
  };
  least(size);
  return least(8 * size) / least(size);
}
