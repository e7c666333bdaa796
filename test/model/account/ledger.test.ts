// A few histories on every run; many in the long tests.
import { testLedger } from './ledger-properties.ts';

testLedger(12);
