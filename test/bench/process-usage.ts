/** What the kernel says about a process: evidence from outside it, all its threads included. */
import { readFileSync } from 'node:fs';

/** USER_HZ: the unit of the times in /proc, 100 on every Linux that Node supports. */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/<pid>/stat after the command, which may itself hold spaces and parentheses (proc(5)). */
const UTIME = 11;
const STIME = 12;

export function cpuMs(pid: number): number {
  return parseCpuMs(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
}

export function parseCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[UTIME]) + Number(fields[STIME]);
  if (!Number.isFinite(ticks)) throw new TypeError('not a /proc/<pid>/stat');
  return (ticks * 1000) / TICKS_PER_SECOND;
}

export interface Memory {
  readonly residentMiB: number;
  readonly peakMiB: number;
}

export function memory(pid: number): Memory {
  return parseMemory(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
}

export function parseMemory(status: string): Memory {
  const mebibytes = (name: string): number => {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kibibytes === undefined) throw new TypeError(`not a /proc/<pid>/status: no ${name}`);
    return Number(kibibytes) / 1024;
  };
  return { residentMiB: mebibytes('VmRSS'), peakMiB: mebibytes('VmHWM') };
}
