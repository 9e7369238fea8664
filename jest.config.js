/** ESM mode: run through `node --experimental-vm-modules` (see the `test` scripts in package.json). */
const typescript = {
  jsc: { target: 'es2024', parser: { syntax: 'typescript' } },
  module: { type: 'es6' },
};
const project = (displayName, testTimeout) => ({
  displayName,
  testMatch: [`<rootDir>/test/${displayName}/**/*.test.ts`],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['@swc/jest', typescript] },
  testEnvironment: 'node',
  injectGlobals: false,
  ...(testTimeout === undefined ? {} : { testTimeout }),
});

export default {
  // A run that matches no test file fails: nothing passes because nothing ran.
  passWithNoTests: false,
  errorOnDeprecated: true,
  projects: [project('unit'), project('integration'), project('faults')],
  testTimeout: 60000,
};
