// Many histories; a few run on every test run.
import { jest } from '@jest/globals';
import { testLedger } from './ledger-properties.ts';

jest.setTimeout(600_000);

testLedger(1_000);
