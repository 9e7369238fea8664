/** What the demo prints: numbered steps with the time since the start, and what was seen under each. */

export interface Narrator {
  step(title: string): void;
  say(text: string): void;
  /** Ends the demo with an error when what it promises was not seen. */
  expect(seen: boolean, what: string): void;
}

export function createNarrator(write: (text: string) => void, steps: number): Narrator {
  const started = performance.now();
  let count = 0;
  return {
    step(title) {
      count += 1;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      write(`\n[${count}/${steps}] ${title}  (${seconds} s)\n`);
    },
    say: (text) => write(`${text.replace(/^/gm, '    ')}\n`),
    expect(seen, what) {
      if (!seen) throw new Error(`expected, but not seen: ${what}`);
      write(`    ✓ ${what}\n`);
    },
  };
}
