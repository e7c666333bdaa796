// The environment of the tests: Jest's own for Node, with a global object that is a plain one.
// Jest puts a proxy around the globals of a test, and the machine asks an interceptor for each of
// them; whatever touches Math, Map or BigInt often is ten times as slow behind that. Globals are
// each test file's own all the same.

import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';

export default class PlainGlobals extends TestEnvironment {
  constructor(config, context) {
    const { createContext } = vm;
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(config, context);
    } finally {
      vm.createContext = createContext;
    }
  }
}
