// The process in which an account node has a snapshot of a shard written.

import { runSnapshotProcess } from '../lib/platform/snapshots/run-snapshot-process.ts';
import { ledgerCodec } from './adapter/codec/ledger-codec.ts';
import { AccountMachine } from './domain/account-machine.ts';

runSnapshotProcess({ createMachine: () => new AccountMachine(), codec: ledgerCodec });
