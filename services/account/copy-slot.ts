// Copies one slot of an account shard and ends: started by an account node, with a low priority
// (MOV-3).

import { runCopyProcess } from '../lib/platform/moves/run-copy-process.ts';
import { ledgerCodec } from './adapter/codec/ledger-codec.ts';
import { AccountMachine } from './domain/account-machine.ts';

runCopyProcess({ createMachine: () => new AccountMachine(), codec: ledgerCodec });
