// `bourse assets`, `instruments`, `halt` and `resume`.

import type { Command } from 'commander';
import { SetInstrumentStateResponseSchema } from '../../../../gen/bourse/reference/v1/admin_service_pb.ts';
import type { Instrument } from '../../../../gen/bourse/reference/v1/reference_pb.ts';
import {
  GetInstrumentResponseSchema,
  ListAssetsResponseSchema,
  ListInstrumentsResponseSchema,
} from '../../../../gen/bourse/reference/v1/service_pb.ts';
import { InstrumentState } from '../../../../gen/bourse/type/v1/instrument_pb.ts';
import { nameOf, printFields, printMessage, printTable } from '../output.ts';
import { runCommand, type Session, type Terminal } from './command.ts';

const PAGE_SIZE = 1_000;

export function addReference(program: Command, terminal: Terminal): void {
  program
    .command('assets')
    .description('list assets')
    .action(async (_options: object, command: Command) => {
      await runCommand(command, terminal, listAssets);
    });
  program
    .command('instruments')
    .description('list instruments, or show the rules of one')
    .argument('[instrument]', 'instrument id')
    .action(async (instrumentId: string | undefined, _options: object, command: Command) => {
      await runCommand(command, terminal, (session) =>
        instrumentId === undefined
          ? listInstruments(session)
          : showInstrument(session, instrumentId),
      );
    });
  addStateChange(program, terminal, 'halt', InstrumentState.CANCEL_ONLY);
  addStateChange(program, terminal, 'resume', InstrumentState.CONTINUOUS);
}

function addStateChange(
  program: Command,
  terminal: Terminal,
  name: 'halt' | 'resume',
  state: InstrumentState,
): void {
  program
    .command(name)
    .description(
      name === 'halt'
        ? 'stop trading in an instrument: orders may only be canceled'
        : 'resume trading in an instrument',
    )
    .argument('<instrument>', 'instrument id')
    .option('--comment <text>', 'why, for the log', '')
    .action(async (instrumentId: string, { comment }: { comment: string }, command: Command) => {
      await runCommand(command, terminal, async ({ clients, output }) => {
        const request = { instrumentId, state, comment };
        const answer = await clients.referenceAdmin.setInstrumentState(request);
        printMessage(output, SetInstrumentStateResponseSchema, answer, () => {
          const now = nameOf(InstrumentState, answer.instrument?.state ?? 0);
          output.write(`${instrumentId} is ${now}.`);
        });
      });
    });
}

async function listAssets({ clients, output }: Session): Promise<void> {
  const answer = await clients.reference.listAssets({ pageSize: PAGE_SIZE });
  printMessage(output, ListAssetsResponseSchema, answer, () => {
    const rows = answer.assets.map(({ assetId, displayName, scale }) => [
      assetId,
      String(scale),
      displayName,
    ]);
    printTable(output, ['ASSET', 'SCALE', 'NAME'], rows);
  });
}

async function listInstruments({ clients, output }: Session): Promise<void> {
  const answer = await clients.reference.listInstruments({ pageSize: PAGE_SIZE });
  printMessage(output, ListInstrumentsResponseSchema, answer, () => {
    const head = ['INSTRUMENT', 'STATE', 'TICK', 'LOT', 'MAKER BPS', 'TAKER BPS', 'VERSION'];
    printTable(output, head, answer.instruments.map(rowOf));
  });
}

function rowOf(instrument: Instrument): readonly string[] {
  return [
    instrument.instrumentId,
    nameOf(InstrumentState, instrument.state),
    instrument.tickSize,
    instrument.lotSize,
    instrument.makerFeeBps,
    instrument.takerFeeBps,
    String(instrument.version),
  ];
}

async function showInstrument({ clients, output }: Session, instrumentId: string): Promise<void> {
  const answer = await clients.reference.getInstrument({ instrumentId });
  printMessage(output, GetInstrumentResponseSchema, answer, () => {
    const { instrument } = answer;
    if (instrument === undefined) return;
    printFields(output, {
      instrument: instrument.instrumentId,
      state: nameOf(InstrumentState, instrument.state),
      version: String(instrument.version),
      base: instrument.baseAssetId,
      quote: instrument.quoteAssetId,
      'price unit': instrument.priceUnit,
      'quantity unit': instrument.quantityUnit,
      'tick size': instrument.tickSize,
      'lot size': instrument.lotSize,
      'minimum quantity': instrument.minimumQuantity,
      'maximum quantity': instrument.maximumQuantity,
      'maximum price': instrument.maximumPrice,
      'minimum notional': instrument.minimumNotional,
      'collar bps': String(instrument.collarBps),
      'maximum open orders': String(instrument.maximumOpenOrders),
      'maker fee bps': instrument.makerFeeBps,
      'taker fee bps': instrument.takerFeeBps,
    });
  });
}
