/** Loaded into an operator before its main module: a watch that says nothing is given up after TEST_SILENCE_MS instead of minutes. */
const limits: ReadonlySet<unknown> = new Set([580_000, 180_000]);
const silenceMs = Number(process.env['TEST_SILENCE_MS']);

globalThis.setTimeout = new Proxy(globalThis.setTimeout, {
  apply(target, self, [callback, delayMs, ...rest]: unknown[]) {
    return Reflect.apply(target, self, [callback, limits.has(delayMs) ? silenceMs : delayMs, ...rest]) as unknown;
  },
});
